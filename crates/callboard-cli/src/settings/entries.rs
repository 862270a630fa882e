//! The hooks of ours in the JSON text of an agent's settings: adding, finding, removing them. Pure.
//!
//! Comments, order, indentation, line ends and everything else that is not ours stay as they are.

use std::path::{Path, PathBuf};

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};

/// Where hooks are in the file of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `{"hooks": {EVENT: [{"hooks": [HOOK]}]}}`.
    Groups,
    /// `{"version": 1, "hooks": {EVENT: [HOOK]}}`.
    Flat,
}

/// One hook that should be there.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// For which event.
    pub(crate) event: &'static str,
    /// The hook, as JSON, its keys in the order that people write them in.
    pub(crate) hook: Vec<(&'static str, serde_json::Value)>,
}

impl Wanted {
    /// The hook as it is read back.
    pub(crate) fn value(&self) -> serde_json::Value {
        let members = self.hook.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        serde_json::Value::Object(members.collect())
    }

    fn input(&self) -> CstInputValue {
        let members = self.hook.iter().map(|(name, value)| ((*name).to_owned(), input(value)));
        CstInputValue::Object(members.collect())
    }
}

/// One hook of ours that is there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) event: String,
    /// The program that it runs.
    pub(crate) program: PathBuf,
    /// As it stands.
    pub(crate) hook: serde_json::Value,
}

/// Why a text cannot be edited. Says nothing of what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is not JSON, from this line on.
    Malformed(usize),
    /// Something that must be an object or a list is something else.
    Shape(&'static str),
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(line) => write!(f, "it is not valid JSON at line {line}"),
            Self::Shape(what) => f.write_str(what),
        }
    }
}

/// JSON with comments and trailing commas, as far as any of the agents reads it; nothing laxer.
const SYNTAX: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A byte order mark, which some editors put in front.
const MARK: char = '\u{feff}';

/// Parses the text, in which nothing but white space is an empty object.
fn parse(text: &str) -> Result<CstRootNode, Unfit> {
    let root = CstRootNode::parse(text, &SYNTAX).map_err(|error| {
        let before = text.get(..error.range().start).unwrap_or(text);
        Unfit::Malformed(before.matches('\n').count() + 1)
    })?;
    match root.value() {
        None => root.set_value(CstInputValue::Object(Vec::new())),
        Some(value) if value.as_object().is_some() => {}
        Some(_) => return Err(Unfit::Shape("it is not a JSON object")),
    }
    Ok(root)
}

/// The text as settings are read by a program, comments and all left out.
pub(crate) fn value_of(text: &str) -> Result<serde_json::Value, Unfit> {
    let root = parse(text.trim_start_matches(MARK))?;
    Ok(root.to_serde_value().unwrap_or_default())
}

/// The text with exactly the wanted hooks of ours in it.
pub(crate) fn install(
    text: &str,
    form: Form,
    agent: &str,
    wanted: &[Wanted],
) -> Result<String, Unfit> {
    edit(text, |root| {
        let object = root.object_value_or_set();
        if form == Form::Flat && object.get("version").is_none() {
            object.append("version", CstInputValue::Number("1".into()));
        }
        let hooks = match object.get("hooks") {
            None => object.append("hooks", CstInputValue::Object(Vec::new())).object_value(),
            Some(prop) => prop.object_value(),
        };
        let hooks = hooks.ok_or(Unfit::Shape("its `hooks` is not an object"))?;
        let lists = lists(&hooks)?;
        for (event, list) in &lists {
            let wanted = wanted.iter().find(|wanted| wanted.event == event);
            settle(list, form, agent, wanted);
            forsake(&hooks, event, list, wanted.is_none());
        }
        for wanted in wanted.iter().filter(|w| lists.iter().all(|(event, _)| event != w.event)) {
            let list = CstInputValue::Array(vec![entry(form, wanted)]);
            hooks.append(wanted.event, list);
        }
        Ok(())
    })
}

/// The text without the hooks of ours, and without what then is empty.
pub(crate) fn uninstall(text: &str, form: Form, agent: &str) -> Result<String, Unfit> {
    edit(text, |root| {
        let Some(hooks) = hooks_of(root)? else { return Ok(()) };
        for (event, list) in lists(&hooks)? {
            let before = list.elements().len();
            settle(&list, form, agent, None);
            forsake(&hooks, &event, &list, before > 0);
        }
        if hooks.properties().is_empty()
            && let Some(prop) = root.object_value().and_then(|object| object.get("hooks"))
        {
            prop.remove();
        }
        Ok(())
    })
}

/// The hooks of ours in the text.
pub(crate) fn found(text: &str, form: Form, agent: &str) -> Result<Vec<Found>, Unfit> {
    let root = parse(text.trim_start_matches(MARK))?;
    let Some(hooks) = hooks_of(&root)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (event, list) in lists(&hooks)? {
        for node in ours(&list, form, agent) {
            let Some(hook) = node.to_serde_value() else { continue };
            let Some(program) = program(&hook, agent) else { continue };
            found.push(Found { event: event.clone(), program, hook });
        }
    }
    Ok(found)
}

fn edit(
    text: &str,
    change: impl FnOnce(&CstRootNode) -> Result<(), Unfit>,
) -> Result<String, Unfit> {
    let body = text.trim_start_matches(MARK);
    let mark = &text[..text.len() - body.len()];
    let root = parse(body)?;
    change(&root)?;
    let mut after = format!("{mark}{root}");
    if body.trim().is_empty() && !after.ends_with('\n') {
        after.push('\n');
    }
    Ok(after)
}

