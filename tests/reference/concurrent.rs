//! Several threads run small programs on the real bus, and what each of them saw is checked afterwards, for what must
//! hold however they met.
//!
//! 1. A [`program`] says what each thread does, and which subscriptions there may be.
//! 2. A [`stage`] is where it runs. A subscription goes through phases, each announced where its thread can prove it:
//!    before it is begun, after subscribing has returned, before it is ended, after that has returned; so does each
//!    [`switch`], which mutes a subscription or turns the bus off.
//! 3. A publisher looks at all that before and after each publish; what it finds says which handlers must have seen the
//!    event, which may, and which must not: see [`explain`]. The fences make "after" a proof: a publish that met a change
//!    sees what was announced before that change. No check asks for a time.
//! 4. Where the crate can be stopped between two of its steps, it is [shaken](shake).

mod explain;
mod program;
mod shake;
mod stage;
mod switch;

use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::config(3))]

    #[test]
    fn what_threads_saw_can_be_explained(program in program::program()) {
        for _ in 0..6 {
            stage::run(&program);
        }
    }
}
