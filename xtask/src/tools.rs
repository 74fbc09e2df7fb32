//! Programs that the long checks need beside Rust: installed by the commands that need them.
//!
//! Promises the very versions named here, in the target folder, so that nothing of the user's is changed; and a word
//! about what could not be installed. Cargo's own tools come from the registry, the others from Debian's packages.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::context::{Context, run};

/// A subcommand of cargo.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

pub(crate) const FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2" };
pub(crate) const MUTANTS: Tool = Tool { name: "cargo-mutants", version: "27.1.0" };
pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

// === impl Tool ===

impl Tool {
    /// `cargo` that knows the tool, with these arguments; the tool is installed first, unless it is there.
    pub(crate) fn cargo(&self, context: &Context, args: &str) -> Result<Command, String> {
        let home = context.target.join("tools");
        let list = std::fs::read_to_string(home.join(".crates.toml")).unwrap_or_default();
        if !self.is_in(&list) {
            let mut install =
                context.cargo(&format!("install --locked {} --version {} --root", self.name, self.version));
            let built = context.target.join("tools-build");
            run(install.arg(&home).arg("--target-dir").arg(&built))?;
            // Half a gigabyte that nobody needs again.
            std::fs::remove_dir_all(&built).map_err(|why| format!("{}: {why}", built.display()))?;
        }
        let mut command = context.cargo(args);
        command.env("PATH", path_with(home.join("bin"))?);
        Ok(command)
    }

    /// Whether cargo's list of what it has installed names the tool in its version.
    fn is_in(&self, list: &str) -> bool {
        list.contains(&format!("\"{} {} (", self.name, self.version))
    }
}

fn path_with(first: PathBuf) -> Result<OsString, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(first).chain(std::env::split_paths(&path));
    std::env::join_paths(all).map_err(|why| format!("PATH: {why}"))
}

/// Sees to it that `program` can be started; `package` is what Debian calls it.
pub(crate) fn system(program: &str, package: &str) -> Result<(), String> {
    let there = || {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok()
    };
    if there() {
        return Ok(());
    }
    run(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends", package]))
        .map_err(|why| format!("`{program}` is needed, and is not here: {why}"))?;
    if there() { Ok(()) } else { Err(format!("`{package}` is installed, and still there is no `{program}`")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_version_counts() {
        let list = "[v1]\n\"cargo-fuzz 0.13.20 (registry+https://a)\" = [\"cargo-fuzz\"]\n";
        let tool = |version| Tool { name: "cargo-fuzz", version };
        assert!(tool("0.13.20").is_in(list));
        assert!(!tool("0.13.2").is_in(list));
        assert!(!tool("0.13.20").is_in(""));
    }

    #[test]
    fn a_program_that_is_there_is_not_installed() {
        assert_eq!(system("rustc", "no-such-package"), Ok(()));
    }
}
