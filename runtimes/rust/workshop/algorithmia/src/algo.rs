//! What goes into an algorithm and comes out, and calls of others.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
pub use serde_json::Value as JsonValue;

use crate::decoded::{Decoded, base64};
use crate::error::{ApiError, Error, ErrorKind, Result, ResultExt};
use crate::{BoxedError, HttpClient};

/// What an entry point answers with.
pub type Applied = std::result::Result<AlgoOutput, BoxedError>;

/// The input of an algorithm.
#[derive(Debug, Clone)]
pub enum AlgoInput<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    Json(Cow<'a, JsonValue>),
}

/// The result of an algorithm.
#[derive(Debug, Clone)]
pub enum AlgoOutput {
    Text(String),
    Json(JsonValue),
    Binary(Vec<u8>),
}

impl<'a> AlgoInput<'a> {
    /// The input of a body; plain `curl -d` claims to send a form, which counts as JSON.
    pub fn of(kind: &str, body: Vec<u8>) -> Result<AlgoInput<'static>> {
        let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let form = kind == "application/x-www-form-urlencoded";
        if kind.is_empty() || form || kind == "application/json" || kind.ends_with("+json") {
            let json: JsonValue =
                serde_json::from_slice(&body).chain_err(|| ErrorKind::DecodeJson("input"))?;
            return Ok(match json {
                JsonValue::String(text) => AlgoInput::Text(Cow::Owned(text)),
                json => AlgoInput::Json(Cow::Owned(json)),
            });
        }
        if !kind.starts_with("text/") {
            return Ok(AlgoInput::Binary(Cow::Owned(body)));
        }
        let text = String::from_utf8(body).chain_err(|| ErrorKind::UnsupportedInput)?;
        Ok(AlgoInput::Text(Cow::Owned(text)))
    }

    pub fn as_string(&self) -> Option<&str> {
        match self {
            AlgoInput::Text(text) => Some(text),
            AlgoInput::Json(json) => json.as_str(),
            AlgoInput::Binary(_) => None,
        }
    }

    pub fn as_json(&'a self) -> Option<Cow<'a, JsonValue>> {
        match self {
            AlgoInput::Text(text) => Some(Cow::Owned(JsonValue::String(text.to_string()))),
            AlgoInput::Json(json) => Some(Cow::Borrowed(json)),
            AlgoInput::Binary(_) => None,
        }
    }

    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            AlgoInput::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn decode<D: Decoded>(&self) -> Result<D> {
        let json = self.as_json().ok_or(ErrorKind::MismatchedContentType("json"))?;
        serde_json::from_value(json.into_owned()).chain_err(|| ErrorKind::DecodeJson("input"))
    }
}

impl AlgoOutput {
    /// Its content type, and its bytes.
    pub fn written(self) -> (&'static str, Vec<u8>) {
        match self {
            AlgoOutput::Text(text) => ("text/plain; charset=utf-8", text.into_bytes()),
            AlgoOutput::Binary(bytes) => ("application/octet-stream", bytes),
            AlgoOutput::Json(json) => ("application/json", json.to_string().into_bytes()),
        }
    }
}

/// An algorithm: at least one of the methods is there.
pub trait EntryPoint: Default {
    fn apply_str(&self, _: &str) -> Applied {
        unsupported()
    }

    fn apply_json(&self, _: &JsonValue) -> Applied {
        unsupported()
    }

    fn apply_bytes(&self, _: &[u8]) -> Applied {
        unsupported()
    }

    /// Text that no `apply_str` takes is JSON, and the other way round.
    fn apply(&self, input: AlgoInput) -> Applied {
        match &input {
            AlgoInput::Text(text) => or_else(self.apply_str(text), || match input.as_json() {
                Some(json) => self.apply_json(&json),
                None => unsupported(),
            }),
            AlgoInput::Json(json) => or_else(self.apply_json(json), || match json.as_str() {
                Some(text) => self.apply_str(text),
                None => unsupported(),
            }),
            AlgoInput::Binary(bytes) => self.apply_bytes(bytes),
        }
    }
}

/// An algorithm whose input is read as a type.
pub trait DecodedEntryPoint: Default {
    type Input: Decoded;

    fn apply_decoded(&self, input: Self::Input) -> Applied;
}

