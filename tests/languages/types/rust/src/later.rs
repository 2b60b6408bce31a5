//! A call that can be cancelled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub fn load() -> Result<Duration, std::io::Error> {
    Ok(Duration::from_millis(1))
}

pub fn apply(seconds: f64, pause: &Duration, cancelled: &AtomicBool) -> Result<String, String> {
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < seconds {
        if cancelled.load(Ordering::Relaxed) {
            return Err("nobody waits".into());
        }
        sleep(*pause);
    }
    Ok("done".into())
}
