//! What people read of handlers with a queue: errors and policies say what there is, with its numbers.
#![cfg(not(ringbus_loom))]

use std::time::Duration;

use ringbus::{Bus, ExpectError, Overflow, WaitError};

#[test]
fn errors_say_what_is_wrong() {
    let bus = Bus::new();
    let mut jobs = bus.on("job").unwrap().receiver().unwrap();
    assert_eq!(jobs.try_recv().unwrap_err().to_string(), "no event waits");
    assert_eq!(jobs.recv_timeout(Duration::ZERO).unwrap_err().to_string(), "no event has come in time");
    let after = Duration::from_secs(2);
    assert_eq!(ExpectError::TimedOut { after }.to_string(), "no such event has come within 2s");
    assert!(WaitError::NoLimit.to_string().ends_with("; give a limit"));
    drop(bus);
    assert!(jobs.recv().unwrap_err().to_string().ends_with("none will come: the subscription has ended"));
}

#[cfg(feature = "async")]
#[test]
fn errors_of_async_code_do_too() {
    use ringbus::{AsyncError, Lagged, QueueError};

    assert_eq!(Lagged(3).to_string(), "3 events were lost because the stream's queue was full");
    let error = QueueError::NoExecutor;
    assert_eq!(AsyncError::from(error.clone()).to_string(), error.to_string());
}

#[test]
fn policies_have_their_names() {
    let block = Overflow::Block { up_to: Duration::from_millis(5) };
    let names = [Overflow::DropOldest, Overflow::DropNewest, Overflow::LatestOnly, block].map(|one| one.to_string());
    assert_eq!(names, ["drop oldest", "drop newest", "latest only", "block up to 5ms"]);
}
