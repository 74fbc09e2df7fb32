//! This program once more, in a process of its own, for one scene.

use std::env;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Names the scene, in the child.
pub(crate) const SCENE: &str = "RINGBUS_TEST_SCENE";

/// Names a file that the scene may write, in the child.
pub(crate) const FILE: &str = "RINGBUS_TEST_FILE";

/// The code of a child in which all was well; 0 would also be that of one that skipped what it was to do.
pub(crate) const GOOD: u8 = 64;

/// What is done in a process of its own.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// How often: more than once where threads race.
    pub(crate) times: usize,
    /// Ends the process, or returns.
    pub(crate) play: fn(),
    /// Whether nothing at all may be written to standard output and error.
    pub(crate) silent: bool,
}

impl Scene {
    pub(crate) const fn new(name: &'static str, play: fn()) -> Self {
        Self { name, times: 1, play, silent: false }
    }
}

/// Ends the process at once with its code: nothing that is left may change it.
pub(crate) fn end(good: bool) -> ! {
    // SAFETY: ends the process without running anything.
    unsafe { libc::_exit(if good { GOOD.into() } else { 1 }) }
}

pub(crate) fn run(scene: &Scene) -> Result<(), String> {
    (0..scene.times).try_for_each(|_| run_once(scene))
}

fn run_once(scene: &Scene) -> Result<(), String> {
    let file = env::temp_dir().join(format!("ringbus-ends-{}", std::process::id()));
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(SCENE, scene.name).env(FILE, &file).env("RUST_BACKTRACE", "0");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = libc::pid_t::try_from(child.id()).unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (done, ended) = channel::<()>();
    // Only against hanging. It is told before the child is waited for, so the number is still the child's.
    let guard = thread::spawn(move || {
        let hangs = ended.recv_timeout(Duration::from_secs(120)) == Err(RecvTimeoutError::Timeout);
        if hangs {
            // SAFETY: a signal to a child that has not been waited for.
            unsafe { libc::kill(id, libc::SIGKILL) };
        }
        hangs
    });
    let errors = thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).map(|_| text).unwrap_or_default()
    });
    let mut output = String::new();
    out.read_to_string(&mut output).unwrap();
    let errors = errors.join().unwrap();
    // Both streams have ended. A scene that closes them does so at its very end, or is waited for here.
    let status = child.wait().unwrap();
    drop(done);
    let hung = guard.join().unwrap();
    let _ = std::fs::remove_file(&file);
    if hung || status.code() != Some(GOOD.into()) {
        return Err(format!("hung: {hung}, {status}\nstdout: {output}\nstderr: {errors}"));
    }
    if scene.silent && !(output.is_empty() && errors.is_empty()) {
        return Err(format!("something was printed\nstdout: {output}\nstderr: {errors}"));
    }
    Ok(())
}
