//! `/api/sessions` and `/sessions/active`: which sessions there are, and whose.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    iso,
    names::{Named, is_harmless, shown},
};
use crate::{
    domain::{caller::Caller, session::Session},
    error::{Error, Result},
    http::{problem::Problem, request::Request, response::Reply},
    index, limits,
};

#[derive(Serialize)]
struct SessionsJson {
    sessions: Vec<SessionJson>,
    count: usize,
}

#[derive(Serialize)]
struct SessionJson {
    user_id: String,
    persona: String,
    created_at: String,
    last_activity: String,
    message_count: u64,
    /// The index does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
    session_id: String,
}

#[derive(Serialize)]
struct ActiveJson {
    active_users: Vec<String>,
    count: usize,
}

/// `GET /api/sessions?user_id`: 200 with the caller's sessions, latest activity first.
pub(super) async fn list(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let sessions = visible(request).await?;
    Ok(Reply::json(200, &SessionsJson { count: sessions.len(), sessions }))
}

/// `GET /sessions/active?user_id`: 200 with who has sessions among those, each once.
pub(super) async fn active(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let mut active_users = Vec::new();
    for session in visible(request).await? {
        if !active_users.contains(&session.user_id) {
            active_users.push(session.user_id);
        }
    }
    Ok(Reply::json(200, &ActiveJson { count: active_users.len(), active_users }))
}

/// How many questions and answers `messages` are.
pub(super) const fn pairs(messages: u64) -> u64 {
    messages >> 1
}

/// The sessions that the caller is shown, at most a page.
async fn visible(request: &Request<'_>) -> Result<Vec<SessionJson>> {
    let mut sessions = match (request.query().get("user_id"), request.caller()) {
        (None, Caller::Open { .. }) => everybodys(request).await?,
        (None, Caller::Service { .. }) => return Err(Error::invalid("user_id", "must say in the query whose sessions to list")),
        (name, _) => {
            let named = Named::of(request, name.unwrap_or_default())?;
            let listed = named.sessions(request, limits::PAGE_ITEMS, named.or_all()).await?;
            listed.into_iter().map(|listed| SessionJson::from(listed.session)).collect()
        }
    };
    sessions.retain(|session| is_harmless(&session.session_id));
    Ok(sessions)
}

async fn everybodys(request: &Request<'_>) -> Result<Vec<SessionJson>> {
    let mut entries = index::list(request.env(), "", limits::PAGE_ITEMS, None).await?.entries;
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.last_activity));
    Ok(entries.into_iter().map(SessionJson::from).collect())
}

impl From<Session> for SessionJson {
    fn from(session: Session) -> Self {
        SessionJson {
            user_id: shown(session.user_id.as_ref().map(|user| user.as_str())),
            created_at: iso(session.created_at),
            last_activity: iso(session.last_activity),
            message_count: pairs(session.message_count),
            // We have written it ourselves.
            metadata: RawValue::from_string(session.metadata).ok(),
            session_id: session.id.as_str().to_owned(),
            persona: session.persona,
        }
    }
}

impl From<index::Entry> for SessionJson {
    fn from(entry: index::Entry) -> Self {
        SessionJson {
            user_id: shown(entry.user_id.as_deref()),
            persona: entry.persona,
            created_at: iso(entry.created_at),
            last_activity: iso(entry.last_activity),
            message_count: pairs(entry.message_count),
            metadata: None,
            session_id: entry.session_id,
        }
    }
}
