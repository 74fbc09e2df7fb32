//! Every rule is seen to fail on a small faulty source, and to let its innocent twin pass.

use super::faults;
use crate::context::{Context, Scratch};

/// The rules (with lines) that a tree of one file breaks.
fn broken(path: &str, text: &str) -> Vec<String> {
    rules(&[(path, text)])
}

fn rules(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> = files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
    let short = |line: String| {
        let mut parts = line.splitn(3, ':');
        let (_, at, rest) = (parts.next(), parts.next(), parts.next());
        let rule = rest.and_then(|rest| rest.split(['[', ']']).nth(1));
        format!("{}:{}", at.unwrap_or_default(), rule.unwrap_or_default())
    };
    faults(&sources).into_iter().map(short).collect()
}

#[test]
fn a_room_may_not_know_a_later_one() {
    let source = "use crate::sync::Arc;\nuse crate::{contain::x, bus::Bus};\n";
    assert_eq!(broken("src/event/mod.rs", source), ["2:order"]);
    assert_eq!(broken("src/publish.rs", source), [""; 0]);
    assert_eq!(broken("src/event.rs", "fn f(b: &crate::bus::Bus) {}"), ["1:order"]);
}

#[test]
fn siblings_do_not_know_each_other() {
    let source = "use crate::history::Ring;\nuse crate::dispatch::Table;";
    assert_eq!(broken("src/dispatch/table.rs", source), ["1:order"]);
    assert_eq!(broken("src/history/mod.rs", source), ["2:order"]);
    assert_eq!(broken("src/sync/mod.rs", "use crate::contain::drop_contained;"), ["1:order"]);
}

#[test]
fn super_is_no_way_around() {
    let up = "use super::super::bus::Bus;\nuse super::kind::Kind;";
    assert_eq!(broken("src/event/id.rs", up), ["1:order"]);
    assert_eq!(broken("src/event.rs", "use super::bus::Bus;"), ["1:order"]);
    let inline = "mod a { use super::kind::Kind; use super::super::bus::Bus; }";
    assert_eq!(broken("src/event/mod.rs", inline), ["1:order"]);
    assert_eq!(broken("src/bus/a/b.rs", "use super::super::bus::Bus;"), [""; 0]);
}

#[test]
fn rooms_import_from_rooms_and_never_docs() {
    assert_eq!(broken("src/dispatch.rs", "use crate::Event;"), ["1:order"]);
    assert_eq!(broken("src/dispatch.rs", "use crate::*;"), ["1:order"]);
    assert_eq!(broken("src/bus.rs", "use crate::docs::promises;"), ["1:order"]);
    assert_eq!(broken("src/attic.rs", ""), ["1:order"]);
    assert_eq!(broken("src/docs.rs", "use crate::bus::Bus;"), [""; 0]);
    assert_eq!(broken("src/lib.rs", "pub use crate::bus::Bus; pub use event::Event;"), [""; 0]);
}

#[test]
fn ext_uses_the_face() {
    let source = "use crate::Event;\nuse crate::sync::Mutex;\nuse crate::bus::Bus;";
    assert_eq!(broken("src/ext/queue.rs", source), ["3:order"]);
    assert_eq!(broken("src/bus.rs", "use crate::ext::queue::Queue;"), ["1:order"]);
}

