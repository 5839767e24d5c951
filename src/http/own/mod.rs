//! Our own dialect: bare JSON objects, problems for errors, RFC 3339 times in UTC with `Z`.
//!
//! This file has what its routes share, `shapes` what several of them show; each route's own shapes are private to its file.

mod routes;
pub(crate) mod chat;
pub(crate) mod context;
pub(crate) mod lists;
pub(crate) mod memory;
pub(crate) mod messages;
pub(crate) mod personas;
#[cfg(test)]
mod reference;
pub(crate) mod search;
pub(crate) mod service;
pub(crate) mod sessions;
mod shapes;
pub(crate) mod transfer;
pub(crate) mod turns;
pub(crate) mod users;

pub(super) use routes::Own;

use chrono::{DateTime, SecondsFormat};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    domain::{session::Session, time::Timestamp, turn::named},
    error::{Error, Result},
    http::{
        entity_tag::etag,
        more_metadata,
        request::Query,
        response::{raw_json, written},
    },
    session::client::Lately,
};
use shapes::{ChatMessageJson, MemoryChangeJson, MessageJson, SessionJson, ToolCallJson, UsageJson};

/// The value of that name.
///
/// # Errors
/// `Invalid`, naming `field` and all names.
fn one_of<T: Copy>(field: &str, all: &[T], name_of: impl Fn(T) -> &'static str + Copy, name: &str) -> Result<T> {
    let names = || all.iter().copied().map(name_of).collect::<Vec<_>>().join(", ");
    named(all, name_of, name).ok_or_else(|| Error::invalid(field, format!("must be one of {}", names())))
}

/// The client's metadata, exactly; in a session of another dialect's clients with what these look for there, behind the client's
/// own keys. For reading alone: an export, and whatever answers a change, has what is stored. Without `lately` as much as a list
/// knows.
fn shown_metadata(session: &Session, lately: Option<&Lately>) -> Box<RawValue> {
    let Some(more) = more_metadata(session, lately) else { return raw_json(&session.metadata) };
    let mut shown: Map<String, Value> = serde_json::from_str(&session.metadata).unwrap_or_default();
    for (name, value) in more {
        shown.entry(name).or_insert(value);
    }
    to_raw_value(&shown).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The time `name`, if it is given.
///
/// # Errors
/// `Invalid` when it is none.
fn parse_time(query: &Query, name: &str) -> Result<Option<Timestamp>> {
    let Some(text) = query.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| Error::invalid(name, "must be a time such as 2026-11-21T09:00:00Z"))?;
    Ok(Some(Timestamp::from_millis(time.timestamp_millis())))
}

/// `2026-11-20T09:38:53.106Z`.
fn rfc3339(at: Timestamp) -> String {
    written(at, SecondsFormat::Millis)
}
