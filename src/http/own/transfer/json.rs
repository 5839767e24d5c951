//! Our own JSON: everything that makes a session, in the order in which it can be read in again.
//!
//! ```text
//! {"format":"edge-sessions.session","version":1,"session":{...},"messages":[
//! {...},
//! {...}
//! ],"memory":[
//! ],"versions":[
//! ]}
//! ```
//!
//! Sessions, messages and entries look as everywhere else; a version is a message with `replaced_by`.

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    domain::{
        history::{intake::check_replaces, part::Part},
        id::Id,
        memory::{Entry, Origin, Source},
        message::{Message, NewMessage},
        session::Session,
        time::Timestamp,
        turn::{Cut, named},
    },
    error::{Error, Result},
    http::{
        own::{MessageJson, SessionJson, memory::EntryJson, messages::MessageBody},
        problem::Problem,
        request::body::{Object, parse_json_at},
    },
    limits,
};

/// What `format` says.
pub(super) const FORMAT: &str = "edge-sessions.session";
/// What `version` says. What is only added, and may be left out when reading, is no other version.
pub(super) const VERSION: u64 = 1;

/// Writes a session.
pub(super) struct Writer {
    section: Section,
    has_items: bool,
}

/// The lists, in their order.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Section {
    Messages,
    Memory,
    Versions,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ExportedVersion"))]
pub(in crate::http::own) struct VersionJson<'a> {
    replaced_by: u64,
    #[serde(flatten)]
    message: MessageJson<'a>,
}

/// A message apart from what it says.
#[derive(Deserialize)]
struct PlaceBody {
    sequence: u64,
    created_at: String,
    cut: Option<String>,
    replaces: Option<u64>,
    removed_at: Option<String>,
    /// Of versions.
    replaced_by: Option<u64>,
}

#[derive(Deserialize)]
struct EntryBody {
    key: String,
    value: Box<RawValue>,
    created_at: String,
    updated_at: String,
    source: String,
    message: Option<Object<OriginBody>>,
}

#[derive(Deserialize)]
struct OriginBody {
    session_id: String,
    sequence: u64,
}

impl Writer {
    /// The beginning, with the session.
    pub(super) fn begin(session: &Session) -> (Writer, String) {
        let session = encode(&SessionJson::from(session));
        let text = format!(r#"{{"format":"{FORMAT}","version":{VERSION},"session":{session},"messages":["#);
        (Writer { section: Section::Messages, has_items: false }, text)
    }

    /// A part.
    pub(super) fn part(&mut self, part: &Part) -> String {
        let (section, json) = match part {
            Part::Message(message) => (Section::Messages, encode(&MessageJson::from(message))),
            Part::Memory(entry) => (Section::Memory, encode(&EntryJson::from(entry))),
            Part::Version { replaced_by, message } => {
                (Section::Versions, encode(&VersionJson { replaced_by: *replaced_by, message: MessageJson::from(message) }))
            }
        };
        let mut text = self.go_to(section);
        text.push_str(if self.has_items { ",\n" } else { "\n" });
        text.push_str(&json);
        self.has_items = true;
        text
    }

    /// The end.
    pub(super) fn end(&mut self) -> String {
        self.go_to(Section::Versions) + "\n]}\n"
    }

    fn go_to(&mut self, section: Section) -> String {
        let mut text = String::new();
        while self.section < section {
            (self.section, self.has_items) = match self.section {
                Section::Messages => (Section::Memory, false),
                Section::Memory | Section::Versions => (Section::Versions, false),
            };
            text.push_str(if self.section == Section::Memory { "\n],\"memory\":[" } else { "\n],\"versions\":[" });
        }
        text
    }
}

/// Reads the message at `place`, e.g. `messages[17]`.
///
/// # Errors
/// 400 or 413, naming the field at fault; so below.
pub(super) fn parse_message(place: &str, json: &[u8]) -> std::result::Result<Message, Problem> {
    let (body, at) = (parse_json_at::<MessageBody>(place, json)?, parse_json_at::<PlaceBody>(place, json)?);
    Ok(into_message(body, &at).map_err(|error| error.within(place))?)
}

/// Reads a version; also the number of what came in its place.
pub(super) fn parse_version(place: &str, json: &[u8]) -> std::result::Result<(u64, Message), Problem> {
    let (message, at) = (parse_message(place, json)?, parse_json_at::<PlaceBody>(place, json)?);
    check_replaces(&message).map_err(|error| error.within(place))?;
    // So versions of versions come to an end.
    let replaced_by = at.replaced_by.filter(|replaced_by| *replaced_by > message.sequence);
    let rule = || Error::invalid("replaced_by", "must be greater than sequence").within(place);
    Ok((replaced_by.ok_or_else(rule)?, message))
}

/// Reads an entry of the memory.
pub(super) fn parse_entry(place: &str, json: &[u8]) -> std::result::Result<Entry, Problem> {
    let body: EntryBody = parse_json_at(place, json)?;
    Ok(body.into_entry().map_err(|error| error.within(place))?)
}

fn into_message(body: MessageBody, at: &PlaceBody) -> Result<Message> {
    let cut = at
        .cut
        .as_deref()
        .map(|name| named(&Cut::ALL, Cut::name, name).ok_or_else(|| Error::invalid("cut", "must be length, stopped or interrupted")));
    let message = Message {
        sequence: at.sequence,
        created_at: parse_time("created_at", &at.created_at)?,
        replaces: at.replaces,
        removed_at: at.removed_at.as_deref().map(|at| parse_time("removed_at", at)).transpose()?,
        body: NewMessage { cut: cut.transpose()?, ..body.into_message()? },
    };
    let Some(removed_at) = message.removed_at else { return message.body.check().map(|()| message) };
    // What was removed says nothing, which others may not.
    let removed = message.removed(removed_at);
    let stand_in = NewMessage { content: removed.body.content.as_ref().map(|_| "removed".to_owned()), ..removed.body.clone() };
    stand_in.check().map(|()| removed)
}

impl EntryBody {
    fn into_entry(self) -> Result<Entry> {
        limits::check_body("value", self.value.get(), limits::MEMORY_BYTES)?;
        let source = named(&Source::ALL, Source::name, &self.source);
        Ok(Entry {
            key: Id::parse("key", &self.key)?,
            value: self.value.get().to_owned(),
            created_at: parse_time("created_at", &self.created_at)?,
            updated_at: parse_time("updated_at", &self.updated_at)?,
            revision: 1,
            source: source.ok_or_else(|| Error::invalid("source", "must be client, model or rule"))?,
            origin: self.message.map(|Object(OriginBody { session_id, sequence })| Origin { session_id, sequence }),
        })
    }
}

fn parse_time(field: &str, text: &str) -> Result<Timestamp> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| Error::invalid(field, "must be a time, as in 2026-11-20T09:38:53.106Z"))?;
    Ok(Timestamp::from_millis(time.timestamp_millis()))
}

/// No type of ours can fail.
fn encode<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
