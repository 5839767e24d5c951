//! Reading a request: path, query, headers, body. Everything from outside passes through here and is checked.
//!
//! `query` reads the URL, `headers` what they demand, `body` JSON; `repeat` knows requests that are sent again, `upload` what
//! is too large to be held.

pub(crate) mod body;
mod headers;
mod query;
pub(crate) mod repeat;
pub(crate) mod upload;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use worker::Env;

use crate::{
    config::Config,
    domain::{
        caller::Caller,
        id::{Id, UserId},
        time::Timestamp,
    },
    error::{Error, Result},
    http::Arrival,
};

pub(crate) use query::{Query, parse_number, split_url};

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

    /// Is the answer's head all that is wanted?
    pub(crate) fn is_head(&self) -> bool {
        self.raw.method() == "HEAD"
    }

    /// The header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.raw.headers().get(name).ok().flatten()
    }
}
