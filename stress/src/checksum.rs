//! Events that tell whether they are whole: each carries who published it, its number, a text and a sum over all that.
//!
//! It promises that an event of which any value belongs to another event is found out, but for one case in 2^64.

use ringbus::{Event, FieldReader, FieldWriter, Payload};

/// Who published an event, and which of that publisher's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    pub thread: u64,
    /// Counts on over all depths.
    pub number: u64,
    /// 0 for an event that no handler published.
    pub depth: u64,
}

/// Names the fields, for `publish_event!` too.
pub const FIELDS: [&str; 5] = ["thread", "number", "depth", "text", "sum"];

impl Stamp {
    /// A text of 8 to 103 bytes: some are stored in place, others are not.
    pub fn text(&self) -> String {
        let mut state = mix(self.thread << 48 ^ self.number << 4 ^ self.depth);
        let len = 8 + (state % 96) as usize;
        let mut text = String::with_capacity(len + 8);
        while text.len() < len {
            state = mix(state);
            text.extend(state.to_le_bytes().iter().map(|byte| char::from(b'a' + byte % 26)));
        }
        text.truncate(len);
        text
    }

    /// The sum over all values.
    pub fn sum(&self, text: &str) -> u64 {
        let start = mix(mix(mix(self.thread) ^ self.number) ^ self.depth);
        text.as_bytes().chunks(8).fold(start, |sum, chunk| {
            let word = chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            mix(sum ^ word ^ (chunk.len() as u64) << 60)
        })
    }
}

/// splitmix64's finaliser (Steele, Lea, Flood 2014).
pub fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The stamp of an event that is whole.
pub fn read(event: &Event) -> Result<Stamp, String> {
    let number = |name| event.get(name).and_then(|value| value.as_u64());
    let text = event.get("text").and_then(|text| text.as_str());
    let parts = (number("thread"), number("number"), number("depth"), text, number("sum"));
    let (Some(thread), Some(number), Some(depth), Some(text), Some(sum)) = parts else {
        return Err(format!("an event without its fields: {event}"));
    };
    check(Stamp { thread, number, depth }, text, sum).map_err(|wrong| format!("{wrong}: {event}"))
}

fn check(stamp: Stamp, text: &str, sum: u64) -> Result<Stamp, String> {
    if stamp.sum(text) == sum { Ok(stamp) } else { Err("a torn event, its sum is wrong".to_owned()) }
}

/// The same as a Rust type.
#[derive(Debug)]
pub struct Typed {
    stamp: Stamp,
    text: String,
    sum: u64,
}

impl Typed {
    pub fn new(stamp: Stamp) -> Self {
        let text = stamp.text();
        Self { stamp, sum: stamp.sum(&text), text }
    }

    pub fn read(&self) -> Result<Stamp, String> {
        check(self.stamp, &self.text, self.sum).map_err(|wrong| format!("{wrong}: {self:?}"))
    }
}

impl Payload for Typed {
    const KIND: &'static str = "stress.typed";

    fn field_names() -> &'static [&'static str] {
        &FIELDS
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        let Stamp { thread, number, depth } = &self.stamp;
        [thread, number, depth].into_iter().for_each(|part| fields.write(part));
        fields.write(&self.text);
        fields.write(&self.sum);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        let (thread, number, depth) = (fields.read(), fields.read(), fields.read());
        let (text, sum) = (fields.read(), fields.read());
        Some(Self { stamp: Stamp { thread: thread?, number: number?, depth: depth? }, text: text?, sum: sum? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_event_is_found_out() {
        let stamp = Stamp { thread: 3, number: 70_000, depth: 1 };
        let whole = Typed::new(stamp);
        assert_eq!(whole.read(), Ok(stamp));
        let event = Event::from_payload(Typed::new(stamp)).unwrap();
        assert_eq!(read(&event), Ok(stamp));

        for other in [Stamp { thread: 4, ..stamp }, Stamp { number: 70_001, ..stamp }, Stamp { depth: 0, ..stamp }] {
            let torn = Typed { stamp: other, ..Typed::new(stamp) };
            assert!(torn.read().is_err(), "{torn:?}");
            let torn = Typed { text: other.text(), ..Typed::new(stamp) };
            assert!(torn.read().is_err(), "{torn:?}");
        }
        let cut = Typed { text: whole.text[..whole.text.len() - 1].to_owned(), ..Typed::new(stamp) };
        assert!(cut.read().is_err());
    }

    #[test]
    fn texts_are_short_and_long() {
        let lengths: Vec<usize> = (0..1000).map(|n| Stamp { thread: 1, number: n, depth: 0 }.text().len()).collect();
        assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&8), Some(&103)));
    }
}
