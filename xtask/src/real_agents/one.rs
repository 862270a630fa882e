//! One run: one agent in one version, in one way, in a process and a network of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::agents::Agent;
use super::life::Life;
use super::mode::Mode;
use super::model::Model;
use super::options::find;
use super::place::Place;
use super::privacy::search;
use super::processes::end_all_of;
use super::report::Report;
use super::scene::Scene;

/// Where a run leaves its report, in its directory.
pub(super) const REPORT: &str = "report.json";

/// What a run is told by the process that starts it, in the order of its arguments.
pub(super) struct Task {
    pub(super) agent: &'static Agent,
    pub(super) version: String,
    pub(super) mode: Mode,
    pub(super) modules: PathBuf,
    pub(super) node: PathBuf,
    pub(super) scratch: PathBuf,
    pub(super) callboard: PathBuf,
}

impl Task {
    pub(super) fn to_arguments(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.display().to_string();
        vec![
            self.agent.name.to_owned(),
            self.version.clone(),
            self.mode.word().to_owned(),
            path(&self.modules),
            path(&self.node),
            path(&self.scratch),
            path(&self.callboard),
        ]
    }

    fn from_arguments(arguments: &[&str]) -> Result<Self> {
        let [agent, version, mode, modules, node, scratch, callboard] = arguments else {
            bail!("this is started by `cargo xtask real-agents`");
        };
        Ok(Self {
            agent: find(agent)?,
            version: (*version).to_owned(),
            mode: Mode::named(mode)?,
            modules: modules.into(),
            node: node.into(),
            scratch: scratch.into(),
            callboard: callboard.into(),
        })
    }
}

/// Carries out a task, in a network namespace that somebody else has made.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let task = Task::from_arguments(arguments)?;
    let log = fs::File::create(task.scratch.join("model.log"))?;
    let model = Model::start(Box::new(log))?;
    let address = format!("http://{}", model.address);
    let place = Place::make(&task.scratch, task.modules.clone(), task.node.clone(), address)?;
    let report = match Scene::set(&task, place, model) {
        Ok(scene) => play(&task, scene)?,
        Err(error) => broken(&task, &error),
    };
    let path = task.scratch.join(REPORT);
    fs::write(&path, report.to_json().to_string())
        .with_context(|| format!("cannot write {}", path.display()))
}

fn broken(task: &Task, why: &anyhow::Error) -> Report {
    Report::broken(task.agent.name, &task.version, task.mode, format!("{why:#}"))
}

/// What a background session has printed, kept for its user (`callboard logs`): whatever the agent
/// showed on its screen.
fn is_session_log(path: &Path) -> bool {
    let mut parts = path.components().rev().filter_map(|part| part.as_os_str().to_str());
    let (name, _session, hosts) = (parts.next(), parts.next(), parts.next());
    hosts == Some("hosts") && name.is_some_and(|name| matches!(name, "log" | "log.1" | "log.2"))
}

/// Two lives of the agent, the second ended by force.
fn play(task: &Task, mut scene: Scene) -> Result<Report> {
    let mut cost = (0, 0, 0);
    let mut live = |name: &str, way: fn(&mut Life<'_>) -> Result<()>| -> Result<()> {
        let mut life = Life::start(&mut scene, name)?;
        let went = way(&mut life);
        // The one that was asked longer tells more.
        cost = std::cmp::max_by_key(cost, life.board.cost(), |(_, _, count)| *count);
        fs::write(life.scene.place.logs.join(format!("screen-{name}")), life.terminal.shown())?;
        went
    };
    let went = live("whole", |life| life.goes_the_whole_way())
        .and_then(|()| live("killed", |life| life.is_killed()));
    end_all_of(&scene.place.home);
    fs::write(scene.place.logs.join("story"), scene.story.join("\n"))?;
    let ours = [
        scene.place.logs.join("said"),
        scene.place.home.join(".local/state/callboard"),
        scene.place.home.join(".config/callboard"),
        scene.place.runtime.join("callboard"),
    ];
    Ok(Report {
        agent: task.agent.name.to_owned(),
        version: task.version.clone(),
        mode: task.mode,
        broke_off: went.err().map(|error| format!("{error:#}")),
        leaks: search(&ours, &is_session_log, &scene.place.secrets).into_iter().collect(),
        outcomes: scene.outcomes,
        cost,
    })
}
