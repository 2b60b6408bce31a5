//! A stream that is closed.

use std::fs::File;
use std::os::fd::FromRawFd;

pub fn apply(count: u64) -> Result<u64, String> {
    if count == 1 {
        // SAFETY: it is standard output, which nothing of this crate uses afterwards.
        drop(unsafe { File::from_raw_fd(1) });
    }
    Ok(count)
}
