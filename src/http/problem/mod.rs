//! Errors as clients see them: RFC 9457 problems. The only place that maps failures to statuses.
//!
//! What a problem is and how it looks; which there are is in `catalogue`.

mod catalogue;

use std::time::Duration;

use serde::Serialize;

use crate::http::response::Reply;

/// A failure with its status. Dialects with other words for it read these, or have problems of their own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(super) status: u16,
    /// For programs; never changes its meaning.
    pub(super) code: &'static str,
    /// For people: what is wrong and what to do.
    pub(super) detail: Box<str>,
    /// The field at fault.
    pub(super) field: Option<Box<str>>,
    /// The session that was begun all the same.
    pub(super) session_id: Option<Box<str>>,
    pub(super) headers: Vec<(&'static str, String)>,
    /// For the log alone.
    cause: Option<String>,
}

/// RFC 9457, with `code`, `request_id` and the fields at fault.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Problem"))]
pub(in crate::http) struct ProblemJson<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldJson<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ProblemField"))]
struct FieldJson<'a> {
    field: &'a str,
    detail: &'a str,
}

impl Problem {
    pub(super) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Problem {
        Problem { status, code, detail: detail.into().into(), field: None, session_id: None, headers: Vec::new(), cause: None }
    }

    fn in_field(mut self, field: impl Into<String>) -> Problem {
        self.field = Some(field.into().into());
        self
    }

    /// It happened in this session, which its client may not know yet.
    #[must_use]
    pub(crate) fn in_session(mut self, session_id: &str) -> Problem {
        self.session_id = Some(session_id.into());
        self
    }

    /// With a header more.
    #[must_use]
    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Problem {
        self.headers.push((name, value));
        self
    }

    fn caused_by(mut self, cause: String) -> Problem {
        self.cause = Some(cause);
        self
    }

    /// Trying the same again later may help.
    fn worth_waiting(mut self, wait: Duration) -> Problem {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        self.headers.push(("retry-after", seconds.to_string()));
        self.headers.push(("retry-after-ms", wait.as_millis().to_string()));
        self
    }

    /// Trying the same again never helps: OpenAI's clients would, on a 409.
    fn for_good(mut self) -> Problem {
        self.headers.push(("x-should-retry", "false".to_owned()));
        self
    }

    /// Its code and what it says, where it is no answer of its own.
    pub(crate) fn words(&self) -> (&'static str, &str) {
        (self.code, &self.detail)
    }

    /// Its status.
    #[cfg(test)]
    pub(in crate::http) const fn status(&self) -> u16 {
        self.status
    }

    /// The name of its status.
    #[cfg(test)]
    pub(in crate::http) const fn title(&self) -> &'static str {
        title(self.status)
    }

    /// What it says to people.
    #[cfg(test)]
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Writes what only we should know to the log.
    pub(crate) fn log(&self, request_id: &str) {
        if let Some(cause) = &self.cause {
            worker::console_error!(
                "{{\"request_id\":{request_id:?},\"status\":{},\"code\":{:?},\"cause\":{cause:?}}}",
                self.status,
                self.code
            );
        }
    }

    /// The problem as an answer of our own dialect.
    pub(crate) fn into_reply(self, request_id: &str) -> Reply {
        let json = ProblemJson {
            r#type: "about:blank",
            title: title(self.status),
            status: self.status,
            detail: &self.detail,
            code: self.code,
            request_id,
            session_id: self.session_id.as_deref(),
            errors: self.field.iter().map(|field| FieldJson { field, detail: &self.detail }).collect(),
        };
        let mut reply = Reply::json(self.status, &json).with_content_type("application/problem+json");
        for (name, value) in self.headers {
            reply = reply.with_header(name, value);
        }
        reply
    }
}

const fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}
