//! `/session/{user_id}/history` and `/session/{user_id}/clear`, with and without `/api` before them.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    iso, named_session,
    names::{Named, harmless},
};
use crate::{
    domain::{
        caller::{Caller, Owner},
        id::SessionId,
        message::{Message, Role},
    },
    error::{Error, Result, Subject},
    http::{
        every_session::{AT_ONCE, Pages},
        problem::Problem,
        read_on::read_on,
        request::Request,
        response::Reply,
    },
    limits,
    session::{PageRequest, client::SessionClient},
    user::client::Listed,
};

/// How many messages are shown when nobody says how many.
const SHOWN: u32 = 10;
/// For each that is shown about so many are read: calls of tools and their results are not shown.
const READ_FOR_SHOWN: u32 = 4;

#[derive(Serialize)]
struct HistoryJson<'a> {
    user_id: String,
    session_id: Option<&'a str>,
    message_count: usize,
    messages: Vec<MessageJson<'a>>,
}

#[derive(Serialize)]
struct MessageJson<'a> {
    role: &'static str,
    content: &'a str,
    timestamp: String,
    metadata: Box<RawValue>,
}

#[derive(Serialize)]
struct ClearedJson {
    status: &'static str,
    message: String,
}

/// `GET .../history?session_id&limit`: 200 with the newest messages, oldest first; with none when there is no session.
///
/// 1. Find the session. 2. Read on until there is enough that somebody has said.
pub(super) async fn read(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let limit = request.query().number("limit", SHOWN, 1, limits::PAGE_ITEMS)?;
    let named = Named::of(request, request.segment(0));
    let id = match (named_session(request)?, named) {
        (Some(id), _) => Some(id),
        (None, named) => {
            let named = named?;
            named.sessions(request, 1, named.only()).await?.pop().map(|latest| latest.session.id)
        }
    };
    let newest = match &id {
        Some(id) => newest(request, id, limit).await?,
        None => Vec::new(),
    };
    let messages: Vec<_> = newest.iter().rev().filter_map(said).collect();
    let history = HistoryJson {
        user_id: harmless(request.segment(0)),
        session_id: id.as_ref().map(|id| id.as_str()),
        message_count: messages.len(),
        messages,
    };
    Ok(Reply::json(200, &history))
}

/// `DELETE .../clear?session_id`: 200 when the session is empty, or every one of that user.
pub(super) async fn clear(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    match named_session(request)? {
        Some(id) => empty(request, request.caller(), &id).await?,
        None => empty_all(request).await?,
    }
    let message = format!("Session cleared for user {}", harmless(request.segment(0)));
    Ok(Reply::json(200, &ClearedJson { status: "success", message }))
}

/// The newest messages that are shown, newest first.
async fn newest(request: &Request<'_>, id: &SessionId, limit: u32) -> Result<Vec<Message>> {
    let (session, most) = (SessionClient::new(request.env(), request.caller(), id), usize::try_from(limit).unwrap_or(usize::MAX));
    let page = PageRequest { after: None, before: None, offset: 0, limit: limit.saturating_mul(READ_FOR_SHOWN), newest_first: true };
    match read_on(&session, page, most, |message| said(message).is_some()).await {
        Err(Error::NotFound(Subject::Session)) => Ok(Vec::new()),
        read => read.map(|(newest, _)| newest),
    }
}

fn said(message: &Message) -> Option<MessageJson<'_>> {
    let role = match message.body.role {
        role @ (Role::User | Role::Assistant) => role.name(),
        Role::System | Role::Tool => return None,
    };
    let content = message.body.content.as_deref().filter(|content| !content.is_empty())?;
    let metadata = message.body.metadata.clone().unwrap_or_else(|| "{}".to_owned());
    let metadata = RawValue::from_string(metadata).unwrap_or_else(|_| RawValue::NULL.to_owned());
    Some(MessageJson { role, content, timestamp: iso(message.created_at), metadata })
}

/// Empties a session. Where there is none, nothing is left to do.
async fn empty(request: &Request<'_>, caller: &Caller, id: &SessionId) -> Result<()> {
    match SessionClient::new(request.env(), caller, id).empty().await {
        Err(Error::NotFound(Subject::Session)) => Ok(()),
        emptied => emptied,
    }
}

/// Empties every session of the user in the path. One that is begun or talked in meanwhile may keep what is said then.
async fn empty_all(request: &Request<'_>) -> Result<()> {
    let named = Named::of(request, request.segment(0))?;
    // What is nobody's is on no list.
    let Owner::User(owner) = named.caller.owner_of_new() else { return Ok(()) };
    let mut pages = Pages::new(&owner, named.only());
    loop {
        let page = pages.next(request).await?;
        if page.is_empty() {
            return Ok(());
        }
        let empty = async |listed: Listed| empty(request, &named.caller, &listed.session.id).await;
        stream::iter(page).map(empty).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    }
}
