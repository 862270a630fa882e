//! OpenAI Codex.

use anyhow::Result;

use super::{Agent, Impossible, Keys, Screen};
use crate::real_agents::place::Place;
use crate::real_agents::state::State;
use crate::real_agents::terminal::Key;

/// As its users start it: a server of its own runs the threads, and outlives the terminal.
pub(super) const CODEX: Agent = Agent {
    name: "codex",
    command: |place| {
        vec![place.node.display().to_string(), place.bin("codex").display().to_string()]
    },
    trusts_hooks: Some(("Trust all and continue", &[Key::Char('2'), Key::Enter])),
    ..ALONE
};

/// One process, without the server; so it starts with this argument.
pub(super) const ALONE: Agent = Agent {
    name: "codex-alone",
    known_as: "codex",
    package: "@openai/codex",
    versions: &["0.169.0"],
    node: 16,
    command: |place| {
        let trusted = "--dangerously-bypass-hook-trust".to_owned();
        [(CODEX.command)(place), vec![trusted]].concat()
    },
    environment,
    configure,
    screen: Screen {
        // The model is named when there is a thread; an input line is shown long before.
        ready: &["stand-in default"],
        busy: &["esc to interrupt"],
        dialog: &["Would you like to run the following command?"],
    },
    keys: Keys { allow: Key::Char('y'), escapes: 1, clear: "/new", exit: "/quit" },
    trusts_hooks: None,
    impossible: &[Impossible::without_hooks(State::Waiting, super::FILE_IS_THE_SAME)],
    says: None,
};

fn environment(place: &Place) -> Vec<(&'static str, String)> {
    vec![("STAND_IN_KEY", place.secrets.key.clone())]
}

fn configure(place: &Place) -> Result<()> {
    let (model, project) = (&place.model, place.project_name());
    place.write(
        ".codex/config.toml",
        &format!(
            "model = \"stand-in\"\n\
             model_provider = \"stand-in\"\n\
             approval_policy = \"on-request\"\n\
             sandbox_mode = \"workspace-write\"\n\
             check_for_update_on_startup = false\n\
             \n\
             [model_providers.stand-in]\n\
             name = \"stand-in\"\n\
             base_url = \"{model}/v1\"\n\
             env_key = \"STAND_IN_KEY\"\n\
             wire_api = \"responses\"\n\
             request_max_retries = 0\n\
             \n\
             [features]\n\
             hooks = true\n\
             \n\
             [projects.\"{project}\"]\n\
             trust_level = \"trusted\"\n"
        ),
    )
}
