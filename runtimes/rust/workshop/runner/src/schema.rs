//! What can be told of the author's types.
//!
//! Rust keeps nothing of a type at run time. A crate that uses schemars has its types describe
//! themselves; of others only text and bytes are known.

use std::any::TypeId;

use serde_json::{Value, json};

use crate::answers::Answer;

/// What a program tells of itself in `ready`.
#[derive(Debug, Default)]
pub struct Face {
    pub schema: Value,
    pub cancels: bool,
    pub batch: bool,
}

impl Face {
    /// What input `T` and result `R` say.
    pub fn of<T: Described + 'static, R: Answer<K>, K>() -> Self {
        let mut schema = json!({"accepts": accepts::<T>()});
        for (name, found) in [("input", known::<T>(false)), ("output", R::schema())] {
            if let Some(found) = found {
                schema[name] = found;
            }
        }
        if R::STREAMS {
            schema["streams"] = true.into();
        }
        if schema.get("input").is_none() {
            schema.as_object_mut().map(|known| known.remove("accepts")); // it may take any
        }
        Self { schema, ..Self::default() }
    }
}

/// A type that may describe itself.
#[cfg(not(feature = "schemars"))]
pub trait Described {}

#[cfg(not(feature = "schemars"))]
impl<T: ?Sized> Described for T {}

/// A type that describes itself: the author's crate uses schemars.
#[cfg(feature = "schemars")]
pub use schemars::JsonSchema as Described;

/// JSON Schema of a result.
pub fn output_of<R: Described + 'static>() -> Option<Value> {
    known::<R>(true)
}

fn accepts<T: 'static>() -> &'static [&'static str] {
    match TypeId::of::<T>() {
        bytes if bytes == TypeId::of::<Vec<u8>>() => &["application/octet-stream"],
        text if text == TypeId::of::<String>() => &["text/plain", "application/json"],
        _ => &["application/json"],
    }
}

fn known<T: Described + 'static>(result: bool) -> Option<Value> {
    match TypeId::of::<T>() {
        bytes if bytes == TypeId::of::<Vec<u8>>() => {
            Some(json!({"type": "string", "contentEncoding": "base64"}))
        }
        text if text == TypeId::of::<String>() => Some(json!({"type": "string"})),
        _ => described::<T>(result),
    }
}

#[cfg(feature = "schemars")]
fn described<T: Described>(result: bool) -> Option<Value> {
    use schemars::generate::SchemaSettings;

    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    let settings = if result { settings.for_serialize() } else { settings };
    let found = settings.into_generator().into_root_schema_for::<T>().to_value();
    // What may be anything says nothing.
    found.as_object().is_some_and(|known| known.keys().any(|key| key != "title")).then_some(found)
}

#[cfg(not(feature = "schemars"))]
fn described<T: Described>(_: bool) -> Option<Value> {
    None
}
