//! A process-control monitor as people write it: typed events, several subscribers for each, async handlers, and callers who
//! want to know what became of an event.
#![cfg(all(feature = "derive", feature = "async", not(ringbus_loom)))]

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ringbus::{BoxError, Bus, Event, EventOf, Outcome, Payload, Priority, publish_event};

const LONG: Duration = Duration::from_secs(60);

#[path = "support/control_system.rs"]
mod control;
use control::*;

mod subscribing {
    use super::*;

    #[test]
    fn a_subscriber_gets_its_own_type_and_no_other() {
        let bus = Bus::new();
        let (samples, write) = list();
        let _guard = bus.subscribe_to::<SampleProcessed>(write).unwrap();
        assert_eq!(bus.publish(sample(1.5)).delivered, 1);
        assert_eq!(bus.publish(violation(1)).delivered, 0);
        assert_eq!(*samples.lock().unwrap(), [sample(1.5)]);
    }

    #[test]
    fn several_subscribers_of_one_type_share_one_payload() {
        let bus = Bus::new();
        let (places, write) = list::<usize>();
        let at = |write: &(dyn Fn(&usize) + Send + Sync), limits: &ControlLimitsUpdated| {
            write(&std::ptr::from_ref(limits).addr());
        };
        let guards = [(); 3].map(|()| {
            let write = write.clone();
            bus.subscribe_to(move |limits| at(&write, limits)).unwrap()
        });
        let delivery = bus.publish(ControlLimitsUpdated { characteristic: 7, lower: -3.0, upper: 3.0 });
        assert_eq!((delivery.delivered, guards.len()), (3, 3));
        let event = delivery.event.unwrap();
        let payload = std::ptr::from_ref(event.payload_as::<ControlLimitsUpdated>().unwrap()).addr();
        assert_eq!(*places.lock().unwrap(), [payload; 3]);
    }

    #[test]
    fn nothing_comes_after_unsubscribing() {
        let bus = Bus::new();
        let (seen, write) = list();
        let guard = bus.subscribe_to::<ViolationCreated>(write.clone()).unwrap();
        let other = bus.subscribe_to::<ViolationCreated>(write).unwrap();
        bus.publish(violation(1));
        guard.unsubscribe();
        assert_eq!(bus.publish(violation(2)).delivered, 1);
        assert!(bus.unsubscribe(other.id()) && !bus.unsubscribe(other.id()));
        assert_eq!(bus.publish(violation(3)).delivered, 0);
        assert_eq!(*seen.lock().unwrap(), [violation(1), violation(1), violation(2)]);
    }

    #[tokio::test]
    async fn an_async_subscriber_that_is_closed_has_handled_what_waited() {
        let bus = Bus::new();
        let (may, done, guard) = held(&bus);
        (1..=3).for_each(|id| assert_eq!(bus.publish(violation(id)).enqueued, 1));
        may.add_permits(3);
        guard.close_async().await.unwrap();
        assert_eq!(bus.publish(violation(4)).enqueued, 0);
        assert_eq!((done.lock().unwrap().clone(), guard.info().delivered), (vec![1, 2, 3], 3));
    }

    #[test]
    fn a_filter_says_which_events_of_a_type_are_wanted() {
        let bus = Bus::new();
        let (seen, write) = list::<f64>();
        let far = bus.on_payload::<SampleProcessed>().unwrap().named("far");
        let far = far.filter(|event| event.payload_as::<SampleProcessed>().is_some_and(|sample| sample.mean > 3.0));
        let far = far.subscribe(move |sample| write(&sample.mean));
        [1.0, 4.0, 2.0, 5.0].iter().for_each(|mean| drop(bus.publish(sample(*mean))));
        assert_eq!(*seen.lock().unwrap(), [4.0, 5.0]);
        assert_eq!((far.info().delivered, far.info().skipped), (2, 2));
    }

    #[test]
    fn subscribers_are_called_by_their_order_and_urgent_events_overtake() {
        let bus = Bus::new();
        let (seen, write) = list::<&str>();
        let named = |name: &'static str, order| {
            let write = write.clone();
            bus.on_payload::<CharacteristicDeleted>().unwrap().order(order).subscribe(move |_| write(&name))
        };
        let guards = [named("audit", -1), named("charts", 0), named("limits", 10)];
        bus.publish(CharacteristicDeleted { characteristic: 7 });
        assert_eq!((seen.lock().unwrap().clone(), guards.len()), (vec!["limits", "charts", "audit"], 3));