#[test]
fn words_and_macros_and_tests_are_free() {
    let source = "/// See [`crate::bus::Bus`].\nconst A: &str = \"crate::bus\";\n\
        macro_rules! m { () => { $crate::bus::Bus::new() } }\n\
        #[cfg(test)]\nmod tests { use crate::bus::Bus; use std::sync::atomic::AtomicU8; }";
    assert_eq!(broken("src/event.rs", source), [""; 0]);
    let twin = source.replace("#[cfg(test)]", "#[cfg(unix)]");
    assert_eq!(broken("src/event.rs", &twin), ["5:order", "5:sync"]);
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_free() {
    let test = "use crate::bus::Bus;";
    let marked = [("src/event/mod.rs", "#[cfg(test)]\nmod tests;"), ("src/event/tests.rs", test)];
    assert_eq!(rules(&marked), [""; 0]);
    let plain = [("src/event/mod.rs", "mod tests;"), ("src/event/tests.rs", test)];
    assert_eq!(rules(&plain), ["1:order"]);
    let nested = [("src/bus.rs", "#[cfg(test)] mod a;"), ("src/bus/a/b.rs", "use loom::x;")];
    assert_eq!(rules(&nested), [""; 0]);
}

#[test]
fn only_sync_names_atomics() {
    for line in [
        "use std::sync::atomic::AtomicU64;",
        "use std::sync::{Arc, atomic::Ordering};",
        "use core::{fmt, sync::atomic};",
        "fn f() { std::sync::atomic::fence(o) }",
        "use std::sync;",
        "use std::sync::{self, Arc};",
        "use std::sync::*;",
        "use ::arc_swap::ArcSwap;",
        "use crossbeam_utils::CachePadded;",
        "static M: parking_lot::Mutex<()> = x;",
        "use loom as l;",
        "use once_cell::race::OnceBox;",
    ] {
        assert_eq!(broken("src/bus.rs", line), ["1:sync"], "{line}");
        assert_eq!(broken("src/lib.rs", line), ["1:sync"], "{line}");
        assert_eq!(broken("src/sync/mod.rs", line), [""; 0], "{line}");
        assert_eq!(broken("tests/stress.rs", line), [""; 0], "{line}");
    }
    let twin = "use std::sync::{Arc, Weak}; use crate::sync::atomic::fence; fn loom(x: loom) {}";
    assert_eq!(broken("src/bus.rs", twin), [""; 0]);
}

#[test]
fn unsafe_has_its_places() {
    let source = "// SAFETY: none.\nunsafe { f() }";
    assert_eq!(broken("src/bus.rs", source), ["2:unsafe"]);
    assert_eq!(broken("src/history/ring.rs", source), ["2:unsafe"]);
    assert_eq!(broken("examples/scan.rs", source), ["2:unsafe"]);
    for path in ["src/sync/once.rs", "src/history/slot.rs", "tests/allocations.rs"] {
        assert_eq!(broken(path, source), [""; 0]);
    }
    assert_eq!(broken("src/bus.rs", "#![forbid(unsafe_code)] // unsafe\n"), [""; 0]);
}

#[test]
fn unsafe_says_why() {
    let bare = "fn f() {\n    unsafe { g() }\n}\nunsafe impl Send for X {}";
    assert_eq!(broken("src/sync/a.rs", bare), ["2:safety", "4:safety"]);
    let far = "// SAFETY: said of another.\nlet a = 1;\nlet b = unsafe { g() };";
    assert_eq!(broken("src/sync/a.rs", far), ["3:safety"]);
    let shared = "// SAFETY: of the first only.\nunsafe impl Send for X {}\nunsafe impl Sync for X {}";
    assert_eq!(broken("src/sync/a.rs", shared), ["3:safety"]);
    let good = "// SAFETY: a reason\n// of two lines.\n#[inline]\nunsafe impl Send for X {}\n\n\
        // SAFETY: above a long statement.\nlet long =\n    unsafe { g() };\n\
        /// # Safety\n/// The caller's.\nunsafe fn h() {}";
    assert_eq!(broken("src/sync/a.rs", good), [""; 0]);
}

#[test]
fn files_are_short() {
    assert_eq!(broken("tests/long.rs", &"//\n".repeat(501)), ["501:length"]);
    assert_eq!(broken("tests/long.rs", &"//\n".repeat(500)), [""; 0]);
}

#[test]
fn nothing_is_left_over() {
    let source = "fn f() {\n  println!(\"a\");\n  todo!()\n}\n#[cfg(test)]\nmod t { fn g() { dbg!(1); } }";
    assert_eq!(broken("src/bus.rs", source), ["2:leftover", "3:leftover", "6:leftover"]);
    assert_eq!(broken("examples/scan.rs", source), [""; 0]);
    assert_eq!(broken("src/bus.rs", "/// println!(\"x\")\nfn todo() { a.todo != b }"), [""; 0]);
}

#[test]
fn nothing_is_ignored() {
    assert_eq!(broken("tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}"), ["2:ignore"]);
    assert_eq!(broken("xtask/src/a.rs", "#[cfg_attr(unix, ignore)]\nfn a() {}"), ["1:ignore"]);
    assert_eq!(broken("src/bus.rs", "//! ```rust,ignore\n//! x\n//! ```"), ["1:ignore"]);
    assert_eq!(broken("tests/a.rs", "// #[ignore]\n#[allow(ignore_this)]\nfn ignore() {}"), [""; 0]);
}

#[test]
fn a_tree_is_read_without_what_was_built() {
    let scratch = Scratch::new("rooms");
    let bad = "use crate::bus::Bus;";
    scratch.write(&[
        ("Cargo.toml", ""),
        ("src/lib.rs", "mod event;"),
        ("src/event.rs", "use crate::sync::Arc;"),
        ("tests/compile-fail/target/debug/event.rs", "#[ignore]"),
        ("src/.hidden/event.rs", bad),
    ]);
    let context = Context::at(scratch.0.clone(), scratch.0.join("out")).expect("context");
    assert_eq!(super::check(&context), Ok(()));
    scratch.write(&[("src/event.rs", bad)]);
    let why = super::check(&context).expect_err("event knows bus");
    assert!(why.starts_with("1 breaches"), "{why}");
}
