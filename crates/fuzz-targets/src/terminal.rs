//! What may reach a terminal, and how wide it is there.

use callboard_cli::output::sanitize::{sanitize, sanitize_lines};
use callboard_cli::output::width::{ELLIPSIS, Keep, cut, width};
use unicode_segmentation::UnicodeSegmentation;

/// A longer text is more of the same, and takes longer.
const LONGEST: usize = 256;

/// Whatever a file says, what is shown of it is plainly visible, says all of it, and is as wide
/// as it was said to be.
pub fn terminal(data: &[u8]) {
    if data.len() > LONGEST {
        return;
    }
    let text = String::from_utf8_lossy(data);
    let clean = sanitize(&text);
    check_clean(&clean);
    check_complete(&text, &clean);
    assert_eq!(sanitize(&clean), clean, "there is nothing more to write out");
    assert_eq!(width(&format!("| {clean} |")), width(&clean) + 4, "in a table");
    check_lines(&text);
    for columns in rooms(width(&clean)) {
        check_cut(&clean, columns, Keep::Beginning);
        check_cut(&clean, columns, Keep::End);
    }
}

/// Next to none, about half, and about as much as is wanted.
fn rooms(wanted: usize) -> impl Iterator<Item = usize> {
    (0..8).chain(wanted / 2..wanted / 2 + 4).chain(wanted.saturating_sub(3)..wanted + 2)
}

/// What no text on a terminal may have in it, from the Unicode character database: controls (Cc),
/// `Bidi_Control`, line and paragraph separators, and of `Default_Ignorable_Code_Point` all that
/// never picks the form of the sign beside it.
fn acts_or_hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}'
            | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200c}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn check_clean(clean: &str) {
    let found: Vec<char> = clean.chars().filter(|c| acts_or_hides(*c)).collect();
    assert!(found.is_empty(), "{found:?} in {clean:?}");
    for cluster in clean.graphemes(true) {
        // A joiner and a selector belong to what stands beside them, or they only hide data.
        let first = cluster.chars().next();
        let attaches = |c: char| matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
        assert!(!first.is_some_and(attaches), "{cluster:?} begins with what joins");
        for (at, joiner) in cluster.match_indices('\u{200d}') {
            let next = cluster[at + joiner.len()..].chars().next();
            let joined = next.map(|next| format!("a{next}").graphemes(true).count());
            assert_eq!(joined, Some(2), "a joiner in {cluster:?} joins nothing");
        }
    }
}

/// Each character is there, as it is or written out, in its order, and nothing else.
fn check_complete(text: &str, clean: &str) {
    let mut rest = clean;
    for c in text.chars() {
        let escape = match c {
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            _ => format!("\\u{{{:x}}}", u32::from(c)),
        };
        let after = rest.strip_prefix(c).or_else(|| rest.strip_prefix(&*escape));
        rest = after.unwrap_or_else(|| panic!("{c:?} of {text:?} is missing before {rest:?}"));
        if matches!(c, ' '..='~') {
            assert!(!clean.contains(&*escape) || text.contains(&*escape), "{c:?} written out");
        }
    }
    assert_eq!(rest, "", "after {text:?}");
}

fn check_lines(text: &str) {
    let lines = sanitize_lines(text);
    assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
    lines.split('\n').for_each(check_clean);
}

/// What was cut to what; only shown when something is wrong with it.
struct Case<'a> {
    text: &'a str,
    columns: usize,
    keep: Keep,
    shown: &'a str,
}

impl std::fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text, columns, keep, shown } = self;
        write!(f, "{text:?} in {columns}, {keep:?}: {shown:?}")
    }
}

/// At most so wide, whole clusters, and as many of them as there is room for.
fn check_cut(text: &str, columns: usize, keep: Keep) {
    let shown = cut(text, columns, keep);
    let case = Case { text, columns, keep, shown: &shown };
    assert!(width(&shown) <= columns, "{case}");
    if width(text) <= columns {
        assert_eq!(shown, text, "{case}");
        return;
    }
    let kept = match keep {
        _ if columns == 0 => {
            assert_eq!(shown, "", "{case}");
            return;
        }
        Keep::Beginning => shown.strip_suffix(ELLIPSIS),
        Keep::End => shown.strip_prefix(ELLIPSIS),
    };
    let kept = kept.unwrap_or_else(|| panic!("nothing says that it was cut: {case}"));
    let clusters: Vec<&str> = text.graphemes(true).collect();
    let of_kept: Vec<&str> = kept.graphemes(true).collect();
    let (whole, left) = match keep {
        Keep::Beginning => (clusters.starts_with(&of_kept), &clusters[of_kept.len()..]),
        Keep::End => (clusters.ends_with(&of_kept), &clusters[..clusters.len() - of_kept.len()]),
    };
    assert!(whole, "a cluster was cut: {case}");
    check_room_used(kept, left, &case);
}

/// What was left out did not fit, or was spared to end at a word or begin at a whole directory.
fn check_room_used(kept: &str, left: &[&str], case: &Case<'_>) {
    let room = case.columns - 1 - width(kept);
    let fits = |widths: &mut dyn Iterator<Item = usize>| {
        let mut used = 0;
        widths
            .take_while(|wide| {
                used += wide;
                used <= room
            })
            .sum::<usize>()
    };
    match case.keep {
        Keep::Beginning => {
            let blank = left.iter().take_while(|cluster| cluster.trim().is_empty()).count();
            let spared = fits(&mut left.iter().map(|cluster| width(cluster)));
            let blanks: usize = left[..blank].iter().map(|cluster| width(cluster)).sum();
            assert!(spared <= blanks, "there was room for more: {case}");
        }
        Keep::End => {
            let spared = fits(&mut left.iter().rev().map(|cluster| width(cluster)));
            assert!(spared == 0 || kept.starts_with('/'), "there was room for more: {case}");
            assert!(spared <= width(kept), "more than half was spared: {case}");
        }
    }
}
