//! The form of the author's functions, where it is none that is called.
//!
//! rustc tells of it as of the main that calls them, which is none of the author's files.

use crate::workspace::line_of;

/// The file that the main is compiled from.
const MAIN: &str = "--> program/main.rs:";
const NOTE: &str = "= note: ";
/// How rustc says that the file is no module of the library, or not to be seen.
const MODULE: [&str; 2] = ["could not find `", ": module `"];
/// How rustc says that a function is not there, or not to be seen.
const ABSENT: [&str; 3] = ["`(Absent, Absent)`", "unresolved import", "is private"];

/// The function that is called: in which file, and the text of that.
pub struct Called<'a> {
    pub file: &'a str,
    pub name: &'a str,
    pub text: &'a str,
}

impl Called<'_> {
    /// Where a function is, `FILE:LINE`: its file where it is not there.
    pub fn place(&self, name: &str) -> String {
        format!("{}:{}", self.file, line_of(self.text, name).unwrap_or(1))
    }

    /// Say what is wrong with the author's functions, where the main did not compile and that is
    /// known. The last line is what to do.
    pub fn told(&self, said: &str) -> Option<String> {
        let block = said.split("\n\n").find(|one| one.contains(MAIN))?;
        let head = block.lines().next().unwrap_or_default();
        let what = head.split_once(": ").map_or(head, |(_, what)| what);
        let (name, wrong, hint) = if what.starts_with("`load`") {
            load(block)
        } else if MODULE.iter().any(|mark| block.contains(mark)) {
            ("", "it is no public module of the library".into(), self.module())
        } else if ABSENT.iter().any(|mark| block.contains(mark)) {
            self.absent()
        } else {
            self.entry(what, block)?
        };
        let mut told = format!("{}: {wrong}\n", self.place(name));
        for form in block.lines().filter_map(|line| Some(line.split_once(NOTE)?.1)) {
            if form.starts_with("pub fn ") || form.starts_with("T: ") {
                told += &format!("    {form}\n");
            }
        }
        Some(format!("{told}hint: {hint}"))
    }

    /// What a compiler said, with the place of what is called for that of the main.
    pub fn placed(&self, said: &str) -> String {
        let mut pieces = said.split(MAIN);
        let mut told = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let rest = piece.trim_start_matches(|one: char| one.is_ascii_digit() || one == ':');
            told += &format!("--> {}{rest}", self.place(self.name));
        }
        told
    }

    fn module(&self) -> String {
        let module = self.file.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        format!("write `pub mod {module};` into the library, [lib] path in Cargo.toml")
    }

    fn absent(&self) -> (&str, String, String) {
        let name = self.name;
        match line_of(self.text, name) {
            Some(_) => (name, format!("`{name}` is not public"), format!("write `pub fn {name}`")),
            None => {
                let hint = format!("write `pub fn {name}(input: T) -> Result<R, E>`");
                (name, format!("there is no function `{name}`"), hint)
            }
        }
    }

    fn entry<'a>(&'a self, what: &str, block: &str) -> Option<(&'a str, String, String)> {
        let known = block.split_once("is not implemented for `(").map(|(_, rest)| rest);
        let batch = known.is_some_and(|it| it.starts_with("Absent, "));
        let name = if batch { "apply_batch" } else { self.name };
        if what.contains("not general enough") {
            let wrong = format!("`{name}` takes what is borrowed from the request");
            return Some((name, wrong, "take what owns its content: String for &str".into()));
        }
        if what.contains("type annotations needed") {
            let wrong = format!("`{name}` has parameters of types, which nothing tells");
            return Some((name, wrong, "name the types of its input and result".into()));
        }
        let known = known?;
        let Some(found) = Signature::of(known) else {
            let wrong = format!("`{name}` is no function");
            return Some((name, wrong, format!("write `pub fn {name}`")));
        };
        let is = format!("`{name}` has no form that is called: it is {}", found.text);
        let hint = match (found.taken.len(), found.result) {
            (_, result) if result.contains("Future<") => {
                "leave `async` away: a call has a thread of its own".into()
            }
            (0, _) => "take an input".into(),
            (4.., _) => {
                "take an input, and the state if there is one; put more into the input".into()
            }
            (_, result) if !result.starts_with("Result<") => {
                format!("return a Result: `Result<{result}, String>`, and `Ok(…)` in it")
            }
            (_, result) => {
                let held = arguments(result.trim_start_matches("Result<").trim_end_matches('>'));
                let (made, error) = (held.first()?, held.get(1)?);
                format!(
                    "see that {} is serde::Deserialize, {made} serde::Serialize and {error} an error",
                    found.taken[0]
                )
            }
        };
        Some((name, is, hint))
    }
}

