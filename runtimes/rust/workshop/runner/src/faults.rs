//! Errors and panics of user code as the protocol reports them.

use std::any::type_name;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde::Serialize;

const LONGEST_MESSAGE: usize = 10_000;
const LONGEST_TRACE: usize = 100_000;
/// Frames of each end of a stack: a recursion has thousands.
const TOLD: usize = 50;
/// Below what the author's files lie for the compiler, as the builder calls it.
const APP: &str = "app/";

/// Tells the code of the author's `AlgorithmError`, nothing of another error.
pub type CodeOf = fn(&(dyn Error + 'static)) -> Option<String>;

/// What the generated main knows of the author's program.
#[derive(Debug)]
pub struct Author {
    pub code_of: CodeOf,
    pub file: String,
    /// Of `apply` and of `load`, which an error is from where it was returned.
    pub lines: [u32; 2],
}

static AUTHOR: OnceLock<Author> = OnceLock::new();
static LOADED: AtomicBool = AtomicBool::new(false);

/// Why a call has no result, or a program has not loaded.
#[derive(Debug, Serialize)]
pub struct Failure {
    pub fault: &'static str,
    pub code: String,
    pub message: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub raised: Option<Box<Raised>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// Where in user code it came from.
#[derive(Debug, Default, Serialize)]
pub struct Raised {
    pub error: String,
    pub file: String,
    pub line: u32,
    pub stacktrace: String,
}

/// One wrong place of an input.
#[derive(Debug, Serialize)]
pub struct Problem {
    pub path: String,
    pub message: String,
}

impl Failure {
    /// The body cannot be read.
    pub fn input(code: &str, message: String) -> Self {
        Self { fault: "input", code: code.into(), message, raised: None, problems: Vec::new() }
    }

    /// The body is not what the type of the input says.
    pub fn invalid(path: String, wrong: &str) -> Self {
        let message = format!("{path}: {wrong}");
        let problems = vec![Problem { path, message: wrong.into() }];
        Self { problems, ..Self::input("invalid_input", message) }
    }

    /// The result cannot be sent.
    pub fn result(code: &str, message: String) -> Self {
        Self { fault: "result", ..Self::input(code, message) }
    }

    /// The same of a program that has not loaded, which always has a place.
    pub fn placed(mut self, file: &str) -> Self {
        let error = "LoadError".into();
        let stacktrace = format!("LoadError: {}", self.message);
        let unknown = Raised { error, file: file.into(), line: 0, stacktrace };
        self.raised.get_or_insert(Box::new(unknown));
        self
    }

    /// User code failed, with the caller's fault where there is a `code`.
    fn raised(code: Option<String>, message: &str, raised: Raised) -> Self {
        let fault = if code.is_some() { "caller" } else { "algorithm" };
        let code = clip(code.as_deref().unwrap_or("exception"), 200);
        let message = clip(message, LONGEST_MESSAGE);
        Self { fault, code, message, raised: Some(Box::new(raised)), problems: Vec::new() }
    }

    /// An error that user code returned. It has no trace; its causes are all there is.
    fn returned(name: &str, error: &(dyn Error + 'static)) -> Self {
        let author = AUTHOR.get();
        let mut code = None;
        let mut causes = String::new();
        let mut next = Some(error);
        while let Some(one) = next {
            code = code.or_else(|| author.and_then(|author| (author.code_of)(one)));
            if !std::ptr::addr_eq(one, error) {
                causes += &format!("\n  caused by: {one}");
            }
            next = one.source();
        }
        Self::told(code, name, &error.to_string(), &causes)
    }

    fn told(code: Option<String>, name: &str, message: &str, causes: &str) -> Self {
        let (file, [apply, load]) = AUTHOR
            .get()
            .map_or_else(Default::default, |author| (author.file.clone(), author.lines));
        let line = if LOADED.load(Ordering::Relaxed) { apply } else { load };
        let name = if code.is_some() { "AlgorithmError" } else { last(name) };
        let place = if line > 0 { format!("{file}:{line}") } else { file.clone() };
        let stacktrace = format!("{name}: {message}{causes}\n  returned by {place}");
        let stacktrace = clip(&stacktrace, LONGEST_TRACE);
        Self::raised(code, message, Raised { error: name.into(), file, line, stacktrace })
    }
}

/// Remember what the main says of the author's program. Once, before anything else.
pub fn introduce(author: Author) {
    AUTHOR.set(author).expect("a process serves one program");
}

/// What a thread is called that runs one of the author's functions: all that Rust tells of one
/// whose stack overflows.
pub fn named(function: &str, line: usize) -> String {
    let known = AUTHOR.get().map(|author| (&author.file, author.lines[line]));
    match known {
        Some((file, line @ 1..)) => format!("{function} in {file}:{line}"),
        _ => function.into(),
    }
}

/// From now on errors are those of `apply`.
pub fn loaded() {
    LOADED.store(true, Ordering::Relaxed);
}

/// What may stand as the error of a `Result` that user code returns; `M` is found by the compiler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no error",
    label = "implement `std::error::Error` for it, or use `Box<dyn Error>` or `String`"
)]
pub trait IntoFailure<M> {
    fn into_failure(self) -> Failure;
}

/// `M` of a type that is an error.
pub struct Typed;
/// `M` of a type that holds one, as `Box<dyn Error>` and `anyhow::Error` do.
pub struct Boxed;
/// `M` of `Box<dyn Error + Send + Sync>`.
pub struct Sendable;
/// `M` of text.
pub struct Text;

impl<E: Error + 'static> IntoFailure<Typed> for E {
    fn into_failure(self) -> Failure {
        Failure::returned(type_name::<E>(), &self)
    }
}

impl<E: AsRef<dyn Error + 'static>> IntoFailure<Boxed> for E {
    fn into_failure(self) -> Failure {
        Failure::returned("Error", self.as_ref())
    }
}

