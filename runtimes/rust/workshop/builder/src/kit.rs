//! The crate `algorithmia` that old code names: ours stands in for it, of the version that is asked for.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::manifest::value;
use crate::workspace::{line_of, mirror, store};

const NAME: &str = "algorithmia";
const MANIFEST: &str = include_str!("../../algorithmia/Cargo.toml.in");
/// What makes `Algo` an algorithm, by the macro or by hand.
const ENTRIES: [&str; 3] = ["algo_entrypoint!", "EntryPoint for Algo", "EntryPoint for ::Algo"];
const PATCH: &str = "patch.toml";
/// What its betas of 3.0 called the part that calls an author's function, most from his `main`.
const PROGRAMS: [&str; 3] = ["\"handler\"", "\"faas\"", "\"entrypoint\""];

/// What an author's crate wants of it.
#[derive(Debug, PartialEq)]
pub struct Kit {
    version: String,
    serde: String,
    source: String,
}

impl Kit {
    /// Refuse a Cargo.toml that wants the crate of a program: ours is called by a library.
    pub fn refuse_program(text: &str) -> Outcome {
        let mut table = "";
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if line.starts_with('[') && line.ends_with(']') {
                table = line.trim_matches(['[', ']']).trim();
            }
            let named = line.split('=').next().is_some_and(|key| key.trim() == NAME);
            let asks = table == "dependencies.algorithmia" || table == "dependencies" && named;
            if let Some(part) = PROGRAMS.iter().find(|one| asks && line.contains(**one)) {
                return Err(format!(
                    "Cargo.toml:{}: {part} of {NAME} 3.0, a beta, is not there: write the function \
                     that it calls as `pub fn apply` into src/lib.rs, and no main",
                    at + 1
                ));
            }
        }
        Ok(())
    }

    /// Read the text of a Cargo.toml; None where the crate is not asked for.
    pub fn of(text: &str) -> Option<Self> {
        let table = format!("dependencies.{NAME}");
        let inline = value(text, "dependencies", NAME);
        let asked = inline.or_else(|| value(text, &table, "version"));
        let git = inline.and_then(|one| one.split_once("git = \"")?.1.split('"').next());
        let git = git.or_else(|| value(text, &table, "git"));
        let version = match asked {
            Some(one) if one.starts_with('{') => one.split_once("version = \"").map(|(_, it)| it),
            other => other,
        };
        if version.is_none() && git.is_none() {
            return None;
        }
        let serde = ["serde", "serde_json"].into_iter().find_map(|one| {
            value(text, "dependencies", one).filter(|one| !one.starts_with('{'))
        });
        Some(Self {
            version: whole(version.unwrap_or("2.1.3")),
            serde: if serde.is_some_and(|one| one.starts_with("0.")) { "0.9" } else { "1" }.into(),
            source: git.unwrap_or("crates-io").into(),
        })
    }

    /// Take away what an earlier state of the project, or another one, left in `work`.
    pub fn forget(work: &Path) {
        let _ = fs::remove_file(work.join(PATCH));
        let _ = fs::remove_dir_all(work.join(NAME));
    }

    /// Put it below `work`, and beside it what makes cargo take it.
    pub fn lay(&self, runtime: &Path, work: &Path) -> Outcome {
        let folder = work.join(NAME);
        mirror(&runtime.join("workshop").join(NAME).join("src"), &folder.join("src"))?;
        let features = if self.serde == "1" { "" } else { "\"before-one\"" };
        let text = MANIFEST.replace("{version}", &self.version);
        let text = text.replace("{features}", features).replace("{serde}", &self.serde);
        store(&folder.join("Cargo.toml"), text.as_bytes())?;
        let patch = format!("[patch.\"{}\"]\n{NAME} = {{ path = {folder:?} }}\n", self.source);
        store(&work.join(PATCH), patch.as_bytes())
    }
}

/// Let cargo take our crate, where there is one in `work`.
pub fn patched<'a>(command: &'a mut Command, work: &Path) -> &'a mut Command {
    let patch = work.join(PATCH);
    if patch.is_file() {
        command.arg("--config").arg(patch);
    }
    command
}

/// The line of what is called, where the library is an algorithm by the crate: its type `Algo`.
pub fn entry_of(library: &Path) -> Option<usize> {
    let text = fs::read_to_string(library).unwrap_or_default();
    let entry = text.lines().position(|line| {
        !line.trim_start().starts_with("//") && ENTRIES.iter().any(|one| line.contains(one))
    })?;
    line_of(&text, "apply").or(Some(entry + 1))
}

/// The least version that a requirement takes: `^2.1` is `2.1.0`.
fn whole(requirement: &str) -> String {
    let bare = requirement.split([',', '"']).next().unwrap_or("").trim();
    let bare = bare.trim_start_matches(['^', '~', '=', '>', ' ']);
    let (numbers, rest) = bare.split_once('-').map_or((bare, None), |(it, rest)| (it, Some(rest)));
    let mut parts: Vec<&str> =
        numbers.split('.').filter(|part| part.parse::<u32>().is_ok()).take(3).collect();
    if parts.is_empty() {
        return "2.1.3".into();
    }
    parts.resize(3, "0");
    rest.map_or(parts.join("."), |rest| format!("{}-{rest}", parts.join(".")))
}

#[cfg(test)]
mod tests {
    use super::Kit;

    fn kit(text: &str) -> Option<(String, String, String)> {
        Kit::of(text).map(|one| (one.version, one.serde, one.source))
    }

    #[test]
    fn a_program_of_the_beta_is_refused_with_its_line() {
        let inline = "[dependencies]\nserde = \"1\"\nalgorithmia = { version = \"3.0.0-beta.2\", \
                      features = [\"handler\"] }\n";
        let table = "[dependencies.algorithmia]\nversion = \"3\"\nfeatures = [\n  \"faas\",\n]\n";
        for (text, line) in [(inline, 3), (table, 4)] {
            let told = Kit::refuse_program(text).unwrap_err();
            assert!(told.starts_with(&format!("Cargo.toml:{line}: ")), "{told}");
        }
        let other = "[dependencies]\nalgorithmia = \"3.0.0-beta.2\"\n\
                     warp = { version = \"1\", features = [\"handler\"] }\n";
        assert_eq!(Kit::refuse_program(other), Ok(()));
    }

    #[test]
    fn the_version_that_is_asked_for_is_there() {
        let known = |version: &str, serde: &str, source: &str| {
            Some((version.into(), serde.into(), source.into()))
        };
        assert_eq!(kit("[dependencies]\nserde = \"1.0\"\n"), None);
        let old = "[dependencies]\nalgorithmia = \"2.0.0\"\nserde = \"0.9.0\"\n";
        assert_eq!(kit(old), known("2.0.0", "0.9", "crates-io"));
        let loose = "[dependencies]\nalgorithmia = \"^2.1\"\n";
        assert_eq!(kit(loose), known("2.1.0", "1", "crates-io"));
        let table = "[dependencies.algorithmia]\nversion = \"3.0.0-beta.2\"\n";
        assert_eq!(kit(table), known("3.0.0-beta.2", "1", "crates-io"));
        let git = "[dependencies]\nalgorithmia = { git = \"https://example.com/a\" }\n";
        assert_eq!(kit(git), known("2.1.3", "1", "https://example.com/a"));
    }
}
