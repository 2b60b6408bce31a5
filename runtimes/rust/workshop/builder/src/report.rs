//! What tests said, as JUnit XML.

use std::fmt::Write;

/// The report of what `cargo test` printed.
pub fn junit(printed: &str) -> Option<String> {
    let mut cases = String::new();
    for line in printed.lines() {
        let Some((name, result)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        else {
            continue;
        };
        let inside = match result {
            "ok" => String::new(),
            "ignored" => "<skipped/>".into(),
            _ => failure(name, printed),
        };
        let name = escaped(name);
        let _ = write!(cases, r#"<testcase classname="tests" name="{name}">{inside}</testcase>"#);
    }
    (!cases.is_empty()).then(|| format!(r#"<testsuite name="cargo test">{cases}</testsuite>"#))
}

fn failure(name: &str, printed: &str) -> String {
    let head = format!("---- {name} stdout ----\n");
    let said = printed.split_once(&head).map_or("", |(_, rest)| rest);
    let said = said.split("\n\n----").next().unwrap_or(said);
    let said = said.split("\n\nfailures:").next().unwrap_or(said).trim();
    let message = said.lines().next().unwrap_or("failed");
    format!(r#"<failure message="{}">{}</failure>"#, escaped(message), escaped(said))
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    text.chars().filter(|one| *one == '\n' || *one == '\t' || !one.is_control()).collect()
}

/// What a compiler said without its warnings: the first place that is named is that of an error.
pub fn without_warnings(said: &str) -> String {
    let mut kept = String::new();
    let mut warning = false;
    for line in said.split_inclusive('\n') {
        warning = line.starts_with("warning") || warning && !line.starts_with("error");
        if !warning {
            kept += line;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{junit, without_warnings};

    #[test]
    fn an_error_is_told_without_the_warnings_around_it() {
        let said = "   Compiling it v0.1.0\nwarning: unused import: `a`\n --> src/it.rs:1:5\n  |\n\n\
                    warning: `it` (lib) generated 1 warning\nerror[E0308]: no\n --> src/it.rs:3:5\n\n\
                    warning: build failed\n";
        let kept = "   Compiling it v0.1.0\nerror[E0308]: no\n --> src/it.rs:3:5\n\n";
        assert_eq!(without_warnings(said), kept);
    }

    #[test]
    fn a_test_that_fails_has_what_it_said() {
        let printed = "\nrunning 2 tests\ntest a ... ok\ntest b::c ... FAILED\n\nfailures:\n\n\
                       ---- b::c stdout ----\nthread 'b::c' panicked at src/it.rs:3:5:\n1 < 0\n\n\n\
                       failures:\n    b::c\n\ntest result: FAILED.\n";
        let found = junit(printed).expect("there are tests");
        assert!(found.contains(r#"name="a"></testcase>"#), "{found}");
        assert!(found.contains(r#"message="thread 'b::c' panicked at src/it.rs:3:5:""#), "{found}");
        assert!(found.contains("1 &lt; 0</failure>"), "{found}");
    }

    #[test]
    fn without_tests_there_is_no_report() {
        assert_eq!(junit("running 0 tests\n"), None);
    }
}
