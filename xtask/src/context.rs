//! Where a command works: the project's folder, the target folder, and cargo.
//!
//! Promises absolute paths, so that a command may run in any folder. Refuses to guess: a project
//! folder without a `Cargo.toml` is an error.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// What every command of xtask is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The folder of the root package.
    pub(crate) root: PathBuf,
    /// Where things are built: `CARGO_TARGET_DIR`, or `target` in the root.
    pub(crate) target: PathBuf,
    cargo: PathBuf,
}

// === impl Context ===

impl Context {
    /// The context that the environment describes.
    pub(crate) fn new() -> Result<Context, String> {
        // Cargo names the folder it runs; what was compiled in serves a program started by hand.
        let own = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = own.parent().unwrap_or(&own).to_path_buf();
        let here = std::env::current_dir().map_err(|e| format!("no current folder: {e}"))?;
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(given) if !given.is_empty() => here.join(given),
            _ => root.join("target"),
        };
        Context::at(root, target)
    }

    /// A context with the given folders.
    pub(crate) fn at(root: PathBuf, target: PathBuf) -> Result<Context, String> {
        if !root.join("Cargo.toml").is_file() {
            return Err(format!("{} holds no Cargo.toml", root.display()));
        }
        let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        Ok(Context { root, target, cargo })
    }

    /// `cargo` with these arguments (separated by white space), in the project's folder.
    pub(crate) fn cargo(&self, args: &str) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir(&self.root).args(args.split_whitespace());
        command
    }

    /// A path as people like to read it: relative to the root where it lies in it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let short = path.strip_prefix(&self.root).unwrap_or(path);
        short.display().to_string().replace('\\', "/")
    }
}

// === commands ===

/// The command as it would be typed: changed variables, program, arguments.
pub(crate) fn typed(command: &Command) -> String {
    let mut line = String::new();
    for (name, value) in command.get_envs() {
        // The user has that one too, and it is long.
        if let Some(value) = value.filter(|_| name != "PATH") {
            let value = quoted(&value.to_string_lossy());
            let _ = write!(line, "{}={value} ", name.to_string_lossy());
        }
    }
    let program = Path::new(command.get_program());
    let name = match program.file_stem() {
        Some(stem) if stem == "cargo" => stem.to_string_lossy(),
        _ => program.as_os_str().to_string_lossy(),
    };
    line.push_str(&quoted(&name));
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&quoted(&arg.to_string_lossy()));
    }
    line
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=/.,:+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// How a process ended, in words.
pub(crate) fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(), // Unix: the signal, by number and name.
    }
}

/// Shows the command and runs it, its output going where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    run_to(command, &[0])
}

/// The same for a command of which these exit codes are good.
pub(crate) fn run_to(command: &mut Command, good: &[i32]) -> Result<(), String> {
    let line = typed(command);
    println!("    $ {line}");
    match command.stderr(errors()).status() {
        Ok(status) if status.code().is_some_and(|code| good.contains(&code)) => Ok(()),
        Ok(status) => Err(format!("`{line}` failed: {}", ended(status))),
        Err(why) => Err(format!("`{line}` did not start: {why}")),
    }
}

/// Shows the command, runs it and returns what it wrote on its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let line = typed(command);
    println!("    $ {line}");
    match command.stderr(errors()).output() {
        Ok(out) if out.status.success() => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        Ok(out) => Err(format!("`{line}` failed: {}", ended(out.status))),
        Err(why) => Err(format!("`{line}` did not start: {why}")),
    }
}

/// Errors are shown; but not those that a test of ours provokes.
fn errors() -> Stdio {
    if cfg!(test) { Stdio::null() } else { Stdio::inherit() }
}

/// A duration for people: `0.4 s`, `12.3 s`, `3 min 04 s`.
pub(crate) fn lasted(time: Duration) -> String {
    match time.as_secs() {
        0..=99 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

// === tests ===

/// A fresh folder for one test, removed when dropped.
#[cfg(test)]
pub(crate) struct Scratch(pub(crate) PathBuf);

#[cfg(test)]
impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        let folder = format!("ringbus-xtask-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(folder);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Scratch(path)
    }

    /// Writes files, given as path and text, with the folders they need.
    pub(crate) fn write(&self, files: &[(&str, &str)]) -> &Scratch {
        for (path, text) in files {
            let path = self.0.join(path);
            std::fs::create_dir_all(path.parent().expect("inside")).expect("folder");
            std::fs::write(path, text).expect("file");
        }
        self
    }
}

#[cfg(test)]
impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.env("RUSTFLAGS", "--cfg x").args(["test", "--features", "", "--test", "loom_*"]);
        assert_eq!(typed(&command), "RUSTFLAGS='--cfg x' cargo test --features '' --test 'loom_*'");
    }

    #[test]
    fn failures_name_the_command_and_how_it_ended() {
        let scratch = Scratch::new("context");
        scratch.write(&[("Cargo.toml", "")]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        let why = run(&mut context.cargo("no-such-subcommand")).expect_err("unknown to cargo");
        assert_eq!(why, "`cargo no-such-subcommand` failed: exit code 101");
        assert_eq!(run_to(&mut context.cargo("no-such-subcommand"), &[0, 101]), Ok(()));
        let why = output(&mut Command::new("/no/such/program")).expect_err("absent");
        assert!(why.starts_with("`/no/such/program` did not start: "), "{why}");
    }

    #[test]
    fn a_folder_without_a_manifest_is_refused() {
        let scratch = Scratch::new("empty");
        let why = Context::at(scratch.0.clone(), scratch.0.join("t")).expect_err("no manifest");
        assert!(why.ends_with("holds no Cargo.toml"), "{why}");
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!(lasted(Duration::from_millis(420)), "0.4 s");
        assert_eq!(lasted(Duration::from_secs(184)), "3 min 04 s");
    }
}
