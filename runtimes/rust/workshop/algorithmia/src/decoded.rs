//! Serde as the author's crate has it, before 1 or since, and what JSON has no form for.

#[cfg(feature = "before-one")]
pub use serde::Deserialize as Decoded;
#[cfg(not(feature = "before-one"))]
pub use serde::de::DeserializeOwned as Decoded;

/// The bytes of a base64 text, None for what is none.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut kept, mut bits) = (0_u32, 0);
    for letter in text.bytes().filter(|one| !b"=\r\n".contains(one)) {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        kept = kept << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((kept >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}
