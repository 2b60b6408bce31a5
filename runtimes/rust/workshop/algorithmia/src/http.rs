//! HTTP/1.1 with the gateway's port on loopback, a connection a request.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::ApiAuth;
use crate::error::{Error, ErrorKind, Result, ResultExt};

/// Where the API is, and the key that it wants.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
    key: Option<String>,
}

/// An answer: its status, its headers in lower case, and its body as it comes.
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Box<dyn Read + Send>,
}

impl Client {
    pub fn new(auth: &ApiAuth, address: Option<&str>) -> Self {
        let given = match auth {
            ApiAuth::ApiKey(key) => Some(key.clone()),
            ApiAuth::None => None,
        };
        // The gateway's address and key count before those that stood in the code.
        match env::var("ALGORITHMIA_API") {
            Ok(found) => {
                Client { address: found, key: env::var("ALGORITHMIA_API_KEY").ok().or(given) }
            }
            Err(_) => {
                let usual = "https://api.algorithmia.com";
                Client { address: address.unwrap_or(usual).into(), key: given }
            }
        }
    }

    /// Ask for a path below `/v1`.
    pub fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Answer> {
        let what = || ErrorKind::Http(format!("{} {} at {}", method, path, self.address));
        let place = self.address.trim_end_matches('/').strip_prefix("http://");
        let place = place.ok_or_else(|| {
            let why = "ALGORITHMIA_API has to be an http:// address, as algo serve sets it";
            Error::from(ErrorKind::Http(format!("{}: {}", self.address, why)))
        })?;
        let mut stream = TcpStream::connect(place).chain_err(what)?;
        let mut head = format!(
            "{} /v1/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {}\r\n\
             Content-Length: {}\r\n",
            method,
            escaped(path),
            place,
            kind,
            body.len()
        );
        if let Some(key) = &self.key {
            head += &format!("Authorization: Simple {}\r\n", key);
        }
        head += "\r\n";
        stream.write_all(head.as_bytes()).chain_err(what)?;
        stream.write_all(body).chain_err(what)?;
        read(stream, method).chain_err(what)
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The whole body.
    pub fn bytes(mut self) -> Result<Vec<u8>> {
        let mut found = Vec::new();
        self.body.read_to_end(&mut found).chain_err(|| ErrorKind::Io("reading".into()))?;
        Ok(found)
    }

    pub fn into_body(self) -> Box<dyn Read + Send> {
        self.body
    }
}

fn read(stream: TcpStream, method: &str) -> io::Result<Answer> {
    let mut reader = BufReader::new(stream);
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP");
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|one| one.parse().ok()).ok_or_else(wrong)?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let (name, value) = match line.trim_end() {
            "" => break,
            text => text.split_at(text.find(':').ok_or_else(wrong)?),
        };
        headers.push((name.to_ascii_lowercase(), value[1..].trim().to_owned()));
    }
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|one| &*one.1);
    let body: Box<dyn Read + Send> = if method == "HEAD" {
        Box::new(io::empty())
    } else if value("transfer-encoding") == Some("chunked") {
        Box::new(Chunks { reader, left: 0, over: false })
    } else {
        match value("content-length").and_then(|one| one.parse().ok()) {
            Some(length) => Box::new(reader.take(length)),
            None => Box::new(reader),
        }
    };
    Ok(Answer { status, headers, body })
}

/// A body in pieces, each after its length.
struct Chunks {
    reader: BufReader<TcpStream>,
    left: usize,
    over: bool,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.over {
            let mut line = String::new();
            while line.trim().is_empty() {
                line.clear();
                if self.reader.read_line(&mut line)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            self.left = usize::from_str_radix(line.trim(), 16)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no length of a chunk"))?;
            self.over = self.left == 0;
        }
        if self.over {
            return Ok(0);
        }
        let most = into.len().min(self.left);
        let found = self.reader.read(&mut into[..most])?;
        if found == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= found;
        Ok(found)
    }
}

/// A path and its query as they can stand in a request.
fn escaped(path: &str) -> String {
    let mut found = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~?=&%+:@!$'()*,;".contains(&byte) {
            found.push(byte.into());
        } else {
            found += &format!("%{:02X}", byte);
        }
    }
    found
}
