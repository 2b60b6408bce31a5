//! A form or files, put together by the gateway (`../../../README.md`, Parts).

use serde::Deserialize;
use serde::de::value::{Error, MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Number, Value};

use crate::faults::Failure;
use crate::values::decode;

/// A value that may hold bytes, and text of forms besides that of JSON.
#[derive(Debug)]
pub enum Part {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Part>),
    Fields(Vec<(String, Part)>),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Value> for Part {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(found) => Self::Bool(found),
            Value::Number(found) => Self::Number(found),
            Value::String(found) => Self::String(found),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(fields) => {
                Self::Fields(fields.into_iter().map(|(name, one)| (name, one.into())).collect())
            }
        }
    }
}

#[derive(Deserialize)]
struct Told {
    path: Vec<Key>,
    content_type: String,
    length: usize,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Key {
    Field(String),
    Index(usize),
}

/// The value that a body of parts is.
pub fn parts(body: &[u8]) -> Result<Part, Failure> {
    let bad = |what: &str| {
        let message = format!("the parts of the body are malformed: {what}");
        Failure::input("malformed_parts", message)
    };
    let (length, rest) = body.split_first_chunk().ok_or_else(|| bad("there is no list"))?;
    let length = u32::from_le_bytes(*length) as usize;
    let (list, mut rest) = rest.split_at_checked(length).ok_or_else(|| bad("the list is cut"))?;
    let told: Vec<Told> = serde_json::from_slice(list).map_err(|error| bad(&error.to_string()))?;
    let mut whole = Part::Fields(Vec::new());
    for one in told {
        let content;
        (content, rest) = rest.split_at_checked(one.length).ok_or_else(|| bad("a part is cut"))?;
        let content = read(&one.content_type, content.to_vec())?;
        put(&mut whole, &one.path, content).map_err(bad)?;
    }
    Ok(whole)
}

fn read(kind: &str, content: Vec<u8>) -> Result<Part, Failure> {
    match kind.split(['/', ';']).next() {
        Some("text") => Ok(Part::Text(decode(kind, content)?)),
        _ if kind.contains("json") => decode::<Value>(kind, content).map(Part::from),
        _ => Ok(Part::Bytes(content)),
    }
}

fn put(holder: &mut Part, path: &[Key], content: Part) -> Result<(), &'static str> {
    let Some((key, below)) = path.split_first() else {
        *holder = content;
        return Ok(());
    };
    let empty = || Part::Fields(Vec::new());
    let place = match (key, holder) {
        (Key::Field(name), Part::Fields(fields)) => {
            let known = fields.iter().position(|(known, _)| known == name);
            let at = known.unwrap_or_else(|| {
                fields.push((name.clone(), empty()));
                fields.len() - 1
            });
            &mut fields[at].1
        }
        (Key::Index(index), holder) => {
            if matches!(holder, Part::Fields(fields) if fields.is_empty()) {
                *holder = Part::List(Vec::new());
            }
            let Part::List(items) = holder else {
                return Err("an index of what is no list");
            };
            if *index == items.len() {
                items.push(empty());
            }
            items.get_mut(*index).ok_or("an index is left out")?
        }
        _ => return Err("a field of what is no object"),
    };
    put(place, below, content)
}

impl IntoDeserializer<'_> for Part {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A field of a form is text, also where a number is wanted.
macro_rules! read_from_text {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.parsed().deserialize_any(visitor)
        })*
    };
}

impl Part {
    /// What text means as JSON, where it is some.
    fn parsed(self) -> Self {
        match self {
            Self::Text(text) => {
                serde_json::from_str::<Value>(&text).map_or(Self::Text(text), Self::from)
            }
            other => other,
        }
    }
}

impl<'de> Deserializer<'de> for Part {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(found) => visitor.visit_bool(found),
            Self::Number(found) => match (found.as_u64(), found.as_i64(), found.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Self::String(text) | Self::Text(text) => visitor.visit_string(text),
            Self::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Self::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Self::Fields(fields) => visitor.visit_map(MapDeserializer::new(fields.into_iter())),
        }
    }

    /// `Vec<u8>` asks for a list.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
            other => other.parsed().deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::String(text) | Self::Text(text) => visitor.visit_enum(text.into_deserializer()),
            Self::Fields(fields) => {
                let fields = MapDeserializer::new(fields.into_iter());
                visitor.visit_enum(MapAccessDeserializer::new(fields))
            }
            other => other.deserialize_any(visitor),
        }
    }

    read_from_text! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_map
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct struct identifier
        ignored_any
    }
}
