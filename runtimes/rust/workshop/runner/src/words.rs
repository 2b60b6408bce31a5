//! What serde says of an input, in the words that a caller of any language is told.

use crate::faults::Failure;

/// The failure of an input that is wrong at `path`, for the reason that serde gives.
pub fn invalid(path: String, said: &str) -> Failure {
    let quoted = said.split('`').nth(1).unwrap_or_default();
    if said.starts_with("missing field") {
        return Failure::invalid(format!("{path}.{quoted}"), "is missing");
    }
    let known = said.split_once(", expected ").map_or("", |(_, known)| known);
    let wrong = if said.starts_with("unknown field") {
        let known = if known.is_empty() { "none" } else { known };
        let known = known.trim_start_matches("one of ").replace('`', "");
        format!("there is no such field; known are {}", known.replace(" or ", ", "))
    } else if said.starts_with("unknown variant") {
        format!("expected {}, got string \"{quoted}\"", known.replace('`', "\""))
    } else if let Some(found) = said.strip_prefix("invalid length ") {
        let count = found.split(',').next().unwrap_or_default();
        format!("expected {}, got {count} items", expected(known))
    } else if let Some(found) = unexpected(said) {
        format!("expected {}, got {found}", expected(known))
    } else {
        said.into()
    };
    Failure::invalid(path, &wrong)
}

/// What came, of `invalid type: X, expected Y` and `invalid value: X, expected Y`.
fn unexpected(said: &str) -> Option<String> {
    let rest = said.strip_prefix("invalid type: ").or(said.strip_prefix("invalid value: "))?;
    let (found, _) = rest.rsplit_once(", expected ")?;
    let words = [
        ("floating point ", "number "),
        ("character ", "string "),
        ("unit value", "null"),
        ("sequence", "an array"),
        ("map", "an object"),
        ("byte array", "bytes"),
    ];
    let word = words.iter().find(|(theirs, _)| found.starts_with(theirs));
    let found = word.map_or(found.into(), |(theirs, ours)| found.replacen(theirs, ours, 1));
    Some(if found.starts_with("string ") { found } else { found.replace('`', "") })
}

/// What a type of Rust wants, as JSON calls it.
fn expected(known: &str) -> String {
    let count = known.rsplit(' ').find_map(|word| word.parse::<usize>().ok());
    match known {
        "i64" | "i128" | "isize" => "an integer".into(),
        "u64" | "u128" | "usize" => "an integer from 0".into(),
        "i8" => whole(i8::MIN, i8::MAX),
        "i16" => whole(i16::MIN, i16::MAX),
        "i32" => whole(i32::MIN, i32::MAX),
        "u8" => whole(0, u8::MAX),
        "u16" => whole(0, u16::MAX),
        "u32" => whole(0, u32::MAX),
        "f32" | "f64" => "a number".into(),
        "a boolean" => "true or false".into(),
        "string" | "str" | "a borrowed string" => "a string".into(),
        "unit" => "null".into(),
        "option" => "null or a value".into(),
        "a character" => "one character".into(),
        _ if starts(known, &["an array", "a tuple", "tuple"]) => {
            count.map_or("an array".into(), |count| format!("an array of {count}"))
        }
        _ if starts(known, &["a sequence"]) => "an array".into(),
        _ if starts(known, &["a map", "struct "]) => "an object".into(),
        _ if starts(known, &["enum "]) => "a string or an object".into(),
        other => other.into(),
    }
}

fn starts(text: &str, any: &[&str]) -> bool {
    any.iter().any(|one| text.starts_with(one))
}

fn whole<N: std::fmt::Display>(least: N, most: N) -> String {
    format!("an integer from {least} to {most}")
}
