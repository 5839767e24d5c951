//! A large JSON object cut into pieces as it comes, so that nobody holds the whole of it: members, and the elements of
//! members that are arrays.
//!
//! It checks only what it must to find where pieces begin and end; each piece is read by serde afterwards.

use crate::{
    error::{Error, Result},
    limits,
};

/// A piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A member and its value, which is no array. The name is JSON too.
    Member(Vec<u8>, Vec<u8>),
    /// The array of that name begins.
    Array(Vec<u8>),
    /// The next element of the array that has begun last.
    Element(Vec<u8>),
}

/// Cuts. What comes later may still be broken.
#[derive(Default)]
pub(super) struct Splitter {
    place: Place,
    name: Vec<u8>,
    value: Vec<u8>,
    /// How many brackets are open in the value.
    depth: usize,
    text: Text,
}

/// Where the next byte stands.
#[derive(Default, Clone, Copy, PartialEq)]
enum Place {
    #[default]
    Before,
    /// A name may begin, or the object end; in `NextName` only the former.
    FirstName,
    NextName,
    Name,
    Colon,
    Value,
    InMember,
    AfterMember,
    /// An element may begin, or the array end; in `NextElement` only the former.
    FirstElement,
    NextElement,
    InElement,
    AfterElement,
    After,
}

/// Is the next byte inside a string?
#[derive(Default, Clone, Copy, PartialEq)]
enum Text {
    #[default]
    Outside,
    Inside,
    Escaped,
}

impl Splitter {
    /// Takes a chunk; gives the pieces that are whole now.
    ///
    /// # Errors
    /// `Invalid` when it is no JSON object, `TooLarge` when a piece is.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for byte in chunk {
            pieces.extend(self.take(*byte)?);
            if self.value.len() > limits::IMPORT_ITEM_BYTES || self.name.len() > limits::IMPORT_ITEM_BYTES {
                return Err(Error::TooLarge { field: "body".into(), limit_bytes: limits::IMPORT_ITEM_BYTES });
            }
        }
        Ok(pieces)
    }

    /// Has the object ended?
    ///
    /// # Errors
    /// `Invalid` when it has not.
    pub(super) fn finish(&self) -> Result<()> {
        if self.place == Place::After { Ok(()) } else { Err(Error::invalid("body", "must be a whole JSON object: it ends early")) }
    }

    fn take(&mut self, byte: u8) -> Result<Option<Piece>> {
        match self.place {
            Place::Name => {
                self.name.push(byte);
                if self.ends_string(byte) {
                    self.place = Place::Colon;
                }
                Ok(None)
            }
            Place::InMember | Place::InElement => self.take_of_value(byte),
            _ if byte.is_ascii_whitespace() => Ok(None),
            Place::Value | Place::FirstElement | Place::NextElement => self.begin_value(byte),
            Place::Before | Place::FirstName | Place::NextName | Place::Colon | Place::AfterMember | Place::AfterElement | Place::After => {
                self.place = match (self.place, byte) {
                    (Place::Before, b'{') => Place::FirstName,
                    (Place::FirstName | Place::NextName, b'"') => {
                        self.name = vec![byte];
                        self.text = Text::Inside;
                        Place::Name
                    }
                    (Place::Colon, b':') => Place::Value,
                    (Place::FirstName | Place::AfterMember, b'}') => Place::After,
                    (Place::AfterMember, b',') => Place::NextName,
                    (Place::AfterElement, b',') => Place::NextElement,
                    (Place::AfterElement, b']') => Place::AfterMember,
                    _ => return Err(broken()),
                };
                Ok(None)
            }
        }
    }

    fn begin_value(&mut self, byte: u8) -> Result<Option<Piece>> {
        match (self.place, byte) {
            (Place::Value, b'[') => {
                self.place = Place::FirstElement;
                return Ok(Some(Piece::Array(std::mem::take(&mut self.name))));
            }
            (Place::FirstElement, b']') => {
                self.place = Place::AfterMember;
                return Ok(None);
            }
            (_, b',' | b':' | b']' | b'}') => return Err(broken()),
            (Place::Value, _) => self.place = Place::InMember,
            _ => self.place = Place::InElement,
        }
        (self.value, self.depth, self.text) = (Vec::new(), 0, Text::Outside);
        self.take_of_value(byte)
    }

    fn take_of_value(&mut self, byte: u8) -> Result<Option<Piece>> {
        if self.text != Text::Outside {
            self.value.push(byte);
            let is_over = self.ends_string(byte) && self.depth == 0;
            return Ok(is_over.then(|| self.end_value()));
        }
        match byte {
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'"' if self.depth > 0 || self.value.is_empty() => self.text = Text::Inside,
            // The end of a number or a word belongs to what is around it.
            b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' if self.depth == 0 => {
                let piece = self.end_value();
                self.take(byte)?;
                return Ok(Some(piece));
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.value.push(byte);
                return Ok((self.depth == 0).then(|| self.end_value()));
            }
            _ => {}
        }
        self.value.push(byte);
        Ok(None)
    }

    fn end_value(&mut self) -> Piece {
        let value = std::mem::take(&mut self.value);
        if self.place == Place::InElement {
            self.place = Place::AfterElement;
            return Piece::Element(value);
        }
        self.place = Place::AfterMember;
        Piece::Member(std::mem::take(&mut self.name), value)
    }

    /// Goes on inside a string; is this its end?
    fn ends_string(&mut self, byte: u8) -> bool {
        self.text = match (self.text, byte) {
            (Text::Escaped, _) => Text::Inside,
            (_, b'\\') => Text::Escaped,
            (_, b'"') => Text::Outside,
            (text, _) => text,
        };
        self.text == Text::Outside
    }
}

