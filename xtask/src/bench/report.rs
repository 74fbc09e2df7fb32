//! `benches/REPORT.md`, made of the lines and of what was written by hand about budgets that are missed.
//!
//! Promises the same text for the same lines and accounts. A budget that is missed without an account, and one that was
//! not measured, are said loudly in the text, and are [`Report::faults`] too.

use std::fmt::Write as _;

use super::budget::{BUDGETS, Bound, Budget, Verdict};
use super::lines::{Lines, Pair};
use super::parts;
use super::words::{figure, ns, plain};

/// Around what the README shows as well.
pub(super) const BEGIN: &str = "<!-- bench -->";
pub(super) const END: &str = "<!-- /bench -->";

/// What the tables' words mean.
const WORDS: &str = "\
    - *Full telemetry event*: three fields, id, time, a history of 500, counters, one handler.\n\
    - *Locked port*: what people write by hand: a `Mutex` around a `VecDeque` of events, and one around a `Vec` of handlers, \
      which is cloned for each publish.\n\
    - *Thread-private control*: the same work without a bus, each thread for itself.\n\
    - *An event handled `in_thread`*, or by an async handler: beside it a handler of a like bus sends the event through a \
      channel, so both publish alike, and what differs is the hand-over.\n\
    - *Budget*: what we set out to reach; *goal*: more than that. The report says why a budget is missed.\n";

/// Rows in which both sides are ours, or the other does no work of a bus: there is nothing to lose.
const OURSELVES: &[&str] = &[
    "scaling-2",
    "full-64",
    "ten-thousand-others",
    "reader-ms",
    "reader-tight",
    "parts",
    "batch",
    "and-wait",
    "nested",
    "churn-cost",
    "kinds-",
    "full-drop-",
    "full-latest-only",
    "full-block",
    "threads-",
];

/// Rows of publishers whose handler's queue is full.
const FULL_QUEUES: [&str; 4] = ["full-drop-oldest", "full-drop-newest", "full-latest-only", "full-block"];

/// The text, and what is wrong with what it tells.
pub(super) struct Report {
    pub(super) text: String,
    pub(super) faults: Vec<String>,
}

/// `account` is what was written about a row, by its id.
pub(super) fn report(lines: &Lines, account: &dyn Fn(&str) -> Option<String>) -> Report {
    let mut text = String::from(
        "<!-- Made by `cargo xtask bench`. -->\n\n# Measured\n\nTwo things are always measured in turn in one process, and \
         what counts is their ratio: the median of the pairs, and below or beside it the lowest and the highest. The \
         machine is shared, so these lie wide apart: read nothing into differences smaller than that.\n\n| | |\n|---|---|\n",
    );
    for (what, value) in &lines.machine {
        let _ = writeln!(text, "| {what} | {} |", plain(value));
    }
    let _ = write!(text, "\n## In short\n\n{BEGIN}\n{}{END}\n", short(lines));
    let mut faults = Vec::new();
    budgets(lines, account, &mut text, &mut faults);
    beyond(lines, &mut text);
    rivals(lines, &mut text);
    latencies(lines, &mut text);
    counts(lines, &mut text);
    compile(lines, &mut text);
    text.push_str(&parts::section(lines, account("the-way")));
    Report { text, faults }
}

// === in short: the README's part ===

/// The budgets' rows, and the rows that we lose.
fn short(lines: &Lines) -> String {
    let named = |what: &str| lines.machine.iter().find(|(of, _)| of == what).map_or("unknown", |(_, value)| value);
    let mut text = format!(
        "On {} × {}, {}. \"×\" is how many times faster, or, where the budget is \"at most\", how many times the time.\n\n\
         {WORDS}\n\
         | work | beside | measured | lowest to highest | budget | |\n|---|---|---|---|---|---|\n",
        named("cores"),
        plain(named("processor")),
        named("compiler")
    );
    for budget in BUDGETS {
        let (value, spread) = shown(budget, lines);
        let (work, beside) = (budget.work, budget.beside);
        let verdict = word(budget.verdict(lines));
        let _ = writeln!(text, "| {work} | {beside} | {value} | {spread} | {} | {verdict} |", limit(budget));
    }
    text.push_str(&full_queues(lines));
    let lost: Vec<String> = lines.pairs.iter().filter(|(id, pair)| is_lost(id, pair)).map(lost).collect();
    if lost.is_empty() {
        text.push_str("\nRows that we lose: none of those measured.\n");
    } else {
        let _ = write!(text, "\nRows that we lose:\n\n{}", lost.concat());
    }
    text
}