impl<T: DecodedEntryPoint> EntryPoint for T {
    fn apply(&self, input: AlgoInput) -> Applied {
        match input {
            AlgoInput::Binary(_) => unsupported(),
            input => self.apply_decoded(input.decode()?),
        }
    }
}

fn unsupported() -> Applied {
    Err(Error::from(ErrorKind::UnsupportedInput).into())
}

fn or_else(applied: Applied, other: impl FnOnce() -> Applied) -> Applied {
    match applied {
        Err(error) => match error.downcast_ref::<Error>().map(Error::kind) {
            Some(ErrorKind::UnsupportedInput) => other(),
            _ => Err(error),
        },
        done => done,
    }
}

/// The name of an algorithm.
#[derive(Clone, Debug)]
pub struct AlgoUri {
    path: String,
}

impl AlgoUri {
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl<'a> From<&'a str> for AlgoUri {
    fn from(path: &'a str) -> Self {
        let bare = path.strip_prefix("algo://").unwrap_or(path);
        AlgoUri { path: bare.trim_start_matches('/').into() }
    }
}

impl From<String> for AlgoUri {
    fn from(path: String) -> Self {
        path.as_str().into()
    }
}

impl fmt::Display for AlgoUri {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&self.path)
    }
}

/// An algorithm that can be called.
#[derive(Clone, Debug)]
pub struct Algorithm {
    http: Arc<HttpClient>,
    uri: AlgoUri,
    options: BTreeMap<&'static str, String>,
}

impl Algorithm {
    pub(crate) fn new(http: Arc<HttpClient>, uri: AlgoUri) -> Self {
        Algorithm { http, uri, options: BTreeMap::new() }
    }

    pub fn to_algo_uri(&self) -> &AlgoUri {
        &self.uri
    }

    pub fn timeout(&mut self, seconds: u32) -> &mut Algorithm {
        self.options.insert("timeout", seconds.to_string());
        self
    }

    pub fn stdout(&mut self, wanted: bool) -> &mut Algorithm {
        self.options.insert("stdout", wanted.to_string());
        self
    }

    pub fn pipe<'a, I: Into<AlgoInput<'a>>>(&'a self, input: I) -> Result<AlgoResponse> {
        match input.into() {
            AlgoInput::Text(text) => self.call("text/plain", text.as_bytes()),
            AlgoInput::Json(json) => self.pipe_json(&json.to_string()),
            AlgoInput::Binary(bytes) => self.call("application/octet-stream", &bytes),
        }
    }

    pub fn pipe_json(&self, json: &str) -> Result<AlgoResponse> {
        self.call("application/json", json.as_bytes())
    }

    fn call(&self, kind: &str, body: &[u8]) -> Result<AlgoResponse> {
        let mut path = format!("algo/{}", self.uri.path);
        for (at, (name, value)) in self.options.iter().enumerate() {
            path += &format!("{}{}={}", if at == 0 { '?' } else { '&' }, name, value);
        }
        let said = self.http.ask("POST", &path, kind, body)?.bytes()?;
        String::from_utf8_lossy(&said).parse()
    }
}

/// What is told of an answer besides its result.
#[derive(Clone, Debug)]
pub struct AlgoMetadata {
    pub duration: f32,
    pub stdout: Option<String>,
    pub alerts: Option<Vec<String>>,
    pub content_type: String,
}

/// The answer of an algorithm.
#[derive(Clone, Debug)]
pub struct AlgoResponse {
    pub metadata: AlgoMetadata,
    pub result: AlgoOutput,
}

impl FromStr for AlgoResponse {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let what = || ErrorKind::DecodeJson("algorithm response");
        let said: JsonValue = serde_json::from_str(text).chain_err(what)?;
        if let Some(error) = said.get("error") {
            return Err(ErrorKind::Api(refusal(error)).into());
        }
        let told = said.get("metadata").ok_or_else(what)?;
        let kind = told.get("content_type").and_then(JsonValue::as_str).unwrap_or("json");
        let result = said.get("result").cloned().unwrap_or(JsonValue::Null);
        let found = match (kind, result) {
            ("text", JsonValue::String(text)) => AlgoOutput::Text(text),
            ("binary", JsonValue::String(text)) => AlgoOutput::Binary(
                base64(&text).ok_or(ErrorKind::DecodeBase64("algorithm response"))?,
            ),
            ("text", _) | ("binary", _) => {
                return Err(ErrorKind::InvalidContentType(kind.into()).into());
            }
            (_, json) => AlgoOutput::Json(json),
        };
        let metadata = AlgoMetadata {
            duration: told.get("duration").and_then(JsonValue::as_f64).unwrap_or(0.0) as f32,
            stdout: told.get("stdout").and_then(JsonValue::as_str).map(String::from),
            alerts: None,
            content_type: kind.into(),
        };
        Ok(AlgoResponse { metadata, result: found })
    }
}

