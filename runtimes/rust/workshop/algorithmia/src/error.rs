//! Errors, in the shape that `error_chain` gave them.

use std::error::Error as StdError;
use std::fmt;

pub type Result<T> = std::result::Result<T, Error>;
/// What an error came of.
pub type Cause = Box<dyn StdError + Send + 'static>;

/// What went wrong.
#[derive(Clone, Debug)]
pub enum ErrorKind {
    Msg(String),
    Api(ApiError),
    Http(String),
    InvalidBaseUrl,
    InvalidDataUri(String),
    InvalidAlgoUri(String),
    DecodeJson(&'static str),
    EncodeJson(&'static str),
    DecodeBase64(&'static str),
    Io(String),
    InvalidContentType(String),
    MismatchedContentType(&'static str),
    UnexpectedContentType(&'static str, String),
    NotFound(String),
    UnexpectedDataType(&'static str, String),
    UnsupportedInput,
}

/// What the API said.
#[derive(Clone, Debug)]
pub struct ApiError {
    pub message: String,
    pub stacktrace: Option<String>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ErrorKind::Msg(text) => out.write_str(text),
            ErrorKind::Api(error) => write!(out, "API error - {}", error),
            ErrorKind::Http(context) => write!(out, "HTTP error {}", context),
            ErrorKind::InvalidBaseUrl => out.write_str("invalid base URL"),
            ErrorKind::InvalidDataUri(uri) => write!(out, "invalid data URI '{}'", uri),
            ErrorKind::InvalidAlgoUri(uri) => write!(out, "invalid algorithm URI: {}", uri),
            ErrorKind::DecodeJson(what) => write!(out, "failed to decode {} json", what),
            ErrorKind::EncodeJson(what) => write!(out, "failed to encode {} as json", what),
            ErrorKind::DecodeBase64(what) => write!(out, "failed to decode {} as base64", what),
            ErrorKind::Io(context) => write!(out, "I/O error {}", context),
            ErrorKind::InvalidContentType(kind) => write!(out, "invalid content type: '{}'", kind),
            ErrorKind::MismatchedContentType(kind) => {
                write!(out, "content did not match content type: '{}'", kind)
            }
            ErrorKind::UnexpectedContentType(wanted, found) => {
                write!(out, "expected content type '{}', received '{}'", wanted, found)
            }
            ErrorKind::NotFound(what) => write!(out, "404 Not Found ({})", what),
            ErrorKind::UnexpectedDataType(wanted, found) => {
                write!(out, "expected a {}, received a {}", wanted, found)
            }
            ErrorKind::UnsupportedInput => out.write_str("unsupported input type"),
        }
    }
}

impl From<String> for ErrorKind {
    fn from(text: String) -> Self {
        ErrorKind::Msg(text)
    }
}

impl<'a> From<&'a str> for ErrorKind {
    fn from(text: &'a str) -> Self {
        ErrorKind::Msg(text.into())
    }
}

/// A kind, and what caused it.
#[derive(Debug)]
pub struct Error(pub ErrorKind, pub Option<Cause>);

impl Error {
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// A code for the caller whose input it is that cannot be taken.
    pub fn code(&self) -> Option<&'static str> {
        match self.0 {
            ErrorKind::UnsupportedInput => Some("unsupported_input"),
            ErrorKind::DecodeJson("input") => Some("invalid_input"),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.1.as_ref().map(|cause| &**cause as &(dyn StdError + 'static))
    }
}

impl<K: Into<ErrorKind>> From<K> for Error {
    fn from(kind: K) -> Self {
        Error(kind.into(), None)
    }
}

/// Lets an error become the cause of another.
pub trait ResultExt<T> {
    fn chain_err<F: FnOnce() -> K, K: Into<ErrorKind>>(self, kind: F) -> Result<T>;
}

impl<T, E: StdError + Send + 'static> ResultExt<T> for std::result::Result<T, E> {
    fn chain_err<F: FnOnce() -> K, K: Into<ErrorKind>>(self, kind: F) -> Result<T> {
        self.map_err(|cause| Error(kind().into(), Some(Box::new(cause))))
    }
}
