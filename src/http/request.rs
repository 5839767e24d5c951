//! Reading a request: path, query, headers, body. Everything from outside passes through here and is checked.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::{
    config::Config,
    domain::{
        caller::Caller,
        id::Id,
        session::{Precondition, Version},
    },
    error::{Error, Result},
    http::problem::Problem,
    limits, platform,
};

/// A request to a path that exists, from a caller who is known.
pub(crate) struct Request<'a> {
    raw: &'a web_sys::Request,
    env: &'a Env,
    config: &'a Config,
    caller: Caller,
    segments: Vec<Cow<'a, str>>,
    query: Query,
}

impl<'a> Request<'a> {
    /// `segments` of the path are still percent-encoded.
    ///
    /// # Errors
    /// `Invalid` when a segment does not decode to text.
    pub(crate) fn new(
        raw: &'a web_sys::Request,
        env: &'a Env,
        config: &'a Config,
        caller: Caller,
        segments: &[&'a str],
        query: &str,
    ) -> Result<Request<'a>> {
        let decode = |segment: &&'a str| {
            percent_decode_str(segment).decode_utf8().map_err(|_| Error::invalid("path", "must be percent-encoded UTF-8"))
        };
        let segments = segments.iter().map(decode).collect::<Result<Vec<_>>>()?;
        Ok(Request { raw, env, config, caller, segments, query: Query::parse(query) })
    }

    /// Bindings of the deployment.
    pub(crate) fn env(&self) -> &'a Env {
        self.env
    }

    /// Configuration of the deployment.
    pub(crate) fn config(&self) -> &'a Config {
        self.config
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The query.
    pub(crate) fn query(&self) -> &Query {
        &self.query
    }

    /// Segment `index` of the path that stands for something, decoded.
    pub(crate) fn segment(&self, index: usize) -> &str {
        self.segments.get(index).map_or("", AsRef::as_ref)
    }

    /// The id in segment `index` of the path.
    ///
    /// # Errors
    /// `Invalid`, naming `field`.
    pub(crate) fn id<Kind>(&self, index: usize, field: &str) -> Result<Id<Kind>> {
        Id::parse(field, self.segment(index))
    }

    /// `If-Match`. `*` demands nothing beyond existence, which every route demands.
    ///
    /// # Errors
    /// `Invalid` when it is no list of entity tags.
    pub(crate) fn precondition(&self) -> Result<Precondition> {
        match self.header("if-match") {
            None => Ok(Precondition::None),
            Some(header) => parse_if_match(&header),
        }
    }

    /// The body, a JSON object.
    ///
    /// # Errors
    /// 415, 413 or 400, naming the field where there is one.
    pub(crate) async fn json<T: DeserializeOwned>(&self) -> std::result::Result<T, Problem> {
        let content_type = self.header("content-type").unwrap_or_default();
        if !is_json(&content_type) {
            return Err(Problem::not_json());
        }
        parse_json(&self.body().await?)
    }

    fn header(&self, name: &str) -> Option<String> {
        self.raw.headers().get(name).ok().flatten()
    }

    /// The whole body, unless it is too large.
    async fn body(&self) -> std::result::Result<Vec<u8>, Problem> {
        let length: Option<usize> = self.header("content-length").and_then(|length| length.parse().ok());
        let broken = |e: JsValue| Error::invalid("body", format!("could not be read: {}", platform::message_of(&e)));
        if length.is_some_and(|length| length <= limits::BODY_BYTES) {
            let buffer = JsFuture::from(self.raw.array_buffer().map_err(broken)?).await.map_err(broken)?;
            return Ok(js_sys::Uint8Array::new(&buffer).to_vec());
        }
        let Some(stream) = self.raw.body() else { return Ok(Vec::new()) };
        let reader: web_sys::ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
        let (mut body, mut read_bytes) = (Vec::new(), 0_usize);
        // What is too large is read on for a while and thrown away: a client that is still sending would see its
        // connection break instead of our answer.
        while read_bytes <= limits::BODY_DRAINED_BYTES {
            let chunk = JsFuture::from(reader.read()).await.map_err(broken)?;
            let value = js_sys::Reflect::get(&chunk, &JsValue::from_str("value")).map_err(broken)?;
            let Ok(bytes) = value.dyn_into::<js_sys::Uint8Array>() else { break };
            let bytes = bytes.to_vec();
            read_bytes = read_bytes.saturating_add(bytes.len());
            if read_bytes <= limits::BODY_BYTES {
                body.extend(bytes);
            }
        }
        if read_bytes > limits::BODY_BYTES { Err(Problem::body_too_large()) } else { Ok(body) }
    }
}

