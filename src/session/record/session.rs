//! Sessions, as they are and as they are to begin.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{failure_named, profile::ProfileRecord, user_id};
use crate::{
    domain::{
        caller::Owner,
        id::Id,
        session::{CREATED_FROM_API, LastError, NewSession, Session},
        time::{Timestamp, millis},
        turn::tokens::Tally,
    },
    error::{Error, Result},
};

/// An [`Owner`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OwnerRecord {
    User(String),
    Nobody,
}

/// A [`Session`].
#[derive(Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    id: String,
    owner: OwnerRecord,
    user_id: Option<String>,
    persona: String,
    title: Option<String>,
    metadata: String,
    created_at: i64,
    last_activity: i64,
    idle_timeout_ms: u64,
    message_count: u64,
    last_sequence: u64,
    revision: u64,
    // Since turns. What is nothing is left out, as 0.1 did not know it.
    #[serde(default, skip_serializing_if = "is_zero")]
    turn_count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    running_turn: Option<u64>,
    #[serde(default, skip_serializing_if = "TallyRecord::is_nothing")]
    tally: TallyRecord,
    #[serde(default, skip_serializing_if = "is_zero")]
    error_count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<LastErrorRecord>,
    // Since memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileRecord>,
    #[serde(default, skip_serializing_if = "is_false")]
    is_memory_off: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    is_title_made: bool,
    // Since users have limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_from: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    query_count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_persona: Option<String>,
}

/// A [`Tally`].
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct TallyRecord {
    prompt_tokens: u64,
    completion_tokens: u64,
    has_estimates: bool,
    observed_bytes: u64,
    observed_tokens: u64,
}

/// A [`LastError`].
#[derive(Serialize, Deserialize)]
struct LastErrorRecord {
    code: String,
    at: i64,
}

/// A [`NewSession`].
#[derive(Serialize, Deserialize)]
pub(crate) struct NewSessionRecord {
    user_id: Option<String>,
    persona: String,
    title: Option<String>,
    metadata: String,
    idle_timeout_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileRecord>,
    #[serde(default, skip_serializing_if = "is_false")]
    is_memory_off: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_from: Option<String>,
}

impl NewSessionRecord {
    /// Who is to answer.
    pub(crate) fn persona(&self) -> &str {
        &self.persona
    }
}

impl TallyRecord {
    fn is_nothing(&self) -> bool {
        *self == TallyRecord::default()
    }
}

impl SessionRecord {
    /// The session's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// When it began.
    pub(crate) fn created_at(&self) -> Timestamp {
        Timestamp::from_millis(self.created_at)
    }

    /// When it was last written to.
    pub(crate) fn last_activity(&self) -> Timestamp {
        Timestamp::from_millis(self.last_activity)
    }

    /// Key of the persona that answers.
    pub(crate) fn persona(&self) -> &str {
        &self.persona
    }

