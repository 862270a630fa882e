//! Which rows are meant by `--status`, `--kind`, `--tool`, `--name` and `--dir`.

use std::path::{Path, PathBuf};

use callboard_agents::Row;
use callboard_host::Hosted;

use super::hosted::hosted_name;
use super::naming::shown_name;

/// Which sessions. A session must fit every filter that is given; each takes several values,
/// separated by commas or given again, of which one must fit.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filter {
    /// with this status: waiting, busy, shell, idle, none, or any other word that sessions use
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<String>,
    /// of this kind: interactive, bg, daemon, daemon-worker
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,
    /// of this program: claude, qwen, ...
    #[arg(long, value_name = "TOOL", value_delimiter = ',')]
    pub(crate) tool: Vec<String>,
    /// whose name has this text in it, in any case
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub(crate) name: Vec<String>,
    /// that work in this directory or below it
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Vec<PathBuf>,
}

impl Filter {
    /// Whether anything is left out.
    pub(crate) fn is_empty(&self) -> bool {
        let words = [&self.status, &self.kind, &self.tool, &self.name];
        words.iter().all(|words| words.is_empty()) && self.dir.is_empty()
    }

    /// The same with directories as sessions write them: absolute, and also with links resolved,
    /// since a session may say either.
    pub(crate) fn resolved(mut self) -> Self {
        let forms = |dir: PathBuf| {
            let absolute = std::path::absolute(&dir).unwrap_or(dir);
            let real = absolute.canonicalize().ok().filter(|real| *real != absolute);
            [Some(absolute), real].into_iter().flatten()
        };
        self.dir = self.dir.into_iter().flat_map(forms).collect();
        self
    }

    /// Whether a row fits.
    pub(crate) fn fits(&self, row: &Row) -> bool {
        let status = row.status.as_ref().map_or("none", |status| status.as_str());
        let kind = row.kind.as_ref().map_or("none", |kind| kind.as_str());
        let tool = row.tool.as_deref().unwrap_or("none");
        fits_word(&self.status, status)
            && fits_word(&self.kind, kind)
            && fits_word(&self.tool, tool)
            && fits_part(&self.name, || shown_name(row).to_lowercase())
            && fits_directory(&self.dir, row.cwd.as_deref())
    }

    /// Whether a background session fits that has no row: it has no status, and no tool is known.
    pub(crate) fn fits_hosted(&self, session: &Hosted) -> bool {
        fits_word(&self.status, "none")
            && fits_word(&self.kind, session.kind.as_str())
            && fits_word(&self.tool, "none")
            && fits_part(&self.name, || hosted_name(session).to_lowercase())
            && fits_directory(&self.dir, session.cwd.to_str())
    }
}

fn fits_word(wanted: &[String], word: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == word)
}

fn fits_part(wanted: &[String], text: impl FnOnce() -> String) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let text = text();
    wanted.iter().any(|wanted| text.contains(&wanted.to_lowercase()))
}

fn fits_directory(wanted: &[PathBuf], cwd: Option<&str>) -> bool {
    wanted.is_empty()
        || cwd.is_some_and(|cwd| wanted.iter().any(|dir| Path::new(cwd).starts_with(dir)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::row;

    #[test]
    fn fits_by_case() {
        let row = row(
            r#"{"pid":7,"name":"Fix Billing","kind":"bg","tool":"claude","status":"busy","cwd":"/src/api/v2"}"#,
        );
        let words = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let none = Filter::default;
        for (filter, fits) in [
            (none(), true),
            (Filter { status: words("busy"), ..none() }, true),
            (Filter { status: words("idle,busy"), ..none() }, true),
            (Filter { status: words("idle"), ..none() }, false),
            (Filter { status: words("none"), ..none() }, false),
            (Filter { kind: words("bg"), ..none() }, true),
            (Filter { kind: words("interactive"), ..none() }, false),
            (Filter { tool: words("claude"), ..none() }, true),
            (Filter { tool: words("clau"), ..none() }, false),
            (Filter { name: words("bill"), ..none() }, true),
            (Filter { name: words("BILL"), ..none() }, true),
            (Filter { name: words("bull"), ..none() }, false),
            (Filter { dir: vec!["/src/api".into()], ..none() }, true),
            (Filter { dir: vec!["/src/api/v2/".into()], ..none() }, true),
            (Filter { dir: vec!["/src/ap".into()], ..none() }, false),
            (Filter { dir: vec!["/x".into(), "/src".into()], ..none() }, true),
            (Filter { status: words("busy"), kind: words("daemon"), ..none() }, false),
        ] {
            assert_eq!(filter.fits(&row), fits, "{filter:?}");
        }
    }

    #[test]
    fn what_is_not_said_is_none() {
        let row = row(r#"{"pid":7}"#);
        let none = || vec!["none".to_owned()];
        let silent = Filter { status: none(), kind: none(), tool: none(), ..Filter::default() };
        assert!(silent.fits(&row));
        assert!(!Filter { dir: vec!["/".into()], ..Filter::default() }.fits(&row));
    }
}
