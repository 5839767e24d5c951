//! Bodies: read whole, up to a limit; JSON is strictly objects, and errors name the field.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::{
    domain::id::Id,
    error::{Error, Result},
    http::{
        problem::Problem,
        request::{Request, query::split_url, repeat::Asked, upload::Upload},
    },
    limits,
    platform::{self, fetch::Chunks},
};

impl Request<'_> {
    /// The body, a JSON object.
    ///
    /// # Errors
    /// 415, 413 or 400, naming the field where there is one.
    pub(crate) async fn json<T: DeserializeOwned>(&self) -> std::result::Result<T, Problem> {
        parse_json(&self.json_bytes().await?)
    }

    /// The same of a request that may have a key.
    ///
    /// # Errors
    /// As [`Request::json`]; also when the key breaks a rule.
    pub(crate) async fn repeatable_json<T: DeserializeOwned>(&self) -> std::result::Result<(T, Asked), Problem> {
        if !self.sends_json() {
            return Err(Problem::not_json());
        }
        self.repeatable_body(parse_json).await
    }

    /// The body as two shapes that share it, each naming the field at fault as it stands; no body is an empty object.
    ///
    /// # Errors
    /// As [`Request::repeatable_json`].
    pub(crate) async fn repeatable_parts<A: DeserializeOwned, B: DeserializeOwned>(&self) -> std::result::Result<(A, B, Asked), Problem> {
        let sent = self.body().await?;
        if !sent.is_empty() && !self.sends_json() {
            return Err(Problem::not_json());
        }
        let body: &[u8] = if sent.is_empty() { b"{}" } else { &sent };
        Ok((parse_json(body)?, parse_json(body)?, self.asked_with(sent)))
    }

    /// The body as `decode` reads it, of a request that may have a key.
    ///
    /// # Errors
    /// 413; those of `decode`.
    pub(crate) async fn repeatable_body<T>(
        &self,
        decode: impl FnOnce(&[u8]) -> std::result::Result<T, Problem>,
    ) -> std::result::Result<(T, Asked), Problem> {
        let body = self.body().await?;
        Ok((decode(&body)?, self.asked_with(body)))
    }

    /// The body as it comes.
    ///
    /// # Errors
    /// `Invalid` when the request's key breaks a rule.
    pub(crate) fn upload(&self) -> Result<Upload> {
        let key = self.header("idempotency-key").map(|key| Id::parse("Idempotency-Key", &key)).transpose()?;
        Ok(Upload::new(Chunks::of(self.raw.body()), key, split_url(&self.raw.url())))
    }

    /// Does the body say that it is JSON?
    pub(crate) fn sends_json(&self) -> bool {
        is_json(&self.header("content-type").unwrap_or_default())
    }

    /// Does it say that it is JSON, one a line?
    pub(crate) fn sends_json_lines(&self) -> bool {
        is_json_lines(&self.header("content-type").unwrap_or_default())
    }

    /// What is asked by a request whose body does not matter.
    pub(crate) fn asked(&self) -> Asked {
        self.asked_with(Vec::new())
    }

    fn asked_with(&self, body: Vec<u8>) -> Asked {
        Asked::new(self.header("idempotency-key"), split_url(&self.raw.url()).0, body)
    }

    async fn json_bytes(&self) -> std::result::Result<Vec<u8>, Problem> {
        if self.sends_json() { self.body().await } else { Err(Problem::not_json()) }
    }

    /// The whole body, unless it is too large.
    async fn body(&self) -> std::result::Result<Vec<u8>, Problem> {
        let length: Option<usize> = self.header("content-length").and_then(|length| length.parse().ok());
        let unreadable = |cause: String| Error::invalid("body", format!("could not be read: {cause}"));
        let broken = |exception: JsValue| unreadable(platform::message_of(&exception));
        if length.is_some_and(|length| length <= limits::BODY_BYTES) {
            let buffer = JsFuture::from(self.raw.array_buffer().map_err(broken)?).await.map_err(broken)?;
            return Ok(js_sys::Uint8Array::new(&buffer).to_vec());
        }
        let mut chunks = Chunks::of(self.raw.body());
        let (mut body, mut read_bytes) = (Vec::new(), 0_usize);
        // What is too large is read on for a while and thrown away: a client that is still sending would see its
        // connection break instead of our answer.
        while read_bytes <= limits::BODY_DRAINED_BYTES {
            let Some(bytes) = chunks.next().await.map_err(unreadable)? else { break };
            read_bytes = read_bytes.saturating_add(bytes.len());
            if read_bytes <= limits::BODY_BYTES {
                body.extend(bytes);
            }
        }
        if read_bytes > limits::BODY_BYTES { Err(Problem::body_too_large()) } else { Ok(body) }
    }
}

/// A JSON object as `T`. Plain derived structs would take arrays as well.
pub(crate) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Fields<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> std::result::Result<Object<T>, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(std::marker::PhantomData))
    }
}

/// Described as what it holds.
#[cfg(test)]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Object<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// For a field where `null` means something else than absence: `Some(None)` is `null`.
///
/// # Errors
/// Those of `T`.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads a body.
///
/// # Errors
/// 400, naming the field where there is one.
pub(in crate::http) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> std::result::Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        Problem::from_json_error(&path, error.inner())
    })?;
    json.end().map_err(|error| Problem::from_json_error("", &error))?;
    Ok(value)
}

/// Reads an object that is part of a body, at `place`, e.g. `messages[17]`.
///
/// # Errors
/// 400, naming the field in its place.
pub(in crate::http) fn parse_json_at<T: DeserializeOwned>(place: &str, bytes: &[u8]) -> std::result::Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let separator = if path.starts_with(['?', '.', '[']) { "" } else { "." };
        Problem::from_piece_error(&format!("{place}{separator}{path}"), error.inner())
    })?;
    json.end().map_err(|error| Problem::from_piece_error(place, &error))?;
    Ok(value)
}

/// JSON, one a line.
fn is_json_lines(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/jsonl" | "application/x-ndjson" | "application/ndjson" | "application/x-jsonlines")
}

/// `application/json`, or anything that is JSON by its suffix, such as `application/merge-patch+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_content_type() {
        let cases = [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("", false),
            ("application/x-www-form-urlencoded", false),
        ];
        for (content_type, expected) in cases {
            assert_eq!(is_json(content_type), expected, "{content_type:?}");
        }
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Example {
        text: String,
        #[serde(default, deserialize_with = "nullable")]
        title: Option<Option<String>>,
    }

    #[test]
    fn bodies_are_objects_and_errors_name_the_field() {
        // body -> the field that is named, or that it is accepted
        let cases: [(&str, std::result::Result<(), &str>); 11] = [
            (r#"{"text":"x"}"#, Ok(())),
            (r#"{"text":"x","more":[1]}"#, Ok(())),
            (r#"{"text":"x","title":null}"#, Ok(())),
            (r#"{"text":5}"#, Err("text")),
            (r#"{}"#, Err("")),
            (r#"["x"]"#, Err("")),
            (r#"null"#, Err("")),
            (r#""#, Err("")),
            (r#"{"text":"x"} x"#, Err("")),
            (r#"{"text":"x","text":"y"}"#, Err("text")),
            (r#"{"text":"\ud800"}"#, Err("text")),
        ];
        for (body, expected) in cases {
            let got = parse_json::<Example>(body.as_bytes()).map(drop);
            assert_eq!(got.is_ok(), expected.is_ok(), "{body:.80}: {got:?}");
            if let (Err(problem), Err(field)) = (got, expected) {
                assert!(problem.detail().contains(field), "{body:.80}: {problem:?}");
            }
        }
    }
}
