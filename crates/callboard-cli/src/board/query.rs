//! What is typed as a filter: the words of the filters of `ps`. Pure.

use std::path::PathBuf;

use crate::view::filter::Filter;

/// `status:busy,idle tool:claude kind:bg dir:~/src billing`: the options of `ps` by their names;
/// everything else is part of the name that is looked for. `home` stands for `~`.
pub(super) fn parse(text: &str, home: Option<&str>) -> Filter {
    let mut filter = Filter::default();
    let mut name: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        let Some((key, values)) = word.split_once(':') else {
            name.push(word);
            continue;
        };
        let values = || values.split(',').filter(|value| !value.is_empty()).map(str::to_owned);
        match key {
            "status" => filter.status.extend(values()),
            "tool" => filter.tool.extend(values()),
            "kind" => filter.kind.extend(values()),
            "name" => filter.name.extend(values()),
            "dir" => filter.dir.extend(values().map(|dir| directory(&dir, home))),
            _ => name.push(word),
        }
    }
    if !name.is_empty() {
        filter.name.push(name.join(" "));
    }
    filter
}

fn directory(text: &str, home: Option<&str>) -> PathBuf {
    match (text.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.into(),
        (Some(rest), Some(home)) if rest.starts_with('/') => format!("{home}{rest}").into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_by_case() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let none = Filter::default;
        let cases = [
            ("", none()),
            ("  ", none()),
            ("fix  flaky", Filter { name: words(&["fix flaky"]), ..none() }),
            ("status:waiting", Filter { status: words(&["waiting"]), ..none() }),
            ("status:busy,idle,", Filter { status: words(&["busy", "idle"]), ..none() }),
            ("status:", none()),
            (
                "tool:claude bill kind:bg",
                Filter {
                    tool: words(&["claude"]),
                    kind: words(&["bg"]),
                    name: words(&["bill"]),
                    ..none()
                },
            ),
            ("dir:~/src", Filter { dir: vec!["/home/u/src".into()], ..none() }),
            ("dir:~", Filter { dir: vec!["/home/u".into()], ..none() }),
            ("dir:/srv,/opt", Filter { dir: vec!["/srv".into(), "/opt".into()], ..none() }),
            // A name may have a colon in it.
            ("pr:42", Filter { name: words(&["pr:42"]), ..none() }),
        ];
        for (text, filter) in cases {
            let parsed = parse(text, Some("/home/u"));
            assert_eq!(format!("{parsed:?}"), format!("{filter:?}"), "{text:?}");
        }
    }
}