impl IntoFailure<Sendable> for Box<dyn Error + Send + Sync> {
    fn into_failure(self) -> Failure {
        Failure::returned("Error", &*self)
    }
}

impl IntoFailure<Text> for String {
    fn into_failure(self) -> Failure {
        Failure::told(None, "Error", &self, "")
    }
}

impl IntoFailure<Text> for &'static str {
    fn into_failure(self) -> Failure {
        Failure::told(None, "Error", self, "")
    }
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PANICKED: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Keep panics of user code in calls for their answers; those of its own threads are printed.
pub fn watch_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let failure = panicked(info, &Backtrace::force_capture().to_string());
        if GUARDED.get() {
            PANICKED.set(Some(failure));
            return;
        }
        match failure.raised {
            Some(raised) if !raised.file.is_empty() => print(&raised),
            _ => before(info), // none of the author's files knows of it
        }
    }));
}

/// Print a panic of a thread by the author's frames; at once, so that they stay together.
fn print(raised: &Raised) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let text = format!("thread '{name}': {}\n", raised.stacktrace);
    let _ = io::stderr().write_all(text.as_bytes()); // where nobody reads there is nobody to tell
}

/// Call user code.
pub fn guarded<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(false);
    result.unwrap_or_else(|_| {
        let unknown = || Failure::told(None, "panic", "the program unwound", "");
        Err(PANICKED.take().unwrap_or_else(unknown))
    })
}

fn panicked(info: &PanicHookInfo, trace: &str) -> Failure {
    let message = match info.payload().downcast_ref::<String>() {
        Some(text) => text.as_str(),
        None => info.payload().downcast_ref().copied().unwrap_or("a value that is no text"),
    };
    let mut raised = Raised { error: "panic".into(), ..Raised::default() };
    let mut told = Vec::new();
    for (function, file, line) in frames(trace) {
        if raised.file.is_empty() {
            (raised.file, raised.line) = (file.to_owned(), line);
        }
        told.push(format!("  {function}\n    {file}:{line}"));
    }
    // A function that was inlined has no frame of its own; where it panicked is exact.
    if let Some((at, file)) = info.location().and_then(|at| Some((at, authors(at.file())?))) {
        (raised.file, raised.line) = (file.to_owned(), at.line());
    }
    if told.is_empty() {
        told.push(format!("  {}:{}", raised.file, raised.line));
    }
    let told = format!("panic: {message}\n{}", shortened(&told).join("\n"));
    raised.stacktrace = clip(&told, LONGEST_TRACE);
    Failure::raised(None, message, raised)
}

/// The author's frames of a trace: function, file, line.
fn frames(trace: &str) -> impl Iterator<Item = (&str, &str, u32)> {
    let mut function = "";
    trace.lines().filter_map(move |text| {
        let text = text.trim_start();
        let Some(place) = text.strip_prefix("at ") else {
            function = text.split_once(": ").map_or(text, |(_, name)| name);
            return None;
        };
        let mut words = place.rsplitn(3, ':');
        let line = words.nth(1)?.parse().ok()?;
        Some((function, authors(words.next()?)?, line))
    })
}

/// The frames of both ends, and between them how many were left out. Those of a recursion stand once.
fn shortened(frames: &[String]) -> Vec<String> {
    let runs: Vec<&[String]> = frames.chunk_by(|one, other| one == other).collect();
    if runs.len() <= 2 * TOLD {
        return folded(&runs);
    }
    let (first, rest) = runs.split_at(TOLD);
    let (middle, last) = rest.split_at(rest.len() - TOLD);
    let left: usize = middle.iter().map(|run| run.len()).sum();
    [folded(first), vec![format!("  ... {left} more")], folded(last)].concat()
}

fn folded(runs: &[&[String]]) -> Vec<String> {
    let told = |run: &&[String]| match run {
        [one, _, _, ..] => vec![one.clone(), format!("  ... {} more like it", run.len() - 1)],
        few => few.to_vec(),
    };
    runs.iter().flat_map(told).collect()
}

/// A path as the author calls it, when it is his.
fn authors(path: &str) -> Option<&str> {
    path.trim_start_matches("./").strip_prefix(APP)
}

fn last(name: &str) -> &str {
    let plain = name.split('<').next().unwrap_or(name);
    plain.rsplit("::").next().unwrap_or(plain)
}

fn clip(text: &str, most: usize) -> String {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}
