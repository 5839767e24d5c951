//! `/api/v1/sessions`: begin, read, end, and the one that a user was in last.

use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::{Refusal, fields::Fields, iso, somebody, success, user_of};
use crate::{
    domain::{
        id::{Id, SessionId, UserId},
        session::{CREATED_FROM_API, Precondition, Session},
    },
    error::{Error, Subject},
    http::{
        begin::{self, Choices, NOBODY},
        problem::Problem,
        request::Request,
        response::{Reply, raw_json},
    },
    platform,
    session::client::SessionClient,
    user::client::{self, Filter},
};

#[derive(Serialize)]
struct CreatedJson<'a> {
    session_id: &'a str,
    user_id: &'a str,
    created_at: String,
    metadata: Box<RawValue>,
}

#[derive(Serialize)]
struct SessionJson<'a> {
    #[serde(flatten)]
    created: CreatedJson<'a>,
    last_activity: String,
    is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<MemoryJson<'a>>,
}

#[derive(Serialize)]
struct MemoryJson<'a> {
    session_id: &'a str,
    has_session_memory: bool,
    has_working_memory: bool,
    has_behavior_profile: bool,
    /// A turn is what was said and its answer.
    conversation_turns: u64,
}

#[derive(Serialize)]
struct DeletedJson<'a> {
    success: bool,
    message: &'static str,
    session_id: &'a str,
    timestamp: String,
}

/// `POST /api/v1/sessions` `{user_id?, metadata?}`: 201 with the new session.
pub(super) async fn create(request: &Request<'_>) -> Result<Reply, Refusal> {
    let (body, asked) = request.repeatable_json::<Map<String, Value>>().await?;
    let mut fields = Fields::of(body);
    let (user_id, metadata) = (somebody(fields.text("user_id")), fields.object("metadata"));
    fields.check()?;
    let new = Choices { user_id, metadata, ..Choices::default() }.check(request, CREATED_FROM_API)?;
    let (caller, repeatable) = (request.caller().acting_for(new.user_id.as_ref())?, asked.repeatable(None)?);
    let session = begin::create_own(request, &caller, repeatable.as_ref(), new).await?;
    Ok(success(201, CreatedJson::from(&session)))
}

/// `GET /api/v1/sessions/{id}`: 200 with the session and what it remembers, in numbers. No activity.
pub(super) async fn get(request: &Request<'_>) -> Result<Reply, Refusal> {
    let id = session_id(request)?;
    let session = SessionClient::new(request.env(), request.caller(), &id).get().await.map_err(|error| refused(error, &id))?;
    let memory = MemoryJson {
        session_id: session.id.as_str(),
        has_session_memory: true,
        has_working_memory: true,
        has_behavior_profile: true,
        conversation_turns: session.message_count / 2,
    };
    Ok(success(200, SessionJson::new(&session, Some(memory))))
}

/// `DELETE /api/v1/sessions/{id}`: 200 when nothing of it is left. What is remembered of its user stays.
pub(super) async fn delete(request: &Request<'_>) -> Result<Reply, Refusal> {
    let id = session_id(request)?;
    let client = SessionClient::new(request.env(), request.caller(), &id);
    client.delete(Precondition::None, None).await.map_err(|error| refused(error, &id))?;
    let (message, timestamp) = ("Session deleted successfully", iso(platform::now()));
    Ok(Reply::json(200, &DeletedJson { success: true, message, session_id: id.as_str(), timestamp }))
}

/// `GET /api/v1/sessions/continue?user_id`: 200 with the session that the user was in last.
pub(super) async fn latest(request: &Request<'_>) -> Result<Reply, Refusal> {
    let named = request.query().get("user_id").unwrap_or(NOBODY);
    let none = || Problem::new(404, "NO_SESSION_FOUND", format!("No active session found for user: {named}"));
    let user = somebody(Some(named.to_owned())).map(|user| UserId::parse("user_id", &user)).transpose()?;
    // Whether a user may not be named or has no session cannot be told.
    let caller = request.caller().acting_for(user.as_ref()).map_err(|_| none())?;
    let user = user.or_else(|| caller.one_user().cloned()).ok_or_else(none)?;
    let listed = client::list(request.env(), &user, 1, None, Filter::default()).await?;
    let latest = listed.first().ok_or_else(none)?;
    Ok(success(200, SessionJson::new(&latest.session, None)))
}

/// 404: there is no session of that name.
pub(super) fn not_found(id: &str) -> Problem {
    Problem::new(404, "SESSION_NOT_FOUND", format!("Session {id} not found"))
}

/// The id in the path. What can be no id names no session.
fn session_id(request: &Request<'_>) -> Result<SessionId, Refusal> {
    Id::parse("session_id", request.segment(0)).map_err(|_| not_found(request.segment(0)).into())
}

fn refused(error: Error, id: &SessionId) -> Refusal {
    if error == Error::NotFound(Subject::Session) { not_found(id.as_str()).into() } else { error.into() }
}

impl<'a> From<&'a Session> for CreatedJson<'a> {
    fn from(session: &'a Session) -> Self {
        CreatedJson {
            session_id: session.id.as_str(),
            user_id: user_of(session),
            created_at: iso(session.created_at),
            metadata: raw_json(&session.metadata),
        }
    }
}

impl<'a> SessionJson<'a> {
    fn new(session: &'a Session, memory: Option<MemoryJson<'a>>) -> SessionJson<'a> {
        SessionJson { created: session.into(), last_activity: iso(session.last_activity), is_active: true, memory }
    }
}