/// Path and query of an absolute URL.
pub(crate) fn split_url(url: &str) -> (&str, &str) {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').and_then(|start| after_scheme.get(start..)).unwrap_or("/");
    path.split_once('?').unwrap_or((path, ""))
}

/// The parameters of a query, decoded. Of parameters with the same name the first counts.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of a URL after `?`.
    pub(crate) fn parse(query: &str) -> Query {
        Query(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The parameter `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The whole number `name`, or `default` when it is absent.
    ///
    /// # Errors
    /// `Invalid` when it is no whole number from `min` to `max`.
    pub(crate) fn number(&self, name: &str, default: u32, min: u32, max: u32) -> Result<u32> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| Error::invalid(name, format!("must be a whole number from {min} to {max}")))
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

/// For a field where `null` means something else than absence: `Some(None)` is `null`.
///
/// # Errors
/// Those of `T`.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> std::result::Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        Problem::from_json_error(&path, error.inner())
    })?;
    json.end().map_err(|error| Problem::from_json_error("", &error))?;
    Ok(value)
}

/// `application/json`, or anything that is JSON by its suffix, such as `application/merge-patch+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Entity tags are `"<creation, hex ms>-<revision, hex>"`, see `own::etag`. Foreign and weak ones match nothing.
fn parse_if_match(header: &str) -> Result<Precondition> {
    if header.trim() == "*" {
        return Ok(Precondition::None);
    }
    let mut versions = Vec::new();
    for tag in header.split(',').map(str::trim) {
        let quoted = tag.strip_prefix("W/").unwrap_or(tag);
        let Some(opaque) = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Err(Error::invalid("If-Match", "must be * or a list of quoted entity tags"));
        };
        if let Some((created, revision)) = opaque.split_once('-')
            && let (Ok(created_at_ms), Ok(revision)) = (i64::from_str_radix(created, 16), u64::from_str_radix(revision, 16))
            && quoted == tag
        {
            versions.push(Version { created_at_ms, revision });
        }
    }
    Ok(Precondition::OneOf(versions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split() {
        let cases = [
            ("http://h/", ("/", "")),
            ("http://h", ("/", "")),
            ("https://h:1/a/b?c=d?e", ("/a/b", "c=d?e")),
            ("http://h/a%2Fb?", ("/a%2Fb", "")),
        ];
        for (url, expected) in cases {
            assert_eq!(split_url(url), expected, "{url}");
        }
    }

    #[test]
    fn numbers_in_the_query_have_bounds() {
        let cases = [
            ("", Some(5)),
            ("n=1", Some(1)),
            ("n=9", Some(9)),
            ("n=10", None),
            ("n=0", None),
            ("n=", None),
            ("n=-1", None),
            ("n=1.0", None),
            ("n=x", None),
        ];
        for (query, expected) in cases {
            assert_eq!(Query::parse(query).number("n", 5, 1, 9).ok(), expected, "{query:?}");
        }
    }

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

    #[test]
    fn if_match_is_a_list_of_tags() {
        let version = |created_at_ms, revision| Version { created_at_ms, revision };
        let cases = [
            ("*", Some(Precondition::None)),
            ("\"a-1\"", Some(Precondition::OneOf(vec![version(10, 1)]))),
            ("\"a-1\" , \"b-2\"", Some(Precondition::OneOf(vec![version(10, 1), version(11, 2)]))),
            ("W/\"a-1\"", Some(Precondition::OneOf(vec![]))),
            ("\"foreign\"", Some(Precondition::OneOf(vec![]))),
            ("a-1", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(parse_if_match(header).ok(), expected, "{header:?}");
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
