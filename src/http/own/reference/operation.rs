//! What is said of one operation, put together in words that a table can be written in.
//!
//! Whatever holds for every operation of a kind (a path with a session, a body, a key) is added by `document`.

use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{error::Error, http::problem::Problem};

/// An operation, without its method and path.
pub(super) struct Operation {
    /// Unique; the anchor on the page, and the name in clients that are generated.
    pub(super) id: String,
    /// One of `document::TAGS`.
    pub(super) tag: &'static str,
    /// A few words.
    pub(super) summary: String,
    /// Markdown.
    pub(super) description: String,
    /// In query and headers.
    pub(super) parameters: Vec<Parameter>,
    /// What it takes, if anything.
    pub(super) body: Option<Body>,
    /// What it gives when it succeeds.
    pub(super) answers: Vec<Answer>,
    /// How it fails on its own account.
    pub(super) problems: Vec<Problem>,
}

/// A parameter in the query or a header.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// `query` or `header`.
    pub(super) place: &'static str,
    pub(super) description: &'static str,
    pub(super) schema: Value,
    pub(super) is_required: bool,
}

/// A body that is taken.
pub(super) struct Body {
    pub(super) is_required: bool,
    pub(super) content: Vec<Content>,
}

/// What a body or an answer can be.
pub(super) struct Content {
    pub(super) media_type: &'static str,
    pub(super) schema: MakeSchema,
    /// JSON text, or any other as it is.
    pub(super) example: Option<&'static str>,
}

/// An answer that is no problem.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    pub(super) content: Vec<Content>,
    /// Names of headers, see `document::HEADERS`.
    pub(super) headers: Vec<&'static str>,
}

/// Makes the schema of a type, and of what it is made of.
pub(super) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

impl Operation {
    /// One of a subject.
    pub(super) fn new(tag: &'static str, id: impl Into<String>, summary: impl Into<String>) -> Operation {
        Operation {
            id: id.into(),
            tag,
            summary: summary.into(),
            description: String::new(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// More about it.
    pub(super) fn about(mut self, description: impl Into<String>) -> Operation {
        self.description = description.into();
        self
    }

    /// Takes a parameter of the query.
    pub(super) fn query(mut self, name: &'static str, schema: Value, description: &'static str) -> Operation {
        self.parameters.push(Parameter { name, place: "query", description, schema, is_required: false });
        self
    }

    /// The same; it must be there.
    pub(super) fn required_query(mut self, name: &'static str, schema: Value, description: &'static str) -> Operation {
        self.parameters.push(Parameter { name, place: "query", description, schema, is_required: true });
        self
    }

    /// Takes a header.
    pub(super) fn header(mut self, name: &'static str, schema: Value, description: &'static str) -> Operation {
        self.parameters.push(Parameter { name, place: "header", description, schema, is_required: false });
        self
    }

    /// Is done only to what is still as its client knows it.
    pub(super) fn if_match(self) -> Operation {
        self.header("If-Match", text(), "An `ETag`: is it still as you know it?").fails(Error::Stale { current: None })
    }

    /// May be sent again under a key.
    pub(super) fn repeatable(self) -> Operation {
        let about = "Sent again under its key, the request does nothing twice and gets the same answer.";
        self.header("Idempotency-Key", json!({"type": "string", "minLength": 1, "maxLength": 128}), about).fails(Error::KeyReused)
    }

    /// Must be sent such a body.
    pub(super) fn takes<T: JsonSchema + DeserializeOwned>(self, example: &'static str) -> Operation {
        self.body::<T>(true, example)
    }

    /// May be sent such a body.
    pub(super) fn may_take<T: JsonSchema + DeserializeOwned>(self, example: &'static str) -> Operation {
        self.body::<T>(false, example)
    }

    fn body<T: JsonSchema + DeserializeOwned>(mut self, is_required: bool, example: &'static str) -> Operation {
        if let Err(error) = serde_json::from_str::<T>(example) {
            panic!("the example of {} is refused: {error}", self.id);
        }
        let schema = SchemaGenerator::subschema_for::<T>;
        self.body = Some(Body { is_required, content: vec![Content { media_type: JSON, schema, example: Some(example) }] });
        self
    }

    /// Answers so.
    pub(super) fn gives<T: JsonSchema>(self, status: u16, description: &'static str) -> Operation {
        let content = Content { media_type: JSON, schema: SchemaGenerator::subschema_for::<T>, example: None };
        self.answers_with(status, description, vec![content])
    }

    /// Answers with any of these.
    pub(super) fn answers_with(mut self, status: u16, description: &'static str, content: Vec<Content>) -> Operation {
        self.answers.push(Answer { status, description, content, headers: Vec::new() });
        self
    }

    /// The last of its answers has this header.
    pub(super) fn with_header(mut self, name: &'static str) -> Operation {
        self.answers.last_mut().unwrap().headers.push(name);
        self
    }

    /// Fails so.
    pub(super) fn fails(mut self, problem: impl Into<Problem>) -> Operation {
        self.problems.push(problem.into());
        self
    }
}

/// The usual media type.
pub(super) const JSON: &str = "application/json";

/// Any text.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// A time in RFC 3339.
pub(super) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// One of these words.
pub(super) fn one_of(names: impl IntoIterator<Item = &'static str>) -> Value {
    json!({"type": "string", "enum": names.into_iter().collect::<Vec<_>>()})
}

/// A whole number, of a page's items for example.
pub(super) fn number(range: RangeInclusive<u32>, default: impl Into<Option<u32>>) -> Value {
    let mut schema = json!({"type": "integer", "minimum": range.start(), "maximum": range.end()});
    if let Some(default) = default.into() {
        schema["default"] = default.into();
    }
    schema
}