        let mut alerts = bus.on_payload::<AlertThresholdExceeded>().unwrap().queued().by_priority().receiver().unwrap();
        for (violations, priority) in [(1, Priority::Low), (2, Priority::Normal), (3, Priority::Critical)] {
            let alert = Event::from_payload(AlertThresholdExceeded { characteristic: 7, violations }).unwrap();
            let mut builder = Event::builder(alert.kind().clone()).priority(priority);
            builder = builder.field("characteristic", 7_u64).field("violations", violations);
            let registry = ringbus::Registry::new().with::<AlertThresholdExceeded>().unwrap();
            bus.publish(registry.build(builder.build().unwrap()).unwrap());
        }
        assert_eq!(alerts.try_iter().map(|alert| alert.violations).collect::<Vec<_>>(), [3, 2, 1]);
    }

    #[test]
    fn who_comes_late_is_told_of_the_past() {
        let bus = Bus::new();
        (1..=5).for_each(|id| drop(bus.publish(violation(id))));
        bus.publish(sample(1.0));
        let (seen, write) = list::<u64>();
        let late = bus.on_payload::<ViolationCreated>().unwrap().replay(2);
        let _late = late.subscribe(move |violation| write(&violation.id));
        bus.publish(violation(6));
        assert_eq!(*seen.lock().unwrap(), [4, 5, 6]);
        let mut queued = bus.on_payload::<ViolationCreated>().unwrap().replay(1).receiver().unwrap();
        assert_eq!(queued.try_iter().map(|violation| violation.id).collect::<Vec<_>>(), [6]);
    }

    #[test]
    fn a_subscriber_of_one_event_leaves_after_it() {
        let bus = Bus::new();
        let (seen, write) = list::<CharacteristicCreated>();
        let once = bus.on_payload::<CharacteristicCreated>().unwrap().once().subscribe(write);
        let created = |characteristic| CharacteristicCreated { characteristic, name: "bore".into() };
        assert_eq!([1, 2].map(|id| bus.publish(created(id)).delivered), [1, 0]);
        assert_eq!((seen.lock().unwrap().clone(), once.is_active()), (vec![created(1)], false));
        let expected = bus.expecting_of::<CharacteristicUpdated>().unwrap();
        bus.publish(CharacteristicUpdated { characteristic: 1, name: "bore, inner".into() });
        assert_eq!(expected.within(LONG).unwrap().name, "bore, inner");
        assert!(bus.subscriptions().is_empty());
    }
}

mod fire_and_forget {
    use super::*;

    #[tokio::test]
    async fn the_publisher_goes_on_while_async_handlers_wait() {
        let bus = Bus::new();
        let (may, done, guard) = held(&bus);
        for id in 1..=100 {
            assert_eq!((bus.publish(violation(id)).enqueued, done.lock().unwrap().len()), (1, 0));
        }
        may.add_permits(100);
        guard.close_async().await.unwrap();
        assert_eq!(*done.lock().unwrap(), (1..=100).collect::<Vec<_>>(), "in order");
    }

    #[test]
    fn the_publisher_goes_on_while_a_thread_works() {
        let bus = Bus::new();
        let (go, may_go) = mpsc::channel::<()>();
        let slow = bus.on_payload::<SampleProcessed>().unwrap().in_thread();
        let slow = slow.subscribe(move |_| assert!(may_go.recv().is_err())).unwrap();
        (0..50).for_each(|n| assert_eq!(bus.publish(sample(n.into())).enqueued, 1));
        assert_eq!(slow.info().delivered, 0);
        drop(go);
        bus.wait_idle(LONG).unwrap();
        assert_eq!(slow.info().delivered, 50);
    }

    #[test]
    fn without_subscribers_an_event_is_recorded_and_that_is_all() {
        let bus = Bus::new();
        let delivery = bus.publish(sample(1.0));
        assert_eq!((delivery.outcome, delivery.delivered, delivery.enqueued), (Outcome::Published, 0, 0));
        assert_eq!(bus.recent(1)[0].payload_as::<SampleProcessed>(), Some(&sample(1.0)));
        assert_eq!(bus.stats().totals.unheard, 1);
    }

