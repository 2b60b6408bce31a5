#[macro_use]
extern crate algorithmia;
#[macro_use]
extern crate serde_derive;

use algorithmia::prelude::*;
use std::error::Error;
use std::fs::File;
use std::io::Read;

#[derive(Serialize)]
struct Answer {
    greeting: String,
    known: bool,
}

// API calls will begin at the apply() method, with the request body passed as 'input'
// For more details, see algorithmia.com/developers/algorithm-development/languages
algo_entrypoint!(AlgoInput);
fn apply(input: AlgoInput) -> Result<AlgoOutput, Box<Error>> {
    match input {
        AlgoInput::Text(name) => {
            let answer = Answer { greeting: format!("{} {}", greeting()?, name), known: is_known(&name)? };
            Ok(AlgoOutput::from(&answer))
        }
        AlgoInput::Binary(bytes) => {
            Ok(AlgoOutput::Binary(bytes.iter().rev().cloned().collect()))
        }
        _ => Err("give a name".into()),
    }
}

fn greeting() -> Result<String, Box<Error>> {
    let client = Algorithmia::client("simHARDCODED");
    let mut text = String::new();
    try!(try!(client.file("data://acme/greeter/greeting.txt").get()).read_to_string(&mut text));
    Ok(text)
}

fn is_known(name: &str) -> Result<bool, Box<Error>> {
    let mut names = String::new();
    File::open("names.txt")?.read_to_string(&mut names)?;
    Ok(names.lines().any(|line| line == name))
}

#[cfg(test)]
mod test {
    use super::is_known;

    #[test]
    fn test_known() {
        assert!(is_known("Grace").unwrap());
    }
}
