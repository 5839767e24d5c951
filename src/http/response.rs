//! Writing responses. A [`Reply`] is plain data; [`Exchange`] adds what every response carries.

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;
use wasm_bindgen::JsValue;

use crate::{
    config::CorsOrigins,
    domain::time::Timestamp,
    http::{self, Method},
    limits,
    platform::socket::ClientEnd,
};

/// A response before it is one.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    content_type: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

/// What a response carries.
#[derive(Debug)]
enum Body {
    Nothing,
    Text(String),
    Bytes(Vec<u8>),
    Stream(web_sys::ReadableStream),
    Socket(ClientEnd),
}

impl Reply {
    /// `value` as JSON.
    pub(crate) fn json<T: Serialize>(status: u16, value: &T) -> Reply {
        match serde_json::to_string(value) {
            Ok(body) => Reply { status, content_type: Some("application/json"), headers: Vec::new(), body: Body::Text(body) },
            // Only maps with keys that are no text can fail, and no type of ours has one.
            Err(_) => Reply { status: 500, content_type: None, headers: Vec::new(), body: Body::Nothing },
        }
    }

    /// Bytes of that type.
    pub(crate) fn bytes(status: u16, content_type: &'static str, bytes: Vec<u8>) -> Reply {
        Reply { status, content_type: Some(content_type), headers: Vec::new(), body: Body::Bytes(bytes) }
    }

    /// Events, as they come.
    pub(crate) fn events(stream: web_sys::ReadableStream) -> Reply {
        // Whoever buffers, compresses or rewrites a stream delays it.
        let headers = vec![("cache-control", "no-store, no-transform".to_owned()), ("x-accel-buffering", "no".to_owned())];
        Reply { status: 200, content_type: Some("text/event-stream"), headers, body: Body::Stream(stream) }
    }

    /// A file to be kept, as it comes; without its body for `HEAD`.
    pub(crate) fn file(stream: Option<web_sys::ReadableStream>, content_type: &'static str, disposition: String) -> Reply {
        // What others have written must not be taken for a page of ours.
        let headers = vec![("content-disposition", disposition), ("x-content-type-options", "nosniff".to_owned())];
        Reply { status: 200, content_type: Some(content_type), headers, body: stream.map_or(Body::Nothing, Body::Stream) }
    }

    /// 101: a WebSocket from now on.
    pub(crate) fn socket(client_end: ClientEnd) -> Reply {
        Reply { status: 101, content_type: None, headers: Vec::new(), body: Body::Socket(client_end) }
    }

    /// 204.
    pub(crate) fn nothing() -> Reply {
        Reply { status: 204, content_type: None, headers: Vec::new(), body: Body::Nothing }
    }

    /// The answer to OPTIONS.
    pub(crate) fn options(methods: impl Iterator<Item = Method>) -> Reply {
        let allow = http::allow(methods);
        Reply::nothing().with_header("allow", allow.clone()).with_header("access-control-allow-methods", allow)
    }

    /// With a header more.
    #[must_use]
    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Reply {
        self.headers.push((name, value));
        self
    }

    /// Its status.
    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    /// As another content type.
    #[must_use]
    pub(crate) fn with_content_type(mut self, content_type: &'static str) -> Reply {
        self.content_type = Some(content_type);
        self
    }
}

/// One request and its response, as far as every one is the same.
pub(super) struct Exchange {
    request_id: String,
    is_head: bool,
    is_preflight: bool,
    origin: Option<String>,
}

impl Exchange {
    /// Reads what is needed of the request.
    pub(super) fn new(request: &web_sys::Request) -> Exchange {
        let header = |name| request.headers().get(name).ok().flatten();
        let method = request.method();
        Exchange {
            request_id: header("x-request-id").filter(|id| is_request_id(id)).unwrap_or_else(|| Uuid::now_v7().to_string()),
            is_head: method == "HEAD",
            is_preflight: method == "OPTIONS",
            origin: header("origin"),
        }
    }

