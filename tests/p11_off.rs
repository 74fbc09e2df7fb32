//! P11: a call site on the global bus that is off evaluates nothing. In a process of its own: the bus is global.

use std::sync::atomic::{AtomicU32, Ordering};

use ringbus::{Bus, Outcome, publish_event};

static EVALUATED: AtomicU32 = AtomicU32::new(0);

fn argument() -> u32 {
    EVALUATED.fetch_add(1, Ordering::Relaxed)
}

fn publish() -> Outcome {
    publish_event!("p11.call", source: argument().to_string(), n = argument(), m = %argument()).outcome
}

fn dynamic() -> Outcome {
    publish_event!(kind: format!("p11.call{}", argument()), n = argument()).outcome
}

#[test]
fn p11_a_call_site_that_is_off_evaluates_nothing() {
    ringbus::set_global(Bus::builder().history(0).enabled(false).build().unwrap()).unwrap();
    let evaluated = || EVALUATED.swap(0, Ordering::Relaxed);
    let both = |outcome| assert_eq!((publish(), dynamic()), (outcome, outcome));

    both(Outcome::Disabled);
    ringbus::enable();
    both(Outcome::Disabled); // enabled, but nobody subscribed and no history
    assert_eq!(evaluated(), 0);

    let guard = ringbus::subscribe(|_| {});
    both(Outcome::Published);
    assert_eq!(evaluated(), 5);

    ringbus::disable();
    both(Outcome::Disabled);
    ringbus::enable();
    drop(guard);
    both(Outcome::Disabled);
    assert_eq!(evaluated(), 0);
}
