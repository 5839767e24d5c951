//! The document: OpenAPI 3.1 of the table of routes and what is said of each.
//!
//! Paths stay in the order of the routes, so that the file can be read.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{
    Map, Value, json,
    ser::PrettyFormatter,
    value::{RawValue, to_raw_value},
};

use super::{
    objects::{BodyObject, Components, ContentObject, Document, OperationObject, Ordered, ResponseObject},
    operation,
    operation::{Answer, Content, JSON, Operation},
    rules,
};
use crate::{
    error::{Error, Subject},
    http::{
        Method, TEST_ROUTES,
        auth::Need,
        dialect::Dialect,
        own::routes::Own,
        problem::{Problem, ProblemJson},
    },
};

/// What is said of everything.
const ABOUT: &str = include_str!("about.md");
/// Answers as they came, by operation.
const EXAMPLES: &str = include_str!("examples.json");
/// Subjects, in the order in which they are shown.
const TAGS: &[(&str, &str)] = &[
    ("Chat", "Turns: one question, one answer, whole or as a stream that survives its connection."),
    ("Sessions", "Begin, read, change, copy and end sessions, and carry them elsewhere."),
    ("Messages", "The history of a session, and what is found in it."),
    ("Memory", "Values under keys, of a session or of a user in all sessions."),
    ("Users", "What belongs to a user, and the end of it."),
    ("Service", "The service itself, and what its operators ask."),
];
/// What headers of answers tell.
const HEADERS: &[(&str, &str)] =
    &[("ETag", "The version, for `If-Match`."), ("Location", "The path of the new session."), ("Content-Disposition", "A file name.")];

/// Puts the document together: types that are read and types that are written are described differently.
struct Writer {
    read: SchemaGenerator,
    written: SchemaGenerator,
    examples: BTreeMap<String, Box<RawValue>>,
    problems: BTreeMap<&'static str, Value>,
}

/// The document as JSON text.
pub(super) fn encode() -> String {
    let settings = |settings: SchemaSettings| settings.with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut writer = Writer {
        read: settings(SchemaSettings::draft2020_12().for_deserialize()).into_generator(),
        written: settings(SchemaSettings::draft2020_12().for_serialize()).into_generator(),
        examples: serde_json::from_str(EXAMPLES).unwrap(),
        problems: BTreeMap::new(),
    };
    let document = Document {
        openapi: "3.1.0",
        info: json!({
            "title": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": ABOUT,
        }),
        servers: json!([{"url": "/", "description": "Where this document comes from."}]),
        tags: TAGS.iter().map(|(name, description)| json!({"name": name, "description": description})).collect(),
        paths: writer.paths(),
        components: writer.components(),
    };
    assert!(writer.examples.is_empty(), "examples of no operation: {:?}", writer.examples.keys());
    let mut json = Vec::new();
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut json, PrettyFormatter::with_indent(b" "))).unwrap();
    String::from_utf8(json).unwrap() + "\n"
}

impl Writer {
    fn paths(&mut self) -> Ordered<Ordered<OperationObject>> {
        let mut ids = BTreeSet::new();
        let mut paths = Vec::new();
        for (pattern, endpoints) in Own::ROUTES.iter().filter(|(pattern, _)| !pattern.starts_with(TEST_ROUTES)) {
            let (path, places) = named_path(pattern);
            let mut methods = Vec::new();
            for (method, endpoint) in *endpoints {
                let Some(operation) = super::operation(*endpoint) else { continue };
                assert!(ids.insert(operation.id.clone()), "two operations are called {}", operation.id);
                assert!(TAGS.iter().any(|(tag, _)| *tag == operation.tag), "{} is no tag", operation.tag);
                let object = self.operation(operation, *method, &places, Own::need(*endpoint));
                methods.push((method.to_string().to_lowercase(), object));
            }
            paths.push((path, Ordered(methods)));
        }
        Ordered(paths)
    }