    /// The client's id of this request, or ours.
    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The response to send.
    ///
    /// # Errors
    /// When the platform cannot make it.
    pub(super) fn finish(&self, reply: Reply, cors: Option<&CorsOrigins>) -> Result<web_sys::Response, JsValue> {
        let headers = web_sys::Headers::new()?;
        if let Some(content_type) = reply.content_type {
            headers.set("content-type", content_type)?;
        }
        headers.set("x-request-id", &self.request_id)?;
        headers.set("cache-control", "no-store")?;
        for (name, value) in &reply.headers {
            headers.set(name, value)?;
        }
        self.add_cors(&headers, cors)?;
        let init = web_sys::ResponseInit::new();
        init.set_status(reply.status);
        init.set_headers(&headers);
        if let Body::Socket(client_end) = &reply.body {
            client_end.put_into(&init)?;
        }
        match reply.body {
            Body::Text(text) if !self.is_head => web_sys::Response::new_with_opt_str_and_init(Some(&text), &init),
            Body::Bytes(bytes) if !self.is_head => {
                // A copy: the platform may still read it when this memory has changed.
                let bytes = js_sys::Uint8Array::from(bytes.as_slice());
                web_sys::Response::new_with_opt_js_u8_array_and_init(Some(&bytes), &init)
            }
            Body::Stream(stream) if !self.is_head => web_sys::Response::new_with_opt_readable_stream_and_init(Some(&stream), &init),
            Body::Text(_) | Body::Bytes(_) | Body::Stream(_) | Body::Socket(_) | Body::Nothing => {
                web_sys::Response::new_with_opt_str_and_init(None, &init)
            }
        }
    }

    fn add_cors(&self, headers: &web_sys::Headers, cors: Option<&CorsOrigins>) -> Result<(), JsValue> {
        match (&self.origin, cors) {
            (None, _) => return Ok(()),
            // Without a configuration there is nothing but an error to be read.
            (Some(_), None | Some(CorsOrigins::Any)) => headers.set("access-control-allow-origin", "*")?,
            (Some(origin), Some(CorsOrigins::Listed(listed))) => {
                headers.append("vary", "Origin")?;
                if !listed.contains(origin) {
                    return Ok(());
                }
                headers.set("access-control-allow-origin", origin)?;
                // So that pages beside ours, on the same site, can send a visitor's cookie.
                headers.set("access-control-allow-credentials", "true")?;
            }
        }
        headers.set(
            "access-control-expose-headers",
            "Content-Disposition, ETag, Location, Retry-After, Retry-After-Ms, Server-Timing, WWW-Authenticate, X-Request-Id",
        )?;
        if self.is_preflight {
            headers.set(
                "access-control-allow-headers",
                "Authorization, Connect-Protocol-Version, Connect-Timeout-Ms, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-API-Key, X-Request-Id",
            )?;
            headers.set("access-control-max-age", "600")?;
        }
        Ok(())
    }
}

/// JSON text that we have written ourselves, as it is.
pub(super) fn raw_json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A time in UTC with `Z`, to so many digits of a second.
pub(super) fn written(at: Timestamp, digits: SecondsFormat) -> String {
    DateTime::from_timestamp_millis(at.millis()).unwrap_or_default().to_rfc3339_opts(digits, true)
}

/// `2026-11-20T09:37:56.050000Z`, as clients of other systems know times.
pub(super) fn written_micros(at: Timestamp) -> String {
    written(at, SecondsFormat::Micros)
}

/// May it go into a header and a log line as it is?
fn is_request_id(text: &str) -> bool {
    (1..=limits::REQUEST_ID_CHARACTERS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_say_their_zone() {
        let at = Timestamp::from_millis(1_795_167_476_050);
        assert_eq!(written_micros(at), "2026-11-20T09:37:56.050000Z");
        assert_eq!(written(at, SecondsFormat::Millis), "2026-11-20T09:37:56.050Z");
        assert_eq!(written(Timestamp::from_millis(0), SecondsFormat::Secs), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn request_ids_are_short_and_plain() {
        let (limit, over) = ("x".repeat(128), "x".repeat(129));
        let cases = [
            ("a-1_b.c:d/e+f=", true),
            (limit.as_str(), true),
            (over.as_str(), false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("ü", false),
        ];
        for (id, expected) in cases {
            assert_eq!(is_request_id(id), expected, "{id:?}");
        }
    }
}