/// What the API says of an error.
pub(crate) fn refusal(error: &JsonValue) -> ApiError {
    let text = |name: &str| error.get(name).and_then(JsonValue::as_str).map(String::from);
    ApiError {
        message: text("message").unwrap_or_else(|| error.to_string()),
        stacktrace: text("stacktrace"),
    }
}

impl AlgoResponse {
    pub fn into_string(self) -> Option<String> {
        match self.result {
            AlgoOutput::Text(text) | AlgoOutput::Json(JsonValue::String(text)) => Some(text),
            _ => None,
        }
    }

    pub fn into_json(self) -> Option<JsonValue> {
        match self.result {
            AlgoOutput::Json(json) => Some(json),
            AlgoOutput::Text(text) => Some(JsonValue::String(text)),
            AlgoOutput::Binary(_) => None,
        }
    }

    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self.result {
            AlgoOutput::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn decode<D: Decoded>(self) -> Result<D> {
        let kind = self.metadata.content_type.clone();
        let json = self.into_json().ok_or(ErrorKind::UnexpectedContentType("json", kind))?;
        serde_json::from_value(json).chain_err(|| ErrorKind::DecodeJson("algorithm response"))
    }
}

impl fmt::Display for AlgoResponse {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match &self.result {
            AlgoOutput::Text(text) => out.write_str(text),
            AlgoOutput::Json(json) => write!(out, "{}", json),
            AlgoOutput::Binary(bytes) => out.write_str(&String::from_utf8_lossy(bytes)),
        }
    }
}

fn json_of<S: Serialize + ?Sized>(value: &S) -> JsonValue {
    serde_json::to_value(value).expect("a value that has a form in JSON")
}

macro_rules! from {
    ($($kind:ty, $name:ident => $input:expr, $output:expr;)*) => {
        $(impl<'a> From<$kind> for AlgoInput<'a> {
            fn from($name: $kind) -> Self { $input }
        }
        impl<'a> From<$kind> for AlgoOutput {
            fn from($name: $kind) -> Self { $output }
        })*
    };
}

from! {
    (), _none => AlgoInput::Json(Cow::Owned(JsonValue::Null)), AlgoOutput::Json(JsonValue::Null);
    &'a str, text => AlgoInput::Text(Cow::Borrowed(text)), AlgoOutput::Text(text.into());
    String, text => AlgoInput::Text(Cow::Owned(text)), AlgoOutput::Text(text);
    &'a [u8], bytes => AlgoInput::Binary(Cow::Borrowed(bytes)), AlgoOutput::Binary(bytes.into());
    Vec<u8>, bytes => AlgoInput::Binary(Cow::Owned(bytes)), AlgoOutput::Binary(bytes);
    JsonValue, json => AlgoInput::Json(Cow::Owned(json)), AlgoOutput::Json(json);
}

impl<'a, S: Serialize> From<&'a S> for AlgoInput<'a> {
    fn from(value: &'a S) -> Self {
        AlgoInput::Json(Cow::Owned(json_of(value)))
    }
}

impl<'a, S: Serialize> From<&'a S> for AlgoOutput {
    fn from(value: &'a S) -> Self {
        AlgoOutput::Json(json_of(value))
    }
}

impl<S: Serialize> From<Box<S>> for AlgoOutput {
    fn from(value: Box<S>) -> Self {
        AlgoOutput::Json(json_of(&*value))
    }
}

impl<'a> From<AlgoOutput> for AlgoInput<'a> {
    fn from(output: AlgoOutput) -> Self {
        match output {
            AlgoOutput::Text(text) => AlgoInput::Text(Cow::Owned(text)),
            AlgoOutput::Json(json) => AlgoInput::Json(Cow::Owned(json)),
            AlgoOutput::Binary(bytes) => AlgoInput::Binary(Cow::Owned(bytes)),
        }
    }
}
