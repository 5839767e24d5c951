//! The callers' side of the user object: one function per call, domain values in and out.

use serde::de::DeserializeOwned;
use worker::Env;

use crate::{
    domain::{
        id::{SessionId, UserId},
        session::Session,
        time::Timestamp,
    },
    error::Result,
    memory::protocol::MemoryCall,
    platform::namespace,
    session::record::{SessionRecord, refusal::Refusal},
    user::protocol::{BINDING, Call, PositionRecord},
};

/// A place in a user's list of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Last activity of the session there.
    pub last_activity: Timestamp,
    /// Its id.
    pub session_id: SessionId,
}

/// Puts `session` on the list of `user`, or brings what the list says of it up to date.
///
/// # Errors
/// `Unavailable` when the object cannot be reached; so in every function here.
pub(crate) async fn put(env: &Env, user: &UserId, session: &Session) -> Result<()> {
    namespace::call::<_, bool, Refusal>(env, BINDING, user.as_str(), &Call::Put(Box::new(session.into()))).await.map(drop)
}

/// Takes session `id` off the list of `user`.
///
/// # Errors
/// As [`put`].
pub(crate) async fn remove(env: &Env, user: &UserId, id: &SessionId) -> Result<()> {
    let call = Call::Remove { session_id: id.as_str().to_owned() };
    namespace::call::<_, bool, Refusal>(env, BINDING, user.as_str(), &call).await.map(drop)
}

/// Live sessions of `user` after `position`, those with the latest activity first.
///
/// # Errors
/// As [`put`].
pub(crate) async fn list(env: &Env, user: &UserId, limit: u32, position: Option<Position>) -> Result<Vec<Session>> {
    let after = position.map(|position| PositionRecord {
        last_activity: position.last_activity.millis(),
        session_id: position.session_id.as_str().to_owned(),
    });
    let sessions: Vec<SessionRecord> = namespace::call::<_, _, Refusal>(env, BINDING, user.as_str(), &Call::List { limit, after }).await?;
    sessions.into_iter().map(Session::try_from).collect()
}

/// Asks the memory of `user`.
///
/// # Errors
/// As [`put`], and those of what is asked.
pub(crate) async fn memory<T: DeserializeOwned>(env: &Env, user: &UserId, call: MemoryCall) -> Result<T> {
    namespace::call::<_, T, Refusal>(env, BINDING, user.as_str(), &Call::Memory(call)).await
}
