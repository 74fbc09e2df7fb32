//! The difference between what was expected and what came, as text.
//!
//! Two blanks begin a line of what matches, `-` of what is missing, `+` of what was not expected; below a `+` stands
//! which of its fields are wrong, where its kind was expected. Each event is one line, whatever is in it, and cut after
//! 200 characters. At most 100 lines are shown: where there are more, matching ones far from a difference are counted
//! only, and so is what is left at the end.

use super::align::{Likeness, Step, align};
use super::expected::{Expected, Word};
use crate::event::Event;

/// Lines shown.
const LINES: usize = 100;

/// Matching lines shown before and after a difference, where not all can be.
const AROUND: usize = 3;

/// Characters shown of an expectation, of the fields of an event, of what is wrong with one.
const WIDTH: usize = 200;

/// What is different, line by line; `None` if nothing is.
pub(super) fn diff(expected: &[Expected], came: &[Event]) -> Option<String> {
    let steps = align(expected.len(), came.len(), |at, other| match (expected.get(at), came.get(other)) {
        (Some(one), Some(event)) => one.likeness(event),
        _ => Likeness::Other,
    });
    if steps.iter().all(|step| matches!(step, Step::Match { .. })) {
        return None;
    }
    let mut lines = lines(&steps, expected, came);
    if lines.len() > LINES {
        lines = without_far_matches(lines);
    }
    let hidden = match lines.len() {
        0..=LINES => 0,
        more => more - (LINES - 1),
    };
    lines.truncate(lines.len() - hidden);
    let events = if expected.len() == 1 { "event" } else { "events" };
    let mut text = format!("{} {events} expected, {} came (- missing, + not expected):", expected.len(), came.len());
    for line in lines {
        text.push('\n');
        text.push_str(&line.text);
    }
    if hidden > 0 {
        text.push_str(&format!("\n… {hidden} more lines"));
    }
    Some(text)
}

struct Line {
    matches: bool,
    text: String,
}

fn lines(steps: &[Step], expected: &[Expected], came: &[Event]) -> Vec<Line> {
    let line = |mark: &str, text: String| Line { matches: mark == "  ", text: format!("{mark}{text}") };
    let missing = |at: usize| line("- ", narrow(expected[at].to_string()));
    let extra = |at: usize| line("+ ", shown(&came[at]));
    let mut lines = Vec::with_capacity(steps.len());
    for step in steps {
        match *step {
            Step::Match { expected: at, came: other } => lines.push(line("  ", matched(&expected[at], &came[other]))),
            Step::Missing { expected: at } => lines.push(missing(at)),
            Step::Extra { came: at } => lines.push(extra(at)),
            Step::Changed { expected: at, came: other } => {
                lines.extend([missing(at), extra(other)]);
                let misses = expected[at].misses(&came[other]);
                lines.extend(misses.map(|miss| line("      ", narrow(miss.to_string()))));
            }
        }
    }
    lines
}

/// The lines without those that match far from any difference; one line for each stretch left out says how many.
fn without_far_matches(lines: Vec<Line>) -> Vec<Line> {
    let differs = |at: usize| lines.get(at).is_some_and(|line| !line.matches);
    let near: Vec<bool> = (0..lines.len()).map(|at| (at.saturating_sub(AROUND)..=at + AROUND).any(differs)).collect();
    let mut kept = Vec::new();
    let mut left_out = 0;
    for (line, near) in lines.into_iter().zip(near) {
        if !near {
            left_out += 1;
            continue;
        }
        kept.extend(gap(&mut left_out));
        kept.push(line);
    }
    kept.extend(gap(&mut left_out));
    kept
}

/// A line for the lines left out, if there are any.
fn gap(left_out: &mut usize) -> Option<Line> {
    let count = core::mem::take(left_out);
    (count > 0).then(|| Line { matches: true, text: format!("  … {count} that match") })
}

/// An event that is as expected.
fn matched(expected: &Expected, event: &Event) -> String {
    let kind = Word(event.kind().as_str());
    if expected.says_more(event) { format!("{kind}  ({})", narrow(expected.to_string())) } else { kind.to_string() }
}

/// An event that is not: its kind, its fields, and where it was published.
fn shown(event: &Event) -> String {
    let mut text = Word(event.kind().as_str()).to_string();
    let fields = event.payload();
    if !fields.is_empty() {
        text.push(' ');
        text.push_str(&narrow(fields.to_string()));
    }
    match event.call_site() {
        Some(site) => text.push_str(&format!("  ({site})")),
        None => text.push_str("  (no call site)"),
    }
    text
}

