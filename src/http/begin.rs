//! How sessions begin, whatever the dialect: what a client may choose for one, and ids of our own.

use serde_json::{Map, Value};

use crate::{
    domain::{
        caller::Caller,
        id::{Id, Repeatable, SessionId},
        message::Message,
        session::{self, DEFAULT_PERSONA, NewSession, Session},
        speech::profile::{Profile, ProfilePatch},
    },
    error::{Error, Result},
    http::request::{Request, repeat::session_id_of},
    limits, platform,
    session::client::SessionClient,
};

/// What clients of other systems call nobody, and are told that nobody is called.
pub(super) const NOBODY: &str = "default_user";

/// Is nobody called so by clients of other systems?
pub(super) fn is_nobody(user_id: &str) -> bool {
    matches!(user_id, "" | NOBODY)
}

/// How often an id of our own is drawn again when it is in use: once is unlikely enough.
const ID_ATTEMPTS: usize = 3;

/// What a client may choose for a new session, not checked yet. What it does not choose is the deployment's.
#[derive(Default)]
pub(super) struct Choices {
    pub(super) user_id: Option<String>,
    pub(super) persona: Option<String>,
    pub(super) title: Option<String>,
    pub(super) metadata: Option<Map<String, Value>>,
    pub(super) ttl_seconds: Option<u64>,
    pub(super) profile: ProfilePatch,
    pub(super) memory: Option<bool>,
}

impl Choices {
    /// Holds it against the rules. `created_from`: by which request.
    ///
    /// # Errors
    /// `Invalid` or `TooLarge`, naming the field.
    pub(super) fn check(self, request: &Request<'_>, created_from: &str) -> Result<NewSession> {
        let persona = self.persona.unwrap_or_else(|| DEFAULT_PERSONA.to_owned());
        request.config().personas.check(&persona)?;
        self.title.as_deref().map_or(Ok(()), session::check_title)?;
        Ok(NewSession {
            user_id: self.user_id.map(|user| Id::parse("user_id", &user)).transpose()?.or_else(|| request.caller().one_user().cloned()),
            persona,
            title: self.title,
            metadata: encode_metadata(&self.metadata.unwrap_or_default())?,
            idle_timeout: match self.ttl_seconds {
                Some(seconds) => session::parse_idle_timeout("ttl_seconds", seconds)?,
                None => request.config().idle_timeout,
            },
            profile: Profile::default().patched(self.profile),
            uses_memory: self.memory.unwrap_or(true),
            created_from: created_from.to_owned(),
        })
    }
}

/// Metadata as it is stored.
///
/// # Errors
/// `TooLarge`.
pub(super) fn encode_metadata(metadata: &Map<String, Value>) -> Result<String> {
    let json = serde_json::to_string(metadata).map_err(|e| Error::Internal(format!("metadata: {e}")))?;
    limits::check_body("metadata", &json, limits::METADATA_BYTES)?;
    Ok(json)
}

/// Runs `attempt` with an id of our own, and with another should that one be in use. A request with a key gets the
/// same id each time.
///
/// # Errors
/// Those of `attempt`; `Invalid` when the session would be nobody's and its key can be guessed.
pub(super) async fn with_own_id<T>(
    repeatable: Option<&Repeatable>,
    caller: &Caller,
    attempt: impl AsyncFn(SessionId) -> Result<T>,
) -> Result<T> {
    if let Some(repeatable) = repeatable {
        return attempt(session_id_of(&repeatable.key, &caller.owner_of_new())?).await;
    }
    let mut outcome = Err(Error::IdTaken);
    for _ in 0..ID_ATTEMPTS {
        outcome = attempt(SessionId::from_random(platform::random_bytes()?)).await;
        if !matches!(outcome, Err(Error::IdTaken)) {
            break;
        }
    }
    outcome
}

/// Begins a session under an id of our own, for `caller`.
///
/// # Errors
/// See [`with_own_id`].
pub(super) async fn create_own(
    request: &Request<'_>,
    caller: &Caller,
    repeatable: Option<&Repeatable>,
    new: NewSession,
) -> Result<Session> {
    let begin = async |id| create_new(SessionClient::new(request.env(), caller, &id).once(repeatable), new.clone(), Vec::new()).await;
    with_own_id(repeatable, caller, begin).await.map(|(session, _)| session)
}

/// Finds the living session that `chosen` names, or begins it; without one, begins a session with an id of our own. True:
/// it is new.
///
/// # Errors
/// `IdTaken` when the session is alive and not the caller's; those of [`with_own_id`].
pub(super) async fn find_or_begin(
    request: &Request<'_>,
    chosen: Option<SessionId>,
    new: NewSession,
    repeatable: Option<&Repeatable>,
) -> Result<(Session, bool)> {
    let caller = request.caller().acting_for(new.user_id.as_ref())?;
    match chosen {
        Some(id) => SessionClient::new(request.env(), &caller, &id).once(repeatable).create(new, Vec::new()).await,
        None => create_own(request, &caller, repeatable, new).await.map(|session| (session, true)),
    }
}

/// Begins the client's session, which must not be there yet.
///
/// # Errors
/// `IdTaken` when it is there, whosoever it is.
pub(super) async fn create_new(client: SessionClient<'_>, new: NewSession, messages: Vec<Message>) -> Result<(Session, bool)> {
    let (session, is_new) = client.create(new, messages).await?;
    if is_new { Ok((session, is_new)) } else { Err(Error::IdTaken) }
}
