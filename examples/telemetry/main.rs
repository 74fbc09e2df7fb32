//! Developer telemetry: terminal, editor and AI chat publish what happens, each from its own thread; it is printed while
//! it happens.
//!
//! 1. Sources: [`terminal`], [`editor`] (with [`git`]) and [`ai`]. They know the bus and nothing of each other.
//! 2. One subscriber: the [`printer`], which is closed before the statistics are printed, so that no line follows them.
//! 3. Without arguments: a [`demonstration`].

mod ai;
mod arguments;
mod demonstration;
mod editor;
mod folder;
mod git;
mod json;
mod printer;
mod terminal;

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use ai::{Chat, Follower};
use arguments::{Arguments, Request};
use editor::Editor;
use ringbus::Bus;

/// The arguments, or what they name, are not what they should be.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut arguments = match arguments::parse() {
        Ok(Request::Run(arguments)) => arguments,
        Ok(Request::Help) => return printed(arguments::HELP),
        Err(error) => return usage(&format!("{error}\n\n{}", arguments::HELP)),
    };
    let _folder = if arguments.name_no_source() {
        match demonstration::prepare(&mut arguments) {
            Ok(folder) => Some(folder),
            Err(error) => return usage(&format!("cannot make a temporary folder: {error}")),
        }
    } else {
        None
    };
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => usage(&error),
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let bus = Bus::builder().on_failure(|failure| complain(&failure.to_string())).build();
    ringbus::set_global(bus.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    let printer = printer::subscribe(arguments.json);

    let opened = |path: &PathBuf| Chat::open(path).map_err(|error| format!("--ai {path:?}: {error}"));
    let chats = arguments.ai.iter().map(opened).collect::<Result<Vec<_>, _>>()?;
    let editor = if arguments.watch.is_empty() { None } else { Some(Editor::watch(&arguments.watch)?) };
    let followers = chats.into_iter().map(Follower::start).collect::<io::Result<Vec<_>>>();
    let followers = followers.map_err(|error| format!("cannot start a thread: {error}"))?;
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => env::current_dir().map_err(|error| format!("the current directory: {error}"))?,
    };
    thread::scope(|scope| {
        scope.spawn(|| terminal::run(&folder, &arguments.commands));
        match arguments.at_least {
            Some(time) => thread::sleep(time),
            None if arguments.commands.is_empty() => wait_for_end_of_input(),
            None => {}
        }
    });
    followers.into_iter().for_each(Follower::finish);
    editor.into_iter().for_each(Editor::finish);

    printer.close().map_err(|error| error.to_string())?;
    let report = if arguments.json { ExitCode::SUCCESS } else { printed(&printer::report()) };
    Ok(if ringbus::stats().totals.failed > 0 { ExitCode::FAILURE } else { report })
}

fn wait_for_end_of_input() {
    // Input that cannot be read has ended.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
}

fn printed(text: &str) -> ExitCode {
    match printer::print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("cannot print: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn usage(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(USAGE)
}

/// Tells standard error; if nobody is there to be told, so be it.
fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "telemetry: {message}");
}
