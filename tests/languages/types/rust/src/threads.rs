//! A thread of the author's that panics.

use std::thread::Builder;

fn fails(number: i32) -> i32 {
    assert!(number < 0, "{number} is too large");
    number
}

pub fn apply(name: String) -> Result<bool, std::io::Error> {
    Ok(Builder::new().name(name).spawn(|| fails(7))?.join().is_ok())
}
