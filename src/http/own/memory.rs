//! `/users/{id}/memory` and `/sessions/{id}/memory`: values under keys, for the user or for the session alone.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    etag, raw_json, rfc3339,
    routes::{MemoryAction, MemoryOf},
};
use crate::{
    domain::memory::Entry,
    http::{
        every_session::every_session,
        problem::Problem,
        request::{Query, Request},
        response::Reply,
    },
    limits,
    memory::client::{Entries, MemoryClient},
    session::client::SessionClient,
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PutMemoryRequest"))]
pub(super) struct PutBody {
    /// Any JSON value, 64 KiB at most.
    value: Box<RawValue>,
}

/// An entry, wherever one is shown.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "MemoryEntry"))]
pub(super) struct EntryJson<'a> {
    key: &'a str,
    value: Box<RawValue>,
    created_at: String,
    updated_at: String,
    /// Who wrote it.
    source: &'static str,
    /// The message that it was learned from.
    message: Option<OriginJson<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "MemoryOrigin"))]
struct OriginJson<'a> {
    session_id: &'a str,
    sequence: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "MemoryPage"))]
pub(super) struct PageJson<'a> {
    entries: Vec<EntryJson<'a>>,
    /// How many have the prefix.
    total: u64,
    next_cursor: Option<&'a str>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ForgottenMemory"))]
pub(super) struct ForgottenJson {
    deleted: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "UndoneMemory"))]
pub(super) struct UndoneJson<'a> {
    /// What is there now; null when nothing is.
    entry: Option<EntryJson<'a>>,
}

/// Does what is asked of a memory: 200, or 201 for a new entry.
///
/// 1. Whose memory is it? 2. Ask it. 3. Answer.
pub(crate) async fn answer(request: &Request<'_>, of: MemoryOf, action: MemoryAction) -> std::result::Result<Reply, Problem> {
    let repeatable = if action == MemoryAction::Undo { request.asked().repeatable(None)? } else { None };
    match of {
        MemoryOf::Session => {
            let id = request.id(0, "session_id")?;
            let session = SessionClient::new(request.env(), request.caller(), &id).once(repeatable.as_ref());
            act(request, &MemoryClient::Session(session), action).await
        }
        MemoryOf::User => {
            let memory = MemoryClient::User(request.env(), request.user()?, repeatable.as_ref());
            act(request, &memory, action).await
        }
    }
}

async fn act(request: &Request<'_>, memory: &MemoryClient<'_>, action: MemoryAction) -> std::result::Result<Reply, Problem> {
    let key = || request.id(1, "key");
    match action {
        MemoryAction::List => list(request.query(), memory).await,
        MemoryAction::Clear => {
            let deleted = memory.clear().await?;
            if let MemoryClient::User(_, user, _) = memory {
                // Sessions keep some of it. It is empty: what begins later learns nothing of it.
                every_session(request, user, async |session| session.forget_told().await).await?;
            }
            Ok(Reply::json(200, &ForgottenJson { deleted }))
        }
        MemoryAction::Get => Ok(reply(200, &memory.get(&key()?).await?)),
        MemoryAction::Put => {
            let (key, precondition) = (key()?, request.precondition()?);
            let PutBody { value } = request.json().await?;
            limits::check_body("value", value.get(), limits::MEMORY_BYTES)?;
            let (entry, is_new) = memory.put(&key, value.get().to_owned(), precondition, request.demands_existence()?).await?;
            Ok(reply(if is_new { 201 } else { 200 }, &entry))
        }
        MemoryAction::Delete => {
            memory.delete(&key()?, request.precondition()?).await?;
            Ok(Reply::json(200, &ForgottenJson { deleted: 1 }))
        }
        MemoryAction::Undo => {
            let entry = memory.undo(&key()?).await?;
            Ok(Reply::json(200, &UndoneJson { entry: entry.as_ref().map(EntryJson::from) }))
        }
    }
}

/// The cursor is the last key of a page.
async fn list(query: &Query, memory: &MemoryClient<'_>) -> std::result::Result<Reply, Problem> {
    let limit = query.number("limit", limits::PAGE_ITEMS_DEFAULT, 1, limits::PAGE_ITEMS)?;
    let prefix = query.get("prefix").unwrap_or_default();
    let Entries { entries, total, has_more } = memory.list(prefix, query.get("cursor"), limit).await?;
    let next_cursor = entries.last().filter(|_| has_more).map(|last| last.key.as_str());
    Ok(Reply::json(200, &PageJson { entries: entries.iter().map(EntryJson::from).collect(), total, next_cursor }))
}

fn reply(status: u16, entry: &Entry) -> Reply {
    Reply::json(status, &EntryJson::from(entry)).with_header("etag", etag(entry.version()))
}

impl<'a> From<&'a Entry> for EntryJson<'a> {
    fn from(entry: &'a Entry) -> Self {
        EntryJson {
            key: entry.key.as_str(),
            value: raw_json(&entry.value),
            created_at: rfc3339(entry.created_at),
            updated_at: rfc3339(entry.updated_at),
            source: entry.source.name(),
            message: entry.origin.as_ref().map(|origin| OriginJson { session_id: &origin.session_id, sequence: origin.sequence }),
        }
    }
}
