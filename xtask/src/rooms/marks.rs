//! What surrounds a word: test code, and inline modules.
//!
//! Promises to take for test code only what surely is: what stands below a `#[cfg(…)]` that never
//! holds without `test`, be it an item, a field or a whole file. All else is code of the library.

use super::lexer::{Word, words};

/// A file, cut into words that know what surrounds them.
#[derive(Debug, Default)]
pub(super) struct Words<'a> {
    pub(super) words: Vec<Word<'a>>,
    /// Modules in other files that are test code: `#[cfg(test)] mod name;`.
    pub(super) test_files: Vec<&'a str>,
}

/// Cuts a source into words and marks them.
pub(super) fn cut(source: &str) -> Words<'_> {
    mark(words(source))
}

/// Fills in `test` and `depth`, and collects the test modules in other files.
fn mark(mut words: Vec<Word<'_>>) -> Words<'_> {
    let mut test_files = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match attribute(&words, at) {
            Some((end, inner)) => {
                if is_test(&words[at..end]) {
                    let stop = if inner { words.len() } else { item_end(&words, end) };
                    words[at..stop].iter_mut().for_each(|word| word.test = true);
                    if let [.., m, name, semicolon] = &words[at..stop] {
                        if m.text == "mod" && semicolon.text == ";" {
                            test_files.push(name.text);
                        }
                    }
                }
                at = end;
            }
            None => at += 1,
        }
    }
    measure(&mut words);
    Words { words, test_files }
}

/// If an attribute begins here: where it ends, and whether it is an inner one (`#![…]`).
pub(super) fn attribute(words: &[Word<'_>], at: usize) -> Option<(usize, bool)> {
    let is = |at: usize, text: &str| words.get(at).is_some_and(|word| word.text == text);
    let inner = is(at + 1, "!");
    let open = at + 1 + usize::from(inner);
    (is(at, "#") && is(open, "[")).then(|| (group_end(words, open), inner))
}

/// Whether the attribute is a `cfg` that never holds without `test`.
fn is_test(attribute: &[Word<'_>]) -> bool {
    let texts: Vec<&str> = attribute.iter().map(|word| word.text).collect();
    match &texts[..] {
        ["#", "[", "cfg", "(", condition @ .., ")", "]"] | ["#", "!", "[", "cfg", "(", condition @ .., ")", "]"] => {
            needs_test(condition)
        }
        _ => false,
    }
}

/// `test` itself, `all` of which one needs it, `any` of which each does; never `not`, nor others.
fn needs_test(condition: &[&str]) -> bool {
    match condition {
        ["test"] => true,
        ["all", "(", inner @ .., ")"] => parts(inner).into_iter().any(needs_test),
        ["any", "(", inner @ .., ")"] => !inner.is_empty() && parts(inner).into_iter().all(needs_test),
        _ => false,
    }
}

/// What the commas divide that stand in no parentheses.
fn parts<'w, 'a>(list: &'w [&'a str]) -> Vec<&'w [&'a str]> {
    let mut nested = 0_usize;
    let parts = list.split(|&text| {
        match text {
            "(" => nested += 1,
            ")" => nested = nested.saturating_sub(1),
            _ => {}
        }
        text == "," && nested == 0
    });
    parts.filter(|part| !part.is_empty()).collect()
}

/// Where the bracket that opens here is closed (one past it).
fn group_end(words: &[Word<'_>], open: usize) -> usize {
    let mut nested = 0_usize;
    for (at, word) in words.iter().enumerate().skip(open) {
        match word.text {
            "(" | "[" | "{" => nested += 1,
            ")" | "]" | "}" => nested = nested.saturating_sub(1),
            _ => {}
        }
        if nested == 0 {
            return at + 1;
        }
    }
    words.len()
}

/// Where the item (or field, or variant) that begins here ends: after its `;` or its braces.
fn item_end(words: &[Word<'_>], mut at: usize) -> usize {
    while let Some((end, _)) = attribute(words, at) {
        at = end;
    }
    // A field or a variant begins with its own name, and a comma may end it.
    let own_name = words.get(at).is_some_and(|word| word.is_name() && !begins_item(word.text));
    let mut import = false;
    while let Some(word) = words.get(at) {
        import |= word.text == "use" && words.get(at + 1).is_some_and(|next| next.text != "<");
        match word.text {
            ";" => return at + 1,
            "," if own_name => return at + 1,
            "{" if !import => return group_end(words, at),
            "(" | "[" | "{" => at = group_end(words, at),
            "}" | ")" | "]" => return at, // The end of what holds a field or a variant.
            _ => at += 1,
        }
    }
    words.len()
}

fn begins_item(word: &str) -> bool {
    matches!(
        word,
        "pub"
            | "use"
            | "mod"
            | "fn"
            | "const"
            | "static"
            | "type"
            | "struct"
            | "enum"
            | "union"
            | "trait"
            | "impl"
            | "extern"
            | "unsafe"
            | "async"
            | "let"
            | "macro_rules"
    )
}

/// Fills in `depth`.
fn measure(words: &mut [Word<'_>]) {
    let mut braces = Vec::new(); // For each open brace: does it belong to a module?
    let mut depth = 0;
    for at in 0..words.len() {
        match words[at].text {
            "{" => {
                let module = at >= 2 && words[at - 2].text == "mod" && words[at - 1].is_name();
                braces.push(module);
                depth += usize::from(module);
            }
            "}" => depth -= usize::from(braces.pop().unwrap_or(false)),
            _ => {}
        }
        words[at].depth = depth;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_code_is_marked_and_nothing_else() {
        let source = "a; #[cfg(test)] use b::{c}; d; #[cfg(all(test, unix))] #[x] mod e { f() } g;
            #[cfg(not(test))] fn h() {} #[cfg(any(test, unix))] fn i() {} #[cfg(test)] mod j;
            struct S { #[cfg(test)] k: [u8; 2], m: T<u8> } l;
            #[cfg(test)] impl<N, O> P {}";
        let marked = |test: bool| -> Vec<&str> {
            let words = cut(source).words;
            let chosen = words.iter().filter(|word| word.test == test && word.text.len() == 1);
            chosen.map(|word| word.text).filter(|text| text.as_bytes()[0].is_ascii_lowercase()).collect()
        };
        assert_eq!(marked(true), ["b", "c", "x", "e", "f", "j", "k"]);
        assert_eq!(marked(false), ["a", "d", "g", "h", "i", "m", "l"]);
        assert_eq!(cut(source).test_files, ["j"]);
        assert!(cut("#![cfg(test)] fn a() {} fn b() {}").words.iter().all(|word| word.test));
    }

    #[test]
    fn a_condition_is_test_code_only_if_it_never_holds_without() {
        let test = |condition: &str| cut(&format!("#[cfg({condition})] fn f() {{}}")).words[0].test;
        for condition in [
            "test",
            "all(test, not(ringbus_loom))",
            "all(feature = \"serde\", any(all(unix, test), test,),)",
            "any(test)",
        ] {
            assert!(test(condition), "{condition}");
        }
        for condition in ["not(test)", "any(test, unix)", "all(unix, not(test))", "any()", "tests"] {
            assert!(!test(condition), "{condition}");
        }
    }

    #[test]
    fn inline_modules_are_counted() {
        let source = "a mod b { c fn d() { e mod f { g } } } h";
        let depth = |text: &str| cut(source).words.iter().find(|word| word.text == text).map(|word| word.depth);
        assert_eq!(["a", "c", "e", "g", "h"].map(depth), [0, 1, 1, 2, 0].map(Some));
    }
}
