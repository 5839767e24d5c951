//! `/api/session/create` and `/session/start`: how sessions begin.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    check_persona, iso,
    names::{Named, harmless},
};
use crate::{
    domain::{
        caller::Owner,
        id::SessionId,
        session::{CREATED_FROM_API, DEFAULT_PERSONA, NewSession, Precondition, Session, SessionPatch},
    },
    error::{Error, Result, Subject},
    http::{
        begin::{Choices, create_own, encode_metadata},
        problem::Problem,
        request::{
            Request,
            repeat::{Asked, only_id_of},
        },
        response::Reply,
    },
    session::client::SessionClient,
    user::client::Filter,
};

/// The persona that answers when `/session/start` names none.
pub(super) const START_PERSONA: &str = "mental_health_nurse";

#[derive(Deserialize)]
struct BeginBody {
    user_id: String,
    persona: Option<String>,
    metadata: Option<Map<String, Value>>,
}

#[derive(Serialize)]
struct CreatedJson<'a> {
    session_id: &'a str,
    user_id: String,
    created_at: String,
    persona: &'a str,
}

#[derive(Serialize)]
struct StartedJson<'a> {
    user_id: String,
    persona: &'a str,
    message_count: u64,
    created_at: String,
    last_activity: String,
    session_id: &'a str,
}

/// `POST /api/session/create` `{user_id, persona?, metadata?}`: 200 with a new session.
pub(super) async fn create(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (BeginBody { user_id, persona, metadata }, asked) = request.repeatable_json().await?;
    let persona = persona.unwrap_or_else(|| DEFAULT_PERSONA.to_owned());
    check_persona(request, &persona)?;
    let named = Named::of(request, &user_id)?;
    let session = begin(request, &named, Wanted { persona, metadata }, asked).await?;
    let created = CreatedJson {
        session_id: session.id.as_str(),
        user_id: harmless(&user_id),
        created_at: iso(session.created_at),
        persona: &session.persona,
    };
    Ok(Reply::json(200, &created))
}

/// `POST /session/start` `{user_id, persona?, metadata?}`: 200 with the user's latest session with that persona, or a new one.
///
/// 1. Read and check. 2. Resume what is there; its metadata is merged. 3. Or else begin, and once: also for those who ask at
///    the same time.
pub(super) async fn start(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (BeginBody { user_id, persona, metadata }, asked) = request.repeatable_json().await?;
    let persona = persona.unwrap_or_else(|| START_PERSONA.to_owned());
    check_persona(request, &persona)?;
    let named = Named::of(request, &user_id)?;
    let session = match resume(request, &named, &persona, metadata.as_ref()).await? {
        Some(session) => session,
        None => begin_once(request, &named, Wanted { persona, metadata }, asked).await?,
    };
    let started = StartedJson {
        user_id: harmless(&user_id),
        persona: &session.persona,
        message_count: super::list::pairs(session.message_count),
        created_at: iso(session.created_at),
        last_activity: iso(session.last_activity),
        session_id: session.id.as_str(),
    };
    Ok(Reply::json(200, &started))
}

/// What a session is to be like.
pub(super) struct Wanted {
    pub(super) persona: String,
    pub(super) metadata: Option<Map<String, Value>>,
}

/// Begins a session of that user.
async fn begin(request: &Request<'_>, named: &Named, wanted: Wanted, asked: Asked) -> Result<Session> {
    let (new, repeatable) = (wanted.check(request, named)?, asked.repeatable(None)?);
    create_own(request, &named.caller, repeatable.as_ref(), new).await
}

/// Begins the session of that user with that persona, or finds the one that another request has begun meanwhile. Nobody has one
/// in particular.
///
/// # Errors
/// `Invalid`, and those of creating one.
pub(super) async fn begin_once(request: &Request<'_>, named: &Named, wanted: Wanted, asked: Asked) -> Result<Session> {
    let Owner::User(owner) = named.caller.owner_of_new() else { return begin(request, named, wanted, asked).await };
    let (label, metadata) = (named.label.as_ref().map_or("", |label| label.as_str()), wanted.metadata.clone());
    let id = only_id_of(&owner, &format!("{}\0{label}", wanted.persona));
    let (new, repeatable) = (wanted.check(request, named)?, asked.repeatable(None)?);
    let client = SessionClient::new(request.env(), &named.caller, &id).once(repeatable.as_ref());
    match client.create(new.clone(), Vec::new()).await {
        Ok((session, true)) => return Ok(session),
        Ok((session, false)) if session.persona == new.persona => {
            if let Some(session) = merge(request, named, &id, metadata.as_ref()).await? {
                return Ok(session);
            }
        }
        // It was given another persona since, or the id is somebody else's choice.
        Ok(_) | Err(Error::IdTaken) => {}
        Err(error) => return Err(error),
    }
    create_own(request, &named.caller, repeatable.as_ref(), new).await
}

async fn resume(request: &Request<'_>, named: &Named, persona: &str, metadata: Option<&Map<String, Value>>) -> Result<Option<Session>> {
    let filter = Filter { persona: Some(persona.to_owned()), ..named.only() };
    match named.sessions(request, 1, filter).await?.pop() {
        Some(latest) => merge(request, named, &latest.session.id, metadata).await,
        None => Ok(None),
    }
}

/// The session, with `metadata` merged into its own. `None`: it has ended since.
async fn merge(request: &Request<'_>, named: &Named, id: &SessionId, metadata: Option<&Map<String, Value>>) -> Result<Option<Session>> {
    let patch = SessionPatch { metadata: metadata.map(encode_metadata).transpose()?, ..SessionPatch::default() };
    match SessionClient::new(request.env(), &named.caller, id).patch(Precondition::None, patch).await {
        Err(Error::NotFound(Subject::Session)) => Ok(None),
        patched => patched.map(Some),
    }
}

impl Wanted {
    fn check(self, request: &Request<'_>, named: &Named) -> Result<NewSession> {
        let user_id = named.label.as_ref().map(|label| label.as_str().to_owned());
        let choices = Choices { user_id, persona: Some(self.persona), metadata: self.metadata, ..Choices::default() };
        choices.check(request, CREATED_FROM_API)
    }
}
