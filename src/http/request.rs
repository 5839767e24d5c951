//! Reading a request: path, query, headers, body. Everything from outside passes through here and is checked.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::{
    config::{Config, CorsOrigins},
    domain::{
        caller::Caller,
        id::{Id, UserId},
        session::{Precondition, Version},
        time::Timestamp,
    },
    error::{Error, Result},
    http::{
        Arrival,
        body::{is_json, is_json_lines, parse_json},
        problem::Problem,
        repeat::Asked,
        upload::Upload,
    },
    limits,
    platform::{self, fetch::Chunks},
};

/// A request to a path that exists, from a caller who is known.
pub(crate) struct Request<'a> {
    raw: &'a web_sys::Request,
    env: &'a Env,
    config: &'a Config,
    request_id: &'a str,
    caller: Caller,
    until: Option<Timestamp>,
    segments: Vec<Cow<'a, str>>,
    query: Query,
}

impl<'a> Request<'a> {
    /// `segments` of the path are still percent-encoded.
    ///
    /// # Errors
    /// `Invalid` when a segment does not decode to text.
    pub(super) fn new(arrival: &Arrival<'a>, config: &'a Config, caller: Caller, segments: &[&'a str]) -> Result<Request<'a>> {
        let decode = |segment: &&'a str| {
            percent_decode_str(segment).decode_utf8().map_err(|_| Error::invalid("path", "must be percent-encoded UTF-8"))
        };
        let segments = segments.iter().map(decode).collect::<Result<Vec<_>>>()?;
        let Arrival { raw, env, query, request_id, .. } = *arrival;
        Ok(Request { raw, env, config, request_id, caller, until: None, segments, query: Query::parse(query) })
    }

    /// The same, whose caller is known by something that is good until then.
    #[must_use]
    pub(super) fn good_until(mut self, until: Option<Timestamp>) -> Request<'a> {
        self.until = until;
        self
    }

