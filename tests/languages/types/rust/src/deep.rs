//! A recursion without an end.

use std::hint::black_box;

fn deeper(depth: u64) -> u64 {
    let held = black_box([depth; 64]);
    deeper(depth + 1) + held[black_box(7)]
}

pub fn load() -> Result<u64, String> {
    Ok(if std::env::var("DEEP_LOAD").is_ok() { deeper(0) } else { 1 })
}

pub fn apply(_: u64, _: &u64) -> Result<u64, String> {
    Ok(deeper(0))
}
