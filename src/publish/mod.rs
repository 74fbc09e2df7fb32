//! `publish_event!` and its function form.
//!
//! 1. [`expand`] is the macro: it becomes a static (the call site), a test of one word and, behind it, the making of
//!    the event. Arguments are borrowed, and evaluated only while the bus is open.
//! 2. [`private`] is what it calls.

mod expand;
#[doc(hidden)]
pub mod private;

use crate::bus::{Delivery, default_bus};
use crate::event::{BuildError, Event, Kind, KindError, Text, ToValue};

/// Publishes an event on this thread's [default bus](crate::default_bus) and returns it; the form for programs that have
/// their fields as data.
///
/// The event is made and returned also when the bus is disabled. Call sites that know their fields use
/// [`publish_event!`](crate::publish_event!), which makes nothing then.
///
/// ```
/// use ringbus::{publish_event, Value};
///
/// let fields = [("line", Value::from("ls")), ("exit", Value::from(0))];
/// let event = publish_event("terminal.command", "daemon", Some("/srv/app"), fields)?;
/// assert_eq!(event.get("line"), Some(&Value::from("ls")));
/// assert!(publish_event("no spaces", "daemon", None, [("n", 1)]).is_err());
/// # Ok::<(), ringbus::BuildError>(())
/// ```
///
/// # Errors
/// [`BuildError`] if the kind is malformed or a field occurs twice; nothing is published then.
///
/// # Panics
/// If a handler does that was subscribed to [unwind](crate::FailurePolicy::Unwind): after the others have had the event.
pub fn publish_event<K, N, V>(
    kind: K,
    source: &str,
    project_path: Option<&str>,
    payload: impl IntoIterator<Item = (N, V)>,
) -> Result<Event, BuildError>
where
    K: TryInto<Kind>,
    K::Error: Into<KindError>,
    N: Into<Text>,
    V: ToValue,
{
    let mut builder = Event::builder(kind).source(source);
    if let Some(path) = project_path {
        builder = builder.project_path(path);
    }
    let event = builder.fields(payload).build()?;
    let _: Delivery = default_bus().publish(event.clone());
    Ok(event)
}
