//! How values and events look on one line.
//!
//! No line break, control character or invisible character of a user's text gets through: text is quoted
//! and escaped as Rust's `Debug` does, and a name that could be misread is quoted too. So one event is
//! one line of a log, whatever is in it. The form is for people; programs read the JSON form.

use core::fmt::{self, Write};

use super::priority::Priority;
use super::time::Rfc3339;
use super::value::Value;
use super::{Event, Text};

/// Bytes shown of a byte string.
const SHOWN_BYTES: usize = 32;

/// A name or other word: as it is where that cannot be misread, quoted and escaped otherwise.
pub(super) struct Bare<'a>(pub(super) &'a str);

/// One line: text quoted and escaped, the first 32 bytes of a byte string in hexadecimal, times in
/// RFC 3339 to the microsecond (`@seconds` before 1970 and after 9999), spans as `1.5s`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::UInt(number) => write!(f, "{number}"),
            Self::BigInt(number) => write!(f, "{number}"),
            Self::BigUInt(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Str(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => hex(f, bytes),
            Self::Time(time) => write!(f, "{}", Rfc3339(*time)),
            Self::Duration(span) => write!(f, "{span:?}"),
            Self::List(values) => {
                f.write_char('[')?;
                separated(f, values, |f, value| write!(f, "{value}"))?;
                f.write_char(']')
            }
            Self::Map(members) => {
                f.write_char('{')?;
                separated(f, members, |f, (name, value)| write!(f, "{}: {value}", Bare(name)))?;
                f.write_char('}')
            }
        }
    }
}

/// One line: time, kind, source, `[project path]`, `!priority` if not normal, `#correlation id`, payload.
///
/// ```
/// use ringbus::Event;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let event = Event::builder("terminal.error")
///     .timestamp(UNIX_EPOCH + Duration::from_micros(1_795_231_964_123_456))
///     .source("daemon")
///     .project_path("/srv/app")
///     .field("error", "TypeError")
///     .field("line", 42)
///     .build()?;
/// assert_eq!(
///     event.to_string(),
///     r#"2026-11-21T03:32:44.123456Z terminal.error daemon [/srv/app] error="TypeError" line=42"#
/// );
/// # Ok::<(), ringbus::BuildError>(())
/// ```
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Rfc3339(self.timestamp()), Bare(self.kind().as_str()))?;
        if let Some(source) = self.source() {
            write!(f, " {}", Bare(source))?;
        }
        if let Some(path) = self.project_path() {
            write!(f, " [{}]", Bare(path))?;
        }
        if self.priority() != Priority::Normal {
            write!(f, " !{}", self.priority())?;
        }
        if let Some(id) = self.correlation_id() {
            write!(f, " #{}", Bare(id))?;
        }
        if !self.payload().is_empty() {
            write!(f, " {}", self.payload())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &format_args!("{}", self.id()))
            .field("kind", self.kind())
            .field("timestamp", &format_args!("{}", Rfc3339(self.timestamp())))
            .field("source", &self.source())
            .field("project_path", &self.project_path())
            .field("correlation_id", &self.correlation_id())
            .field("cause", &self.cause())
            .field("hops", &self.hops())
            .field("priority", &self.priority())
            .field("call_site", &self.call_site().map(|site| Text::from(format_args!("{site}"))))
            .field("payload", &self.payload())
            .finish()
    }
}

// === impl Bare ===

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| !c.is_whitespace() && c.escape_debug().len() == 1 && !"=,[]{}".contains(c);
        if self.0.is_empty() || !self.0.chars().all(plain) {
            return write!(f, "{:?}", self.0);
        }
        f.write_str(self.0)
    }
}