/// What events for full queues cost their publishers, which have no budget; empty where none was measured.
fn full_queues(lines: &Lines) -> String {
    let rows = lines.pairs.iter().filter(|(id, _)| FULL_QUEUES.contains(&id.as_str())).map(|(_, pair)| {
        let (cost, low, high) = (1.0 / pair.ratio, 1.0 / pair.highest, 1.0 / pair.lowest);
        let (what, our_ns, its_ns) = (plain(&pair.what), ns(pair.our_ns), ns(pair.its_ns));
        format!("| {what} | {our_ns} | {its_ns} | {} × | {} to {} |\n", figure(cost), figure(low), figure(high))
    });
    let rows: String = rows.collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\nWhat publishing to a full queue costs, which drops an event each time:\n\n\
         | a publish to | takes | to a handler that is called | measured | lowest to highest |\n|---|---|---|---|---|\n{rows}"
    )
}

fn is_lost(id: &str, pair: &Pair) -> bool {
    pair.ratio < 1.0 && !OURSELVES.iter().any(|own| id.starts_with(own)) && !is_own(&pair.yardstick)
}

/// Whether a yardstick is ringbus itself, or no bus at all.
fn is_own(name: &str) -> bool {
    ["ringbus", "control", "itself", "without", "alone", "single", "thread"].iter().any(|word| name.contains(word))
}

fn lost((_, pair): &(String, Pair)) -> String {
    let (what, its) = (plain(&pair.what), plain(&pair.yardstick));
    format!("- {what}: {its} {}, ringbus {} ({} ×)\n", ns(pair.its_ns), ns(pair.our_ns), figure(1.0 / pair.ratio))
}

// === the budgets ===

/// The figure and its spread.
fn shown(budget: &Budget, lines: &Lines) -> (String, String) {
    let Some(found) = budget.figure(lines) else {
        return ("not measured".to_owned(), String::new());
    };
    let spread =
        found.spread.map_or_else(|| "–".to_owned(), |(low, high)| format!("{} to {}", figure(low), figure(high)));
    (format!("{}{}", figure(found.value), budget.unit), spread)
}

fn limit(budget: &Budget) -> String {
    match budget.limit {
        Bound::AtLeast(limit) => format!("at least {limit}{}", budget.unit),
        Bound::AtMost(limit) => format!("at most {limit}{}", budget.unit),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reached => "met, goal reached",
        Verdict::Met => "met",
        Verdict::Missed => "**missed**",
        Verdict::NotMeasured => "**not measured**",
    }
}

