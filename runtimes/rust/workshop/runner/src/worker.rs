//! A worker: loads the algorithm and answers calls until it is told to stop.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use serde::Serialize;
use serde_json::json;

use crate::PROTOCOL;
use crate::algorithm::{Algorithm, Body, Loader, Models};
use crate::answers::{Reply, Stream};
use crate::capture::{Lines, capture};
use crate::faults::{self, Failure, guarded};
use crate::frames::{End, Frame, Header, Replies, Requests};
use crate::schema::Face;

const APPLY: usize = 0; // of the lines that the main knows
const LOAD: usize = 1;
const STACK: usize = 256 << 20; // of a thread that calls; memory is taken as it is used

/// What all threads of the worker know.
pub struct Worker {
    hello: Header,
    replies: Arc<Replies>,
    lines: Vec<Arc<Lines>>,
    only: Arc<AtomicI64>,
    loaded: OnceLock<(Box<dyn Algorithm>, Face)>,
    calls: Mutex<Calls>,
    changed: Condvar,
}

#[derive(Default)]
struct Calls {
    waiting: VecDeque<(Frame, Arc<Running>)>,
    running: HashMap<i64, Arc<Running>>,
    ended: bool,
}

/// A call that has begun.
#[derive(Default)]
struct Running {
    cancelled: AtomicBool,
    paused: AtomicBool, // the reader of its stream is slow
}

#[derive(Serialize)]
struct Said<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    content_type: &'a str,
}

#[derive(Serialize)]
struct Failed<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: i64,
    #[serde(flatten)]
    failure: &'a Failure,
}

/// Take frames until the pipe is closed or `shutdown` comes.
pub fn work(
    hello: Header,
    mut loader: Option<Loader>,
    requests: &mut Requests,
    replies: Arc<Replies>,
) -> Result<(), End> {
    let only = Arc::new(AtomicI64::new(0));
    let lines = capture(&replies, &only)?;
    let unread = HashMap::<_, _>::from_iter(lines.iter().map(|one| one.unread()));
    let said = json!({
        "type": "hello", "protocol": PROTOCOL, "language": "rust", "capabilities": ["describe"],
        "unread": unread,
    });
    replies.write(&said, &[])?;
    let places = hello.concurrency.max(1);
    let worker = Arc::new(Worker {
        hello,
        replies,
        lines,
        only,
        loaded: OnceLock::new(),
        calls: Mutex::default(),
        changed: Condvar::new(),
    });
    let mut threads = Vec::new();
    loop {
        let frame = requests.read()?;
        let id = frame.header.id;
        match frame.header.kind.as_str() {
            "load" => {
                if worker.load(id, loader.take())? {
                    for _ in 0..places {
                        let worker = worker.clone();
                        let thread = caller(worker.function(), APPLY);
                        threads.push(thread.spawn(move || worker.answer())?);
                    }
                }
            }
            "call" | "batch" if worker.loaded.get().is_some() => {
                worker.calls().waiting.push_back((frame, Arc::default()));
                worker.changed.notify_all();
            }
            "call" | "batch" => return Err(End::Protocol("the first frame is load".into())),
            "withdraw" => worker.withdraw(&frame.header.ids)?,
            "cancel" | "pause" | "resume" => worker.control(&frame.header),
            "describe" => worker.describe(id, "described")?,
            "reload" => worker.describe(id, "reloaded")?,
            "commit" | "discard" => {}
            "shutdown" => break,
            other => {
                return Err(End::Protocol(format!("there is no frame of type {other:?}")));
            }
        }
    }
    worker.calls().ended = true;
    worker.changed.notify_all();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok(())
}

/// A thread that calls a function of the author's.
fn caller(function: &str, line: usize) -> thread::Builder {
    thread::Builder::new().name(faults::named(function, line)).stack_size(STACK)
}

impl Worker {
    /// What the author calls his entry.
    fn function(&self) -> &str {
        self.hello.entrypoint.rsplit(':').next().unwrap_or("apply")
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, header: &impl Serialize) -> Result<(), End> {
        self.replies.write(header, &[])
    }

    /// Tell the schema. A program is what it was built from: a new one is another worker.
    fn describe(&self, id: i64, kind: &str) -> Result<(), End> {
        let schema = self.loaded.get().map_or_else(|| json!({}), |(_, face)| face.schema.clone());
        self.say(&json!({"type": kind, "id": id, "rung": "worker", "schema": schema}))
    }

    /// Call the author's `load`; tell whether calls may come.
    fn load(&self, id: i64, loader: Option<Loader>) -> Result<bool, End> {
        let began = Instant::now();
        let loader = loader.ok_or_else(|| End::Protocol("it has loaded".into()))?;
        let app = Path::new(&self.hello.app);
        let file = self.hello.entrypoint.split(':').next().unwrap_or_default();
        let loaded = if app.join(file).is_file() {
            let models = self.hello.models.iter();
            let models = models.map(|(name, below)| (name.clone(), app.join(below)));
            let models = Models::from_iter(models);
            thread::scope(|scope| {
                let thread = caller("load", LOAD).spawn_scoped(scope, || loader(models))?;
                thread.join().map_err(|_| io::Error::other("the thread of load is gone"))
            })?
        } else {
            Err(Failure::input("", format!("{file} is not there")))
        };
        faults::loaded();
        self.printed()?;
        let algorithm = match loaded {
            Ok(algorithm) => algorithm,
            Err(failure) => {
                self.say(&Failed { kind: "load_error", id, failure: &failure.placed(file) })?;
                return Ok(false);
            }
        };
        let (_, face) = self.loaded.get_or_init(|| {
            let face = algorithm.face();
            (algorithm, face)
        });
        self.say(&json!({
            "type": "ready", "id": id, "schema": face.schema,
            "milliseconds": began.elapsed().as_secs_f64() * 1000.0,
            "cancels": face.cancels, "batch": face.batch,
            "ahead": self.hello.concurrency <= 1 && !face.batch, "flow": true,
            "share": false, "alone": "a Rust program cannot fork",
        }))?;
        Ok(true)
    }