    #[test]
    fn a_topic_publishes_from_many_threads() {
        let bus = Bus::new();
        let topic = bus.topic::<SampleProcessed>().unwrap();
        let pool = bus.on_payload::<SampleProcessed>().unwrap().in_pool(2).subscribe(|_| {}).unwrap();
        std::thread::scope(|scope| {
            (0..4).for_each(|_| {
                let topic = topic.clone();
                scope.spawn(move || (0..50).for_each(|n| drop(topic.publish(sample(n.into())))));
            });
        });
        bus.wait_idle(LONG).unwrap();
        assert_eq!((pool.info().delivered, bus.stats().totals.published), (200, 200));
    }
}

mod waiting {
    use super::*;

    #[tokio::test]
    async fn who_waits_has_all_handlers_behind_him() {
        let bus = Bus::new();
        let (may, done, _held) = held(&bus);
        let (seen, write) = list();
        let _sync = bus.subscribe_to::<ViolationCreated>(write).unwrap();
        let _thread = bus.on_payload::<ViolationCreated>().unwrap().in_thread().subscribe(|_| {}).unwrap();
        may.add_permits(1);
        let waited = bus.publish_and_wait_async(violation(1), LONG).await.unwrap();
        assert!(waited.is_complete() && waited.delivered == 3, "{waited:?}");
        assert_eq!((done.lock().unwrap().clone(), seen.lock().unwrap().clone()), (vec![1], vec![violation(1)]));
    }

    #[test]
    fn who_waits_gets_the_list_of_errors() {
        let bus = Bus::new();
        let fails = |name: &str| bus.on_payload::<AlertThresholdExceeded>().unwrap().named(name);
        let _sync = fails("mail").try_subscribe(|_| Err("no route to host".into()));
        let _thread = fails("pager").in_thread().try_subscribe(|_| Err("busy".into())).unwrap();
        let _panics = fails("chat").in_pool(2).subscribe(|alert| panic!("{} violations", alert.violations)).unwrap();
        let _fine = fails("log").in_thread().subscribe(|_| {}).unwrap();
        let alert = AlertThresholdExceeded { characteristic: 7, violations: 3 };
        let waited = bus.publish_and_wait(alert, LONG).unwrap();
        let mut errors: Vec<_> = waited.errors.iter().map(|error| error.to_string()).collect();
        errors.sort();
        let on = "on typed_system.alert.exceeded";
        let expected = ["chat panicked: 3 violations", "mail failed: no route to host", "pager failed: busy"];
        for (error, expected) in errors.iter().zip(expected) {
            assert!(error.starts_with(&format!("handler {expected} {on}")), "{error}");
        }
        assert_eq!((errors.len(), waited.delivered, waited.running.len()), (3, 1, 0));
    }

    #[tokio::test]
    async fn past_the_limit_who_waits_is_told_who_is_at_it() {
        let bus = Bus::new();
        let (may, done, guard) = held(&bus);
        let waited = bus.publish_and_wait_async(violation(1), Duration::from_millis(1)).await.unwrap();
        assert_eq!((waited.running.len(), waited.running[0].name.as_deref()), (1, Some("held")));
        assert!(!waited.is_complete() && waited.errors.is_empty());
        may.add_permits(1);
        guard.close_async().await.unwrap();
        assert_eq!(*done.lock().unwrap(), [1], "nobody was stopped");
    }
}

mod error_isolation {
    use super::*;

    #[tokio::test]
    async fn one_that_panics_or_fails_harms_no_other() {
        let bus = Bus::new();
        let (seen, write) = list();
        let _panics = bus.on_payload::<ViolationCreated>().unwrap().order(1).subscribe(|_| panic!("sync"));
        let panics = bus.subscribe_async_to(|_: EventOf<ViolationCreated>| async { panic!("async") }).unwrap();
        let _fine = bus.subscribe_to::<ViolationCreated>(write).unwrap();
        for id in 1..=2 {
            let waited = bus.publish_and_wait_async(violation(id), LONG).await.unwrap();
            assert_eq!((waited.errors.len(), waited.delivered), (2, 1), "{waited:?}");
        }
        assert_eq!((seen.lock().unwrap().len(), panics.info().panicked), (2, 2));
    }

