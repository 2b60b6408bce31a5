//! Connects an author's functions with the gateway (`../../../README.md`).
//!
//! The author's crate knows nothing of this one. The main that the builder generates names his
//! functions, and what `absent` has where he has none.

mod algorithm;
mod answers;
mod capture;
mod faults;
mod finite;
mod frames;
mod parts;
mod position;
mod schema;
mod values;
mod words;
mod worker;

use std::fs::File;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::process::exit;
use std::sync::Arc;

use crate::algorithm::{Entry, Load, Loader, loader};
use crate::capture::checked;
use crate::faults::{Author, introduce, watch_panics};
use crate::frames::{End, Replies, Requests};

pub use crate::algorithm::Whole;
pub use crate::faults::CodeOf;

const PROTOCOL: i64 = 1;
const EX_PROTOCOL: i32 = 76; // of sysexits.h
const REQUESTS: i32 = 3;
const REPLIES: i32 = 4;

/// Stand-ins for what an author need not have.
pub mod absent {
    use std::fmt;

    pub use crate::algorithm::Absent;

    #[allow(non_upper_case_globals)]
    pub const apply: Absent = Absent;
    #[allow(non_upper_case_globals)]
    pub const apply_batch: Absent = Absent;
    #[allow(non_upper_case_globals)]
    pub const load: Absent = Absent;

    /// The caller's fault. The author's own, which is known by this name, has a `code` like it.
    #[derive(Debug)]
    pub struct AlgorithmError {
        pub code: &'static str,
    }

    impl fmt::Display for AlgorithmError {
        fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
            out.write_str(self.code)
        }
    }

    impl std::error::Error for AlgorithmError {}
}

/// Say hello, then answer until the gateway closes its end.
///
/// `program` is the author's `apply` and `apply_batch`, `load` his `load`; `lines` are where these
/// two are in his file, 0 where that is not known; `code_of` tells the code of his `AlgorithmError`.
pub fn serve<P, L, S, M, N>(program: P, load: L, lines: [u32; 2], code_of: CodeOf) -> !
where
    P: Entry<S, M> + 'static,
    L: Load<S, N> + Send + 'static,
    S: Sync + 'static,
    M: 'static,
{
    let said = stderr();
    let wrong = match answered(loader(program, load), lines, code_of) {
        Ok(()) | Err(End::Closed) => exit(0),
        Err(End::Protocol(wrong)) => (wrong, EX_PROTOCOL),
        Err(End::Broken(error)) => (error.to_string(), 1),
    };
    if let Some(mut said) = said {
        let _ = writeln!(said, "runner: {}", wrong.0);
    }
    exit(wrong.1)
}

/// The stream of errors as it is before user code's is captured.
fn stderr() -> Option<File> {
    // SAFETY: the descriptor that comes back is new, and ours.
    unsafe {
        let copy = checked(libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, 0)).ok()?;
        Some(File::from_raw_fd(copy))
    }
}

fn answered(loader: Loader, lines: [u32; 2], code_of: CodeOf) -> Result<(), End> {
    // SAFETY: the gateway opened both descriptors for us, and nothing else here knows them.
    let (source, sink) = unsafe {
        libc::signal(libc::SIGINT, libc::SIG_IGN); // Ctrl-C reaches us too; the gateway decides
        for pipe in [REQUESTS, REPLIES] {
            checked(libc::fcntl(pipe, libc::F_SETFD, libc::FD_CLOEXEC))?;
        }
        (File::from_raw_fd(REQUESTS), File::from_raw_fd(REPLIES))
    };
    let (mut requests, replies) = (Requests::new(source), Arc::new(Replies::new(sink)));
    let first = requests.read()?;
    if first.header.kind != "hello" || first.header.protocol != PROTOCOL {
        let wrong = format!("the first frame is hello of protocol {PROTOCOL}");
        return Err(End::Protocol(wrong));
    }
    if first.header.written_for == "algorithmia" {
        std::env::set_current_dir(&first.header.app)?; // relative paths begin there, as they did
    }
    let file = first.header.entrypoint.split(':').next().unwrap_or_default().to_owned();
    introduce(Author { code_of, file, lines });
    watch_panics();
    worker::work(first.header, Some(loader), &mut requests, replies)
}