    /// Give back the calls of these ids that have not begun.
    fn withdraw(&self, ids: &[i64]) -> Result<(), End> {
        let mut taken = Vec::new();
        self.calls().waiting.retain(|(frame, _)| {
            let found = ids.contains(&frame.header.id);
            taken.extend(found.then_some(frame.header.id));
            !found
        });
        taken.into_iter().try_for_each(|id| self.say(&json!({"type": "withdrawn", "id": id})))
    }

    fn control(&self, said: &Header) {
        let calls = self.calls();
        let mut waiting = calls.waiting.iter();
        let waiting = waiting.find_map(|(frame, one)| (frame.header.id == said.id).then_some(one));
        if let Some(running) = calls.running.get(&said.id).or(waiting) {
            running.paused.store(said.kind == "pause", Ordering::Relaxed);
            if said.kind == "cancel" {
                running.cancelled.store(true, Ordering::Relaxed);
            }
        }
        self.changed.notify_all();
    }

    /// Answer calls until there are no more.
    fn answer(&self) {
        let (algorithm, face) = self.loaded.get().expect("calls come when it has loaded");
        while let Some((frame, running)) = self.next() {
            let id = frame.header.id;
            let answered = if face.batch {
                self.batch(&**algorithm, frame)
            } else {
                self.one(&**algorithm, frame, &running)
            };
            let mut calls = self.calls();
            calls.running.remove(&id);
            self.note(&calls);
            if answered.is_err() {
                std::process::exit(0); // the gateway is gone
            }
        }
    }

    fn next(&self) -> Option<(Frame, Arc<Running>)> {
        let mut calls = self.calls();
        loop {
            if let Some((frame, running)) = calls.waiting.pop_front() {
                calls.running.insert(frame.header.id, running.clone());
                self.note(&calls);
                return Some((frame, running));
            }
            if calls.ended {
                return None;
            }
            calls = self.changed.wait(calls).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Keep which call prints, where that can be told.
    fn note(&self, calls: &Calls) {
        let mut ids = calls.running.keys();
        let only = match (ids.next(), ids.next()) {
            (Some(id), None) => *id,
            _ => 0,
        };
        self.only.store(only, Ordering::Relaxed);
    }

    fn one(&self, algorithm: &dyn Algorithm, frame: Frame, running: &Running) -> Result<(), End> {
        let id = frame.header.id;
        let body = Body { content_type: frame.header.content_type, content: frame.body };
        match algorithm.call(body, &running.cancelled) {
            Ok(Reply::Pieces(pieces)) => self.stream(id, pieces, running),
            other => self.tell(id, other),
        }
    }

    fn stream(&self, id: i64, mut pieces: Stream, running: &Running) -> Result<(), End> {
        while !running.cancelled.load(Ordering::Relaxed) {
            let piece = match guarded(|| pieces.next().transpose()) {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(failure) => return self.fail(id, &failure),
            };
            let said = Said { kind: "chunk", id, content_type: piece.content_type };
            self.replies.write(&said, &piece.body)?;
            self.wait(running);
        }
        let _ = guarded(|| {
            drop(pieces);
            Ok(())
        });
        self.printed()?;
        self.say(&Said { kind: "end", id, content_type: "" })
    }

    /// Wait while the reader of a stream is slow.
    fn wait(&self, running: &Running) {
        if running.paused.load(Ordering::Relaxed) {
            let slow = |_: &mut Calls| running.paused.load(Ordering::Relaxed);
            drop(self.changed.wait_while(self.calls(), slow));
        }
    }

    fn batch(&self, algorithm: &dyn Algorithm, frame: Frame) -> Result<(), End> {
        let Frame { header, body } = frame;
        let calls = match header.kind.as_str() {
            "call" => vec![Header { length: body.len(), ..header }],
            _ => header.calls,
        };
        let mut rest = &body[..];
        let mut bodies = Vec::with_capacity(calls.len());
        for call in &calls {
            let Some((content, more)) = rest.split_at_checked(call.length) else {
                return Err(End::Protocol("the lengths of a batch do not add up".into()));
            };
            let content_type = call.content_type.clone();
            bodies.push(Body { content_type, content: content.to_vec() });
            rest = more;
        }
        let answers = algorithm.batch(&bodies);
        calls.iter().zip(answers).try_for_each(|(call, answer)| self.tell(call.id, answer))
    }

    fn tell(&self, id: i64, answer: Result<Reply, Failure>) -> Result<(), End> {
        match answer {
            Ok(Reply::Whole(found)) => {
                self.printed()?;
                let said = Said { kind: "result", id, content_type: found.content_type };
                self.replies.write(&said, &found.body)
            }
            Ok(Reply::Pieces(_)) => {
                let message = "a batch cannot be answered with streams".into();
                self.fail(id, &Failure::result("result_not_serialisable", message))
            }
            Err(failure) => self.fail(id, &failure),
        }
    }

    fn fail(&self, id: i64, failure: &Failure) -> Result<(), End> {
        self.printed()?;
        self.say(&Failed { kind: "error", id, failure })
    }

    /// Send what the call printed.
    fn printed(&self) -> Result<(), End> {
        self.lines.iter().try_for_each(|lines| lines.end())
    }
}
