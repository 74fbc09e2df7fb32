//! The black box: a program that panics on purpose and shows what the bus wrote down about it.
//!
//! Two workers serve orders; one of them meets an order that it cannot handle, deep inside a handler's own publish, and
//! another one dies outright. Both leave their dump in a file of JSON lines, which this program then reads back.
//!
//! ```sh
//! cargo run --features serde --example blackbox -- [FILE]
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs, process, thread};

use ringbus::publish_event;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let given = arguments.next().map(PathBuf::from);
    if arguments.next().is_some() || given.as_ref().is_some_and(|path| path.to_string_lossy().starts_with('-')) {
        eprintln!(
            "usage: blackbox [FILE]\n\nFILE: where the dumps are appended (JSON lines); a temporary one if left out"
        );
        process::exit(2);
    }
    let path = given.clone().unwrap_or_else(|| env::temp_dir().join(format!("blackbox-{}.jsonl", process::id())));
    let before = fs::metadata(&path).map_or(0, |file| file.len());

    // What a program does with its panics anyway comes second.
    std::panic::set_hook(Box::new(|_| println!("! the program's own panic hook runs too")));
    ringbus::on_panic_dump(&path)?;

    println!("Two workers run; things go wrong on purpose.\n");
    run();

    let text = fs::read(&path)?;
    println!("\nThe black box, {} bytes in {}:\n", text.len() as u64 - before, path.display());
    show(std::str::from_utf8(&text[before as usize..])?)?;
    println!("\n{}", ringbus::stats());
    if given.is_none() {
        fs::remove_file(&path)?;
    }
    Ok(())
}

/// Publishes, and panics twice: inside a handler, which the bus contains, and in a thread of its own.
fn run() {
    let billing = ringbus::default_bus();
    let _checkout = billing.on("order.placed").expect("a good pattern").named("checkout").subscribe(|event| {
        publish_event!("order.billed", source: "checkout", order = %event.get("order").expect("an order has a number"));
    });
    let _ledger = billing.on("order.billed").expect("a good pattern").named("ledger").subscribe(|event| {
        assert!(event.get("order") != Some(&"13".into()), "the ledger has no page 13");
    });

    let orders = thread::Builder::new().name("orders".to_owned()).spawn(|| {
        for order in 11..=14 {
            publish_event!("order.placed", source: "shop", order);
        }
    });
    orders.expect("a thread").join().expect("panics of handlers are contained");

    let stock = thread::Builder::new().name("stock".to_owned()).spawn(|| {
        publish_event!("stock.counted", source: "warehouse", left = 0);
        let shelf: [u32; 0] = std::array::from_fn(|n| n as u32);
        shelf.iter().max().copied().expect("somebody has eaten the stock")
    });
    let died = stock.expect("a thread").join();
    assert!(died.is_err(), "it was meant to die");
}

/// Prints dumps for people: the panic, what was being handled, and the last few events before it.
fn show(lines: &str) -> Result<(), Box<dyn Error>> {
    const LAST: usize = 4;
    let lines = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    for dump in lines.chunk_by(|_, next| next["record"] != "panic") {
        let panic = &dump[0];
        println!("PANIC on {}: {}", text(&panic["thread"]), first_line(text(&panic["message"])));
        println!("  at {}", text(&panic["at"]));
        let of =
            |record: &'static str| dump.iter().filter(move |line| line["record"] == record).map(|line| &line["event"]);
        for (depth, event) in of("publishing").enumerate() {
            println!("  {}while handling {} {}", "  ".repeat(depth), text(&event["type"]), event["payload"]);
        }
        let events: Vec<_> = of("event").collect();
        println!("  the last {} of {} events:", events.len().min(LAST), events.len());
        for event in &events[events.len().saturating_sub(LAST)..] {
            let time = text(&event["timestamp"]).get(11..23).unwrap_or("?");
            println!("    {time}  {:<14} {}", text(&event["type"]), event["payload"]);
        }
        println!();
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("(none)")
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
