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
        id::SessionId,
        message::{Message, Role},
        session::{NewSession, Precondition, Session},
    },
    error::{Error, Result, Subject},
    http::{every_session::AT_ONCE, problem::Problem, read_on::read_on, request::Request, response::Reply},
    limits,
    session::{PageRequest, client::SessionClient},
};

/// How many messages are shown when nobody says how many.
const SHOWN: u32 = 10;
/// For each that is shown about so many are read: calls of tools and their results are not shown.
const READ_FOR_SHOWN: u32 = 4;
/// So many sessions are cleared at a time.
const CLEARED: u32 = 100;

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
        (None, named) => named?.sessions(request, 1, None).await?.into_iter().next().map(|listed| listed.session.id),
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

/// `DELETE .../clear?session_id`: 200 when the session is empty, or when that user has none any more.
pub(super) async fn clear(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    match named_session(request)? {
        Some(id) => absent_is_done(empty(request, &id).await)?,
        None => end_all(request).await?,
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

/// Has another session, as empty as it began, take the session's place: so nothing that was said is left anywhere.
async fn empty(request: &Request<'_>, id: &SessionId) -> Result<()> {
    let session = SessionClient::new(request.env(), request.caller(), id).get().await?;
    let caller = request.caller().acting_for(session.owner.user())?;
    let client = SessionClient::new(request.env(), &caller, id);
    client.delete(Precondition::None, None).await?;
    client.create(anew(session), Vec::new()).await.map(drop)
}

fn anew(session: Session) -> NewSession {
    NewSession {
        user_id: session.user_id,
        persona: session.persona,
        // One that was made of what was said goes with that.
        title: session.title.filter(|_| !session.is_title_made),
        metadata: session.metadata,
        idle_timeout: session.idle_timeout,
        profile: session.profile,
        uses_memory: session.uses_memory,
        created_from: session.created_from,
    }
}

/// Ends every session of the user in the path. Those who begin others meanwhile keep them.
async fn end_all(request: &Request<'_>) -> Result<()> {
    let named = Named::of(request, request.segment(0))?;
    loop {
        let listed = named.sessions(request, CLEARED, None).await?;
        let end = async |id: SessionId| {
            absent_is_done(SessionClient::new(request.env(), &named.caller, &id).delete(Precondition::None, None).await.map(drop))
        };
        let has_more = u32::try_from(listed.len()).is_ok_and(|count| count == CLEARED);
        stream::iter(listed).map(|listed| end(listed.session.id)).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        if !has_more {
            return Ok(());
        }
    }
}

fn absent_is_done(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Error::NotFound(Subject::Session)) => Ok(()),
        outcome => outcome,
    }
}
