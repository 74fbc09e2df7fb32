//! Interrupted: what was read is worked on, and every event is accounted for.

use super::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStderr, ChildStdout, ExitStatus};

/// A program that runs, and what it has printed so far.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    errors: BufReader<ChildStderr>,
    printed: String,
}

impl Running {
    /// Has it work until it prints limits: then it is in the midst of the series.
    fn start(arguments: &[&str]) -> Self {
        let mut child = start(arguments);
        let out = BufReader::new(child.stdout.take().unwrap());
        let errors = BufReader::new(child.stderr.take().unwrap());
        let mut running = Self { child, out, errors, printed: String::new() };
        while !running.printed.contains(": limits of means ") {
            assert_ne!(running.out.read_line(&mut running.printed).unwrap(), 0, "{}", running.printed);
        }
        running
    }

    fn send(&self, signal: i32) {
        let child = self.child.id().try_into().unwrap();
        // SAFETY: no memory is involved; the child has not been waited for, so the number is its own.
        assert_eq!(unsafe { libc::kill(child, signal) }, 0);
    }

    /// The names of its threads.
    #[cfg(target_os = "linux")]
    fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        // One that ends meanwhile has no name any more.
        let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
        names.map(|name| name.trim_end().to_owned()).collect()
    }

    /// The first line of standard error that begins thus.
    fn complaint(&mut self, begin: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.errors.read_line(&mut line).unwrap(), 0, "no {begin}");
            if line.starts_with(begin) {
                return line;
            }
        }
    }

    /// How it ends, and all that it has printed.
    fn end(mut self) -> (ExitStatus, String) {
        self.out.read_to_string(&mut self.printed).unwrap();
        (self.child.wait().unwrap(), self.printed)
    }

    /// The first one is told, the second one ends it.
    #[track_caller]
    fn ends_by_two_interrupts(mut self) {
        self.send(libc::SIGINT);
        self.complaint(INTERRUPTED);
        self.send(libc::SIGINT);
        let (status, printed) = self.end();
        assert_eq!(status.code(), Some(130), "{printed}");
    }

    #[track_caller]
    fn ends_well(self) -> Told {
        let (status, printed) = self.end();
        assert_eq!(status.code(), Some(0), "{printed}");
        Told::read(printed)
    }
}

const INTERRUPTED: &str = "spc_monitor: interrupted: ";

#[test]
fn under_load_it_ends_cleanly_and_every_event_is_accounted_for() {
    for threads in ["1", "2", "3", "4", "8"] {
        let mut running = Running::start(&["--loop", "--threads", threads]);
        running.send(libc::SIGINT);
        running.complaint(INTERRUPTED);
        let told = running.ends_well();
        assert!(told.kind("spc.sample.processed") >= 30, "{}", told.text);
    }
}

#[test]
fn a_request_to_end_is_an_interrupt() {
    let mut running = Running::start(&["--loop"]);
    running.send(libc::SIGTERM);
    running.complaint(INTERRUPTED);
    running.ends_well();
}

#[test]
fn live_statistics_are_told_while_it_runs() {
    let mut running = Running::start(&["--loop", "--live"]);
    let line = running.complaint("live: ");
    assert!(line.contains(" accepted, ") && line.contains(" waiting"), "{line}");
    running.send(libc::SIGINT);
    running.complaint(INTERRUPTED);
    running.ends_well();
}

/// It is interrupted while it has a subgroup that may not be published yet.
#[test]
fn each_row_that_was_read_is_in_a_subgroup_or_told() {
    let rows = (1..=1000).flat_map(|n| (0..5).map(move |at| format!("a,{n},{at}\n")));
    let file = File::new("slow.csv", &(String::from("b,1,0\n") + &rows.collect::<String>()));
    let mut running = Running::start(&["--input", file.path(), "--rate", "1", "--baseline", "2"]);
    running.send(libc::SIGINT);
    running.complaint(INTERRUPTED);
    // Where it was between two rows of a subgroup, that one is incomplete too.
    let mut incomplete = running.complaint("spc_monitor: line ");
    let (mut more, mut faults) = (0, 1);
    if incomplete.contains(" of a ended with ") {
        more = incomplete.split(" with ").nth(1).and_then(|with| with.split(' ').next()?.parse().ok()).unwrap();
        incomplete = running.complaint("spc_monitor: line ");
        faults = 2;
    }
    assert!(incomplete.ends_with(": subgroup 1 of b ended with 1 values; 5 are needed\n"), "{incomplete}");
    let told = running.ends_well();
    let rows = 5 * told.kind("spc.subgroup.measured") + 1 + more;
    assert_eq!(told.lines("read ").collect::<Vec<_>>(), [format!("read {rows} rows in 1 rounds; {faults} faults")]);
    assert_eq!(told.kind("spc.series.ended"), 1);
}

