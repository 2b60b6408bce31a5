//! Files and folders at `data://`.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::HttpClient;
use crate::algo::refusal;
use crate::error::{ApiError, ErrorKind, Result, ResultExt};
use crate::http::Answer;

/// What has a path.
pub trait HasDataPath: Sized {
    #[doc(hidden)]
    fn new(http: Arc<HttpClient>, path: &str) -> Self;
    #[doc(hidden)]
    fn path(&self) -> &str;
    #[doc(hidden)]
    fn http(&self) -> &Arc<HttpClient>;

    fn to_data_uri(&self) -> String {
        match self.path().find('/') {
            Some(at) => format!("{}://{}", &self.path()[..at], &self.path()[at + 1..]),
            None => format!("{}://", self.path()),
        }
    }

    fn parent(&self) -> Option<DataDir> {
        let path = self.path().trim_end_matches('/');
        let at = path.rfind('/')?;
        Some(DataDir { http: self.http().clone(), path: path[..at].into() })
    }

    fn basename(&self) -> Option<String> {
        self.path().trim_end_matches('/').rsplit('/').next().map(String::from)
    }

    fn exists(&self) -> Result<bool> {
        let said = ask(self, "HEAD", "", b"")?;
        if said.status == 404 { Ok(false) } else { checked(self, said).map(|_| true) }
    }
}

/// A file.
#[derive(Clone, Debug)]
pub struct DataFile {
    http: Arc<HttpClient>,
    path: String,
}

/// A folder.
#[derive(Clone, Debug)]
pub struct DataDir {
    http: Arc<HttpClient>,
    path: String,
}

/// Either.
#[derive(Clone, Debug)]
pub struct DataObject {
    http: Arc<HttpClient>,
    path: String,
}

macro_rules! has_path {
    ($($name:ident)*) => {
        $(impl HasDataPath for $name {
            fn new(http: Arc<HttpClient>, path: &str) -> Self {
                $name { http, path: plain(path) }
            }
            fn path(&self) -> &str { &self.path }
            fn http(&self) -> &Arc<HttpClient> { &self.http }
        })*
    };
}

has_path! { DataFile DataDir DataObject }

/// A path with what stands before `://` as its first part.
fn plain(uri: &str) -> String {
    match uri.find("://") {
        Some(at) => format!("{}/{}", &uri[..at], &uri[at + 3..]),
        None => format!("data/{}", uri.trim_start_matches('/')),
    }
}

fn ask<T: HasDataPath>(of: &T, method: &str, query: &str, body: &[u8]) -> Result<Answer> {
    let path = format!("connector/{}{}", of.path().trim_end_matches('/'), query);
    let kind = if method == "POST" { "application/json" } else { "application/octet-stream" };
    of.http().ask(method, &path, kind, body)
}

/// The answer, where it is a success.
fn checked<T: HasDataPath>(of: &T, said: Answer) -> Result<Answer> {
    if said.is_success() {
        return Ok(said);
    }
    if said.status == 404 {
        return Err(ErrorKind::NotFound(of.to_data_uri()).into());
    }
    let status = format!("{} for {}", said.status, of.to_data_uri());
    let told: Value = serde_json::from_slice(&said.bytes()?).unwrap_or(Value::Null);
    let unknown = ApiError { message: status, stacktrace: None };
    Err(ErrorKind::Api(told.get("error").map_or(unknown, refusal)).into())
}

/// What a file holds.
pub struct FileData {
    pub size: u64,
    data: Box<dyn Read + Send>,
}

impl Read for FileData {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.data.read(into)
    }
}

impl DataFile {
    pub fn put<B: Into<Body>>(&self, body: B) -> Result<()> {
        let body = body.into().0.chain_err(|| ErrorKind::Io(self.to_data_uri()))?;
        checked(self, ask(self, "PUT", "", &body)?).map(|_| ())
    }

    pub fn get(&self) -> Result<FileData> {
        let said = checked(self, ask(self, "GET", "", b"")?)?;
        if said.header("x-data-type") == Some("directory") {
            return Err(ErrorKind::UnexpectedDataType("file", "directory".into()).into());
        }
        let size = said.header("content-length").and_then(|one| one.parse().ok()).unwrap_or(0);
        Ok(FileData { size, data: said.into_body() })
    }

    pub fn delete(&self) -> Result<()> {
        checked(self, ask(self, "DELETE", "", b"")?).map(|_| ())
    }
}

/// What is put: text, bytes or a file.
pub struct Body(io::Result<Vec<u8>>);

impl<'a> From<&'a str> for Body {
    fn from(text: &'a str) -> Self {
        Body(Ok(text.into()))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Body(Ok(text.into()))
    }
}

impl<'a> From<&'a [u8]> for Body {
    fn from(bytes: &'a [u8]) -> Self {
        Body(Ok(bytes.into()))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Body(Ok(bytes))
    }
}

impl From<fs::File> for Body {
    fn from(mut file: fs::File) -> Self {
        let mut found = Vec::new();
        Body(file.read_to_end(&mut found).map(|_| found))
    }
}

