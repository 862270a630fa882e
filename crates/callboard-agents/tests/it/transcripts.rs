//! Finding the conversation file of one row.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::world::{Process, World};

fn found(world: &World, row: &callboard_agents::Row) -> Option<PathBuf> {
    world.sources().transcript(row).map(|transcript| transcript.path)
}

fn row_with_id(world: &World, process: &Process, id: &str) -> callboard_agents::Row {
    let id = serde_json::to_string(id).unwrap();
    let text = crate::world::record(process, "").replace(&format!("\"s{}\"", process.pid()), &id);
    world.claude(&format!("{}.json", process.pid()), text);
    world.only_row()
}

#[test]
fn it_is_found_in_whatever_project_it_is() {
    let (world, process) = (World::new(), Process::start());
    let row = row_with_id(&world, &process, "77481841-88af");
    assert_eq!(row.transcript_path, None, "a listing does not look");
    assert_eq!(found(&world, &row), None, "none is written before the first prompt");

    let projects = world.home().join(".claude/projects");
    for project in ["-home-dev-project", "-home-dev-worktree", "-empty"] {
        fs::create_dir_all(projects.join(project)).unwrap();
    }
    let (old, new) = (projects.join("-home-dev-project"), projects.join("-home-dev-worktree"));
    fs::write(old.join("77481841-88af.jsonl"), "{}").unwrap();
    fs::write(old.join("another.jsonl"), "{}").unwrap();
    assert_eq!(found(&world, &row), Some(old.join("77481841-88af.jsonl")));

    // It moved to a work tree; the copy that is written last is the conversation.
    let moved = new.join("77481841-88af.jsonl");
    fs::write(&moved, "{}").unwrap();
    let later = SystemTime::now() + Duration::from_secs(60);
    fs::File::options().write(true).open(&moved).unwrap().set_modified(later).unwrap();
    assert_eq!(found(&world, &row), Some(moved));
}

#[test]
fn an_id_that_is_a_path_finds_nothing() {
    let (world, process) = (World::new(), Process::start());
    let projects = world.home().join(".claude/projects/p");
    fs::create_dir_all(projects.join("sub")).unwrap();
    fs::write(world.home().join(".claude/projects/secret.jsonl"), "{}").unwrap();
    fs::write(projects.join("sub/x.jsonl"), "{}").unwrap();
    fs::write(projects.join("..jsonl"), "{}").unwrap();
    for id in ["../secret", "sub/x", ".", "", "/etc/passwd", "a\0b", "*"] {
        let row = row_with_id(&world, &process, id);
        assert_eq!(found(&world, &row), None, "{id:?}");
    }
}

#[test]
fn only_a_regular_file_is_a_conversation() {
    let (world, process) = (World::new(), Process::start());
    let row = row_with_id(&world, &process, "id");
    let project = world.home().join(".claude/projects/p");
    fs::create_dir_all(&project).unwrap();
    symlink("/etc/passwd", project.join("id.jsonl")).unwrap();
    assert_eq!(found(&world, &row), None);
    fs::remove_file(project.join("id.jsonl")).unwrap();
    fs::create_dir(project.join("id.jsonl")).unwrap();
    assert_eq!(found(&world, &row), None);
}

#[test]
fn accounts_that_share_their_sessions_keep_their_own_conversations() {
    let (world, process) = (World::new(), Process::start());
    let row = row_with_id(&world, &process, "id");
    let project = world.home().join(".claude-next/projects/p");
    fs::create_dir_all(&project).unwrap();
    symlink("../.claude/sessions", world.home().join(".claude-next/sessions")).unwrap();
    fs::write(project.join("id.jsonl"), "{}").unwrap();
    assert_eq!(found(&world, &row), Some(project.join("id.jsonl")));
}

#[test]
fn qwen_code_keeps_them_a_level_deeper() {
    let (world, process) = (World::new(), Process::start());
    world.claude_session_in(".qwen", &process, "");
    let row = world.only_row();
    let chats = world.home().join(".qwen/projects/-home-dev-project/chats");
    fs::create_dir_all(&chats).unwrap();
    let file = chats.join(format!("s{}.jsonl", process.pid()));
    fs::write(&file, "{}").unwrap();
    assert_eq!(found(&world, &row), Some(file));
}
