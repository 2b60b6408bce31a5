//! What the command line asks for.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Outcome;
use crate::form::Called;
use crate::kit::patched;
use crate::lacking;
use crate::lock;
use crate::report::{junit, without_warnings};
use crate::workspace::{assemble, lock_together, store};

const CONFIG: &str = ".cargo/config.toml";

/// Bring Cargo.lock in the current folder up to date, and write pins.json.
///
/// The runner's crates come from its own lock, unless the author has other versions that fit.
pub fn resolve(runtime: &Path) -> Outcome {
    let app = here()?;
    let work = Scratch::new()?;
    let manifest = assemble(&work.0, runtime, &app, None)?;
    let old = lock_together(&work.0, runtime, &app)?;
    let vendor = work.0.join("vendor");
    let mut command = cargo(&work.0, &["vendor", "--quiet", "--versioned-dirs"]);
    run(patched(&mut command, &work.0).arg(&vendor).stdout(Stdio::null()))?;
    let together = lock::read(&work.0.join("Cargo.lock"));
    store(&app.join("pins.json"), lock::pins(&together, &vendor)?.as_bytes())?;
    manifest.stand_in(&app)?;
    lock::write(&app.join("Cargo.lock"), &lock::joined(&together, &old))?;
    run(patched(&mut cargo(&app, &["update", "--quiet", "--workspace"]), &work.0))
}

/// Put the crates of Cargo.lock in the current folder, and the runner's, below `packages`.
pub fn install(runtime: &Path, packages: &Path) -> Outcome {
    let app = here()?;
    let work = Scratch::new()?;
    assemble(&work.0, runtime, &app, None)?;
    let locked = lock_together(&work.0, runtime, &app)?;
    let mut command = cargo(packages, &["vendor", "--versioned-dirs"]);
    command.arg("--manifest-path").arg(work.0.join("Cargo.toml"));
    command.arg("--sync").arg(work.0.join("app/Cargo.toml"));
    let said =
        patched(&mut command, &work.0).arg("vendor").output().map_err(|error| no_cargo(&error))?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).trim_end().into());
    }
    let used = lock::read(&work.0.join("Cargo.lock"));
    if let Some(one) = lock::beyond(&locked, &used).first() {
        return Err(format!("{} {} is not in Cargo.lock: algo lock", one.name, one.version));
    }
    lock::write(&packages.join("Cargo.lock"), &used)?;
    store(&packages.join(CONFIG), &said.stdout)
}

/// Compile the author's crate in `app` to `program/algorithm`.
pub fn build(
    runtime: &Path,
    app: &Path,
    entrypoint: &str,
    packages: &Path,
    cache: &Path,
    program: &Path,
) -> Outcome {
    let file = entrypoint.split(':').next().unwrap_or(entrypoint);
    if !app.join(file).is_file() {
        return Err(format!("{file} is not there"));
    }
    let work = cache.join("work");
    let manifest = assemble(&work, runtime, app, Some(entrypoint))?;
    let packages = stable(packages, cache)?;
    let lock = fs::read(packages.join("Cargo.lock")).map_err(|error| error.to_string())?;
    store(&work.join("Cargo.lock"), &lock)?;
    let mut command = offline(&work, &packages, &["build", "--quiet", "--release"]);
    patched(&mut command, &work);
    let target = cache.join("target");
    command.env("CARGO_TARGET_DIR", &target).env("CARGO_INCREMENTAL", "0");
    // Names in the program do not depend on where it was compiled.
    command.env("CARGO_ENCODED_RUSTFLAGS", format!("--remap-path-prefix={}=.", work.display()));
    let text = fs::read_to_string(app.join(file)).unwrap_or_default();
    let name = entrypoint.split_once(':').map_or("apply", |(_, name)| name);
    compiled(&mut command, &Called { file, name, text: &text }, &manifest.sources(app))?;
    fs::create_dir_all(program)
        .and_then(|()| fs::copy(target.join("release/algorithm"), program.join("algorithm")))
        .map_err(|error| format!("the program cannot be copied: {error}"))?;
    Ok(())
}

/// Run the tests of the author's crate, and report each.
pub fn test(runtime: &Path, app: &Path, packages: &Path, cache: &Path, report: &Path) -> Outcome {
    let work = cache.join("work");
    let manifest = assemble(&work, runtime, app, None)?;
    let mut command = offline(&work.join("app"), &stable(packages, cache)?, &["test"]);
    patched(&mut command, &work);
    // Without --quiet, which would have the tests named no more.
    command.args(["--no-fail-fast", "--color", "never"]);
    command.env("CARGO_TARGET_DIR", cache.join("tests"));
    let said = command.output().map_err(|error| no_cargo(&error))?;
    let printed = String::from_utf8_lossy(&said.stdout);
    if let Some(text) = junit(&printed) {
        store(report, text.as_bytes())?;
    }
    let told = String::from_utf8_lossy(&said.stderr);
    if said.status.success() {
        return Ok(());
    }
    Err(format!("{printed}{}", hinted(&told, &manifest.sources(app))))
}

/// A folder that goes with the step.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("algo-rust-{}", std::process::id()));
        let failed = |error| format!("{} cannot be made: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(failed)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn here() -> Outcome<PathBuf> {
    std::env::current_dir().map_err(|error| format!("there is no current folder: {error}"))
}

fn cargo(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder).args(words);
    command
}

/// The packages at a path that stays when one of them changes: cargo compiles anew what has moved.
fn stable(packages: &Path, cache: &Path) -> Outcome<PathBuf> {
    if !packages.join(CONFIG).is_file() {
        return Err("the crates are not installed: Cargo.toml is missing, or not locked".into());
    }
    let place = cache.join("packages");
    let _ = fs::remove_file(&place);
    symlink(packages, &place)
        .map_err(|error| format!("{} cannot be linked: {error}", place.display()))?;
    Ok(place)
}

/// A step of cargo that takes crates from `packages` alone, in the versions of Cargo.lock.
fn offline(folder: &Path, packages: &Path, words: &[&str]) -> Command {
    let mut command = cargo(folder, words);
    command.args(["--locked", "--offline", "--config"]).arg(packages.join(CONFIG));
    command
}

fn run(command: &mut Command) -> Outcome {
    let done = command.status().map_err(|error| no_cargo(&error))?;
    if done.success() { Ok(()) } else { Err(String::new()) }
}

/// Run a compiler, and say what it said with the author's paths.
fn compiled(command: &mut Command, called: &Called, sources: &Path) -> Outcome {
    let said = command.stderr(Stdio::piped()).spawn().and_then(Child::wait_with_output);
    let said = said.map_err(|error| no_cargo(&error))?;
    let told = String::from_utf8_lossy(&said.stderr).replace(" app/", " ");
    if said.status.success() {
        eprint!("{told}");
        return Ok(());
    }
    let form = called.told(&without_warnings(&told));
    Err(form.unwrap_or_else(|| hinted(&called.placed(&told), sources)))
}

/// What a compiler said that failed; the last line is what to do, where that is known.
fn hinted(told: &str, sources: &Path) -> String {
    let told = without_warnings(told);
    let told = told.trim_end();
    lacking::hint(told, sources).map_or_else(|| told.into(), |hint| format!("{told}\nhint: {hint}"))
}

fn no_cargo(error: &std::io::Error) -> String {
    format!("cargo cannot be started: {error}")
}