fn hooks_of(root: &CstRootNode) -> Result<Option<CstObject>, Unfit> {
    let Some(prop) = root.object_value().and_then(|object| object.get("hooks")) else {
        return Ok(None);
    };
    prop.object_value().map(Some).ok_or(Unfit::Shape("its `hooks` is not an object"))
}

/// The list of each event.
fn lists(hooks: &CstObject) -> Result<Vec<(String, CstArray)>, Unfit> {
    let lists = hooks.properties().into_iter().filter_map(|prop| {
        let event = prop.decoded_name()?;
        // Gemini CLI keeps other things here too, in some versions.
        let list = prop.array_value();
        match (list, prop.value().is_some_and(|value| value.as_object().is_some())) {
            (Some(list), _) => Some(Ok((event, list))),
            (None, true) => Some(Err(Unfit::Shape("an event in its `hooks` is not a list"))),
            (None, false) => None,
        }
    });
    lists.collect()
}

/// Leaves one hook of ours in a list: the wanted one, in the place of the first that is there, or
/// at the end; none where none is wanted.
fn settle(list: &CstArray, form: Form, agent: &str, wanted: Option<&Wanted>) {
    let mut ours = ours(list, form, agent).into_iter();
    if let Some(wanted) = wanted {
        match ours.next() {
            Some(node) if node.to_serde_value() == Some(wanted.value()) => {}
            Some(node) => replace(node, wanted),
            None => _ = list.append(entry(form, wanted)),
        }
    }
    for node in ours {
        let group =
            node.parent().and_then(|hooks| hooks.as_array()).filter(|_| form == Form::Groups);
        node.remove();
        if let Some(hooks) = group {
            remove_if_bare(&hooks);
        }
    }
}

/// Puts the hook as it should be before the one that is there, and takes that away: in one step the
/// new one would have the indentation of another place.
fn replace(node: CstNode, wanted: &Wanted) {
    let list = node.parent().and_then(|list| list.as_array());
    if let (Some(list), Some(index)) = (list, node.element_index()) {
        list.insert(index, wanted.input());
        node.remove();
    }
}

/// Removes the group that a list of hooks is in, if nothing is left in it but a matcher.
fn remove_if_bare(hooks: &CstArray) {
    let group = hooks.parent().and_then(|prop| prop.parent()).and_then(|group| group.as_object());
    if let Some(group) = group
        && hooks.elements().is_empty()
        && group
            .properties()
            .iter()
            .all(|prop| matches!(prop.decoded_name().as_deref(), Some("hooks" | "matcher")))
    {
        group.remove();
    }
}

/// Removes the list of an event in which nothing is left.
fn forsake(hooks: &CstObject, event: &str, list: &CstArray, unless_wanted: bool) {
    if unless_wanted
        && list.elements().is_empty()
        && let Some(prop) = hooks.get(event)
    {
        prop.remove();
    }
}

/// The hooks of ours in the list of an event.
fn ours(list: &CstArray, form: Form, agent: &str) -> Vec<CstNode> {
    let hooks: Vec<CstNode> = match form {
        Form::Flat => list.elements(),
        Form::Groups => {
            let groups = list.elements().into_iter().filter_map(|group| group.as_object());
            groups
                .filter_map(|group| group.array_value("hooks"))
                .flat_map(|hooks| hooks.elements())
                .collect()
        }
    };
    let is_ours =
        |node: &CstNode| node.to_serde_value().is_some_and(|hook| program(&hook, agent).is_some());
    hooks.into_iter().filter(is_ours).collect()
}

fn entry(form: Form, wanted: &Wanted) -> CstInputValue {
    match form {
        Form::Flat => wanted.input(),
        Form::Groups => CstInputValue::Object(vec![(
            "hooks".into(),
            CstInputValue::Array(vec![wanted.input()]),
        )]),
    }
}

fn input(value: &serde_json::Value) -> CstInputValue {
    match value {
        serde_json::Value::Null => CstInputValue::Null,
        serde_json::Value::Bool(value) => CstInputValue::Bool(*value),
        serde_json::Value::Number(number) => CstInputValue::Number(number.to_string()),
        serde_json::Value::String(text) => CstInputValue::String(text.clone()),
        serde_json::Value::Array(list) => CstInputValue::Array(list.iter().map(input).collect()),
        serde_json::Value::Object(object) => CstInputValue::Object(
            object.iter().map(|(name, value)| (name.clone(), input(value))).collect(),
        ),
    }
}

/// The program that a hook runs, if it is `callboard hook AGENT`: as words, or as a line for a
/// shell.
fn program(hook: &serde_json::Value, agent: &str) -> Option<PathBuf> {
    let command = ["command", "bash"].iter().find_map(|key| hook.get(key)?.as_str())?;
    let program = match hook.get("args").and_then(|args| args.as_array()) {
        Some(args) => {
            let mut words = args.iter().map(|word| word.as_str());
            let is_ours = words.next() == Some(Some("hook")) && words.next() == Some(Some(agent));
            is_ours.then(|| command.to_owned())?
        }
        None => {
            let at = command.rfind(" hook ")?;
            let mut words = command[at + " hook ".len()..].split(' ');
            (words.next() == Some(agent)).then(|| unquoted(&command[..at]))?
        }
    };
    let path = PathBuf::from(program);
    path.file_name().is_some_and(|name| name == "callboard").then_some(path)
}

/// A path as one word of a shell.
pub(crate) fn quoted(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if text.chars().all(is_plain) {
        return Some(text.to_owned());
    }
    Some(format!("'{}'", text.replace('\'', r"'\''")))
}

fn unquoted(word: &str) -> String {
    match word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inner) => inner.replace(r"'\''", "'"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests;
