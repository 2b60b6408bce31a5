//! What the conformance suite calls; every language has the same (tests/languages/README.md).

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::fs;
use std::ops::ControlFlow::{self, Break, Continue};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

/// The caller's fault.
#[derive(Debug)]
pub struct AlgorithmError {
    pub message: String,
    pub code: String,
}

impl fmt::Display for AlgorithmError {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl Error for AlgorithmError {}

/// What `load` returns.
#[derive(Serialize)]
pub struct State {
    loads: u32,
    models: HashMap<String, String>,
}

/// Whatever a body may be.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Input {
    Plain(Value),
    Bytes(ByteBuf),
}

/// Whatever an answer may be, besides a stream.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Output {
    Plain(Value),
    Bytes(ByteBuf),
    Number { value: f64 },
}

type Stream = Box<dyn Iterator<Item = Result<Value, String>>>;

/// Read the models.
pub fn load(models: HashMap<String, PathBuf>) -> Result<State, Box<dyn Error>> {
    let texts = models
        .into_iter()
        .map(|(name, path)| Ok((name, fs::read_to_string(path)?)));
    Ok(State { loads: 1, models: texts.collect::<Result<_, std::io::Error>>()? })
}

/// Do what the input says.
pub fn apply(input: Input, state: &State) -> Result<ControlFlow<Output, Stream>, Box<dyn Error>> {
    let value = match input {
        Input::Bytes(mut bytes) => {
            bytes.reverse();
            return Ok(Break(Output::Bytes(bytes)));
        }
        Input::Plain(Value::String(text)) => Value::String(format!("text: {text}")),
        Input::Plain(value) => match value["do"].as_str() {
            Some("stream") => return Ok(Continue(stream(&value))),
            Some(what) => return act(what, &value, state).map(Break),
            None => json!({"got": value}),
        },
    };
    Ok(Break(Output::Plain(value)))
}

fn act(what: &str, value: &Value, state: &State) -> Result<Output, Box<dyn Error>> {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| value[name].as_u64().unwrap_or_default() as usize;
    let plain = match what {
        "echo" => value["value"].clone(),
        "state" => serde_json::to_value(state)?,
        "bytes" => {
            let all: Vec<u8> = (0..=255).collect();
            return Ok(Output::Bytes(all.repeat(number("times")).into()));
        }
        "raise" => panic!("{}", text("message")),
        "refuse" => {
            let (message, code) = (text("message"), text("code"));
            return Err(AlgorithmError { message, code }.into());
        }
        "nan" => return Ok(Output::Number { value: f64::NAN }),
        "print" => {
            match value["to"].as_str() {
                Some("stderr") => eprintln!("{}", text("text")),
                _ => println!("{}", text("text")),
            }
            Value::Null
        }
        "sleep" => {
            thread::sleep(Duration::from_secs_f64(value["seconds"].as_f64().unwrap_or_default()));
            value["seconds"].clone()
        }
        "exit" => {
            println!("last words {}", number("code"));
            std::process::exit(number("code") as i32)
        }
        other => return Err(format!("there is no {other}").into()),
    };
    Ok(Output::Plain(plain))
}

fn stream(value: &Value) -> Stream {
    let count = value["count"].as_u64().unwrap_or_default();
    let fails = value["fails"] == true;
    let last = fails.then(|| Err("after the last piece".to_owned()));
    Box::new((0..count).map(|number| Ok(json!({"number": number}))).chain(last))
}