    #[tokio::test]
    async fn what_a_forwarder_cannot_deliver_is_kept_and_sent_again() {
        let bus = Bus::new();
        let up = Arc::new(Mutex::new(false));
        let is_up = Arc::clone(&up);
        let send = move |_: EventOf<ViolationCreated>| {
            let is_up = *is_up.lock().unwrap();
            async move { if is_up { Ok(()) } else { Err::<(), BoxError>("broker down".into()) } }
        };
        let mqtt = bus.on_payload::<ViolationCreated>().unwrap().named("mqtt").in_tokio().unwrap().try_subscribe(send);
        let mqtt = mqtt.unwrap();
        let waited = bus.publish_and_wait_async(violation(1), LONG).await.unwrap();
        assert_eq!(waited.errors.len(), 1);
        *up.lock().unwrap() = true;
        let letter = bus.take_dead_letters().remove(0);
        assert_eq!(letter.event.payload_as::<ViolationCreated>(), Some(&violation(1)));
        assert_eq!(letter.name.as_deref(), Some("mqtt"));
        assert_eq!(letter.republish(&bus).enqueued, 1);
        mqtt.close_async().await.unwrap();
        assert_eq!((mqtt.info().delivered, mqtt.info().failed, bus.dead_letters().len()), (1, 1, 0));
    }
}

mod shutdown {
    use super::*;

    #[tokio::test]
    async fn it_waits_for_what_is_pending() {
        let bus = Bus::new();
        let (may, done, guard) = held(&bus);
        let _thread = bus.on_payload::<ViolationCreated>().unwrap().in_thread().subscribe(|_| {}).unwrap();
        (1..=5).for_each(|id| drop(bus.publish(violation(id))));
        let shutting = tokio::spawn(bus.shutdown_async(LONG));
        while !bus.is_shut_down() {
            tokio::task::yield_now().await;
        }
        assert_eq!((done.lock().unwrap().len(), shutting.is_finished()), (0, false));
        may.add_permits(5);
        let report = shutting.await.unwrap();
        assert!(report.is_complete() && report.handlers.len() == 2, "{report}");
        assert_eq!((done.lock().unwrap().clone(), guard.info().delivered), ((1..=5).collect(), 5));
    }

    #[tokio::test]
    async fn after_it_events_are_refused_and_at_its_limit_the_rest_is_told() {
        let bus = Bus::new();
        let (_may, done, guard) = held(&bus);
        (1..=3).for_each(|id| drop(bus.publish(violation(id))));
        let report = bus.shutdown_async(Duration::ZERO).await;
        assert_eq!((report.drained(), report.is_complete()), (0, false));
        // What the task is being polled for at the limit is no longer waiting: it runs.
        let left = (report.abandoned(), report.handlers[0].running);
        assert!(left.0 == 3 || left == (2, true), "{report}");
        let delivery = bus.publish(violation(4));
        assert_eq!((delivery.outcome, delivery.event.is_none()), (Outcome::ShutDown, true));
        assert!(!bus.subscribe_to(|_: &ViolationCreated| {}).unwrap().is_active());
        guard.close_async().await.unwrap();
        assert_eq!((done.lock().unwrap().len(), guard.info().queue.unwrap().discarded), (0, 3));
        assert_eq!(bus.recent(9).len(), 3, "what was can still be read");
    }
}

mod timestamps {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn an_event_bears_the_time_at_which_it_was_published() {
        let (bus, allowed) = (Bus::new(), Duration::from_secs(1)); // P3
        let before = SystemTime::now() - allowed;
        let time = bus.publish(sample(1.0)).event.unwrap().timestamp();
        let after = SystemTime::now() + allowed;
        assert!((before..=after).contains(&time), "{before:?} <= {time:?} <= {after:?}");
    }

    #[test]
    fn the_time_is_the_same_for_all_and_again_when_it_is_published_again() {
        let bus = Bus::new();
        let mut later = bus.on_payload::<SampleProcessed>().unwrap().receiver().unwrap();
        let event = bus.publish(sample(1.0)).event.unwrap();
        bus.publish(event.clone());
        let times: Vec<_> = later.try_iter().map(|sample| sample.event().timestamp()).collect();
        assert_eq!(times, [event.timestamp(); 2]);
        assert_eq!(bus.recent(1)[0].id(), event.id());
        let stands = |_| bus.publish(sample(2.0)).event.unwrap().timestamp() <= event.timestamp();
        assert!(!(0..1 << 24).all(stands), "the clock stands still");
    }
}