    fn operation(&mut self, mut operation: Operation, method: Method, places: &[&'static str], need: Need) -> OperationObject {
        let own = std::mem::take(&mut operation.problems);
        let problems = problems(own, &operation, method, places, need);
        let in_path = places.iter().map(|name| {
            json!({"name": name, "in": "path", "required": true, "description": place(name).0, "schema": place(name).1, "example": place(name).2})
        });
        let others = operation.parameters.into_iter().map(|parameter| {
            let mut object =
                json!({"name": parameter.name, "in": parameter.place, "description": parameter.description, "schema": parameter.schema});
            if parameter.is_required {
                object["required"] = json!(true);
            }
            object
        });
        let parameters = in_path.chain(others).collect();
        let request_body = operation.body.map(|body| {
            let content = body.content.iter().map(|content| (content.media_type.to_owned(), content_object(&mut self.read, content, None)));
            BodyObject { required: body.is_required, content: Ordered(content.collect()) }
        });
        let mut example = self.examples.remove(&operation.id);
        let mut responses: Vec<_> =
            operation.answers.iter().map(|answer| (answer.status.to_string(), self.answer(answer, &mut example))).collect();
        responses.extend(problems.into_iter().map(|(status, problems)| (status.to_string(), self.failure(&problems))));
        responses.sort_by(|(one, _), (other, _)| one.cmp(other));
        OperationObject {
            operation_id: operation.id,
            tags: [operation.tag],
            summary: operation.summary,
            description: operation.description,
            scope: need.name(),
            security: if need == Need::Nothing { json!([]) } else { json!([{}, {"bearer": []}, {"key": []}, {"visitor": []}]) },
            parameters,
            request_body,
            responses: Ordered(responses),
        }
    }

    fn answer(&mut self, answer: &Answer, example: &mut Option<Box<RawValue>>) -> ResponseObject {
        let header = |name: &&'static str| {
            let (_, description) = HEADERS.iter().find(|(known, _)| known == name).unwrap();
            ((*name).to_owned(), json!({"description": description, "schema": operation::text()}))
        };
        let headers: Map<_, _> = answer.headers.iter().map(header).collect();
        let content = answer.content.iter().map(|content| {
            let example = if content.media_type == JSON { example.take() } else { None };
            (content.media_type.to_owned(), content_object(&mut self.written, content, example))
        });
        ResponseObject {
            description: answer.description.to_owned(),
            headers: if headers.is_empty() { Value::Null } else { headers.into() },
            content: Ordered(content.collect()),
        }
    }

