//! What it was measured on.

use std::fs::read_to_string;
use std::path::Path;
use std::process::Command;

use crate::workspace::output;

/// One line for each thing that makes a figure here differ from one elsewhere.
pub(crate) fn describe(places: &[(&str, &Path)]) -> Vec<String> {
    let first = |command: &[&str]| {
        let (name, arguments) = command.split_first()?;
        let mut command = Command::new(name);
        command.args(arguments);
        output(command).ok()?.lines().next().map(str::to_owned)
    };
    let value = |path: &str, key: &str| {
        let text = read_to_string(path).ok()?;
        let line = text.lines().find(|l| l.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let unknown = || "unknown".to_owned();
    let trimmed = |path| read_to_string(path).map_or_else(|_| unknown(), |t| t.trim().to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut lines = vec![
        format!("kernel: Linux {}", trimmed("/proc/sys/kernel/osrelease")),
        format!(
            "processor: {}, {cores} cores",
            value("/proc/cpuinfo", "model name").unwrap_or_else(unknown)
        ),
        format!("memory: {}", value("/proc/meminfo", "MemTotal").unwrap_or_else(unknown)),
        format!("load at the start: {}", trimmed("/proc/loadavg")),
        first(&["rustc", "--version"]).unwrap_or_else(unknown),
        format!("node {}", first(&["node", "--version"]).unwrap_or_else(|| "not there".to_owned())),
    ];
    for (what, path) in places {
        lines.push(format!("{what}: {}", file_system(path)));
    }
    lines
}

/// The type of the file system that a path is on.
pub(crate) fn file_system(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mounts = read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut best = (0, "unknown".to_owned());
    for mount in mounts.lines() {
        let mut fields = mount.split(' ').skip(1);
        let (Some(point), Some(kind)) = (fields.next(), fields.next()) else { continue };
        // Of two mounts on one point the later one is on top.
        if path.starts_with(point) && point.len() >= best.0 {
            best = (point.len(), kind.to_owned());
        }
    }
    best.1
}