fn budgets(lines: &Lines, account: &dyn Fn(&str) -> Option<String>, text: &mut String, faults: &mut Vec<String>) {
    text.push_str(
        "\n## Budgets\n\n| row | work | ringbus | yardstick | measured | lowest to highest | pairs | budget | goal | |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut accounts = String::new();
    for budget in BUDGETS {
        let Budget { id, work, beside, unit, .. } = budget;
        let (ours, its, pairs) = sides(budget, lines);
        let (value, spread) = shown(budget, lines);
        let goal = budget.goal.map_or_else(|| "–".to_owned(), |goal| format!("{goal}{unit}"));
        let verdict = budget.verdict(lines);
        let (limit, met) = (limit(budget), word(verdict));
        let _ = writeln!(
            text,
            "| `{id}` | {work} | {ours} | {beside}: {its} | {value} | {spread} | {pairs} | {limit} | {goal} | {met} |"
        );
        match (verdict, account(id)) {
            (Verdict::NotMeasured, _) => faults.push(format!("{id} was not measured")),
            (Verdict::Missed, Some(why)) => {
                let _ = write!(accounts, "\n### `{id}` is missed: {value}, {limit}\n\n{}\n", why.trim());
            }
            (Verdict::Missed, None) => {
                let _ = write!(
                    accounts,
                    "\n### `{id}` is missed: {value}, {limit}\n\n**NO ACCOUNT**: `benches/accounts/{id}.md` is to say what was \
                     tried, what it gave, and why it stops there.\n"
                );
                faults.push(format!("{id} is missed, and there is no benches/accounts/{id}.md"));
            }
            _ => {}
        }
    }
    let met = BUDGETS.iter().filter(|budget| budget.verdict(lines).is_met()).count();
    let _ = writeln!(text, "\n{met} of {} budgets are met.", BUDGETS.len());
    text.push_str(&accounts);
}

/// Both figures of a budget's row, and how many pairs.
fn sides(budget: &Budget, lines: &Lines) -> (String, String, String) {
    if let super::budget::Source::Facts(ours, its) = budget.from {
        let told =
            |id| lines.fact(id).map_or_else(|| "–".to_owned(), |count| format!("{} instructions", figure(count)));
        return (told(ours), told(its), "–".to_owned());
    }
    match (lines.pair(budget.id), lines.alone(budget.id)) {
        // Two scalings, not times.
        (Some(pair), _) if budget.id == "scaling-2" => {
            (figure(pair.our_ns), figure(pair.its_ns), pair.pairs.to_string())
        }
        (Some(pair), _) => (ns(pair.our_ns), ns(pair.its_ns), pair.pairs.to_string()),
        (None, Some(row)) => (ns(row.ns), "–".to_owned(), row.samples.to_string()),
        (None, None) => ("–".to_owned(), "–".to_owned(), "–".to_owned()),
    }
}

// === the other sections ===

fn is_budget(id: &str) -> bool {
    BUDGETS.iter().any(|budget| budget.id == id)
}

fn beyond(lines: &Lines, text: &mut String) {
    text.push_str(
        "\n## Beyond the budgets\n\n\
         | row | work | ringbus | yardstick | times faster | lowest to highest | pairs |\n|---|---|---|---|---|---|---|\n",
    );
    for (id, pair) in lines.pairs.iter().filter(|(id, _)| !is_budget(id) && !id.starts_with("rival-")) {
        pair_row(id, pair, None, text);
    }
    for (id, row) in lines.alone.iter().filter(|(id, _)| !is_budget(id)) {
        let (what, name) = (plain(&row.what), plain(&row.name));
        let (low, high) = (ns(row.lowest), ns(row.highest));
        let _ =
            writeln!(text, "| `{id}` | {what} | {name}: {} | – | – | {low} to {high} | {} |", ns(row.ns), row.samples);
    }
    text.push_str("\n![throughput by threads](plots/threads.svg)\n\n![cost by handlers](plots/fan-out.svg)\n");
    for plot in lines.series.keys().filter(|plot| !["threads", "fan-out", "latency"].contains(&plot.as_str())) {
        let _ = writeln!(text, "\n![{plot}](plots/{plot}.svg)");
    }
}

/// A row; with what its yardstick does less, if that column is there.
fn pair_row(id: &str, pair: &Pair, less: Option<&str>, text: &mut String) {
    let (what, ours, its) = (plain(&pair.what), plain(&pair.ours), plain(&pair.yardstick));
    let (our_ns, its_ns, ratio) = (ns(pair.our_ns), ns(pair.its_ns), figure(pair.ratio));
    let spread = format!("{} to {}", figure(pair.lowest), figure(pair.highest));
    let _ = write!(
        text,
        "| `{id}` | {what} | {ours}: {our_ns} | {its}: {its_ns} | {ratio} × | {spread} | {} |",
        pair.pairs
    );
    if let Some(less) = less {
        let _ = write!(text, " {less} |");
    }
    text.push('\n');
}

fn rivals(lines: &Lines, text: &mut String) {
    text.push_str(
        "\n## Rivals\n\nThe same event, the same payload, the same work of the consumer. What a rival does less, it gets its \
         time from.\n\n\
         | row | work | ringbus | rival | times faster | lowest to highest | pairs | what the rival does less |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let mut told: Vec<&str> = Vec::new();
    for (id, pair) in lines.pairs.iter().filter(|(id, _)| id.starts_with("rival-")) {
        let name = pair.yardstick.as_str();
        let less = if told.contains(&name) { "as above".to_owned() } else { lacks(lines, name) };
        told.push(name);
        pair_row(id, pair, Some(&less), text);
    }
    let mut others: Vec<&str> = Vec::new();
    for (of, _) in lines.lacks.iter().filter(|(of, _)| !told.contains(&of.as_str())) {
        if !others.contains(&of.as_str()) {
            others.push(of);
        }
    }
    for of in others {
        let _ = write!(text, "\n{}: {}.\n", plain(of), lacks(lines, of));
    }
}

/// All that a rival does less.
fn lacks(lines: &Lines, name: &str) -> String {
    let all: Vec<String> = lines.lacks.iter().filter(|(of, _)| of == name).map(|(_, less)| plain(less)).collect();
    if all.is_empty() { "–".to_owned() } else { all.join("; ") }
}

fn latencies(lines: &Lines, text: &mut String) {
    text.push_str("\n## Latency\n\n| publish | p50 | p99 | p99.9 | maximum | publishes |\n|---|---|---|---|---|---|\n");
    for (_, latency) in &lines.latencies {
        let [p50, p99, p999, max] = latency.at.map(ns);
        let (what, samples) = (plain(&latency.what), latency.samples);
        let _ = writeln!(text, "| {what} | {p50} | {p99} | {p999} | {max} | {samples} |");
    }
    text.push_str("\n![latency](plots/latency.svg)\n");
}

fn counts(lines: &Lines, text: &mut String) {
    text.push_str(
        "\n## Counts\n\nInstructions of one round, counted by callgrind, the loop around it taken off; and what thousands of \
         rounds allocate. With the compiler that the limits were made with, up to 2 % above its limit is let through; with \
         another one, a quarter.\n\n| hot path | instructions | limit | allocations |\n|---|---|---|---|\n",
    );
    for (id, count, what) in &lines.facts {
        let Some(mode) = id.strip_prefix("instructions-") else { continue };
        let fact = |of: &str| lines.fact(&format!("{of}-{mode}")).map_or_else(|| "–".to_owned(), figure);
        let (limit, allocations) = (fact("limit"), fact("allocations"));
        let _ = writeln!(text, "| {} | {} | {limit} | {allocations} |", plain(what), figure(*count));
    }
    let mut others = String::new();
    for (id, value, what) in &lines.facts {
        let counted = ["instructions-", "limit-", "allocations"].iter().any(|prefix| id.starts_with(prefix));
        if !counted && !is_bytes(id) {
            let _ = writeln!(others, "| `{id}` | {} | {} |", figure(*value), plain(what));
        }
    }
    if !others.is_empty() {
        let _ = write!(text, "\n| fact | | |\n|---|---|---|\n{others}");
    }
}

fn is_bytes(id: &str) -> bool {
    id.starts_with("code-bytes-") || id.starts_with("data-bytes-")
}

fn compile(lines: &Lines, text: &mut String) {
    text.push_str(
        "\n## Compile time and size\n\nCrates of 1000 call sites with three fields, generated; the time to build the library \
         alone, cargo's own included. Bytes: release programs with 1000 call sites less those with one.\n\n\
         | | ringbus | `tracing` |\n|---|---|---|\n",
    );
    for (id, pair) in lines.pairs.iter().filter(|(id, _)| id.starts_with("compile-")) {
        let what = plain(&pair.what);
        let _ = writeln!(text, "| `{id}`: {what} | {} | {} |", ns(pair.our_ns), ns(pair.its_ns));
    }
    for (part, what) in [("code", "machine code of a call site"), ("data", "data of a call site")] {
        let bytes = |of: &str| {
            let bytes = lines.fact(&format!("{part}-bytes-{of}"));
            bytes.map_or_else(|| "–".to_owned(), |bytes| format!("{} bytes", figure(bytes)))
        };
        let _ = writeln!(text, "| {what} | {} | {} |", bytes("ringbus"), bytes("tracing"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "machine\tcores\t2\nmachine\tprocessor\tAMD EPYC\nmachine\tcompiler\trustc 1.95.0\n\
        pair\tfull-1\ta full publish\tringbus\tlocked port\t50\t150\t3\t2.5\t3.25\t15\n\
        pair\tfull-2\ta full publish, 2 threads\tringbus\tlocked port\t90\t360\t4\t3\t5\t15\n\
        pair\tscaling-2\tscaling\tringbus\tcontrol\t1.7\t1.8\t0.94\t0.9\t1.1\t15\n\
        pair\trival-bus\tone consumer\tringbus\tbus\t60\t30\t0.5\t0.4\t0.6\t15\n\
        pair\tfan-8\t8 handlers\tringbus\tlocked port\t60\t180\t3\t2\t4\t15\n\
        pair\tfull-block\ta queue that blocks\ta full queue\ta handler\t200\t100\t0.5\t0.4\t0.8\t15\n\
        does-not\tbus\tno history\ndoes-not\tbus\tno id\ndoes-not\tall\tno x\nlatency\tload\tringbus | two\t40\t90\t900\t12000\t1000\n\
        fact\tinstructions-off\t4\tcall site\nfact\tinstructions-off-tracing\t4\tevent\nfact\tlimit-off\t4\tlimit\n\
        fact\tallocations\t0\tallocations\nfact\tcode-bytes-ringbus\t31.5\tbytes\npart\tclock\t-\t11.5\n";

    fn made(account: &dyn Fn(&str) -> Option<String>) -> Report {
        report(&Lines::parse(SAMPLE).expect("well formed"), account)
    }

    #[test]
    fn a_missed_budget_wants_an_account() {
        let without = made(&|_| None);
        assert!(without.faults.iter().any(|fault| fault.starts_with("full-2 is missed, and there is no")));
        assert!(without.text.contains("**NO ACCOUNT**: `benches/accounts/full-2.md`"));
        assert!(!without.faults.iter().any(|fault| fault.starts_with("full-1 ")));
        let with = made(&|id| (id == "full-2").then(|| "Two threads were tried.\n".to_owned()));
        assert!(!with.faults.iter().any(|fault| fault.starts_with("full-2 ")), "{:?}", with.faults);
        assert!(with.text.contains("### `full-2` is missed: 4 ×, at least 8 ×\n\nTwo threads were tried.\n"));
    }

    #[test]
    fn what_was_not_measured_is_a_fault_and_is_said() {
        let report = made(&|_| None);
        assert!(report.faults.contains(&"topic-8 was not measured".to_owned()));
        let row = report.text.lines().find(|line| line.starts_with("| `topic-8`")).expect("a row");
        assert!(row.ends_with("| **not measured** |"), "{row}");
    }

    #[test]
    fn rows_show_both_figures_their_ratio_and_its_spread() {
        let text = made(&|_| None).text;
        let row = |start: &str| text.lines().find(|line| line.starts_with(start)).expect(start).to_owned();
        assert_eq!(
            row("| `full-1`"),
            "| `full-1` | full telemetry event, 1 thread | 50.0 ns | locked port: 150 ns | 3 × | 2.5 to 3.25 | 15 | \
             at least 2.5 × | 4 × | met |"
        );
        assert!(row("| `scaling-2`").contains("| 1.7 | a thread-private control: 1.8 | 0.94 × |"));
        assert!(row("| `off-tracing`").contains("| 4 instructions | `tracing` disabled: 4 instructions | 1 × |"));
        assert!(row("| `rival-bus`").ends_with("| 0.5 × | 0.4 to 0.6 | 15 | no history; no id |"));
        assert!(text.contains("\n\nall: no x.\n"));
        assert!(row("| `fan-8`").contains("3 ×"));
        assert!(row("| ringbus \\| two").contains("| 40.0 ns | 90.0 ns | 900 ns | 12.0 µs | 1000 |"));
        assert_eq!(row("| call site |"), "| call site | 4 | 4 | – |");
    }

    #[test]
    fn rows_that_we_lose_are_those_of_others() {
        let text = short(&Lines::parse(SAMPLE).expect("well formed"));
        assert!(text.contains("Rows that we lose:\n\n- one consumer: bus 30.0 ns, ringbus 60.0 ns (2 ×)\n"), "{text}");
        assert!(!text.contains("- scaling") && !text.contains("- a queue"), "{text}");
        assert!(text.contains("|\n| a queue that blocks | 200 ns | 100 ns | 2 × | 1.25 to 2.5 |\n\nRows"), "{text}");
    }

    #[test]
    fn the_same_lines_make_the_same_report_and_the_parts_come_last() {
        let text = made(&|_| None).text;
        assert_eq!(text, made(&|_| None).text);
        let last = text.rfind("\n## ").expect("sections");
        assert!(text[last..].starts_with("\n## Where the time of a publish goes"));
    }
}