    /// All failures of a status.
    fn failure(&mut self, problems: &[Problem]) -> ResponseObject {
        let codes: Vec<_> = problems.iter().map(|problem| format!("`{}`", problem.words().0)).collect();
        let schema = Value::from(self.written.subschema_for::<ProblemJson<'_>>());
        let examples = problems.iter().map(|problem| {
            let (code, detail) = problem.words();
            let value = json!({
                "type": "about:blank", "title": problem.title(), "status": problem.status(), "detail": detail, "code": code,
                "request_id": "01a1fe64-0c7a-7d3e-9a51-0d2f6b8c4e17",
            });
            self.problems.entry(code).or_insert_with(|| json!({"value": value}));
            (code.to_owned(), json!({"$ref": format!("#/components/examples/{code}")}))
        });
        let content = ContentObject { schema, events: Value::Null, example: None, examples: Ordered(examples.collect()) };
        ResponseObject {
            description: codes.join(", "),
            headers: Value::Null,
            content: Ordered(vec![("application/problem+json".into(), content)]),
        }
    }

    fn components(&mut self) -> Components {
        let mut schemas = self.written.take_definitions(true);
        schemas.values_mut().for_each(drop_needless_null);
        for (name, schema) in self.read.take_definitions(true) {
            let other = schemas.insert(name.clone(), schema.clone());
            assert!(other.is_none_or(|other| other == schema), "two schemas are called {name}");
        }
        rules::apply(&mut schemas);
        let is_numbered = |name: &&String| name.ends_with(|last: char| last.is_ascii_digit());
        assert_eq!(schemas.keys().filter(is_numbered).collect::<Vec<_>>(), [""; 0], "two types are called the same");
        let security_schemes = json!({
            "bearer": {"type": "http", "scheme": "bearer", "description": "A service key, or a token (JWT) of an end user."},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A service key."},
            "visitor": {"type": "apiKey", "in": "cookie", "name": "visitor", "description": "What the first answer has set for a visitor of a web page."},
        });
        Components { schemas, examples: std::mem::take(&mut self.problems), security_schemes }
    }
}

fn content_object(generator: &mut SchemaGenerator, content: &Content, example: Option<Box<RawValue>>) -> ContentObject {
    let schema: Schema = (content.schema)(generator);
    let mut schema = Value::from(schema);
    let events = schema.as_object_mut().and_then(|schema| schema.remove("x-events")).unwrap_or_default();
    let given = content.example.map(|text| match RawValue::from_string(text.to_owned()) {
        Ok(json) if content.media_type == JSON => json,
        Ok(_) | Err(_) => to_raw_value(text).unwrap(),
    });
    ContentObject { schema, events, example: example.or(given), examples: Ordered(Vec::new()) }
}

/// How it can fail: on its own account, and for what it has in common with others.
fn problems(own: Vec<Problem>, operation: &Operation, method: Method, places: &[&str], need: Need) -> BTreeMap<u16, Vec<Problem>> {
    let mut all = own;
    if places.contains(&"session_id") {
        all.push(Error::NotFound(Subject::Session).into());
    }
    if places.contains(&"user_id") {
        all.push(Error::NotFound(Subject::User).into());
    }
    if operation.body.is_some() {
        all.extend([Error::invalid("body", "must be a JSON object").into(), Problem::body_too_large(), Problem::not_json()]);
    } else if !places.is_empty() || !operation.parameters.is_empty() {
        all.push(Error::invalid(places.first().copied().unwrap_or("limit"), "breaks a rule, which is told here").into());
    }
    if need != Need::Nothing {
        all.push(Problem::credentials_required("Send Authorization: Bearer, or X-API-Key, with a service key."));
        all.push(Error::Unavailable(String::new()).into());
    }
    if let Need::Scope(scope) = need {
        all.push(Problem::insufficient_scope(scope, Some("backend")));
    }
    if need != Need::Nothing && method != Method::Get {
        all.push(Problem::rate_limited());
    }
    assert!(method != Method::Get || operation.body.is_none(), "{}: a GET has no body", operation.id);
    let mut by_status: BTreeMap<u16, Vec<Problem>> = BTreeMap::new();
    for problem in all {
        let of_status = by_status.entry(problem.status()).or_default();
        if of_status.iter().all(|other| other.words().0 != problem.words().0) {
            of_status.push(problem);
        }
    }
    by_status
}

/// The path with names in place of `{}`, and the names.
fn named_path(pattern: &str) -> (String, Vec<&'static str>) {
    let (mut path, mut names, mut last) = (Vec::new(), Vec::new(), "");
    for segment in pattern.split('/') {
        if segment == "{}" {
            let name = match last {
                "sessions" => "session_id",
                "users" => "user_id",
                "messages" => "sequence",
                "turns" => "turn",
                "memory" => "key",
                other => panic!("what stands behind {other}?"),
            };
            names.push(name);
            path.push(format!("{{{name}}}"));
        } else {
            path.push(segment.to_owned());
        }
        last = segment;
    }
    (path.join("/"), names)
}

/// What a place in a path means, what may stand there, and an example.
fn place(name: &str) -> (&'static str, Value, Value) {
    let id = || json!({"type": "string", "minLength": 1, "maxLength": 128});
    let number = || json!({"type": "integer", "minimum": 0});
    match name {
        "session_id" => ("The session, percent-encoded.", id(), json!("session_37963be5bf63fe4e")),
        "user_id" => ("The user, percent-encoded; `me` where the caller is one user.", id(), json!("ann")),
        "sequence" => ("The number of the message in its session.", number(), json!(2)),
        "turn" => ("The number of the turn in its session.", number(), json!(1)),
        "key" => ("The key of the entry, percent-encoded.", id(), json!("user_name")),
        other => panic!("what is {other}?"),
    }
}

/// What is left out when there is nothing is never null.
fn drop_needless_null(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let Some(properties) = schema["properties"].as_object_mut() else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !required.iter().any(|other| other == name.as_str())) {
        let Some(types) =
            property["type"].as_array().map(|types| types.iter().filter(|kind| **kind != "null").cloned().collect::<Vec<_>>())
        else {
            continue;
        };
        property["type"] = if let [one] = types.as_slice() { one.clone() } else { types.into() };
    }
}