/// A pipe with a name, held open by this end; as small as a pipe can be.
#[cfg(target_os = "linux")]
fn pipe(name: &str) -> (File, fs::File) {
    use std::ffi::CString;
    use std::os::fd::AsRawFd;
    let file = File::new(name, "");
    fs::remove_file(&file.0).unwrap();
    let path = CString::new(file.path()).unwrap();
    // SAFETY: the path is a string that ends with zero.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let end = fs::File::options().read(true).write(true).open(&file.0).unwrap();
    // SAFETY: the descriptor is open.
    assert!(unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) } > 0);
    (file, end)
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_waits_for_more_is_left_behind() {
    let (file, mut end) = pipe("input");
    // The baseline, and no more: when there are limits, all of it has been read.
    let rows: String = (1..=30).flat_map(|n| (0..5).map(move |at| format!("a,{n},{at}\n"))).collect();
    end.write_all(format!("b,1,0\n{rows}").as_bytes()).unwrap();
    let mut running = Running::start(&["--input", file.path()]);
    running.send(libc::SIGINT);
    running.complaint("spc_monitor: line 151: subgroup 1 of b ended with 1 values; 5 are needed");
    let told = running.ends_well();
    assert_eq!((told.kind("spc.sample.processed"), told.kind("spc.series.ended")), (30, 1));
    assert_eq!(told.lines("read ").collect::<Vec<_>>(), ["read 151 rows in 1 rounds; 1 faults"]);
}

/// One end of it is opened once: who writes to it has a reader until all of it is written.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_read_to_its_end() {
    let (file, held) = pipe("once");
    drop(held);
    let rows: String = (1..=1000).flat_map(|n| (0..5).map(move |at| format!("a,{n},{at}\n"))).collect();
    let child = start(&["--input", file.path()]);
    let mut writer = fs::File::options().write(true).open(&file.0).unwrap();
    writer.write_all(rows.as_bytes()).unwrap();
    drop(writer);
    let told = Told::of(&child.wait_with_output().unwrap());
    assert_eq!(told.lines("read ").collect::<Vec<_>>(), ["read 5000 rows in 1 rounds; 0 faults"]);
}

/// What it complains of is more than the pipe takes, and nobody reads it.
#[cfg(target_os = "linux")]
#[test]
fn two_interrupts_end_it_though_nobody_reads_standard_error() {
    use std::os::fd::AsRawFd;
    let file = File::new("noise.csv", &"none\n".repeat(100_000));
    let mut child = start(&["--input", file.path()]);
    let errors = child.stderr.take().unwrap();
    let mut unread = 0;
    while unread < 60_000 {
        // SAFETY: the descriptor is open, and the number is written to an integer of that type.
        assert_eq!(unsafe { libc::ioctl(errors.as_raw_fd(), libc::FIONREAD, &raw mut unread) }, 0);
        std::thread::yield_now();
    }
    let (out, printed) = (BufReader::new(child.stdout.take().unwrap()), String::new());
    let mut running = Running { child, out, errors: BufReader::new(errors), printed };
    running.out.read_line(&mut running.printed).unwrap();
    let begun = std::time::Instant::now();
    // The second one may come before the first one was taken: then they are one.
    let status = loop {
        running.send(libc::SIGINT);
        if let Some(status) = running.child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed().as_secs() > 60 {
            running.child.kill().unwrap();
        }
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(130));
}

/// The series has ended, and what was read of it waits for an audit log that nobody reads.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_after_the_end_of_the_series_is_told_too() {
    let (file, _end) = pipe("late-audit");
    // What they lead to is more than the pipe takes, and less than the log's queue does.
    let rows: String = (1..=150).flat_map(|n| (0..5).map(move |at| format!("a,{n},{at}\n"))).collect();
    let input = File::new("late.csv", &rows);
    let running = Running::start(&["--input", input.path(), "--audit", file.path()]);
    // The reader says that it has read before its thread ends.
    while running.threads().iter().any(|name| name == "reader") {
        std::thread::yield_now();
    }
    running.ends_by_two_interrupts();
}

/// The first one waits for an audit log that nobody reads.
#[cfg(target_os = "linux")]
#[test]
fn a_second_interrupt_ends_it_at_once() {
    let (file, _end) = pipe("audit");
    let running = Running::start(&["--loop", "--audit", file.path()]);
    running.ends_by_two_interrupts();
}
