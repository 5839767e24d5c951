//! Reading bodies field by field, so that all faults are told at once, in the words that clients of ATLUS know (Pydantic's).

use serde::Serialize;
use serde_json::{Map, Value};

use super::Refusal;

/// Characters of a message.
const MESSAGE_CHARACTERS: usize = 5000;

/// Why a field is refused.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    field: String,
    message: String,
    r#type: &'static str,
}

/// The fields of a body, and what is wrong with those that were taken.
pub(super) struct Fields {
    body: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Fault {
    /// The value breaks a rule.
    pub(super) fn of_value(field: &str, message: &str) -> Fault {
        Fault::new(field, message, "value_error")
    }

    fn new(field: &str, message: &str, r#type: &'static str) -> Fault {
        Fault { field: field.to_owned(), message: message.to_owned(), r#type }
    }
}

impl Fields {
    /// Of `body`.
    pub(super) fn of(body: Map<String, Value>) -> Fields {
        Fields { body, faults: Vec::new() }
    }

    /// A text that may be absent or null.
    pub(super) fn text(&mut self, field: &str) -> Option<String> {
        match self.body.remove(field)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.faults.push(Fault::new(field, "Input should be a valid string", "string_type"));
                None
            }
        }
    }

    /// An object that may be absent or null.
    pub(super) fn object(&mut self, field: &str) -> Option<Map<String, Value>> {
        match self.body.remove(field)? {
            Value::Object(object) => Some(object),
            Value::Null => None,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::String(_) => {
                self.faults.push(Fault::new(field, "Input should be a valid dictionary", "dict_type"));
                None
            }
        }
    }

    /// What is said: counted, then trimmed. Empty where there is a fault.
    pub(super) fn message(&mut self, field: &str) -> String {
        let fault = match self.body.remove(field) {
            None => Fault::new(field, "Field required", "missing"),
            Some(Value::String(text)) => match text.chars().count() {
                0 => Fault::new(field, "String should have at least 1 character", "string_too_short"),
                count if count > MESSAGE_CHARACTERS => {
                    Fault::new(field, &format!("String should have at most {MESSAGE_CHARACTERS} characters"), "string_too_long")
                }
                _ if text.trim().is_empty() => Fault::of_value(field, "Message cannot be empty or only whitespace"),
                _ => return text.trim().to_owned(),
            },
            Some(_) => Fault::new(field, "Input should be a valid string", "string_type"),
        };
        self.faults.push(fault);
        String::new()
    }

    /// Is everything that was taken as it should be?
    ///
    /// # Errors
    /// `Invalid`, with all faults.
    pub(super) fn check(self) -> Result<(), Refusal> {
        if self.faults.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.faults)) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_is_told_in_words_that_clients_know() {
        let (limit, over) = (format!(" {}", "ü".repeat(4999)), format!(" {}", "x".repeat(5000)));
        type Told<'a> = Result<&'a str, &'a [(&'a str, &'a str)]>;
        let cases: [(Value, Told<'_>); 9] = [
            (json!({"message": "  Hi  ", "metadata": {"a": 1}, "session_id": null, "more": 1}), Ok("Hi")),
            (json!({"message": limit}), Ok(limit.trim())),
            (json!({"message": over}), Err(&[("message", "string_too_long")])),
            (json!({"message": ""}), Err(&[("message", "string_too_short")])),
            (json!({"message": " \n\t"}), Err(&[("message", "value_error")])),
            (json!({"message": null}), Err(&[("message", "string_type")])),
            (json!({"message": 5}), Err(&[("message", "string_type")])),
            (json!({}), Err(&[("message", "missing")])),
            (
                json!({"session_id": 1, "metadata": []}),
                Err(&[("message", "missing"), ("session_id", "string_type"), ("metadata", "dict_type")]),
            ),
        ];
        for (body, expected) in cases {
            let mut fields = Fields::of(body.as_object().unwrap().clone());
            let said = fields.message("message");
            fields.text("session_id");
            fields.object("metadata");
            match (expected, fields.check()) {
                (Ok(text), Ok(())) => assert_eq!(said, text),
                (Err(expected), Err(Refusal::Invalid(faults))) => {
                    let faults: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.r#type)).collect();
                    assert_eq!(faults, expected, "{body:.80}");
                }
                (expected, _) => panic!("{body:.80} is not {expected:?}"),
            }
        }
    }
}
