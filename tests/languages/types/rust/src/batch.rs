//! A batch whose inputs may fail by themselves.

use std::num::TryFromIntError;

pub fn apply_batch(inputs: Vec<i64>) -> Vec<Result<i64, Box<dyn std::error::Error>>> {
    inputs.into_iter().map(tripled).collect()
}

fn tripled(input: i64) -> Result<i64, Box<dyn std::error::Error>> {
    let small = u8::try_from(input).map_err(|error: TryFromIntError| error.to_string())?;
    Ok(i64::from(small) * 3)
}
