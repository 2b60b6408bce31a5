//! What user code prints becomes `log` frames, line by line, with the call that printed it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::frames::{End, Replies};

const LONGEST_LINE: usize = 1 << 16;

/// Takes what is written to one of the process's streams, by C code, too.
pub struct Lines {
    stream: &'static str,
    replies: Arc<Replies>,
    only: Arc<AtomicI64>, // the one call that runs, 0 for none or several
    read: Mutex<Pending>,
}

/// The reading end of the pipe that stands in for the stream, and a line that has not ended.
struct Pending {
    pipe: File,
    rest: Vec<u8>,
}

/// Put pipes in the place of both streams, which are read from now on.
pub fn capture(replies: &Arc<Replies>, only: &Arc<AtomicI64>) -> io::Result<Vec<Arc<Lines>>> {
    let mut found = Vec::new();
    for (stream, number) in [("stdout", libc::STDOUT_FILENO), ("stderr", libc::STDERR_FILENO)] {
        let pipe = File::from(replaced(number)?);
        let read = Mutex::new(Pending { pipe, rest: Vec::new() });
        let lines = Lines { stream, replies: replies.clone(), only: only.clone(), read };
        let lines = Arc::new(lines);
        let follower = lines.clone();
        thread::Builder::new().name(stream.into()).spawn(move || follower.follow())?;
        found.push(lines);
    }
    Ok(found)
}

/// Make the descriptor `number` the end of a pipe; return the other end, which never blocks.
fn replaced(number: i32) -> io::Result<OwnedFd> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for two descriptors, which are ours from here on.
    let (reader, writer) = unsafe {
        checked(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC))?;
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    };
    // SAFETY: both descriptors are open; `number` is a stream of the process, which nobody owns.
    unsafe {
        checked(libc::dup2(writer.as_raw_fd(), number))?;
        checked(libc::fcntl(reader.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK))?;
    }
    Ok(reader)
}

pub(crate) fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

impl Lines {
    /// The stream, and the descriptor that the gateway reads what is left from when we end.
    pub fn unread(&self) -> (&'static str, i32) {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        (self.stream, read.pipe.as_raw_fd())
    }

    /// Send what comes while no call ends.
    fn follow(&self) {
        let descriptor = self.read.lock().unwrap_or_else(PoisonError::into_inner).pipe.as_raw_fd();
        let mut wanted = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
        loop {
            // SAFETY: it is one entry; its descriptor is open as long as `self` is.
            let ready = unsafe { libc::poll(&mut wanted, 1, -1) };
            // A line that is written in pieces is whole then, the last one of a process, too.
            thread::sleep(Duration::from_millis(1));
            if ready > 0 && self.drain(false).is_err() {
                return; // the gateway is gone
            }
            if ready > 0 && wanted.revents & libc::POLLIN == 0 {
                return; // the author closed the stream: nobody can write to it any more
            }
        }
    }

    /// Send all that was printed so far: the call that printed it is over.
    pub fn end(&self) -> Result<(), End> {
        match self.stream {
            "stdout" => io::stdout().flush()?,
            _ => io::stderr().flush()?,
        }
        self.drain(true)
    }

    fn drain(&self, all: bool) -> Result<(), End> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let Pending { pipe, rest } = &mut *read;
        let mut piece = [0; 1 << 14];
        while let Ok(count @ 1..) = pipe.read(&mut piece) {
            rest.extend(&piece[..count]);
        }
        if let Some(at) = rest.iter().rposition(|byte| *byte == b'\n') {
            let left = rest.split_off(at + 1);
            self.send(&rest[..at])?;
            *rest = left;
        }
        if !rest.is_empty() && (all || rest.len() > LONGEST_LINE) {
            self.send(&std::mem::take(rest))?;
        }
        Ok(())
    }

    fn send(&self, mut text: &[u8]) -> Result<(), End> {
        let only = self.only.load(Ordering::Relaxed);
        let call = (only != 0).then_some(only);
        let said = json!({"type": "log", "stream": self.stream, "call": call});
        while text.len() > LONGEST_LINE {
            let at = text[..LONGEST_LINE].iter().rposition(|byte| *byte == b'\n');
            self.replies.write(&said, &text[..at.unwrap_or(LONGEST_LINE)])?;
            text = &text[at.map_or(LONGEST_LINE, |at| at + 1)..];
        }
        self.replies.write(&said, text)
    }
}
