//! What goes in and comes out: JSON by serde, `String` is text, `Vec<u8>` is binary.

use std::any::Any;
use std::io::{self, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use serde_json::ser::Formatter;

use crate::faults::Failure;
use crate::finite::is_finite;
use crate::parts::{Part, parts};
use crate::position::wrong;
use crate::words;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "application/vnd.algo.parts";
const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";
const TOO_LARGE: &str = "the number is too large";
const DEEPEST: usize = 2000; // lists in lists; the stack of a call has room for more

/// A result as it is sent.
#[derive(Debug, PartialEq)]
pub struct Encoded {
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// The value of a request's body. A form, which plain `curl -d` claims to send, counts as JSON.
pub fn decode<T: DeserializeOwned + 'static>(kind: &str, body: Vec<u8>) -> Result<T, Failure> {
    let mut words = kind.split(';').map(str::trim);
    let essence = words.next().unwrap_or_default().to_ascii_lowercase();
    let part = match essence.as_str() {
        "" | JSON | FORM => return parse(&body),
        json if json.ends_with("+json") => return parse(&body),
        PARTS => parts(&body)?,
        text if text.starts_with("text/") => {
            let charset = words.find_map(|word| word.strip_prefix("charset="));
            Part::Text(read_text(body, charset.unwrap_or("utf-8"))?)
        }
        _ => Part::Bytes(body),
    };
    let part = match part {
        Part::Text(text) => match exactly(text) {
            Ok(found) => return Ok(found),
            Err(text) => Part::Text(text),
        },
        Part::Bytes(bytes) => match exactly(bytes) {
            Ok(found) => return Ok(found),
            Err(bytes) => Part::Bytes(bytes),
        },
        other => other,
    };
    read(part)
}

/// The value itself where it has the wanted type, else the value back.
fn exactly<A: 'static, B: 'static>(value: A) -> Result<B, A> {
    let mut value = Some(value);
    match (&mut value as &mut dyn Any).downcast_mut::<Option<B>>() {
        Some(found) => Ok(found.take().expect("it was put there")),
        None => Err(value.expect("nobody took it")),
    }
}

/// The value of a JSON text as type `T`.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let text = utf8(body)?;
    if too_deep(body) {
        let message = format!("the body is nested more than {DEEPEST} levels deep");
        return Err(Failure::input("malformed_json", message));
    }
    let error = match json(text) {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    let position = format!(" at line {} column {}", error.line(), error.column());
    let what = error.to_string().replace(&position, "");
    let what = what.replace("number out of range", TOO_LARGE);
    if error.classify() != Category::Data {
        let (line, column) = place_of(&error, &what, text);
        let message = format!("the body is not JSON: {what} at line {line}, column {column}");
        return Err(Failure::input("malformed_json", message));
    }
    // Read again, slower, for where the wrong place is.
    let whole: Value = json(text).map_err(|_| words::invalid("input".into(), &what))?;
    read(whole.into())
}

/// The line and the column of what is wrong, in characters. serde_json tells where it had read to,
/// in bytes and with what is wrong; only of what is JSON, and more than it takes, that must do.
fn place_of(error: &serde_json::Error, what: &str, text: &str) -> (usize, usize) {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let read = lines.map(str::len).sum::<usize>() + error.column();
    let read = if error.is_eof() { text.len() } else { read.saturating_sub(1).min(text.len()) };
    let at = if what == TOO_LARGE {
        // It was read to its end, and is ASCII.
        let number = |one: char| one.is_ascii_digit() || "+-.eE".contains(one);
        text[..read].trim_end_matches(number).len()
    } else {
        wrong(text).map_or(read, |at| at.min(read))
    };
    let before = String::from_utf8_lossy(&text.as_bytes()[..at]);
    let begun = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, begun.chars().count() + 1)
}

fn json<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let found = T::deserialize(&mut reader)?;
    reader.end().map(|()| found)
}

/// The value of parts as type `T`.
fn read<T: DeserializeOwned>(part: Part) -> Result<T, Failure> {
    serde_path_to_error::deserialize(part).map_err(|error| {
        let path = place(error.path());
        let wrong = error.into_inner().to_string();
        words::invalid(path, &wrong)
    })
}

fn place(path: &serde_path_to_error::Path) -> String {
    match path.to_string().as_str() {
        "." => "input".into(),
        list if list.starts_with('[') => format!("input{list}"),
        field => format!("input.{field}"),
    }
}

fn too_deep(body: &[u8]) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    body.iter().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

fn utf8(body: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(body).map_err(|error| {
        let message = format!("the body is not UTF-8 at byte {}", error.valid_up_to());
        Failure::input("not_utf8", message)
    })
}

fn read_text(body: Vec<u8>, charset: &str) -> Result<String, Failure> {
    match charset.trim_matches('"').to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "us-ascii" => {
            String::from_utf8(body).or_else(|error| utf8(error.as_bytes()).map(str::to_owned))
        }
        "iso-8859-1" | "latin-1" | "latin1" => Ok(body.into_iter().map(char::from).collect()),
        other => Err(Failure::input("unknown_charset", format!("there is no charset {other}"))),
    }
}

/// A result as bytes of its content type.
pub fn encode<R: Serialize + 'static>(result: R) -> Result<Encoded, Failure> {
    let result = match exactly(result) {
        Ok(text) => return Ok(text_of(text)),
        Err(result) => result,
    };
    let result = match exactly(result) {
        Ok(body) => {
            return Ok(Encoded { content_type: BINARY, body });
        }
        Err(result) => result,
    };
    let mut seen = Seen::default();
    let mut body = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut body, Watching(&mut seen));
    result.serialize(&mut writer).map_err(|error| {
        Failure::result("result_not_serialisable", format!("the result is not JSON: {error}"))
    })?;
    if seen.null && !is_finite(&result) {
        let message = "the result holds NaN or Infinity, which JSON has not";
        return Err(Failure::result("result_not_finite", message.into()));
    }
    if let Some(body) = seen.bytes {
        return Ok(Encoded { content_type: BINARY, body });
    }
    if body.first() == Some(&b'"') {
        let text = serde_json::from_slice(&body).expect("it was just written");
        return Ok(text_of(text));
    }
    Ok(Encoded { content_type: JSON, body })
}

fn text_of(text: String) -> Encoded {
    Encoded { content_type: TEXT, body: text.into_bytes() }
}

/// What the JSON of a result does not show.
#[derive(Default)]
struct Seen {
    null: bool,             // NaN is written so, too
    inside: bool,           // of a list or an object
    bytes: Option<Vec<u8>>, // the whole result, where it is bytes by its `Serialize`
}

/// Writes JSON, and notes it.
struct Watching<'a>(&'a mut Seen);

impl Formatter for Watching<'_> {
    fn write_null<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.null = true;
        writer.write_all(b"null")
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.inside = true;
        writer.write_all(b"[")
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.inside = true;
        writer.write_all(b"{")
    }

    fn write_byte_array<W: Write + ?Sized>(&mut self, out: &mut W, all: &[u8]) -> io::Result<()> {
        if self.0.inside {
            return serde_json::to_writer(out, &Vec::from_iter(all)).map_err(io::Error::from);
        }
        self.0.bytes = Some(all.to_vec());
        Ok(())
    }
}
