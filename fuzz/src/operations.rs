//! The bus beside the reference bus of `tests/reference`: an input is read as the options of two buses and operations,
//! which its driver performs on both worlds.
//!
//! 1. What can be done is said there, and named here, under the name by which the reference's files know it.
//! 2. A [`Reader`] makes operations of bytes; their [`parts`] too. How many events bursts may publish is bounded.
//! 3. Each form of operation has a number, so that a test can tell whether the corpus has them all.

use crate::bytes::Bytes;
use crate::drive::compare;

#[path = "operations/parts.rs"]
mod parts;
#[path = "../../tests/reference/operations.rs"]
mod vocabulary;

pub(crate) use vocabulary::*;

/// Most operations that are made of an input, besides those that are part of others.
const OPERATIONS: usize = 40;

/// Most events that are published in bursts.
const BURSTS: usize = 2500;

/// How deep operations may hold others, and handlers may subscribe handlers that subscribe.
const DEPTH: usize = 3;

/// How many forms of operations there are; see [`form`].
pub const FORMS: usize = 51;

/// Panics if the two buses differ.
pub fn run(input: &[u8]) {
    let (options, operations) = read(input);
    compare(&options, &operations);
}

/// The forms of the operations in an input, without those that are part of others.
pub fn forms(input: &[u8]) -> Vec<usize> {
    read(input).1.iter().map(form).collect()
}

fn read(input: &[u8]) -> ([Options; 2], Vec<Operation>) {
    let mut reader = Reader { bytes: Bytes::new(input), bursts: BURSTS };
    let options = [parts::options(&mut reader.bytes), parts::options(&mut reader.bytes)];
    let mut operations = Vec::new();
    while !reader.bytes.is_empty() && operations.len() < OPERATIONS {
        operations.push(reader.outside());
    }
    (options, operations)
}

/// The number of an operation's form, which is at times also about what it is given. Whoever adds one adds it below too.
fn form(operation: &Operation) -> usize {
    match operation {
        Operation::Publish(Told::Site(_)) => 0,
        Operation::Publish(Told::Text(_)) => 1,
        Operation::Publish(Told::Fresh(_)) => 2,
        Operation::Publish(Told::Interned(_)) => 3,
        Operation::Publish(Told::Payload(_)) => 4,
        Operation::Publish(Told::Impostor) => 5,
        Operation::Publish(Told::Odd) => 6,
        Operation::Publish(Told::Built(..)) => 7,
        Operation::PublishDefault(_) => 8,
        Operation::Burst(..) => 9,
        Operation::Republish(_) => 10,
        Operation::Forward(_) => 11,
        Operation::Subscribe(Request { wishes, .. }) => match wishes.takes {
            Takes::Events => 12,
            Takes::Payloads => 13,
            Takes::Decoded => 14,
            Takes::Impostors => 15,
        },
        Operation::SubscribeObject(..) => 16,
        Operation::UnsubscribeObject(_) => 17,
        Operation::ForgetObject(_) => 18,
        Operation::Crowd(_) => 19,
        Operation::Drop(_) => 20,
        Operation::Leave(_) => 21,
        Operation::Unsubscribe(_) => 22,
        Operation::UnsubscribeAll => 23,
        Operation::Close(_) => 24,
        Operation::Detach(_) => 25,
        Operation::Bag(_, BagEnd::Drop) => 26,
        Operation::Bag(_, BagEnd::Clear) => 27,
        Operation::Bag(_, BagEnd::Close) => 28,
        Operation::Bag(_, BagEnd::CloseTimeout) => 29,
        Operation::Bag(_, BagEnd::SaveFirst) => 30,
        Operation::DropSecond => 31,
        Operation::Mute(_, _, By::Id) => 32,
        Operation::Mute(_, _, By::Guard) => 33,
        Operation::Resume(_, By::Id) => 34,
        Operation::Resume(_, By::Guard) => 35,
        Operation::Enable(_) => 36,
        Operation::Reset => 37,
        Operation::Recent(_) => 38,
        Operation::Query(_) => 39,
        Operation::Follow => 40,
        Operation::Skip => 41,
        Operation::Since => 42,
        Operation::View => 43,
        Operation::Explain(_) => 44,
        Operation::Info(_) => 45,
        Operation::Several(_) => 46,
        Operation::Other(_) => 47,
        Operation::WithDefault(_) => 48,
        Operation::Elsewhere(_) => 49,
        Operation::Panicking(_) => 50,
    }
}

/// Makes operations of an input.
struct Reader<'a> {
    bytes: Bytes<'a>,
    /// How many events bursts may still publish.
    bursts: usize,
}

// === impl Reader ===

