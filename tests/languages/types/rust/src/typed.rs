//! Structs in and out, and what goes wrong in them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Who asks.
    name: String,
    count: i64,
    image: Vec<Vec<f64>>,
    colour: Colour,
    #[serde(default)]
    tags: BTreeMap<String, i64>,
    note: Option<String>,
    file: Option<Vec<u8>>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
enum Colour {
    Red,
    Green,
}

#[derive(Serialize, JsonSchema)]
pub struct Answer {
    sum: f64,
    order: Order,
}

pub fn total(order: Order) -> Result<Answer, String> {
    if order.name == "panic" {
        let rows: Vec<f64> = order.image.iter().map(|row| row[7]).collect();
        return Err(format!("{rows:?}"));
    }
    if order.name == "refused" {
        return Err("it was refused".into());
    }
    let sum = order.image.iter().flatten().sum();
    Ok(Answer { sum, order })
}
