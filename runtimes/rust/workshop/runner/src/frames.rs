//! Frames on two pipes: two lengths, a JSON header, a body of bytes (`../../../README.md`).

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

const LENGTHS: usize = 12;
const MAX_HEADER: u32 = 1 << 20;
const MAX_BODY: u64 = 1 << 34;
const SMALL: usize = 1 << 16; // a body that is copied behind its header rather than written alone

/// What the gateway says of a frame; fields of other types are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Header {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: i64,
    pub ids: Vec<i64>,
    pub protocol: i64,
    pub app: String,
    pub entrypoint: String,
    pub written_for: String,
    pub models: HashMap<String, String>,
    pub concurrency: usize,
    pub content_type: String,
    pub length: usize,
    pub calls: Vec<Header>,
}

/// A header and its body.
#[derive(Debug)]
pub struct Frame {
    pub header: Header,
    pub body: Vec<u8>,
}

/// Why a runner ends.
#[derive(Debug)]
pub enum End {
    /// The gateway is gone.
    Closed,
    /// Something came that is no frame, or not its turn.
    Protocol(String),
    /// The pipes or the process's own streams fail.
    Broken(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Broken(error),
        }
    }
}

/// Reads frames one after the other.
pub struct Requests(BufReader<File>);

impl Requests {
    pub fn new(source: File) -> Self {
        Self(BufReader::with_capacity(1 << 16, source))
    }

    /// The next frame; waits for it.
    pub fn read(&mut self) -> Result<Frame, End> {
        let mut lengths = [0; LENGTHS];
        self.0.read_exact(&mut lengths)?;
        let (head, body) = lengths.split_at(4);
        let head = u32::from_le_bytes(head.try_into().expect("four bytes"));
        let body = u64::from_le_bytes(body.try_into().expect("eight bytes"));
        if head > MAX_HEADER || body > MAX_BODY {
            return Err(End::Protocol(format!("a frame of {head} and {body} bytes is too large")));
        }
        let header = self.exactly(u64::from(head))?;
        let body = self.exactly(body)?;
        let header: Header = serde_json::from_slice(&header)
            .map_err(|error| End::Protocol(format!("a header is no JSON object: {error}")))?;
        if header.kind.is_empty() {
            return Err(End::Protocol("a header has no type".into()));
        }
        Ok(Frame { header, body })
    }

    fn exactly(&mut self, count: u64) -> Result<Vec<u8>, End> {
        let mut found = Vec::with_capacity(usize::try_from(count).unwrap_or(usize::MAX));
        let read = self.0.by_ref().take(count).read_to_end(&mut found)? as u64;
        if read < count { Err(End::Closed) } else { Ok(found) }
    }
}

/// Writes whole frames; many may write at the same time.
pub struct Replies(Mutex<File>);

impl Replies {
    pub fn new(sink: File) -> Self {
        Self(Mutex::new(sink))
    }

    /// Write a frame; waits while the pipe is full.
    pub fn write(&self, header: &impl Serialize, body: &[u8]) -> Result<(), End> {
        let header = serde_json::to_vec(header).map_err(io::Error::from)?;
        let head = u32::try_from(header.len()).unwrap_or(u32::MAX);
        let mut whole = Vec::with_capacity(LENGTHS + header.len() + body.len().min(SMALL));
        whole.extend(head.to_le_bytes());
        whole.extend((body.len() as u64).to_le_bytes());
        whole.extend(header);
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if body.len() <= SMALL {
            whole.extend(body);
            sink.write_all(&whole)?;
        } else {
            sink.write_all(&whole)?;
            sink.write_all(body)?;
        }
        Ok(())
    }
}