    /// A person's name for it.
    pub(crate) fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// What its client calls the user.
    pub(crate) fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How a session was created, where that says something.
fn created_from(text: &str) -> Option<String> {
    (text != CREATED_FROM_API).then(|| text.to_owned())
}

impl From<&Session> for SessionRecord {
    fn from(session: &Session) -> Self {
        SessionRecord {
            id: session.id.as_str().to_owned(),
            owner: match &session.owner {
                Owner::User(user) => OwnerRecord::User(user.as_str().to_owned()),
                Owner::Nobody => OwnerRecord::Nobody,
            },
            user_id: session.user_id.as_ref().map(|user| user.as_str().to_owned()),
            persona: session.persona.clone(),
            title: session.title.clone(),
            metadata: session.metadata.clone(),
            created_at: session.created_at.millis(),
            last_activity: session.last_activity.millis(),
            idle_timeout_ms: millis(session.idle_timeout),
            message_count: session.message_count,
            last_sequence: session.last_sequence,
            revision: session.revision,
            turn_count: session.turn_count,
            running_turn: session.running_turn,
            tally: session.tally.into(),
            error_count: session.error_count,
            last_error: session.last_error.map(|last| LastErrorRecord { code: last.failure.code().to_owned(), at: last.at.millis() }),
            profile: ProfileRecord::of(session.profile),
            is_memory_off: !session.uses_memory,
            is_title_made: session.is_title_made,
            created_from: created_from(&session.created_from),
            query_count: session.query_count,
            last_persona: session.last_persona.clone(),
        }
    }
}

impl TryFrom<SessionRecord> for Session {
    type Error = Error;
    fn try_from(record: SessionRecord) -> Result<Self> {
        Ok(Session {
            id: Id::parse("session_id", &record.id)?,
            owner: match record.owner {
                OwnerRecord::User(user) => Owner::User(Id::parse("owner", &user)?),
                OwnerRecord::Nobody => Owner::Nobody,
            },
            user_id: user_id(record.user_id)?,
            persona: record.persona,
            title: record.title,
            metadata: record.metadata,
            created_at: Timestamp::from_millis(record.created_at),
            last_activity: Timestamp::from_millis(record.last_activity),
            idle_timeout: Duration::from_millis(record.idle_timeout_ms),
            message_count: record.message_count,
            last_sequence: record.last_sequence,
            revision: record.revision,
            turn_count: record.turn_count,
            running_turn: record.running_turn,
            tally: record.tally.into(),
            error_count: record.error_count,
            last_error: record.last_error.map(LastError::try_from).transpose()?,
            profile: ProfileRecord::read(record.profile)?,
            uses_memory: !record.is_memory_off,
            is_title_made: record.is_title_made,
            created_from: record.created_from.unwrap_or_else(|| CREATED_FROM_API.to_owned()),
            query_count: record.query_count,
            last_persona: record.last_persona,
        })
    }
}

impl From<Tally> for TallyRecord {
    fn from(tally: Tally) -> Self {
        let Tally { prompt_tokens, completion_tokens, has_estimates, observed_bytes, observed_tokens } = tally;
        TallyRecord { prompt_tokens, completion_tokens, has_estimates, observed_bytes, observed_tokens }
    }
}

impl From<TallyRecord> for Tally {
    fn from(record: TallyRecord) -> Self {
        let TallyRecord { prompt_tokens, completion_tokens, has_estimates, observed_bytes, observed_tokens } = record;
        Tally { prompt_tokens, completion_tokens, has_estimates, observed_bytes, observed_tokens }
    }
}

impl TryFrom<LastErrorRecord> for LastError {
    type Error = Error;
    fn try_from(record: LastErrorRecord) -> Result<Self> {
        Ok(LastError { failure: failure_named(&record.code)?, at: Timestamp::from_millis(record.at) })
    }
}

impl From<NewSession> for NewSessionRecord {
    fn from(new: NewSession) -> Self {
        NewSessionRecord {
            user_id: new.user_id.map(|user| user.as_str().to_owned()),
            persona: new.persona,
            title: new.title,
            metadata: new.metadata,
            idle_timeout_ms: millis(new.idle_timeout),
            profile: ProfileRecord::of(new.profile),
            is_memory_off: !new.uses_memory,
            created_from: created_from(&new.created_from),
        }
    }
}

impl TryFrom<NewSessionRecord> for NewSession {
    type Error = Error;
    fn try_from(record: NewSessionRecord) -> Result<Self> {
        Ok(NewSession {
            user_id: user_id(record.user_id)?,
            persona: record.persona,
            title: record.title,
            metadata: record.metadata,
            idle_timeout: Duration::from_millis(record.idle_timeout_ms),
            profile: ProfileRecord::read(record.profile)?,
            uses_memory: !record.is_memory_off,
            created_from: record.created_from.unwrap_or_else(|| CREATED_FROM_API.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session as 0.1 wrote it.
    const BEFORE_TURNS: &str = r#"{"id":"s","owner":{"user":"ann"},"user_id":"Ann","persona":"default","title":null,"metadata":"{}","created_at":1,"last_activity":2,"idle_timeout_ms":3,"message_count":4,"last_sequence":5,"revision":6}"#;

    #[test]
    fn session_format_unchanged() {
        let since = r#","turn_count":7,"running_turn":7,"tally":{"prompt_tokens":1,"completion_tokens":2,"has_estimates":true,"observed_bytes":3,"observed_tokens":4},"error_count":8,"last_error":{"code":"MODEL_TIMEOUT","at":9},"profile":{"verbosity":"low","tone":"casual","depth":"advanced"},"is_memory_off":true,"is_title_made":true,"created_from":"chat","query_count":9,"last_persona":"p"}"#;
        let written = format!("{}{since}", BEFORE_TURNS.strip_suffix('}').unwrap());
        let session = Session::try_from(serde_json::from_str::<SessionRecord>(&written).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&SessionRecord::from(&session)).unwrap(), written);
        let old = Session::try_from(serde_json::from_str::<SessionRecord>(BEFORE_TURNS).unwrap()).unwrap();
        assert_eq!((old.turn_count, old.error_count, old.last_error), (0, 0, None));
    }
}
