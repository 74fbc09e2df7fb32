//! [`Bytes`]: an input, read as numbers, choices and texts.
//!
//! Every input means something: beyond its end there are zeros, and whatever is read is brought into its range. So a
//! fuzzer may cut and join inputs as it likes.

/// The texts that most names are made of: so they are equal now and then.
const WORDS: [&str; 16] =
    ["a", "b", "ab", "a.b", "x-1", "", " ", "=", "é", "日本", "\u{202e}", "\n", "\"\\", "\u{0}", "🦀", "{[,]}"];

/// What is left of an input.
pub struct Bytes<'a>(&'a [u8]);

// === impl Bytes ===

impl<'a> Bytes<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// A number below `bound`, which is at most 256.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// One chance in `chances`, which are at most 256; never beyond the end.
    pub fn rarely(&mut self, chances: usize) -> bool {
        self.below(chances) == chances - 1
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub fn u128(&mut self) -> u128 {
        u128::from_le_bytes(self.array())
    }

    /// A word, several of them, or up to 255 bytes of the input, where wrong UTF-8 becomes U+FFFD.
    pub fn text(&mut self) -> String {
        match self.byte() {
            word @ 0..=127 => WORDS[usize::from(word) % WORDS.len()].to_owned(),
            count @ 128..=191 => (0..count % 8).map(|_| self.pick(&WORDS)).collect(),
            _ => {
                let length = usize::from(self.byte()).min(self.0.len());
                let (text, rest) = self.0.split_at(length);
                self.0 = rest;
                String::from_utf8_lossy(text).into_owned()
            }
        }
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let length = N.min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        array[..length].copy_from_slice(taken);
        self.0 = rest;
        array
    }
}
