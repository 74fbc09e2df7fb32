//! `publish_event!`: what it evaluates, when, and in whose function.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use ringbus::{Bus, Delivery, Event, Outcome, Priority, Value, publish_event};

fn fields(event: &Event) -> String {
    event.payload().to_string()
}

fn kinds(bus: &Bus) -> Vec<String> {
    bus.recent(usize::MAX).iter().rev().map(|event| event.kind().to_string()).collect()
}

#[test]
fn arguments_are_evaluated_once_as_written_and_only_while_the_bus_is_open() {
    let bus = Bus::new();
    let order = RefCell::new(Vec::new());
    let see = |n: i32| {
        order.borrow_mut().push(n);
        n.to_string()
    };
    let urgent = |n: i32| see(n).len().gt(&0).then_some(Priority::High);
    let own = || {
        see(0);
        &bus
    };
    let dynamic = || {
        publish_event!(bus: own(), kind: format!("k{}", see(1)), priority: urgent(2), correlation_id: see(3),
                       source: see(4), project_path: see(5), a = see(6), b = %see(7), "c" = ?see(8), d = see(9))
    };
    let constant = || publish_event!(bus: own(), "order", project_path: see(1), source: see(2), a = see(3), b = see(4));
    let plain = || publish_event!(bus: own(), "order", a = see(1), b = see(2));
    for (publish, count) in [(&dynamic as &dyn Fn() -> _, 10), (&constant, 5), (&plain, 3)] {
        let delivery: Delivery = publish();
        assert_eq!((delivery.outcome, order.take()), (Outcome::Published, (0..count).collect()));
        bus.disable();
        assert_eq!((publish().outcome, order.take()), (Outcome::Disabled, vec![0]), "the bus alone is asked for");
        bus.enable();
    }
    assert_eq!(bus.recent(10)[2].correlation_id(), Some("3"));
}

#[test]
fn where_nobody_would_notice_nothing_is_evaluated() {
    fn evaluated(bus: &Bus) -> bool {
        let mut evaluated = false;
        publish_event!(bus: bus, "idle", n = {
            evaluated = true;
            1
        });
        evaluated
    }
    let idle = Bus::builder().history(0).build().unwrap();
    assert!(!evaluated(&idle));
    let guard = idle.subscribe(|_| {});
    assert!(evaluated(&idle), "a subscriber would");
    drop(guard);
    assert!(!evaluated(&idle));
}

#[test]
fn what_an_argument_publishes_is_older() {
    let bus = Bus::new();
    let inner = |n: u32| publish_event!(bus: &bus, "nested.inner", n).event.unwrap().id();
    let delivery = publish_event!(bus: &bus, "nested.outer", first = inner(1), second = %inner(2));
    assert_eq!(kinds(&bus), ["nested.inner", "nested.inner", "nested.outer"]);
    let outer = delivery.event.unwrap();
    assert_eq!(outer.get("first").and_then(Value::as_str), Some(bus.recent(3)[2].id().to_string().as_str()));
}

#[test]
fn what_an_argument_holds_is_let_go_before_handlers_run() {
    let bus = Bus::new();
    let shared = Arc::new(Mutex::new(String::from("locked.kind")));
    let inside = Arc::clone(&shared);
    let _guard = bus.try_subscribe(move |_| inside.try_lock().map(drop).map_err(|_| "still locked".into()));
    let delivery = publish_event!(bus: &bus, kind: shared.lock().unwrap().as_str(),
                                  source: shared.lock().unwrap().as_str(), len = shared.lock().unwrap().len(),
                                  shown = %shared.lock().unwrap(), debugged = ?shared.lock().unwrap());
    assert_eq!((delivery.delivered, delivery.failed), (1, 0));
}

#[test]
fn control_flow_in_an_argument_acts_on_the_caller() {
    fn question(bus: &Bus, text: &str) -> Result<i32, std::num::ParseIntError> {
        publish_event!(bus: bus, "flow.question", n = text.parse::<i32>()?, %text);
        publish_event!(bus: bus, kind: format!("flow.{}", text.parse::<i32>()?), correlation_id: question_mark(text)?);
        Ok(1)
    }
    fn question_mark(text: &str) -> Result<&str, std::num::ParseIntError> {
        text.parse::<i32>().map(|_| text)
    }
    fn nothing(bus: &Bus, n: Option<u32>) -> Option<Outcome> {
        Some(publish_event!(bus: bus, "flow.option", n = n?).outcome)
    }
    fn returning(bus: &Bus) -> i32 {
        publish_event!(bus: bus, "flow.return", n = 1, m = if bus.is_enabled() { return 5 } else { 2 });
        6
    }
    let bus = Bus::new();
    assert_eq!(question(&bus, "7"), Ok(1));
    assert!(question(&bus, "seven").is_err());
    assert_eq!((nothing(&bus, Some(1)), nothing(&bus, None)), (Some(Outcome::Published), None));
    assert_eq!(returning(&bus), 5);
    let mut rounds = 0;
    'outer: loop {
        for n in 0..4 {
            rounds += 1;
            publish_event!(bus: &bus, "flow.loop", n = match n {
                0 => continue,
                1 if rounds < 5 => continue 'outer,
                2 => break 'outer,
                n => n,
            });
        }
    }
    assert_eq!(rounds, 7);
    let found = kinds(&bus);
    assert_eq!(found, ["flow.question", "flow.7", "flow.option", "flow.loop"], "the half built are not published");
    assert_eq!(bus.stats().totals.published, 4);
}

#[test]
fn fields_may_await_and_the_future_stays_send() {
    struct Later(bool);
    impl Future for Later {
        type Output = i32;
        fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<i32> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(7);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }
    async fn later() -> i32 {
        Later(false).await
    }
    async fn of_a_task(bus: Bus) -> Delivery {
        publish_event!(bus: &bus, "flow.await", source: "task", a = 1, b = later().await, c = %later().await,
                       d = ?later().await)
    }
    let bus = Bus::new();
    let dynamic = async {
        let text = String::from("x");
        publish_event!(bus: bus.clone(), kind: format!("k{}", later().await), source: later().await.to_string(),
                       a = later().await, text)
    };
    for (future, found) in [
        (Box::new(of_a_task(bus.clone())) as Box<dyn Future<Output = Delivery> + Send + '_>, r#"a=1 b=7 c="7" d="7""#),
        (Box::new(dynamic), r#"a=7 text="x""#),
    ] {
        let mut future = pin!(Box::into_pin(future));
        // Each poll on a thread of its own, as under an executor that steals work.
        let mut poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let delivery = loop {
            if let Poll::Ready(delivery) = std::thread::scope(|scope| scope.spawn(&mut poll).join().unwrap()) {
                break delivery;
            }
        };
        assert_eq!(fields(&delivery.event.unwrap()), found);
    }
}