/// The first characters of a text that is too long.
fn narrow(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(WIDTH) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::event::{CallSite, Draft, Kind, ToValue, Value};

    fn site(kind: &str, n: impl ToValue) -> Event {
        static SITE: CallSite = CallSite::new("src/db.rs", 12, "db", &["n"]);
        let mut draft = Draft::new(Kind::new(kind).unwrap(), Some(&SITE));
        draft.push(n.to_value());
        draft.finish()
    }

    fn built(kind: &str) -> Event {
        Event::builder(kind).build().unwrap()
    }

    fn kinds<const N: usize>(kinds: [&str; N]) -> [Expected; N] {
        kinds.map(Expected::new)
    }

    #[test]
    fn what_matches_makes_no_difference() {
        assert_eq!(diff(&[], &[]), None);
        assert_eq!(diff(&kinds(["db.*", "**"]), &[built("db.open"), site("x", 1)]), None);
    }

    #[test]
    fn missing_and_unexpected_events_stand_between_those_that_match() {
        let expected = kinds(["db.open", "db.*", "net.up", "**.close"]);
        let came = [built("db.open"), site("db.query", "a\nb"), built("disk.full"), built("db.close")];
        let text = r#"4 events expected, 4 came (- missing, + not expected):
  db.open
  db.query  (db.*)
- net.up
+ disk.full  (no call site)
  db.close  (**.close)"#;
        assert_eq!(diff(&expected, &came).unwrap(), text);
    }

    #[test]
    fn a_wrong_field_is_explained_below_the_event() {
        let expected = [
            Expected::new("db.open"),
            Expected::new("db.error").field("n", &8).field("text", "x"),
            Expected::new("db.error").field("n", &1),
        ];
        let came = [built("db.open"), site("db.error", 7), site("db.error", 1)];
        let text = r#"3 events expected, 3 came (- missing, + not expected):
  db.open
- db.error {n = 8, text = "x"}
+ db.error n=7  (src/db.rs:12)
      n is 7, expected 8
      has no field text, expected "x"
  db.error  (db.error {n = 1})"#;
        assert_eq!(diff(&expected, &came).unwrap(), text);
    }

    #[test]
    fn all_may_be_missing_or_unexpected() {
        let nothing = "1 event expected, 0 came (- missing, + not expected):\n- db.open";
        assert_eq!(diff(&kinds(["db.open"]), &[]).unwrap(), nothing);
        let all = "0 events expected, 1 came (- missing, + not expected):\n+ db.open n=null  (src/db.rs:12)";
        assert_eq!(diff(&[], &[site("db.open", Value::Null)]).unwrap(), all);
    }

    #[test]
    fn of_many_lines_those_around_the_differences_are_shown() {
        let expected: Vec<Expected> = (0..300).map(|n| Expected::new(format!("a.{n}"))).collect();
        let mut came: Vec<Event> = (0..300).map(|n| built(&format!("a.{n}"))).collect();
        came.remove(150);
        came.remove(10);
        let text = "300 events expected, 298 came (- missing, + not expected):
  … 7 that match
  a.7
  a.8
  a.9
- a.10
  a.11
  a.12
  a.13
  … 133 that match
  a.147
  a.148
  a.149
- a.150
  a.151
  a.152
  a.153
  … 146 that match";
        assert_eq!(diff(&expected, &came).unwrap(), text);
    }

    #[test]
    fn no_more_than_a_hundred_lines_are_shown_and_no_long_ones() {
        let came: Vec<Event> = (0..150).map(|_| site("a.b", "x".repeat(1000))).collect();
        let text = diff(&kinds(["a.c"]), &came).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[100]), (101, "… 52 more lines"));
        assert_eq!(lines[2], format!("+ a.b n=\"{}…  (src/db.rs:12)", "x".repeat(197)));
        let exactly: Vec<Event> = (0..100).map(|_| built("a.b")).collect();
        assert_eq!(diff(&[], &exactly).unwrap().lines().count(), 101);
    }

    #[test]
    fn one_event_is_one_line_whatever_is_in_it() {
        let kind = "a\u{202e}b";
        let text = diff(&[Expected::new("x").field("a\nb", "c\nd")], &[built(kind)]).unwrap();
        assert_eq!(
            text.lines().skip(1).collect::<Vec<_>>(),
            [r#"- x {"a\nb" = "c\nd"}"#, r#"+ "a\u{202e}b"  (no call site)"#]
        );
    }
}
