//! The steps of a Rust algorithm (`../../../README.md`): its crates, and the program it becomes.
//!
//! It has no dependencies, so that it can be compiled before there are any.

mod form;
mod kit;
mod lacking;
mod lock;
mod manifest;
mod report;
mod steps;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: algo_builder resolve RUNTIME
       algo_builder install RUNTIME PACKAGES
       algo_builder build RUNTIME APP ENTRYPOINT PACKAGES CACHE PROGRAM
       algo_builder test RUNTIME APP PACKAGES CACHE REPORT";

/// What went wrong, in words for the author.
pub type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let Some((step, paths)) = words.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let done = match (step.to_str(), paths) {
        (Some("resolve"), [runtime]) => steps::resolve(runtime),
        (Some("install"), [runtime, packages]) => steps::install(runtime, packages),
        (Some("build"), [runtime, app, entrypoint, packages, cache, program]) => {
            steps::build(runtime, app, &entrypoint.to_string_lossy(), packages, cache, program)
        }
        (Some("test"), [runtime, app, packages, cache, report]) => {
            steps::test(runtime, app, packages, cache, report)
        }
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            if !wrong.is_empty() {
                eprintln!("{wrong}");
            }
            ExitCode::FAILURE
        }
    }
}
