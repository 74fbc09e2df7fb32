//! The example `forward`, run as people run it, against a server of this test's own; and its file's writer, whose medium
//! fails.
#![cfg(all(feature = "serde", not(ringbus_loom)))]

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs};

use ringbus::Event;
use serde_json::Value;

#[allow(dead_code, reason = "the test takes one thing out of the example")]
#[path = "../examples/forward/forwarder.rs"]
mod forwarder;
#[allow(dead_code, reason = "the test takes one thing out of the example")]
#[path = "../examples/forward/json_lines.rs"]
mod json_lines;

use json_lines::JsonLines;

/// Threads of the demonstration.
const SENSORS: [&str; 4] = ["north", "east", "south", "west"];

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// Events that may wait for the webhook.
const CAPACITY: u64 = 1024;

fn forward(arguments: &[&str]) -> Output {
    start(arguments).wait_with_output().unwrap()
}

fn start(arguments: &[&str]) -> Child {
    let profile = env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let program = profile.join("examples").join(format!("forward{}", env::consts::EXE_SUFFIX));
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
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("ringbus-forward-test-{}-{name}.jsonl", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn events(&self) -> Vec<Value> {
        fs::read_to_string(&self.0).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A test that fails says more than this could.
        let _ = fs::remove_file(&self.0);
    }
}

/// Fails unless these are the whole series, each sensor's part of it in order.
fn assert_series(events: &[Value], count: usize) {
    let mut next = HashMap::new();
    for event in events {
        assert_eq!(event["type"], "sensor.reading");
        let expected = next.entry(event["source"].as_str().unwrap()).or_insert(0);
        assert_eq!(event["payload"]["n"].as_u64(), Some(*expected), "{event}");
        *expected += 1;
    }
    assert_eq!(events.len(), count);
    let shares = SENSORS.map(|sensor| next.get(sensor).copied().unwrap_or(0));
    let expected: [u64; 4] = std::array::from_fn(|sensor| (sensor..count).step_by(4).count() as u64);
    assert_eq!(shares, expected);
}

/// The last line's account of one forwarder: delivered, lost, failed, dead letters, dropped, discarded.
fn account(output: &Output, name: &str) -> [u64; 6] {
    let out = text(&output.stdout);
    let last = out.lines().last().unwrap();
    let part = last.split("; ").find(|part| part.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {last}"));
    let numbers = part.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    let account: [u64; 6] = numbers.collect::<Vec<_>>().try_into().unwrap();
    let accepted: u64 = last.split(' ').next().unwrap().parse().unwrap();
    let [delivered, lost, failed, dead, dropped, discarded] = account;
    assert_eq!((delivered + lost + failed + dropped + discarded, dead), (accepted, failed), "{last}");
    account
}

// === the server ===

/// What is done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Status(u16),
    /// The connection is closed as soon as it is there.
    Close,
}

use Answer::{Close, Status};

/// A web server: one request after the other.
struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    seen: Arc<Mutex<Vec<(Value, Answer)>>>,
}

impl Server {
    /// Gives these answers, the last one again and again; `before` is called with each request before it is answered.
    fn start(answers: &[Answer], before: impl Fn(&Value) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (over, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (ends, sees, answers) = (Arc::clone(&over), Arc::clone(&seen), answers.to_vec());
        let thread = thread::spawn(move || {
            let mut answers = answers.iter().copied().cycle_last();
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, answer) = (stream.unwrap(), answers.next().unwrap());
                if answer == Close {
                    sees.lock().unwrap().push((Value::Null, Close));
                    continue;
                }
                // A client that has gone away meanwhile is its own affair.
                if let Ok(body) = request(&stream) {
                    before(&body);
                    sees.lock().unwrap().push((body, answer));
                    let _ = respond(&stream, answer);
                }
            }
        });
        Self { address, over, thread: Some(thread), seen }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?from=test", self.address)
    }

    /// The events that were answered so, in the order of their answers.
    fn answered(&self, wanted: Answer) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(_, answer)| *answer == wanted).map(|(event, _)| event.clone()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes it; a test that fails says more than this could.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The last one again and again.
trait CycleLast: Iterator<Item: Copy> + Sized {
    fn cycle_last(mut self) -> impl Iterator<Item = Self::Item> {
        let mut last = None;
        std::iter::from_fn(move || {
            last = self.next().or(last);
            last
        })
    }
}

impl<I: Iterator<Item: Copy>> CycleLast for I {}

/// The JSON of a request, which has to be one as webhooks expect it.
fn request(stream: &TcpStream) -> io::Result<Value> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" if head.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            "" => break,
            line => head.push(line.to_ascii_lowercase()),
        }
    }
    assert_eq!(head[0], "post /hook?from=test http/1.1");
    assert!(head.iter().any(|line| line == "content-type: application/json"), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body).unwrap())
}

