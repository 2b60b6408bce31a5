//! The few things of a Cargo.toml that must be known before cargo can be asked.

use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::kit::Kit;
use crate::workspace::{line_of, store};

/// Where cargo looks for a program.
const PROGRAM: &str = "src/main.rs";

/// The author's crate.
#[derive(Debug, PartialEq)]
pub struct Manifest {
    pub name: String,
    pub library: String,
    pub knows_schemars: bool,
    pub kit: Option<Kit>,
}

impl Manifest {
    /// Read the Cargo.toml in a folder.
    pub fn read(folder: &Path) -> Outcome<Self> {
        let text = std::fs::read_to_string(folder.join("Cargo.toml"))
            .map_err(|error| format!("Cargo.toml cannot be read: {error}: cargo init --lib"))?;
        Kit::refuse_program(&text)?;
        let name = value(&text, "package", "name").ok_or("Cargo.toml has no [package] name")?;
        let library = value(&text, "lib", "path").unwrap_or("src/lib.rs");
        Ok(Self {
            name: name.into(),
            library: library.into(),
            knows_schemars: value(&text, "dependencies", "schemars").is_some()
                || text.lines().any(|line| line.trim() == "[dependencies.schemars]"),
            kit: Kit::of(&text),
        })
    }

    /// Make the library's file in a folder where only Cargo.toml is: cargo wants to see one.
    pub fn stand_in(&self, folder: &Path) -> Outcome {
        let library = folder.join(&self.library);
        if library.exists() { Ok(()) } else { store(&library, b"") }
    }

    /// Refuse the crate in a folder that has a program and no library: nothing calls its `main`.
    pub fn refuse_program(&self, folder: &Path) -> Outcome {
        let (library, place) = (&self.library, folder.join(PROGRAM));
        if folder.join(library).exists() || !place.exists() {
            return Ok(());
        }
        let text = std::fs::read_to_string(place).unwrap_or_default();
        let line = line_of(&text, "main").unwrap_or(1);
        let beta = self.kit.as_ref().map_or("", |_| {
            ", and what such a one calls (`handler::run`), of the betas of algorithmia 3.0, is not there"
        });
        Err(format!(
            "{PROGRAM}:{line}: this is a program; what is called is a function of a library{beta}\n\
             hint: rename {PROGRAM} to {library}, write `pub fn apply` there, and no main"
        ))
    }

    /// The folder of the library's file, of the crate in `folder`: where its modules lie.
    pub fn sources(&self, folder: &Path) -> PathBuf {
        folder.join(&self.library).parent().map_or_else(|| folder.into(), Path::to_path_buf)
    }

    /// The path of the entry in Rust, as its file lies in the library: `author::digits`.
    pub fn module(&self, file: &str) -> Outcome<String> {
        let folder = self.library.rsplit_once('/').map_or("", |(folder, _)| folder);
        if file == self.library {
            return Ok("author".into());
        }
        let below = file.strip_prefix(folder).and_then(|rest| rest.strip_suffix(".rs"));
        let below = below.ok_or_else(|| {
            format!("{file} is no module of the library {}, [lib] path in Cargo.toml", self.library)
        })?;
        let below = below.trim_matches('/').trim_end_matches("/mod");
        Ok(format!("author::{}", below.replace('/', "::")))
    }
}

/// The text behind a key of a table, in quotes or not.
pub fn value<'a>(text: &'a str, table: &str, key: &str) -> Option<&'a str> {
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']']).trim() == table;
        } else if let Some((name, rest)) = line.split_once('=') {
            if inside && name.trim() == key {
                let rest = rest.trim();
                let quoted = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
                return Some(quoted.unwrap_or(rest));
            }
        }
    }
    None
}
