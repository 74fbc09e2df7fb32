//! P12: a second global bus is refused and handed back. In a process of its own: the bus is global.

use ringbus::{Bus, publish_event};

#[test]
fn p12_a_second_global_bus_is_refused_and_handed_back() {
    let first = Bus::builder().history(7).build().unwrap();
    ringbus::set_global(first.clone()).unwrap();
    let second = Bus::builder().history(9).build().unwrap();
    let refused = ringbus::set_global(second.clone()).unwrap_err();
    assert!(refused.to_string().contains("there is a global bus already"), "{refused}");
    assert!(refused.0.same_bus(&second));
    assert!(ringbus::global().same_bus(&first));
    publish_event!("p12.global", n = 1);
    assert_eq!((first.recent(10).len(), second.recent(10).len()), (1, 0));
}