/// Who may read a folder.
#[derive(Clone, Debug)]
pub struct DataAcl {
    pub read: Vec<String>,
}

/// The usual ones.
#[derive(Clone, Copy, Debug)]
pub enum ReadAcl {
    Private,
    MyAlgorithms,
    Public,
}

impl From<ReadAcl> for DataAcl {
    fn from(who: ReadAcl) -> Self {
        let read = match who {
            ReadAcl::Private => vec![],
            ReadAcl::MyAlgorithms => vec!["algo://.my/*".into()],
            ReadAcl::Public => vec!["user://*".into()],
        };
        DataAcl { read }
    }
}

impl Default for DataAcl {
    fn default() -> Self {
        ReadAcl::MyAlgorithms.into()
    }
}

/// What a folder holds.
#[derive(Clone, Debug)]
pub enum DataItem {
    File(DataFile),
    Dir(DataDir),
}

/// How many files a deletion removed.
#[derive(Clone, Debug)]
pub struct DirectoryDeleted {
    pub deleted: u64,
}

impl DataDir {
    pub fn create<A: Into<DataAcl>>(&self, acl: A) -> Result<()> {
        let wrong = || ErrorKind::InvalidDataUri(self.to_data_uri());
        let (parent, name) = (self.parent().ok_or_else(wrong)?, self.basename());
        let read = acl.into().read.into_iter().map(Value::String).collect();
        let mut wanted = serde_json::Map::new();
        let mut access = serde_json::Map::new();
        access.insert("read".into(), Value::Array(read));
        wanted.insert("name".into(), Value::String(name.ok_or_else(wrong)?));
        wanted.insert("acl".into(), Value::Object(access));
        let body = Value::Object(wanted).to_string();
        checked(self, ask(&parent, "POST", "", body.as_bytes())?).map(|_| ())
    }

    pub fn delete(&self, force: bool) -> Result<DirectoryDeleted> {
        let query = if force { "?force=true" } else { "" };
        let said = checked(self, ask(self, "DELETE", query, b"")?)?.bytes()?;
        let told: Value = serde_json::from_slice(&said).unwrap_or(Value::Null);
        let deleted = told.pointer("/result/deleted").and_then(Value::as_u64).unwrap_or(0);
        Ok(DirectoryDeleted { deleted })
    }

    pub fn child<T: HasDataPath>(&self, name: &str) -> T {
        T::new(self.http.clone(), &format!("{}/{}", self.to_data_uri().trim_end_matches('/'), name))
    }

    pub fn put_file<P: AsRef<Path>>(&self, path: P) -> Result<()> {
        let path = path.as_ref();
        let file = fs::File::open(path)
            .chain_err(|| ErrorKind::Io(format!("opening '{}'", path.display())))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.child::<DataFile>(&name).put(file)
    }

    pub fn list(&self) -> DirectoryListing {
        DirectoryListing { dir: self.clone(), items: Vec::new().into_iter(), next: Some(None) }
    }
}

/// Goes through a folder, a page at a time.
pub struct DirectoryListing {
    dir: DataDir,
    items: std::vec::IntoIter<DataItem>,
    next: Option<Option<String>>,
}

impl DirectoryListing {
    fn page(&mut self, marker: Option<String>) -> Result<()> {
        let query = marker.map_or(String::new(), |one| format!("?marker={}", one));
        let said = checked(&self.dir, ask(&self.dir, "GET", &query, b"")?)?;
        let told: Value = serde_json::from_slice(&said.bytes()?)
            .chain_err(|| ErrorKind::DecodeJson("directory listing"))?;
        let names = |list: &str, key: &str| -> Vec<String> {
            let found = told.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            found.iter().filter_map(|one| one.get(key)?.as_str().map(String::from)).collect()
        };
        let mut items = Vec::new();
        items.extend(names("folders", "name").iter().map(|one| DataItem::Dir(self.dir.child(one))));
        let files = names("files", "filename");
        items.extend(files.iter().map(|one| DataItem::File(self.dir.child(one))));
        self.next = told.get("marker").and_then(Value::as_str).map(|one| Some(one.into()));
        self.items = items.into_iter();
        Ok(())
    }
}

impl Iterator for DirectoryListing {
    type Item = Result<DataItem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(Ok(item));
            }
            let marker = self.next.take()?;
            if let Err(error) = self.page(marker) {
                return Some(Err(error));
            }
        }
    }
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DataType {
    File,
    Dir,
}

impl DataObject {
    pub fn get_type(&self) -> Result<DataType> {
        let said = checked(self, ask(self, "HEAD", "", b"")?)?;
        let folder = said.header("x-data-type") == Some("directory");
        Ok(if folder { DataType::Dir } else { DataType::File })
    }

    pub fn into_type(self) -> Result<DataItem> {
        Ok(match self.get_type()? {
            DataType::Dir => DataItem::Dir(DataDir { http: self.http, path: self.path }),
            DataType::File => DataItem::File(DataFile { http: self.http, path: self.path }),
        })
    }
}