fn broken() -> Error {
    Error::invalid("body", "must be a JSON object")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(json: &str, size: usize) -> Result<String> {
        let (mut splitter, mut shown) = (Splitter::default(), Vec::new());
        for chunk in json.as_bytes().chunks(size) {
            shown.extend(splitter.push(chunk)?.iter().map(|piece| match piece {
                Piece::Member(name, value) => format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)),
                Piece::Array(name) => format!("{}[", String::from_utf8_lossy(name)),
                Piece::Element(value) => String::from_utf8_lossy(value).into_owned(),
            }));
        }
        splitter.finish().map(|()| shown.join(" "))
    }

    #[test]
    fn objects_are_cut_into_members_and_elements_wherever_chunks_end() {
        let cases = [
            ("{}", Some("")),
            (r#" { "a" : 1 , "b":"x,}" } "#, Some(r#""a"=1 "b"="x,}""#)),
            (r#"{"a":[],"b":[1, "]\"", {"c":[2]},[3]] ,"d":null}"#, Some(r#""a"[ "b"[ 1 "]\"" {"c":[2]} [3] "d"=null"#)),
            (r#"{"\"a":{"x":"}"},"b":-1e5}"#, Some(r#""\"a"={"x":"}"} "b"=-1e5"#)),
            (r#"{"a":"🦊\\"}"#, Some(r#""a"="🦊\\""#)),
            ("", None),
            ("[]", None),
            ("null", None),
            ("{", None),
            (r#"{"a""#, None),
            (r#"{"a":}"#, None),
            (r#"{"a":1"#, None),
            (r#"{"a":1,}"#, None),
            (r#"{"a":[1,]}"#, None),
            (r#"{"a":[1}"#, None),
            (r#"{"a":[,1]}"#, None),
            (r#"{"a":1 2}"#, None),
            (r#"{"a":[1 2]}"#, None),
            (r#"{} x"#, None),
            (r#"{a:1}"#, None),
        ];
        for (json, expected) in cases {
            for size in [1, 2, 3, 100] {
                assert_eq!(split(json, size).ok().as_deref(), expected, "{json} in chunks of {size}");
            }
        }
        let huge = format!(r#"{{"a":"{}"}}"#, "x".repeat(limits::IMPORT_ITEM_BYTES));
        assert!(matches!(split(&huge, 1000), Err(Error::TooLarge { .. })));
    }
}
