//! P10: how a process ends: with publishes from the main thread's and workers' destructors and from C's `atexit`; from
//! inside a handler, a hook, or a drop; while other threads panic; and without standard streams.
//!
//! 1. [`scenes`] are what is done in a process of its own; each ends it with a code that says whether all was well.
//! 2. [`streams`]: the same for a process whose standard output and error are closed, broken, or watched.
//! 3. [`child`] starts this program once more for a scene, and ends it by its own id if it hangs.
//!
//! No harness: the main thread is a scene's own. Names on the command line choose scenes, as a harness's filter does.
#![cfg_attr(any(not(unix), ringbus_loom), allow(unused))]

#[cfg(all(unix, not(ringbus_loom)))]
mod child;
#[cfg(all(unix, not(ringbus_loom)))]
mod scenes;
#[cfg(all(unix, not(ringbus_loom)))]
mod streams;

#[cfg(any(not(unix), ringbus_loom))]
fn main() {}

#[cfg(all(unix, not(ringbus_loom)))]
fn main() -> std::process::ExitCode {
    let scenes: Vec<child::Scene> = [scenes::SCENES, streams::SCENES].concat();
    // In the child: the scene ends the process, or lets its main thread end here.
    if let Some(name) = std::env::var_os(child::SCENE) {
        let scene = scenes.iter().find(|scene| name == scene.name).expect("a scene of that name");
        (scene.play)();
        return std::process::ExitCode::from(child::GOOD);
    }
    let filters: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let chosen =
        |scene: &&child::Scene| filters.is_empty() || filters.iter().any(|filter| scene.name.contains(filter.as_str()));
    let mut failed = 0;
    for scene in scenes.iter().filter(chosen) {
        match child::run(scene) {
            Ok(()) => println!("test {} ... ok", scene.name),
            Err(why) => {
                println!("test {} ... FAILED\n{why}", scene.name);
                failed += 1;
            }
        }
    }
    if failed == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
