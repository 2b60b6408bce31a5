//! What code written for Algorithmia uses of the crate of this name, over the API of the gateway.
//!
//! The crate itself wants an OpenSSL that no system has any more.

pub mod algo;
pub mod data;
mod decoded;
pub mod error;
mod http;
mod macros;

use std::env;
use std::sync::Arc;

use crate::algo::{AlgoUri, Algorithm};
use crate::data::{DataDir, DataFile, DataObject, HasDataPath};
pub use crate::http::Client as HttpClient;

/// What an algorithm is written with.
pub mod prelude {
    pub use crate::Algorithmia;
    pub use crate::algo::{AlgoInput, AlgoOutput, DecodedEntryPoint, EntryPoint, JsonValue};
    pub use crate::data::HasDataPath;
}

/// The error of an entry point; named here, as an author's edition may not know `dyn`.
pub type BoxedError = Box<dyn std::error::Error>;

/// The key of a caller. The gateway's own counts before it.
#[derive(Clone, Debug)]
pub enum ApiAuth {
    ApiKey(String),
    None,
}

impl From<()> for ApiAuth {
    fn from(_: ()) -> Self {
        ApiAuth::None
    }
}

impl<'a> From<&'a str> for ApiAuth {
    fn from(key: &'a str) -> Self {
        if key.is_empty() { ApiAuth::None } else { ApiAuth::ApiKey(key.into()) }
    }
}

impl From<String> for ApiAuth {
    fn from(key: String) -> Self {
        key.as_str().into()
    }
}

/// A client of the API.
#[derive(Clone, Debug)]
pub struct Algorithmia {
    http: Arc<HttpClient>,
}

impl Algorithmia {
    pub fn client<A: Into<ApiAuth>>(key: A) -> Algorithmia {
        Algorithmia { http: Arc::new(HttpClient::new(&key.into(), None)) }
    }

    pub fn client_with_url<A: Into<ApiAuth>>(address: &str, key: A) -> Algorithmia {
        Algorithmia { http: Arc::new(HttpClient::new(&key.into(), Some(address))) }
    }

    pub fn algo<A: Into<AlgoUri>>(&self, algorithm: A) -> Algorithm {
        Algorithm::new(self.http.clone(), algorithm.into())
    }

    pub fn dir(&self, path: &str) -> DataDir {
        DataDir::new(self.http.clone(), path)
    }

    pub fn file(&self, path: &str) -> DataFile {
        DataFile::new(self.http.clone(), path)
    }

    pub fn data(&self, path: &str) -> DataObject {
        DataObject::new(self.http.clone(), path)
    }
}

impl Default for Algorithmia {
    fn default() -> Self {
        Algorithmia::client(env::var("ALGORITHMIA_API_KEY").unwrap_or_default())
    }
}

/// Answer a body by an entry point: the content type of the result, and its bytes.
pub fn answer<E: algo::EntryPoint>(
    entry: &E,
    kind: &str,
    body: Vec<u8>,
) -> Result<(&'static str, Vec<u8>), BoxedError> {
    let input = algo::AlgoInput::of(kind, body)?;
    Ok(entry.apply(input)?.written())
}
