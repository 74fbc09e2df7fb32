//! The example `spc_monitor`, run as people run it: to the end of its data, with bad data, and interrupted.
#![cfg(all(feature = "async", feature = "derive", not(ringbus_loom)))]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::{env, fs};

#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../examples/spc_monitor/charts.rs"]
mod charts;
#[cfg(unix)]
#[path = "spc_monitor/interrupted.rs"]
mod interrupted;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../examples/spc_monitor/rules.rs"]
mod rules;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../examples/spc_monitor/series.rs"]
mod series;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../examples/spc_monitor/subgroups.rs"]
mod subgroups;

/// What the program has built in.
const DATA: &str = include_str!("../examples/data/spc_series.csv");

fn spc_monitor(arguments: &[&str]) -> Output {
    start(arguments).wait_with_output().unwrap()
}

fn start(arguments: &[&str]) -> Child {
    let profile = env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let program = profile.join("examples").join(format!("spc_monitor{}", env::consts::EXE_SUFFIX));
    assert!(program.exists(), "no {}: `cargo test` builds it, `cargo test --test` does not", program.display());
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file of this test's own, removed with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &str) -> Self {
        let file = Self(env::temp_dir().join(format!("ringbus-spc-test-{}-{name}", std::process::id())));
        fs::write(&file.0, content).unwrap();
        file
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A test that fails says more than this could.
        let _ = fs::remove_file(&self.0);
    }
}

// === what it prints ===

/// What the program has said, read back.
struct Told {
    text: String,
    /// Accepted events by kind.
    kinds: HashMap<String, u64>,
    /// Of each queue, what was offered, and what became of it.
    queues: HashMap<String, (u64, HashMap<String, u64>)>,
}

impl Told {
    /// Of a program that has ended well; whatever can be added up is.
    #[track_caller]
    fn of(output: &Output) -> Self {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        Self::read(text(&output.stdout))
    }

    #[track_caller]
    fn read(text: String) -> Self {
        let kinds = text.lines().filter_map(|line| line.strip_prefix("accepted ")?.split_once(": "));
        let kinds = kinds.map(|(kind, count)| (kind.to_owned(), count.parse().unwrap())).collect();
        let queues = text.lines().filter_map(|line| {
            let (name, rest) = line.split_once(": ")?;
            let (offered, parts) = rest.split_once(" offered = ")?;
            let parts = parts.split("; ").next()?.split(" + ").map(|part| part.split_once(' ').unwrap());
            let parts = parts.map(|(count, what)| (what.to_owned(), count.parse().unwrap())).collect();
            Some((name.to_owned(), (offered.parse().unwrap(), parts)))
        });
        let queues = queues.collect();
        let told = Self { text, kinds, queues };
        told.assert_accounted();
        told
    }

    #[track_caller]
    fn assert_accounted(&self) {
        for (name, (offered, parts)) in &self.queues {
            assert_eq!(*offered, parts.values().sum::<u64>(), "{name}: {}", self.text);
        }
        let accepted = self.kinds.values().sum::<u64>();
        let letters: u64 = self.queues.keys().map(|name| self.part(name, "failed")).sum();
        let last =
            format!("{accepted} events, {letters} dead letters ({letters} seen by a subscriber): all accounted for");
        assert_eq!(self.text.lines().last(), Some(last.as_str()), "{}", self.text);
        let audited = self.queues["audit"].0 + self.queues["audit-of-the-bus"].0;
        assert_eq!((audited, self.kind("ringbus.dead_letter")), (accepted, letters));
        let of = |kind: &str| self.kind(&format!("spc.{kind}"));
        assert_eq!(of("sample.processed"), of("subgroup.measured"));
        assert_eq!(of("violation.created"), of("violation.acknowledged"));
        assert_eq!(of("characteristic.created"), of("characteristic.deleted"));
        assert_eq!(of("limits.updated"), of("characteristic.updated"));
        let workers = self.queues.iter().filter(|(name, _)| name.starts_with("worker-"));
        let (count, offered) = workers.fold((0, 0), |(count, sum), (_, (offered, _))| (count + 1, sum + offered));
        assert_eq!(offered, of("subgroup.measured") + count * of("series.ended"));
        let audited = self.part("audit", "delivered") + self.part("audit-of-the-bus", "delivered");
        assert_eq!(audited, accepted, "nothing is lost");
    }