fn load(block: &str) -> (&'static str, String, String) {
    let wanted = block.split_once("Load<").and_then(|(_, rest)| rest.split_once(", _>"));
    let wanted = wanted.map_or("_", |(wanted, _)| wanted);
    let known = block.split_once("is not implemented for fn item `").map_or("", |(_, rest)| rest);
    let Some(found) = Signature::of(known) else {
        return ("load", "`load` is no function".into(), "write `pub fn load`".into());
    };
    let wrong = format!("`load` has no form that is called: it is {}", found.text);
    if !found.result.starts_with("Result<") {
        let hint =
            format!("return a Result: `Result<{}, String>`, and `Ok(…)` in it", found.result);
        return ("load", wrong, hint);
    }
    if wanted == "_" {
        return ("load", wrong, "take nothing, or the models and their files".into());
    }
    let wrong = format!("`load` makes another state than {wanted}: it is {}", found.text);
    (
        "load",
        wrong,
        format!("let `load` return `Result<{wanted}, E>`, or take a reference to what it returns"),
    )
}

/// A function as rustc writes its type.
struct Signature<'a> {
    text: &'a str,
    taken: Vec<&'a str>,
    result: &'a str,
}

impl<'a> Signature<'a> {
    /// Read `for<'a> fn(A, &'a B) -> C {it::apply}`, with anything behind.
    fn of(known: &'a str) -> Option<Self> {
        let known = known.trim_start_matches("Absent, ");
        let (text, _) = known.split_once(" {")?;
        let inside = &text[text.find("fn(")? + 3..];
        let end = ends(inside).find(|(_, one)| *one == ')')?.0;
        let result = inside[end + 1..].trim_start_matches(" -> ");
        Some(Self { text, taken: arguments(&inside[..end]), result })
    }
}

/// What stands between the commas of a list, without those of the lists in it.
fn arguments(list: &str) -> Vec<&str> {
    let mut from = 0;
    let commas = ends(list).filter(|(_, one)| *one == ',').map(|(at, _)| at);
    let cut =
        commas.chain([list.len()]).map(|at| list[std::mem::replace(&mut from, at + 1)..at].trim());
    cut.filter(|one| !one.is_empty()).collect()
}

/// The commas of a list, and the bracket behind it.
fn ends(list: &str) -> impl Iterator<Item = (usize, char)> {
    let mut depth = 0;
    let arrow = |at: usize| list[..at].ends_with('-');
    list.char_indices().filter(move |(at, one)| {
        let outside = depth == 0;
        match one {
            '(' | '[' | '<' => depth += 1,
            ')' | ']' => depth -= 1,
            '>' if !arrow(*at) => depth -= 1,
            _ => {}
        }
        outside && matches!(one, ',' | ')')
    })
}

#[cfg(test)]
mod tests {
    use super::{Called, Signature};

    const SOURCE: &str = "use std::fs;\n\npub fn apply(x: i64) -> i64 {\n    x\n}\n";

    fn told(text: &str, is: &str) -> String {
        let said = format!(
            "error[E0277]: there is no function `apply`, or it has not the form that is called\n\
             \x20 --> program/main.rs:9:24\n   |\n   = help: the trait `Entry<_, _>` is not \
             implemented for `({is})`\n   = note: pub fn apply(input: T) -> Result<R, E>\n\
             \x20  = note: T: serde::Deserialize\nnote: required by a bound in `serve`\n\n\
             error: could not compile `algorithm`\n"
        );
        Called { file: "src/it.rs", name: "apply", text }.told(&said).expect("it is of the main")
    }

    #[test]
    fn each_form_has_its_own_hint() {
        for (is, wrong, hint) in [
            ("fn(i64) -> i64 {it::apply}, Absent", "it is fn(i64) -> i64", "return a Result"),
            ("fn() -> Result<i64, A> {it::apply}, Absent", "it is fn()", "take an input"),
            ("i64, Absent", "`apply` is no function", "write `pub fn apply`"),
            ("Absent, Absent", "`apply` is not public", "write `pub fn apply`"),
            (
                "fn(In) -> Result<A, B> {it::apply}, Absent",
                "it is fn(In)",
                "see that In is serde::Deserialize, A serde::Serialize and B an error",
            ),
        ] {
            let found = told(SOURCE, is);
            assert!(found.starts_with("src/it.rs:3: `apply` "), "{found}");
            assert!(found.lines().next().is_some_and(|first| first.contains(wrong)), "{found}");
            assert!(
                found.contains("\n    pub fn apply(input: T) -> Result<R, E>\n    T: "),
                "{found}"
            );
            assert!(found.lines().last().is_some_and(|last| last.contains(hint)), "{found}");
        }
    }

    #[test]
    fn a_function_that_is_not_there_has_a_file() {
        let found = told("", "Absent, Absent");
        assert!(found.starts_with("src/it.rs:1: there is no function `apply`\n"), "{found}");
    }

    #[test]
    fn what_a_function_takes_is_told_apart() {
        let known = "for<'a> fn(HashMap<A, B>, &'a (C, D)) -> Result<E, F> {it::apply}, Absent)`";
        let found = Signature::of(known).expect("it is a function");
        assert_eq!(found.taken, ["HashMap<A, B>", "&'a (C, D)"]);
        assert_eq!(found.result, "Result<E, F>");
    }
}
