//! Crates that the code names and Cargo.toml does not.

use std::path::Path;

/// How rustc names one: 1.85 and later, and `extern crate` in all of them.
const MARKS: [&str; 3] = [
    "use of undeclared crate or module `",
    "use of unresolved module or unlinked crate `",
    "can't find crate for `",
];

/// What to do about the first crate that the compiler did not find, in what it `said`.
///
/// rustc cannot tell a crate from a module. One whose file lies in `sources` is a module.
pub fn hint(said: &str, sources: &Path) -> Option<String> {
    let mut named = said.lines().filter_map(|line| {
        MARKS.iter().find_map(|mark| line.split_once(mark)?.1.split('`').next())
    });
    let is_module = |name: &&str| {
        sources.join(format!("{name}.rs")).exists() || sources.join(name).join("mod.rs").exists()
    };
    let name = named.find(|name| !is_module(name))?;
    Some(format!(
        "add {name} to the dependencies of Cargo.toml (cargo add {name}), then: algo lock"
    ))
}

#[cfg(test)]
mod tests {
    use super::hint;
    use std::path::Path;

    const NOWHERE: &str = "/nonexistent";

    #[test]
    fn each_release_of_the_compiler_is_understood() {
        for said in [
            "2 | use rand::Rng;\n  |     ^^^^ use of undeclared crate or module `rand`\n",
            "2 | use rand::Rng;\n  |     ^^^^ use of unresolved module or unlinked crate `rand`\n",
            "error[E0463]: can't find crate for `rand`\n",
        ] {
            let found = hint(said, Path::new(NOWHERE)).expect(said);
            assert!(found.contains("(cargo add rand), then: algo lock"), "{found}");
        }
    }

    #[test]
    fn another_error_has_no_hint() {
        let said = "error[E0433]: failed to resolve: use of undeclared type `HashMap`\n";
        assert_eq!(hint(said, Path::new(NOWHERE)), None);
    }

    #[test]
    fn a_file_of_the_author_is_no_crate() {
        let said = "use of undeclared crate or module `lacking`\n";
        assert_eq!(hint(said, Path::new("src")), None);
    }
}