    /// Bindings of the deployment.
    pub(crate) fn env(&self) -> &'a Env {
        self.env
    }

    /// Configuration of the deployment.
    pub(crate) fn config(&self) -> &'a Config {
        self.config
    }

    /// The client's id of this request, or ours. It selects nothing.
    pub(crate) fn request_id(&self) -> &'a str {
        self.request_id
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Until when the caller is known; `None`: that does not end by itself.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.until
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

    /// The user in the path, if the caller may act for it. Where the caller is one user, `me` is that one.
    ///
    /// # Errors
    /// `Invalid`; `NotFound` when it is somebody else, whether there is one or not.
    pub(crate) fn user(&self) -> Result<UserId> {
        if let (Some(own), "me") = (self.caller.one_user(), self.segment(0)) {
            return Ok(own.clone());
        }
        let user = self.id(0, "user_id")?;
        self.caller.acting_for(Some(&user)).map(|_| user)
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

    /// `If-Match: *` demands that there is something, `If-None-Match: *` that there is nothing.
    ///
    /// # Errors
    /// `Invalid` when `If-None-Match` is anything else.
    pub(crate) fn demands_existence(&self) -> Result<Option<bool>> {
        match (self.header("if-none-match").as_deref().map(str::trim), self.header("if-match").as_deref().map(str::trim)) {
            (Some("*"), _) => Ok(Some(false)),
            (Some(_), _) => Err(Error::invalid("If-None-Match", "must be *")),
            (None, Some("*")) => Ok(Some(true)),
            (None, _) => Ok(None),
        }
    }

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
        if !sent.is_empty() && !is_json(&self.header("content-type").unwrap_or_default()) {
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

    /// Is the answer to be a WebSocket?
    pub(crate) fn wants_socket(&self) -> bool {
        self.header("upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
    }

    /// Was it sent by a page of another origin, which is not named in the configuration?
    pub(crate) fn is_of_foreign_page(&self) -> bool {
        let Some(origin) = self.header("origin") else { return false };
        !is_same_host(&origin, &self.raw.url()) && !matches!(&self.config.cors, CorsOrigins::Listed(listed) if listed.contains(&origin))
    }

    /// Is the answer's head all that is wanted?
    pub(crate) fn is_head(&self) -> bool {
        self.raw.method() == "HEAD"
    }

    /// Does the client want events?
    pub(crate) fn accepts_events(&self) -> bool {
        prefers_events(&self.header("accept").unwrap_or_default())
    }

    /// The number of the last event that the client has, from `?after=` or `Last-Event-ID`.
    ///
    /// # Errors
    /// `Invalid` when it is no number.
    pub(crate) fn last_event(&self) -> Result<Option<u64>> {
        let header = self.header("last-event-id").filter(|id| !id.is_empty());
        let given = self.query.get("after").map(|after| ("after", after.to_owned())).or(header.map(|id| ("Last-Event-ID", id)));
        given.map(|(field, text)| parse_number(field, &text)).transpose()
    }

    /// What is asked by a request whose body does not matter.
    pub(crate) fn asked(&self) -> Asked {
        self.asked_with(Vec::new())
    }

    fn asked_with(&self, body: Vec<u8>) -> Asked {
        Asked::new(self.header("idempotency-key"), split_url(&self.raw.url()).0, body)
    }

    async fn json_bytes(&self) -> std::result::Result<Vec<u8>, Problem> {
        let content_type = self.header("content-type").unwrap_or_default();
        if is_json(&content_type) { self.body().await } else { Err(Problem::not_json()) }
    }

    /// The header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.raw.headers().get(name).ok().flatten()
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

/// Is the page's origin where `url` leads? The scheme does not matter: behind a proxy it may be another.
fn is_same_host(origin: &str, url: &str) -> bool {
    let host = |url: &str| url.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default().to_ascii_lowercase());
    host(origin).is_some_and(|own| host(url) == Some(own))
}

/// Events are only for those who name them, and JSON not before them.
fn prefers_events(accept: &str) -> bool {
    let quality_of = |wanted: &str| {
        let named = accept.split(',').find_map(|item| {
            let (kind, parameters) = item.split_once(';').unwrap_or((item, ""));
            kind.trim().eq_ignore_ascii_case(wanted).then_some(parameters)
        });
        let quality = named?.split(';').find_map(|parameter| parameter.trim().strip_prefix("q=")?.trim().parse::<f32>().ok());
        Some(quality.unwrap_or(1.0))
    };
    quality_of("text/event-stream").is_some_and(|events| events > 0.0 && events >= quality_of("application/json").unwrap_or(0.0))
}

/// A whole number that storage can hold.
///
/// # Errors
/// `Invalid`, naming `field`.
pub(crate) fn parse_number(field: &str, text: &str) -> Result<u64> {
    let number = text.parse().ok().filter(|number| i64::try_from(*number).is_ok());
    number.ok_or_else(|| Error::invalid(field, "must be a whole number"))
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
    fn pages_are_of_where_they_come_from() {
        let cases = [
            ("https://chat.example", "https://chat.example/ws/chat/a", true),
            ("https://chat.example", "http://Chat.example/ws", true),
            ("http://localhost:8000", "http://localhost:8000/?a", true),
            ("http://localhost:8000", "http://localhost:8787/", false),
            ("https://evil.example", "https://chat.example/", false),
            ("https://chat.example.evil", "https://chat.example/", false),
            ("null", "https://chat.example/", false),
        ];
        for (origin, url, expected) in cases {
            assert_eq!(is_same_host(origin, url), expected, "{origin} {url}");
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
    fn events_are_for_those_who_name_them() {
        let cases = [
            ("text/event-stream", true),
            ("Text/Event-Stream; charset=utf-8", true),
            ("application/json, text/event-stream", true),
            ("text/event-stream;q=0.5, application/json;q=0.4", true),
            ("application/json;q=1, text/event-stream;q=0.1", false),
            ("text/event-stream; q=0", false),
            ("*/*", false),
            ("text/*", false),
            ("", false),
        ];
        for (accept, expected) in cases {
            assert_eq!(prefers_events(accept), expected, "{accept:?}");
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
}
