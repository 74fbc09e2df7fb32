//! P10: the black box drops nothing of the user's in the panic hook, where a panic would abort; and panics that end inside
//! the bus are dumped once a second. A binary of its own, and one test: the panic hook is the process's.
#![cfg(all(feature = "serde", unix, not(ringbus_loom)))]

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use std::{env, process, thread};

use ringbus::{Bus, FieldReader, FieldWriter, Payload, publish_event};

/// Counts its drops, and panics.
struct Armed;

static DROPS: AtomicU64 = AtomicU64::new(0);

impl Drop for Armed {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
        panic!("ordered");
    }
}

impl Payload for Armed {
    const KIND: &'static str = "box.armed";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

/// Panics when its fields are made.
struct Unwritable;

impl Payload for Unwritable {
    const KIND: &'static str = "box.unwritable";

    fn field_names() -> &'static [&'static str] {
        panic!("ordered")
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

#[test]
fn p10_the_black_box_drops_nothing_of_the_users_and_is_not_flooded() {
    std::panic::set_hook(Box::new(|_| {}));

    // The hook stands in the middle of its write, into a pipe that is full, and holds the bus; nobody else does any more.
    let path = env::temp_dir().join(format!("ringbus-box-pipe-{}", process::id()));
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the name is a string of the system's kind.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    // This end can be opened before there is a writer, and keeps the other one from seeing the end.
    let open = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut pipe = OpenOptions::new().read(true).open(&path).unwrap();
    let bus = Bus::new();
    let armed = Armed;
    let guard = bus.subscribe(move |_| _ = &armed);
    (0..500).for_each(|_| drop(publish_event!(bus: &bus, "box.full", text = "y".repeat(400))));
    bus.on_panic_dump(&path).unwrap();
    let dying = thread::spawn(|| panic!("ordered"));
    pipe.read_exact(&mut [0; 4096]).unwrap();
    drop(bus);
    let rest = thread::spawn(move || pipe.read_to_end(&mut Vec::new()).unwrap());
    assert!(dying.join().is_err());
    drop(open);
    assert!(rest.join().unwrap() > 0);
    assert_eq!(DROPS.load(Ordering::Relaxed), 0, "forgotten, not dropped in the hook");
    drop(guard);
    fs::remove_file(&path).unwrap();

    // Evicted payloads whose drop panics: each runs the hook, and ends inside the bus.
    let path = env::temp_dir().join(format!("ringbus-box-flood-{}", process::id()));
    let bus = Bus::builder().history(10).shards(1).build().unwrap();
    bus.on_panic_dump(&path).unwrap();
    let start = Instant::now();
    (0..1124).for_each(|_| drop(bus.publish(Armed)));
    let seconds = start.elapsed().as_secs();
    let text = fs::read_to_string(&path).unwrap();
    let dumps = text.lines().filter(|line| line.contains(r#""record":"panic""#)).count() as u64;
    // It dumps no more: the drops of what it still holds panic too.
    drop(bus);
    fs::remove_file(&path).unwrap();
    assert!(DROPS.load(Ordering::Relaxed) >= 100);
    assert!((1..=2 + seconds).contains(&dumps), "{dumps} dumps in {seconds} s");

    // Payloads that panic when somebody reads their fields, outside of any dispatch: as above.
    let bus = Bus::builder().history(200).build().unwrap();
    bus.on_panic_dump(&path).unwrap();
    (0..200).for_each(|_| drop(bus.publish(Unwritable)));
    let start = Instant::now();
    assert!(bus.recent(200).iter().all(|event| event.get("panicked").is_some()));
    let seconds = start.elapsed().as_secs();
    let text = fs::read_to_string(&path).unwrap();
    drop(bus);
    fs::remove_file(&path).unwrap();
    let dumps = text.matches(r#""record":"panic""#).count() as u64;
    assert!((1..=2 + seconds).contains(&dumps), "{dumps} dumps in {seconds} s");
}
