//! Where a text stops to be JSON (RFC 8259): serde_json tells a place within what is wrong, or behind.

const WORDS: [&[u8]; 3] = [b"true", b"false", b"null"];

/// The first byte that cannot stand where it stands, or that begins a word that cannot; the length
/// of a text that ends too early. None of JSON.
pub fn wrong(text: &str) -> Option<usize> {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    if scan.document() { None } else { Some(scan.at) }
}

/// What has been read of a text; each part goes behind what it is, else to what is wrong.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn document(&mut self) -> bool {
        let mut ends = Vec::new(); // of the lists and objects that are open
        loop {
            let end = if self.token(b'{') {
                Some(b'}')
            } else if self.token(b'[') {
                Some(b']')
            } else if self.word() || self.number() || self.string() {
                None
            } else {
                return false;
            };
            let opened = end.is_some_and(|end| !self.token(end));
            if opened {
                ends.extend(end);
            }
            let mut goes_on = opened;
            while !goes_on {
                let Some(end) = ends.last().copied() else {
                    self.space();
                    return self.rest().is_empty();
                };
                if self.token(end) {
                    ends.pop();
                } else if self.token(b',') {
                    goes_on = true;
                } else {
                    return false;
                }
            }
            if ends.last() == Some(&b'}') && !self.name() {
                return false;
            }
        }
    }

    fn name(&mut self) -> bool {
        self.space();
        self.string() && self.token(b':')
    }

    fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        let blank = |one: &&u8| b" \t\r\n".contains(one);
        self.at += self.rest().iter().take_while(blank).count();
    }

    /// Whether a character is next, behind white space.
    fn token(&mut self, one: u8) -> bool {
        self.space();
        let found = self.rest().first() == Some(&one);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> bool {
        let found = WORDS.iter().find(|word| self.rest().starts_with(word));
        self.at += found.map_or(0, |word| word.len());
        found.is_some()
    }

    /// Pass digits that stand behind `skip` characters, which are passed with them.
    fn digits(&mut self, skip: usize) -> bool {
        let digits = self.rest().iter().skip(skip).take_while(|one| one.is_ascii_digit()).count();
        self.at += if digits > 0 { skip + digits } else { 0 };
        digits > 0
    }

    fn number(&mut self) -> bool {
        let sign = usize::from(self.rest().starts_with(b"-"));
        if self.rest().get(sign) == Some(&b'0') {
            self.at += sign + 1; // no digit follows it
        } else if !self.digits(sign) {
            return false;
        }
        if self.rest().starts_with(b".") {
            self.digits(1);
        }
        if let [b'e' | b'E', next, ..] = self.rest() {
            let skip = if b"+-".contains(next) { 2 } else { 1 };
            self.digits(skip);
        }
        true
    }

    /// Pass a string; one that does not end is wrong where it begins, and an escape is, too.
    fn string(&mut self) -> bool {
        let began = self.at;
        if self.rest().first() != Some(&b'"') {
            return false;
        }
        self.at += 1;
        loop {
            self.at += match self.rest() {
                [b'"', ..] => {
                    self.at += 1;
                    return true;
                }
                [] => {
                    self.at = began;
                    return false;
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [b'\\', b'u', a, b, c, d, ..]
                    if [a, b, c, d].iter().all(|it| it.is_ascii_hexdigit()) =>
                {
                    6
                }
                [b'\\' | 0..=31, ..] => return false,
                _ => 1,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn json_is_passed_to_its_end() {
        for text in ["[]", " {\"a\": [-0.5e+3, {}, \"\\u00e9\\n\"]} ", "0", "\"\"", "[[1], null]"] {
            assert_eq!(wrong(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_where_it_begins() {
        for (text, at) in [
            ("{\"a\": tru}", 6),
            ("[-]", 1),
            ("[1.]", 2),
            ("[1e+]", 2),
            ("[01]", 2),
            ("\"\\u12\"", 1),
            ("[\"a", 1),
            ("[1,", 3),
            ("[1}", 2),
            ("{1:2}", 1),
            ("{\"a\" 1}", 5),
            ("1 2", 2),
            ("", 0),
        ] {
            assert_eq!(wrong(text), Some(at), "{text}");
        }
    }
}