impl Reader<'_> {
    /// One of the top: subscribing and publishing are frequent.
    fn outside(&mut self) -> Operation {
        match self.bytes.below(8) {
            0 | 1 => Operation::Subscribe(self.request(DEPTH)),
            2 | 3 => Operation::Publish(parts::told(&mut self.bytes)),
            _ => self.inside(DEPTH),
        }
    }

    /// What a handler can do too.
    fn inside(&mut self, depth: usize) -> Operation {
        match self.bytes.below(16) {
            0..=3 => self.publishing(),
            4..=6 => self.ending(),
            7 | 8 => self.standing(),
            9..=11 => self.looking(),
            _ if depth > 0 => self.holding(depth - 1),
            _ => self.publishing(),
        }
    }

    fn publishing(&mut self) -> Operation {
        let bytes = &mut self.bytes;
        match bytes.below(8) {
            0..=3 => Operation::Publish(parts::told(bytes)),
            4 => Operation::PublishDefault(parts::told(bytes)),
            5 => Operation::Republish(bytes.below(3)),
            6 => Operation::Forward(bytes.below(3)),
            _ => {
                let (site, count) = (bytes.below(SITES.len()), usize::from(bytes.u16()) % 1500);
                let count = count.min(self.bursts);
                self.bursts -= count;
                Operation::Burst(site, count)
            }
        }
    }

    fn ending(&mut self) -> Operation {
        let bytes = &mut self.bytes;
        match bytes.below(12) {
            0 | 1 => Operation::Drop(parts::whom(bytes)),
            2 => Operation::Leave(parts::whom(bytes)),
            3 => Operation::Unsubscribe(parts::whom(bytes)),
            4 => Operation::Close(parts::whom(bytes)),
            5 => Operation::Detach(parts::whom(bytes)),
            6 | 7 => {
                let end = [BagEnd::Drop, BagEnd::Clear, BagEnd::Close, BagEnd::CloseTimeout, BagEnd::SaveFirst];
                let end = bytes.pick(&end);
                Operation::Bag((0..bytes.below(8)).map(|_| parts::whom(bytes)).collect(), end)
            }
            8 => Operation::UnsubscribeAll,
            9 => Operation::UnsubscribeObject(bytes.below(2)),
            10 => Operation::ForgetObject(bytes.below(2)),
            _ => Operation::DropSecond,
        }
    }

    fn standing(&mut self) -> Operation {
        let bytes = &mut self.bytes;
        match bytes.below(8) {
            0..=2 => Operation::Mute(parts::whom(bytes), !bytes.rarely(2), parts::by(bytes)),
            3 | 4 => Operation::Resume(parts::whom(bytes), parts::by(bytes)),
            5 | 6 => Operation::Enable(!bytes.rarely(4)),
            _ => Operation::Reset,
        }
    }

    fn looking(&mut self) -> Operation {
        let bytes = &mut self.bytes;
        match bytes.below(12) {
            0 => Operation::Recent(parts::limit(bytes)),
            1..=3 => Operation::Query(parts::query(bytes)),
            4 | 5 => Operation::Follow,
            6 => Operation::Skip,
            7 => Operation::Since,
            8 => Operation::View,
            9 => Operation::Explain(parts::told(bytes)),
            _ => Operation::Info(parts::whom(bytes)),
        }
    }

    /// What other operations are part of; they are at most so deep. Of several there are less deep ones: else they
    /// would be too many.
    fn holding(&mut self, depth: usize) -> Operation {
        match self.bytes.below(16) {
            0..=2 => Operation::Subscribe(self.request(depth)),
            3 | 4 => Operation::SubscribeObject(self.bytes.below(2), self.request(depth)),
            5 => Operation::Crowd(1 + self.bytes.below(40)),
            6 | 7 => {
                let count = 2 + self.bytes.below(2);
                Operation::Several((0..count).map(|_| self.inside(depth.saturating_sub(1))).collect())
            }
            8..=10 => Operation::Other(Box::new(self.inside(depth))),
            11 => Operation::WithDefault(Box::new(self.inside(depth))),
            12 | 13 => Operation::Elsewhere(Box::new(self.inside(depth))),
            _ => Operation::Panicking(Box::new(self.inside(depth))),
        }
    }

    fn request(&mut self, depth: usize) -> Request {
        Request {
            patterns: parts::patterns(&mut self.bytes),
            wishes: parts::wishes(&mut self.bytes),
            action: self.bytes.rarely(2).then(|| Box::new(self.inside(depth))),
            end: self.bytes.pick(&[End::Fine, End::Fine, End::Fine, End::Error, End::Panic]),
        }
    }
}