    fn kind(&self, kind: &str) -> u64 {
        self.kinds.get(kind).copied().unwrap_or(0)
    }

    fn part(&self, queue: &str, what: &str) -> u64 {
        self.queues[queue].1.get(what).copied().unwrap_or(0)
    }

    /// Lines that begin thus.
    fn lines<'a>(&'a self, begin: &'a str) -> impl Iterator<Item = &'a str> {
        self.text.lines().filter(move |line| line.starts_with(begin))
    }

    /// The lines about characteristics: from the first one to what was read.
    fn report(&self) -> String {
        let is_report = |line: &&str| line.ends_with(" subgroups") || line.starts_with("  ");
        let lines = self.text.lines().take_while(|line| !line.starts_with("read "));
        lines.filter(is_report).map(|line| format!("{line}\n")).collect()
    }
}

/// The same report by one thread, without a bus.
fn expected_report(series: &str) -> String {
    type Seen = (charts::Chart, rules::Rules, BTreeMap<u8, (u64, &'static str)>);
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut gathered = subgroups::Subgroups::new(5);
    for row in series::Series::new(series.as_bytes()).map(Result::unwrap) {
        let Some(subgroup) = gathered.add(row).0 else { continue };
        let fresh = || (charts::Chart::new(5, 30).unwrap(), rules::Rules::default(), BTreeMap::new());
        let (chart, rules, fired) = seen.entry(subgroup.characteristic).or_insert_with(fresh);
        let point = chart.add(&subgroup.values).unwrap();
        let rules = point.standardized.map(|z| rules.next(z)).unwrap_or_default();
        let outside = point.range_outside.then_some((0, "a range outside of its limits"));
        for (rule, pattern) in outside.into_iter().chain(rules.iter().map(|rule| (rule.number(), rule.pattern()))) {
            fired.entry(rule).or_insert((0, pattern)).0 += 1;
        }
    }
    let mut text = String::new();
    for (name, (chart, _, fired)) in seen {
        text += &format!("{name}: {} subgroups\n", chart.subgroups());
        for (rule, (count, pattern)) in fired {
            let rule = if rule == 0 { String::new() } else { format!("rule {rule}, ") };
            text += &format!("  {rule}{pattern}: {count}\n");
        }
    }
    text
}

// === to the end of the data ===

#[test]
fn it_ends_by_itself_and_every_event_is_accounted_for() {
    let output = spc_monitor(&[]);
    let told = Told::of(&output);
    assert_eq!(text(&output.stderr), "");
    let rows = DATA.lines().filter(|line| !line.starts_with('#')).count() - 1;
    assert_eq!(told.lines("read ").collect::<Vec<_>>(), [format!("read {rows} rows in 1 rounds; 0 faults")]);
    assert_eq!(told.kind("spc.sample.processed"), rows as u64 / 5);
    assert_eq!((told.kind("spc.limits.updated"), told.lines("bore: limits of means ").count()), (4, 1));
    for rule in 1..=8 {
        assert!(told.lines(&format!("  rule {rule}, ")).count() > 0, "rule {rule} is not reported: {}", told.text);
    }
    assert!(told.part("notifier", "failed") > 0 && told.part("notifier", "delivered") > 0, "{}", told.text);
    assert!(told.lines("  spc.").any(|line| line.contains("failed by notifier after 4 attempts: failed: no answer")));
    assert!(told.text.lines().all(|line| line.chars().count() <= 80), "{}", told.text);
}

#[test]
fn however_many_threads_there_are_they_see_what_one_would() {
    let expected = expected_report(DATA);
    for threads in ["1", "2", "3", "16"] {
        let told = Told::of(&spc_monitor(&["--threads", threads]));
        assert_eq!(told.report(), expected, "{threads} threads");
        assert_eq!(told.lines("worker-").count(), threads.parse().unwrap());
        assert_eq!(told.kind("spc.alert.exceeded"), 9, "by each characteristic's own order");
    }
}

/// The events of which notices were given up, without their ids and times; of the dead letters that say so.
fn given_up(log: &str, letters: impl Fn(&str) -> bool) -> BTreeSet<&str> {
    let causes = log.lines().filter(|line| line.contains(" ringbus.dead_letter ") && letters(line));
    let causes = causes.map(|line| log.lines().find(|event| event.starts_with(cause(line).unwrap())).unwrap());
    causes.map(|event| event.splitn(3, ' ').nth(2).unwrap().split(" because of ").next().unwrap()).collect()
}

/// Where attempts come too late because the machine is busy, more notices are given up than the seed says: not for want of an
/// answer, and those that get none are given up in any case.
#[test]
fn which_notices_fail_is_decided_by_the_seed() {
    let run = |seed: &str, run: u32| {
        let file = File::new(&format!("failures-{seed}-{run}.log"), "");
        // One thread: the same violations have the same numbers.
        Told::of(&spc_monitor(&["--threads", "1", "--failures", seed, "--audit", file.path()]));
        fs::read_to_string(&file.0).unwrap()
    };
    let unanswered = |log| given_up(log, |letter| letter.contains("no answer"));
    let logs = ["1", "2"].map(|seed| [run(seed, 1), run(seed, 2)]);
    for [one, other] in &logs {
        assert!(unanswered(one).is_subset(&given_up(other, |_| true)), "{one}{other}");
        assert!(unanswered(other).is_subset(&given_up(one, |_| true)), "{one}{other}");
    }
    let [[one, _], [_, other]] = &logs;
    assert!(!unanswered(one).is_subset(&given_up(other, |_| true)), "another seed, others: {one}{other}");
}

/// The id of the event that one was published because of.
fn cause(line: &str) -> Option<&str> {
    line.rsplit_once(" because of ").map(|(_, cause)| cause)
}

#[test]
fn the_audit_log_has_every_event_and_what_it_came_of() {
    let file = File::new("audit.log", "what was there before");
    let told = Told::of(&spc_monitor(&["--audit", file.path()]));
    let log = fs::read_to_string(&file.0).unwrap();
    // "ID TIME KIND …[ because of ID]"
    let events = log.lines().map(|line| {
        let mut words = line.split(' ');
        let (id, kind) = (words.next().unwrap(), words.nth(1).unwrap());
        (id, (kind, cause(line)))
    });
    let events: HashMap<&str, (&str, Option<&str>)> = events.collect();
    assert_eq!(events.len(), log.lines().count(), "an event is logged once");
    let mut kinds = HashMap::new();
    events.values().for_each(|(kind, _)| *kinds.entry((*kind).to_owned()).or_insert(0) += 1);
    assert_eq!(kinds, told.kinds);
    for (kind, cause) in events.values() {
        let cause = cause.map(|cause| events[cause].0.strip_prefix("spc.").unwrap());
        let causes: &[Option<&str>] = match *kind {
            "spc.subgroup.measured" | "spc.series.ended" => &[None],
            "spc.characteristic.deleted" => &[Some("series.ended")],
            "spc.violation.acknowledged" => &[Some("sample.processed"), Some("characteristic.deleted")],
            "spc.alert.exceeded" => &[Some("violation.created")],
            "ringbus.dead_letter" => &[Some("alert.exceeded"), Some("violation.created")],
            _ => &[Some("subgroup.measured")],
        };
        assert!(causes.contains(&cause), "{kind} because of {cause:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_audit_log_on_a_full_disk_is_told_and_every_event_is_accounted_for() {
    let output = spc_monitor(&["--audit", "/dev/full"]);
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{out}{errors}");
    assert!(errors.starts_with("spc_monitor: --audit: No space left"), "{errors}");
    assert_eq!(errors.lines().count(), 1);
    Told::read(out);
}

// === with bad data ===

#[test]
fn bad_lines_are_told_and_the_others_are_read() {
    let mut rows: Vec<String> = DATA.lines().filter(|line| line.starts_with("bore,")).map(str::to_owned).collect();
    rows.insert(7, "bore,2,2.5mm".to_owned());
    rows.insert(12, "bore;3".to_owned());
    rows.push("bore,500,25.0".to_owned());
    let file = File::new("bad.csv", &rows.join("\n"));
    let output = spc_monitor(&["--input", file.path()]);
    let told = Told::of(&output);
    let errors = text(&output.stderr);
    let expected = [
        "spc_monitor: line 8, column 3 (value): \"2.5mm\" is not allowed; ",
        "spc_monitor: line 13: 1 columns; 3 are needed",
        "spc_monitor: line 603: subgroup 500 of bore ended with 1 values; 5 are needed",
    ];
    assert_eq!(errors.lines().count(), expected.len(), "{errors}");
    assert!(errors.lines().zip(expected).all(|(line, expected)| line.starts_with(expected)), "{errors}");
    assert_eq!(told.lines("read ").collect::<Vec<_>>(), ["read 601 rows in 1 rounds; 3 faults"]);
    assert_eq!(told.kind("spc.sample.processed"), 120);
}

#[test]
fn an_empty_series_is_none_even_again_and_again() {
    let file = File::new("empty.csv", "# nothing\n");
    for arguments in [&["--input", file.path()][..], &["--input", file.path(), "--loop"]] {
        let told = Told::of(&spc_monitor(arguments));
        assert_eq!(told.kinds, HashMap::from([("spc.series.ended".to_owned(), 1)]));
    }
}

#[test]
fn wrong_arguments_are_named_and_end_with_2() {
    for (arguments, words) in [
        (&["--fast"][..], "--fast"),
        (&["--failures", "many"], "--failures takes a number from 0 to"),
        (&["--input", "no/such/file"], "--input \"no/such/file\": No such file"),
        (&["--audit", "no/such/file"], "--audit \"no/such/file\": No such file"),
    ] {
        let output = spc_monitor(arguments);
        let errors = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{errors}");
        let first = errors.lines().next().unwrap_or_default();
        assert!(first.starts_with("spc_monitor: ") && first.contains(words), "{errors}");
    }
}

#[cfg(unix)]
#[test]
fn the_audit_log_does_not_overwrite_what_is_read() {
    let file = File::new("both.csv", "a,1,2\n");
    let link = File::new("link.csv", "");
    fs::remove_file(&link.0).unwrap();
    fs::hard_link(&file.0, &link.0).unwrap();
    for audit in [&file, &link] {
        let output = spc_monitor(&["--input", file.path(), "--audit", audit.path()]);
        let errors = text(&output.stderr);
        assert!(output.status.code() == Some(2) && errors.contains("this is what --input reads"), "{errors}");
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "a,1,2\n");
    }
}

/// It is there, and cannot be read: a folder.
#[cfg(unix)]
#[test]
fn an_input_that_cannot_be_read_ends_with_2_and_an_account() {
    let folder = env::temp_dir();
    let output = spc_monitor(&["--input", folder.to_str().unwrap()]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("cannot be read from line 1 on: Is a directory"), "{errors}");
    assert_eq!(Told::read(text(&output.stdout)).kind("spc.series.ended"), 1);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in [&[][..], &["--generate"]] {
        let mut child = start(arguments);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    }
}

#[test]
fn help_goes_to_standard_output() {
    let output = spc_monitor(&["--help"]);
    let help = text(&output.stdout);
    assert!(output.status.success() && help.contains("Usage: spc_monitor [OPTIONS]\n"));
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    assert_eq!(text(&output.stderr), "");
}
