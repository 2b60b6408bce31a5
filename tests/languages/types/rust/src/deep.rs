//! A recursion without an end, and one with one.

use std::hint::black_box;

fn deeper(depth: u64) -> u64 {
    let held = black_box([depth; 64]);
    deeper(depth + 1) + held[black_box(7)]
}

#[inline(never)]
fn down(depth: u64) -> u64 {
    assert!(depth > 0, "deep enough");
    black_box(down(black_box(depth) - 1)) + 1
}

pub fn load() -> Result<u64, String> {
    Ok(if std::env::var("DEEP_LOAD").is_ok() { deeper(0) } else { 1 })
}

pub fn apply(depth: u64, _: &u64) -> Result<u64, String> {
    Ok(if depth > 1 { down(depth) } else { deeper(0) })
}
