//! Differences of statistics, as a user sees them.

use std::time::Duration;

use ringbus::{Bus, Stats, StatsMismatch, publish_event};

#[test]
fn a_delta_holds_what_was_counted_in_between() {
    let bus = Bus::builder().history(2).depth_limit(1).build().unwrap();
    let weak = bus.downgrade();
    let _fails = bus.on("bad").unwrap().try_subscribe(|_| Err("ordered".into()));
    let _nests = bus.on("deep").unwrap().subscribe(move |_| {
        publish_event!(bus: &weak.upgrade().unwrap(), "nested");
    });
    publish_event!(bus: &bus, "bad");
    let before = bus.stats();
    for _ in 0..3 {
        publish_event!(bus: &bus, "bad");
    }
    publish_event!(bus: &bus, "deep");
    publish_event!(bus: &bus, kind: "no kind");
    let after = bus.stats();

    let delta = after.since(&before).unwrap();
    assert_eq!(delta.elapsed, after.uptime - before.uptime);
    let totals = &delta.totals;
    assert_eq!((totals.published, totals.delivered, totals.failed, totals.panicked), (5, 1, 3, 0));
    assert_eq!((totals.overwritten, totals.depth_stops, totals.invalid_kinds), (4, 1, 1));
    assert_eq!((totals.refused, totals.while_panicking), (0, 0));
    assert_eq!(after.since(&after).unwrap().totals, Stats::default().totals);
}

#[test]
fn uptime_never_goes_back_and_a_reset_leaves_it() {
    let bus = Bus::new();
    let mut last = bus.stats();
    assert_eq!(last.resets, 0);
    for resets in 1..=50 {
        bus.reset();
        let now = bus.stats();
        assert!(now.uptime >= last.uptime);
        assert_eq!(now.resets, resets);
        last = now;
    }
    let other = Bus::new();
    assert_eq!(other.stats().resets, 0, "each bus counts its own");
}

#[test]
fn what_cannot_be_compared_is_refused_with_both_values() {
    let bus = Bus::new();
    let first = bus.stats();
    bus.reset();
    bus.reset();
    let mut second = bus.stats();
    second.uptime = first.uptime + Duration::from_secs(1);
    let error = second.since(&first).unwrap_err();
    assert_eq!(error, StatsMismatch::Reset { earlier: 0, later: 2 });
    assert!(error.to_string().contains("0 resets at first, 2 then"), "{error}");

    let (mut early, mut late) = (Stats::default(), Stats::default());
    (early.uptime, late.uptime) = (Duration::from_secs(1), Duration::from_secs(3));
    let error = early.since(&late).unwrap_err();
    let (earlier, later) = (late.uptime, early.uptime);
    assert_eq!(error, StatsMismatch::Reversed { earlier, later });
    assert!(error.to_string().contains("an uptime of 3s, after the others, taken at 1s"), "{error}");
}

#[test]
fn the_table_shows_counts_and_rates() {
    let (mut early, mut late) = (Stats::default(), Stats::default());
    (early.uptime, late.uptime) = (Duration::from_secs(1), Duration::from_millis(3_500));
    (early.totals.published, late.totals.published) = (100, 1100);
    (late.totals.delivered, late.totals.failed, late.totals.panicked) = (2100, 5, 1);
    let delta = late.since(&early).unwrap();
    assert_eq!(delta.per_second(delta.totals.published), 400.0);
    let table = "\
elapsed                           2.5 s
published                          1000           400.0 /s
delivered                          2100           840.0 /s
failed                                5             2.0 /s
panicked                              1             0.4 /s
overwritten                           0             0.0 /s
";
    assert_eq!(delta.to_string(), table);
}
