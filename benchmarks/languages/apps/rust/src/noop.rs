//! The algorithm that costs nothing.

use std::convert::Infallible;

use serde::Deserialize;

/// What callers send.
#[derive(Deserialize)]
pub struct Input {
    x: i64,
}

/// Return x + 1.
pub fn apply(input: Input) -> Result<i64, Infallible> {
    Ok(input.x + 1)
}