fn respond(mut stream: &TcpStream, answer: Answer) -> io::Result<()> {
    let Status(status) = answer else { return Ok(()) };
    write!(stream, "HTTP/1.1 {status} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

// === the file ===

#[test]
fn the_file_has_every_event_once_in_each_threads_order() {
    let file = File::new("all");
    let output = forward(&["--file", file.path(), "--events", "20003"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    assert_eq!(account(&output, "file"), [20_003, 0, 0, 0, 0, 0]);
    assert_series(&file.events(), 20_003);
}

#[test]
fn a_second_run_appends() {
    let file = File::new("append");
    for run in 1..=2 {
        assert!(forward(&["--file", file.path(), "--events", "7"]).status.success());
        assert_series(&file.events()[(run - 1) * 7..], 7);
    }
}

#[test]
fn a_line_that_was_begun_by_another_run_is_ended() {
    let file = File::new("begun");
    fs::write(&file.0, "{}\n{\"id\":\"half").unwrap();
    assert!(forward(&["--file", file.path(), "--events", "1"]).status.success());
    let written = fs::read_to_string(&file.0).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!((lines.len(), &lines[..2]), (3, &["{}", "{\"id\":\"half"][..]));
    assert_series(&[serde_json::from_str(lines[2]).unwrap()], 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_every_event_is_accounted_for() {
    let output = forward(&["--file", "/dev/full", "--events", "50"]);
    assert_eq!(output.status.code(), Some(1));
    let [delivered, unwritten, failed, ..] = account(&output, "file");
    assert_eq!((delivered, unwritten + failed), (0, 50));
    assert!(text(&output.stderr).contains("handler file failed on sensor.reading: No space left"), "{output:?}");
    let letters = text(&output.stdout).lines().filter(|line| line.starts_with("dead letter: ")).count();
    assert_eq!(letters as u64, failed);
}

/// Takes so many bytes, fails so often, and takes the rest.
struct Medium {
    taken: Arc<Mutex<Vec<u8>>>,
    room: usize,
    failures: usize,
}

impl Write for Medium {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 && self.failures > 0 {
            self.failures -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = if self.failures > 0 { bytes.len().min(self.room) } else { bytes.len() };
        self.room = self.room.saturating_sub(taken);
        self.taken.lock().unwrap().extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn event(n: u64) -> Event {
    Event::builder("sensor.reading").field("n", n).build().unwrap()
}

/// Wherever a write fails in the middle, and however often: the file has whole lines in order, each once, and is short only
/// of those that failed and had not begun.
#[test]
fn lines_stay_whole_wherever_a_write_fails() {
    let events: Vec<Event> = (0..6).map(event).collect();
    let lines: Vec<String> = events.iter().map(|event| event.to_json() + "\n").collect();
    let length = lines.concat().len();
    for room in 0..=length {
        for failures in [1, 2, 3, usize::MAX] {
            let (taken, unwritten) = (Arc::default(), Arc::<AtomicU64>::default());
            let medium = Medium { taken: Arc::clone(&taken), room, failures };
            let mut out = JsonLines::new(medium, Arc::clone(&unwritten));
            let mut failed = Vec::new();
            for (n, event) in events.iter().enumerate() {
                // The first two are gathered, the others written at once; each is tried twice.
                let ok = (0..2).any(|_| out.take(event, n < 2).is_ok());
                if !ok {
                    failed.push(n);
                }
            }
            drop(out);
            let taken = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
            let whole: Vec<&str> = taken.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
            let written: Vec<usize> =
                whole.iter().map(|line| lines.iter().position(|one| one == line).unwrap()).collect();
            assert!(written.is_sorted_by(|a, b| a < b), "{room} {failures}: {written:?}");
            let delivered = 6 - failed.len();
            let both = written.iter().filter(|n| failed.contains(n)).count();
            let unwritten = unwritten.load(Ordering::SeqCst) as usize;
            assert_eq!(written.len() - both + unwritten, delivered, "{room} {failures}: {written:?} {failed:?}");
            assert!(both <= 1, "only one that was begun");
            if failures < 3 {
                // The second attempt at the latest has succeeded, or the next event's.
                assert!(taken.ends_with('\n') && unwritten == 0, "{room} {failures}");
            }
            if failures == 1 {
                assert_eq!(taken, lines.concat(), "{room}");
            }
        }
    }
}

// === the webhook ===

#[test]
fn every_event_is_posted_in_order_and_to_the_file_too() {
    let (file, server) = (File::new("both"), Server::start(&[Status(200)], |_| ()));
    let output = forward(&["--url", &server.url(), "--file", file.path(), "--events", "41"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let posted = server.answered(Status(200));
    assert_series(&posted, 41);
    let (mut posted, mut lines) = (posted, file.events());
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    posted.sort_by_key(id);
    lines.sort_by_key(id);
    assert_eq!(posted, lines);
    assert_eq!((account(&output, "file"), account(&output, "webhook")), ([41, 0, 0, 0, 0, 0], [41, 0, 0, 0, 0, 0]));
    assert!(text(&output.stdout).starts_with("circuit of webhook: closed, 0 failed in a row, 0 times opened"));
}

#[test]
fn what_fails_for_a_while_is_posted_again_and_succeeds_once() {
    let answers =
        [200, 500, 0, 429, 408, 204, 103, 50, 503, 200].map(|status| if status == 0 { Close } else { Status(status) });
    let server = Server::start(&answers, |_| ());
    let output = forward(&["--url", &server.url(), "--events", "12"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let mut accepted = server.answered(Status(200));
    accepted.splice(1..1, server.answered(Status(204)));
    assert_series(&accepted, 12);
    // One event has met with four kinds of failure, the next one with three others.
    for status in [500, 429, 408] {
        assert_eq!(server.answered(Status(status)), [accepted[1].clone()], "the same event, unchanged");
    }
    for status in [103, 50, 503] {
        assert_eq!(server.answered(Status(status)), [accepted[2].clone()]);
    }
    assert_eq!((server.answered(Close).len(), account(&output, "webhook")), (1, [12, 0, 0, 0, 0, 0]));
}

#[test]
fn what_the_server_refuses_is_not_posted_again() {
    let server = Server::start(&[Status(200), Status(400), Status(301), Status(410), Status(200)], |_| ());
    let output = forward(&["--url", &server.url(), "--events", "8"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(account(&output, "webhook"), [5, 3, 0, 0, 0, 0]);
    assert_eq!(server.seen.lock().unwrap().len(), 8, "one post for each");
    let errors = text(&output.stderr);
    let named = ["400", "301", "410"].map(|status| errors.lines().filter(|line| line.ends_with(status)).count());
    assert_eq!(named, [1, 1, 1], "{errors}");
    assert!(text(&output.stdout).contains("circuit of webhook: closed, 0 failed in a row, 0 times opened"));
}

#[test]
fn when_the_server_always_fails_the_circuit_opens_and_every_event_is_a_dead_letter() {
    let (file, server) = (File::new("dead"), Server::start(&[Status(500)], |_| ()));
    let output = forward(&["--url", &server.url(), "--file", file.path(), "--events", "10"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((account(&output, "file"), account(&output, "webhook")), ([10, 0, 0, 0, 0, 0], [0, 0, 10, 10, 0, 0]));
    assert_series(&file.events(), 10);

    let out = text(&output.stdout);
    let letters: Vec<&str> = out.lines().filter(|line| line.starts_with("dead letter: ")).collect();
    assert_eq!(letters.len(), 10, "{out}");
    let said = "dead letter: sensor.reading failed by webhook after 5 attempts: failed: ";
    assert!(letters.iter().all(|letter| letter.starts_with(said)), "{out}");
    assert!(letters[0].ends_with("the server answered 500"), "the fifth attempt opens the circuit: {out}");

    // "circuit of webhook: …, 5 failed in a row, 3 times opened, 20 rejected"
    let circuit = out.lines().find(|line| line.starts_with("circuit of webhook: ")).unwrap();
    let numbers: Vec<usize> = circuit.split(' ').filter_map(|word| word.parse().ok()).collect();
    let &[_, opened, rejected] = numbers.as_slice() else { panic!("{circuit}") };
    assert!(opened >= 1 && rejected >= 1, "{circuit}");
    let posts = server.answered(Status(500)).len();
    assert_eq!(posts + rejected, 50, "each attempt was posted, or rejected by the circuit");
    assert_eq!(posts, 5 + (opened - 1), "five until it opens, then one for each time that it was tried again");
}

#[test]
fn nobody_waits_for_a_slow_server_and_what_has_no_room_is_counted() {
    let file = File::new("slow");
    let path = file.0.clone();
    // Answers nothing before the file is complete.
    let complete = OnceCell::new();
    let wait = move |_: &Value| {
        complete.get_or_init(|| {
            let begun = Instant::now();
            while begun.elapsed() < LONG
                && fs::read(&path).map_or(0, |file| file.iter().filter(|byte| **byte == b'\n').count()) < 3000
            {
                thread::yield_now();
            }
        });
    };
    let server = Server::start(&[Status(200)], wait);
    let output = forward(&["--url", &server.url(), "--file", file.path(), "--events", "3000"]);
    assert_series(&file.events(), 3000);
    assert_eq!(account(&output, "file"), [3000, 0, 0, 0, 0, 0]);
    let [delivered, refused, failed, _, dropped, discarded] = account(&output, "webhook");
    // As many as may wait, one that is being posted, and one that each thread may still be handing over.
    let handled = CAPACITY..=CAPACITY + 1 + SENSORS.len() as u64;
    assert!(handled.contains(&(delivered + failed)), "{output:?}");
    assert_eq!((refused, discarded, delivered + failed + dropped), (0, 0, 3000));
    let posted = server.answered(Status(200));
    let posted: HashSet<_> = posted.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert!(posted.len() as u64 >= delivered, "{} of {delivered}", posted.len());
    assert_eq!(output.status.code(), Some(1));
}

// === the program ===

#[test]
fn without_events_nothing_is_lost() {
    let file = File::new("none");
    let output = forward(&["--file", file.path(), "--events", "0"]);
    assert_eq!((output.status.code(), account(&output, "file")), (Some(0), [0; 6]));
    assert_eq!(fs::read(file.path()).unwrap(), b"");
}

#[test]
fn wrong_arguments_are_named_and_end_with_2() {
    for (arguments, words) in [
        (&["--fast"][..], "--fast"),
        (&[], "--file FILE, --url URL or both are needed"),
        (&["--events", "3"], "--file FILE, --url URL or both are needed"),
        (&["--file", "x", "--events", "-1"], "--events takes a number from 0 to 500000"),
        (&["--file", "x", "--events", "500001"], "--events takes a number from 0 to 500000"),
        (&["--url", "https://localhost/"], "--url takes a URL that begins with http://"),
        (&["--url", "http:///hook"], "--url takes a URL that begins with http://"),
        (&["--url", "http://:8080/hook"], "--url takes a URL that begins with http://"),
        (&["--url", "http://me@?x"], "--url takes a URL that begins with http://"),
        (&["--file", "no/such/file"], "--file \"no/such/file\": No such file"),
    ] {
        let output = forward(arguments);
        let errors = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{errors}");
        let first = errors.lines().next().unwrap_or_default();
        assert!(first.starts_with("forward: ") && first.contains(words), "{errors}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let file = File::new("pipe");
    let mut child = start(&["--file", file.path()]);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn help_goes_to_standard_output() {
    for help in ["--help", "-h"] {
        let output = forward(&[help]);
        assert!(output.status.success());
        let help = text(&output.stdout);
        assert!(help.contains("Usage: forward [OPTIONS]\n") && help.lines().all(|line| line.chars().count() <= 80));
        assert_eq!(text(&output.stderr), "");
    }
}