mod types {
    use super::*;

    #[test]
    fn each_type_has_its_kind() {
        let bus = Bus::new();
        let name = || "bore".to_owned();
        let kinds = [
            bus.publish(sample(1.0)),
            bus.publish(violation(1)),
            bus.publish(ViolationAcknowledged { id: 1, by: "ada".into() }),
            bus.publish(ControlLimitsUpdated { characteristic: 7, lower: 0.0, upper: 1.0 }),
            bus.publish(CharacteristicCreated { characteristic: 7, name: name() }),
            bus.publish(CharacteristicUpdated { characteristic: 7, name: name() }),
            bus.publish(CharacteristicDeleted { characteristic: 7 }),
            bus.publish(AlertThresholdExceeded { characteristic: 7, violations: 3 }),
        ]
        .map(|delivery| delivery.event.unwrap().kind().as_str().strip_prefix("typed_system.").unwrap().to_owned());
        let [characteristic @ .., _] = ["created", "updated", "deleted", ""].map(|end| format!("characteristic.{end}"));
        assert_eq!(kinds[..3], ["sample.processed", "violation.created", "violation.acknowledged"]);
        assert_eq!((&kinds[3], &kinds[7]), (&"limits.updated".into(), &"alert.exceeded".into()));
        assert_eq!(kinds[4..7], characteristic);
    }

    #[test]
    fn an_event_of_one_type_is_none_of_another() {
        let created = Event::from_payload(CharacteristicCreated { characteristic: 7, name: "bore".into() }).unwrap();
        assert!(created.payload_as::<CharacteristicCreated>().is_some());
        assert!(created.payload_as::<CharacteristicUpdated>().is_none());
        let error = created.decode::<ControlLimitsUpdated>().unwrap_err();
        assert_eq!(error.faults()[0].path, "type", "{error}");
    }

    #[test]
    fn a_second_type_cannot_have_the_kind() {
        #[derive(Payload, Debug)]
        #[payload(kind = "typed_system.sample.processed")]
        struct Impostor {
            characteristic: u64,
        }
        let bus = Bus::new();
        let _guard = bus.subscribe_to(|_: &SampleProcessed| {}).unwrap();
        assert!(bus.subscribe_to(|_: &Impostor| {}).unwrap_err().to_string().contains("SampleProcessed"));
        assert_eq!(bus.publish(Impostor { characteristic: 1 }).outcome, Outcome::KindTaken);
        assert!(bus.publish_and_wait(Impostor { characteristic: 1 }, LONG).is_err());
        assert_eq!(bus.stats().totals.published, 0);
    }

    #[test]
    fn fields_of_the_kind_are_decoded_where_that_was_asked_for() {
        let bus = Bus::new();
        let (seen, write) = list();
        let decodes =
            bus.on_payload::<SampleProcessed>().unwrap().decode().in_thread().subscribe(move |sample| write(sample));
        let (decodes, exact) = (decodes.unwrap(), bus.subscribe_to(|_: &SampleProcessed| {}).unwrap());
        publish_event!(bus: &bus, "typed_system.sample.processed", characteristic = 7, mean = 2.5, values = [2.5, 2.5]);
        publish_event!(bus: &bus, "typed_system.sample.processed", characteristic = "seven", mean = f64::NAN);
        bus.wait_idle(LONG).unwrap();
        assert_eq!(*seen.lock().unwrap(), [sample(2.5)]);
        assert_eq!((decodes.info().delivered, decodes.info().failed, exact.info().skipped), (1, 1, 2));
    }

    #[tokio::test]
    async fn an_async_handler_and_a_receiver_have_the_payload_itself() {
        let bus = Bus::new();
        let mut samples = bus.on_payload::<SampleProcessed>().unwrap().receiver().unwrap();
        let (send, seen) = mpsc::channel();
        let handler = move |sample: EventOf<SampleProcessed>| {
            let send = send.clone();
            async move { drop(send.send((sample.mean, sample.event().clone()))) }
        };
        let guard = bus.subscribe_async_to(handler).unwrap();
        let event = bus.publish(sample(4.5)).event.unwrap();
        guard.close_async().await.unwrap();
        let (mean, theirs) = seen.try_recv().unwrap();
        let taken = samples.try_recv().unwrap();
        assert_eq!((mean, &*taken), (4.5, &sample(4.5)));
        assert!(Event::same_instance(&event, &theirs) && Event::same_instance(&event, taken.event()));
    }
}