/// What `value` displays, cut after 80 characters.
pub(super) fn shown(value: &Value) -> Box<str> {
    struct Cut {
        text: String,
        left: usize,
    }

    impl Write for Cut {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            let end = part.char_indices().nth(self.left).map(|(end, _)| end);
            self.text.push_str(&part[..end.unwrap_or(part.len())]);
            match end {
                // The error stops the display of what would not be seen.
                Some(_) => Err(fmt::Error),
                None => {
                    self.left -= part.chars().count();
                    Ok(())
                }
            }
        }
    }

    let mut cut = Cut { text: String::new(), left: 80 };
    if write!(cut, "{value}").is_err() {
        cut.text.push('…');
    }
    cut.text.into()
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    for byte in &bytes[..bytes.len().min(SHOWN_BYTES)] {
        write!(f, "{byte:02x}")?;
    }
    if bytes.len() > SHOWN_BYTES {
        write!(f, "… ({} bytes)", bytes.len())?;
    }
    Ok(())
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    show: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        show(f, item)?;
    }
    Ok(())
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::event::{CallSite, Draft, EventId, Kind};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn every_kind_of_value_is_one_line() {
        for (value, line) in [
            (Value::Null, "null"),
            (true.into(), "true"),
            ((-7).into(), "-7"),
            (u64::MAX.into(), "18446744073709551615"),
            (i128::MIN.into(), "-170141183460469231731687303715884105728"),
            (u128::MAX.into(), "340282366920938463463374607431768211455"),
            (1.0.into(), "1.0"),
            (f64::NAN.into(), "NaN"),
            (f64::NEG_INFINITY.into(), "-inf"),
            ("a \"b\"\n\u{2028}\u{202e}\u{1b}".into(), r#""a \"b\"\n\u{2028}\u{202e}\u{1b}""#),
            (Value::bytes([0, 0xff]), "0x00ff"),
            (Value::bytes([]), "0x"),
            (UNIX_EPOCH.into(), "1970-01-01T00:00:00.000000Z"),
            (Duration::from_millis(1500).into(), "1.5s"),
            ([Value::Null, "x".into()].into(), r#"[null, "x"]"#),
            ([("a b", 1), ("c", 2)].into_iter().collect(), r#"{"a b": 1, c: 2}"#),
        ] {
            assert_eq!(value.to_string(), line);
        }
        let long = Value::bytes([0xab; 33]).to_string();
        assert_eq!(long, format!("0x{}… (33 bytes)", "ab".repeat(32)));
    }

    #[test]
    fn words_that_could_be_misread_are_quoted() {
        for word in ["daemon", "/srv/app", "größe:1", "#!~@*"] {
            assert_eq!(Bare(word).to_string(), word);
        }
        for word in ["", "a b", "a=b", "a\nb", "\"", "\\", "[x", "a,b", "\u{200b}", "a\u{a0}b", "\u{85}"] {
            assert_eq!(Bare(word).to_string(), format!("{word:?}"));
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let evil = "a\r\nb\u{2028}c\u{85}d";
        let event = Event::builder("x.y")
            .timestamp(UNIX_EPOCH)
            .source(evil)
            .project_path(evil)
            .correlation_id(evil)
            .priority(Priority::Critical)
            .field(evil, Value::from([Value::from(evil), [(evil, evil)].into_iter().collect()]))
            .build()
            .unwrap();
        let line = event.to_string();
        let word = r#""a\r\nb\u{2028}c\u{85}d""#;
        assert_eq!(
            line,
            format!(
                "1970-01-01T00:00:00.000000Z x.y {word} [{word}] !critical #{word} {word}=[{word}, {{{word}: {word}}}]"
            )
        );
        assert!(!line.contains(char::is_control));
    }

    #[test]
    fn an_event_with_nothing_in_it_is_time_and_kind() {
        let event = Event::builder("x").timestamp(UNIX_EPOCH).build().unwrap();
        assert_eq!(event.to_string(), "1970-01-01T00:00:00.000000Z x");
    }

    #[test]
    fn debug_shows_every_part() {
        static SITE: CallSite = CallSite::new("src/a.rs", 7, "a", &["n"]);
        let mut draft = Draft::new(Kind::new("x.y").unwrap(), Some(&SITE));
        draft.set_source_static("daemon");
        draft.push(Value::Int(1));
        let event = draft.finish();
        let shown = format!("{event:?}");
        for part in [r#"kind: "x.y""#, r#"source: Some("daemon")"#, "src/a.rs:7", r#"payload: {"n": Int(1)}"#] {
            assert!(shown.contains(part), "{shown}");
        }
        let given = Event::builder("x").id(EventId::from_u128(1)).build().unwrap();
        assert!(format!("{given:?}").contains("id: 00000000-0000-0000-0000-000000000001,"));
    }
}
