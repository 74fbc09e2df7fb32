//! What is shown without arguments: a developer's minute, in a temporary folder.

use std::ffi::OsString;
use std::process::Command;
use std::{fs, io};

use crate::arguments::Arguments;
use crate::folder::Folder;

/// Makes the folder, and fills in what is to be done there. The folder is removed with what is returned.
pub(crate) fn prepare(arguments: &mut Arguments) -> io::Result<Folder> {
    let folder = Folder::new("ringbus-telemetry")?;
    let (project, chat) = (folder.path().join("project"), folder.path().join("chat.jsonl"));
    fs::create_dir(&project)?;
    fs::write(&chat, "{\"role\": \"user\", \"content\": \"Write hello world, in Rust.\", \"tokens\": 9}\n")?;

    let mut commands = vec![
        "echo 'fn main() { println!(\"Hello, world!\"); }' > main.rs",
        "echo '{\"role\": \"assistant\", \"content\": \"Done: main.rs.\", \"model\": \"m-1\", \"tokens\": 6}' >> ../chat.jsonl",
        "cat main.rs",
        "cat missing.rs",
    ];
    // There is no repository where there is no git; the rest is shown all the same.
    let set_up = "git init -q && git config user.name Demo && git config user.email demo@example.com && \
                  git config commit.gpgsign false && git config core.hooksPath .git/no-hooks && \
                  git commit -q --allow-empty -m 'Begin'";
    let repository = Command::new("sh").args(["-c", set_up]).current_dir(&project).output();
    if repository.is_ok_and(|output| output.status.success()) {
        commands.extend(["git add main.rs", "git commit -q -m 'Say hello'", "git checkout -q -b topic"]);
    }
    arguments.commands = commands.into_iter().map(OsString::from).collect();
    arguments.watch.push(project.clone());
    arguments.ai.push(chat);
    arguments.folder = Some(project);
    Ok(folder)
}
