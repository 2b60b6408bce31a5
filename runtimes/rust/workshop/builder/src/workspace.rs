//! The folder that is compiled: the author's crate, the runner, and a main between them.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::kit::{Kit, entry_of};
use crate::lock::{self, Package};
use crate::manifest::Manifest;

const MANIFEST: &str = include_str!("../program/Cargo.toml.in");
const MAIN: &str = include_str!("../program/main.rs.in");
const ENTRY: &str = include_str!("../program/entry.rs.in");
/// What compilers and tests need nothing of. Models are there, as they are.
const LEFT: [&str; 3] = ["target", "dist", "node_modules"];
/// What an old crate was run by; it is of no use here, and wants what only the real crate has.
const PIPE: &str = "src/bin/pipe.rs";
const LINKED: &str = "models";

/// Bring `work` up to date with the author's crate in `app`; `entry` is `FILE:FUNCTION`.
///
/// Files that have not changed keep their times, which are what cargo goes by: the times of `app`
/// say nothing, where it comes from an archive.
pub fn assemble(work: &Path, runtime: &Path, app: &Path, entry: Option<&str>) -> Outcome<Manifest> {
    let manifest = Manifest::read(app)?;
    if entry.is_some() {
        manifest.refuse_program(app)?;
    }
    mirror(&runtime.join("workshop/runner"), &work.join("runner"))?;
    mirror(app, &work.join("app"))?;
    if entry.is_none() {
        manifest.stand_in(&work.join("app"))?;
    }
    let features = if manifest.knows_schemars { "\"schemars\"" } else { "" };
    // Whether it is called by that or not: the lock is of this, and is made without the sources.
    let kit = manifest.kit.as_ref().map_or("", |_| "algorithmia = { path = \"algorithmia\" }");
    let text = MANIFEST.replace("{author}", &manifest.name).replace("{features}", features);
    store(&work.join("Cargo.toml"), text.replace("{kit}", kit).as_bytes())?;
    if let Some(kit) = &manifest.kit {
        kit.lay(runtime, work)?;
        let _ = fs::remove_file(work.join("app").join(PIPE));
    } else {
        Kit::forget(work);
    }
    let (file, name) =
        entry.and_then(|entry| entry.split_once(':')).unwrap_or((&manifest.library, ""));
    let entry_line = manifest.kit.as_ref().and_then(|_| entry_of(&app.join(&manifest.library)));
    if let Some(line) = entry_line {
        let main = ENTRY.replace("{line}", &line.to_string());
        store(&work.join("program/main.rs"), main.as_bytes())?;
        return Ok(manifest);
    }
    let module = manifest.module(file)?;
    let named = match name {
        "" | "apply" | "apply_batch" => String::new(),
        name => format!("    use {module}::{name} as apply;\n"),
    };
    let text = fs::read_to_string(app.join(file)).unwrap_or_default();
    // Where there is a batch it is what answers, single calls too.
    let entry = line_of(&text, "apply_batch")
        .or_else(|| line_of(&text, if name.is_empty() { "apply" } else { name }));
    let lines = [entry, line_of(&text, "load")].map(|line| line.unwrap_or(0));
    let main = MAIN.replace("{module}", &module).replace("{named}", &named);
    let main = main.replace("{lines}", &format!("{lines:?}"));
    store(&work.join("program/main.rs"), main.as_bytes())?;
    Ok(manifest)
}

/// The line of a function in a source, counted from 1.
pub fn line_of(text: &str, name: &str) -> Option<usize> {
    let begins = format!("fn {name}");
    let found = text.lines().position(|line| {
        let rest = line.split_once(&begins).map(|(_, rest)| rest.trim_start());
        let comment = line.trim_start().starts_with("//");
        !comment && rest.is_some_and(|rest| rest.starts_with(['(', '<']))
    });
    found.map(|at| at + 1)
}

/// Give `work` the author's lock, and of the runner's what is not in it; return all.
pub fn lock_together(work: &Path, runtime: &Path, app: &Path) -> Outcome<Vec<Package>> {
    let mut author = lock::read(&app.join("Cargo.lock"));
    if work.join("algorithmia").is_dir() {
        author.retain(|one| one.name != "algorithmia");
    }
    let runner = lock::read(&runtime.join("workshop/runner/Cargo.lock"));
    let all = lock::joined(&author, &runner);
    lock::write(&work.join("Cargo.lock"), &all)?;
    Ok(all)
}

/// Make a folder as another is; what is the same is left alone.
pub fn mirror(from: &Path, to: &Path) -> Outcome {
    let failed = |error: std::io::Error| format!("{} cannot be copied: {error}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    let mut names = Vec::new();
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (name, kind) = (entry.file_name(), entry.file_type().map_err(failed)?);
        let hidden = name.to_string_lossy().starts_with('.');
        if hidden || LEFT.iter().any(|left| name == *left) {
            continue;
        }
        let target = to.join(&name);
        if kind.is_dir() && name == LINKED {
            link(&entry.path(), &target).map_err(failed)?;
        } else if kind.is_dir() {
            mirror(&entry.path(), &target)?;
        } else if entry.path().is_file() {
            store(&target, &fs::read(entry.path()).map_err(failed)?)?;
        }
        names.push(name);
    }
    for entry in fs::read_dir(to).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if names.contains(&entry.file_name()) {
            continue;
        }
        let gone = if entry.file_type().map_err(failed)?.is_dir() {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        };
        gone.map_err(failed)?;
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    if to.is_symlink() {
        fs::remove_file(to)?;
    }
    std::os::unix::fs::symlink(fs::canonicalize(from)?, to)
}

/// Write a file, unless it has this content.
pub fn store(path: &Path, content: &[u8]) -> Outcome {
    if fs::read(path).is_ok_and(|known| known == content) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, content))
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