mod integration {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Samples come in; rules make violations of those beyond the limits; so many of them make an alert; a forwarder sends
    /// all that to the outside.
    #[tokio::test]
    async fn a_sample_beyond_its_limits_becomes_a_violation_and_an_alert() {
        let bus = Bus::new();
        let upper = Arc::new(AtomicU64::new(3));
        let limits = Arc::clone(&upper);
        let _limits =
            bus.subscribe_to(move |new: &ControlLimitsUpdated| limits.store(new.upper as u64, Ordering::SeqCst));
        let rules = move |sample: &SampleProcessed| {
            if sample.mean > upper.load(Ordering::SeqCst) as f64 {
                ringbus::current().unwrap().publish(violation(sample.mean as u64));
            }
        };
        let _rules = bus.on_payload::<SampleProcessed>().unwrap().in_thread().subscribe(rules).unwrap();
        // Before those who make alerts of violations: an alert is published while a violation is still handed on.
        let (sent, send) = list::<String>();
        let forwarder = bus.on("typed_system.**").unwrap().named("web").in_thread();
        let forwarder =
            forwarder.subscribe(move |event| send(&format!("{} {}", event.kind(), event.payload()))).unwrap();
        let count = AtomicU64::new(0);
        let alerts = move |violation: EventOf<ViolationCreated>| {
            let violations = count.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                let alert = AlertThresholdExceeded { characteristic: violation.characteristic, violations };
                tokio::task::yield_now().await;
                if violations == 2 {
                    ringbus::current().unwrap().publish(alert);
                }
            }
        };
        let _alerts = bus.subscribe_async_to(alerts).unwrap();
        let alert = bus.expecting_of::<AlertThresholdExceeded>().unwrap();

        bus.publish(sample(5.0));
        bus.publish(ControlLimitsUpdated { characteristic: 7, lower: 0.0, upper: 4.0 });
        [2.0, 6.0].iter().for_each(|mean| drop(bus.publish(sample(*mean))));
        let alert = alert.within_async(LONG).await.unwrap();
        assert_eq!((alert.characteristic, alert.violations, alert.event().hops()), (7, 2, 2));
        forwarder.close_async().await.unwrap();
        let sent = sent.lock().unwrap();
        assert!(
            sent.iter().any(|line| line == "typed_system.alert.exceeded characteristic=7 violations=2"),
            "{sent:?}"
        );
        assert_eq!(sent.len(), 7);
    }

    #[tokio::test]
    async fn the_numbers_of_a_day_add_up() {
        let bus = Bus::new();
        let charts = bus.subscribe_to(|_: &SampleProcessed| {}).unwrap();
        let picky = bus.try_subscribe_async_to(|sample: EventOf<SampleProcessed>| async move {
            if sample.mean < 10.0 { Ok(()) } else { Err("off the chart".into()) }
        });
        let (picky, mut stream) =
            (picky.unwrap(), bus.on("typed_system.sample.*").unwrap().queued().capacity(4).receiver().unwrap());
        (0..20).for_each(|n| drop(bus.publish(sample(n.into()))));
        bus.publish(CharacteristicDeleted { characteristic: 7 });
        let report = bus.shutdown_async(LONG);
        let taken = std::thread::spawn(move || stream.by_ref().count());
        assert!(report.await.is_complete());
        let totals = bus.stats().totals;
        assert_eq!((charts.info().delivered, picky.info().delivered, picky.info().failed), (20, 10, 10));
        assert_eq!((totals.delivered, totals.enqueued, totals.queue_drops), (20 + 10 + 4, 40, 16));
        assert_eq!((totals.failed, totals.dead_letters, totals.discarded), (10, 10, 0));
        // Ten dead letters were told of, as far as the bus still took them; the rest is no refused publish.
        assert!((21..=31).contains(&totals.published), "{totals:?}");
        assert_eq!((totals.shut_down, taken.join().unwrap()), (0, 4));
        assert_eq!(bus.stats().by_kind["typed_system.sample.processed"], 20);
    }
}
