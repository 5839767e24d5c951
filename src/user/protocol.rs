//! What may be asked of a user object.

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    memory::protocol::{EntryRecord, FactRecord, MemoryCall, OriginRecord},
    platform,
    search::protocol::SearchCall,
    session::record::{RepeatableRecord, SessionRecord},
};

/// Where the user objects are bound.
pub(super) const BINDING: &str = "USER";

/// What may be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Call {
    /// Adds a session to the list, or replaces what it says of it, with what is new in it. Answers whether it has: it has not
    /// when the session is to end.
    Share(Box<Share>),
    /// Takes a session off the list. Answers `true`, also when it was not on it.
    Remove { session_id: String },
    /// The same with a session that was to share at `asked_at` and was not there, unless it has begun since. Answers `true`.
    Lost { session_id: String, asked_at: i64 },
    /// Answers a list of [`ListedRecord`], those with the latest activity first.
    Page { limit: u32, after: Option<PositionRecord>, filter: FilterRecord },
    /// Answers the ids after `after`, in their order, of all sessions that there may be, listed or not.
    Ids { after: String, limit: u32 },
    /// Keeps a place for a session that is about to begin, or answers `SessionLimit`. Answers `true`; with `late`, when the session
    /// would rather be asked for what it says, [`Admitted`], and with `reminds` what its first turn is to know of the user.
    Admit {
        user: String,
        session_id: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        late: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reminds: bool,
    },
    /// Hides a session that is deleted and can be restored until then. Answers `true`.
    Hide { session_id: String, until: i64 },
    /// Removes everything of the user, sessions and all. Answers [`ErasedRecord`]; to be asked again until that is complete.
    Erase { user: String },
    /// What the user's memory holds; answers as [`MemoryCall`] says.
    Memory(MemoryCall),
    /// The same for a request that may be repeated: it is done once, and answered as then for a day.
    Once { request: RepeatableRecord, call: MemoryCall },
    /// What a turn is to know of the user, who has just said `facts`. Answers [`Reminded`]. `late`: the session whose turn it
    /// is, when it would rather share what the turn says later.
    Remind {
        facts: Vec<FactRecord>,
        origin: Option<OriginRecord>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late: Option<String>,
    },
    /// Messages of the user's sessions. Answers `search::protocol::Found`.
    Search(SearchCall),
    /// What the user wants. Answers [`Settings`].
    Settings,
    /// Changes that. Answers [`Settings`].
    Change(Settings),
    /// The same as the call, or [`Informed::Behind`] when sessions are to share first.
    Informed(Box<Call>),
}

/// A call that is sent as [`Call::Informed`], and then, if it must be, as it is.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Inform<'a> {
    Informed(&'a Call),
}

/// What [`Call::Informed`] is answered.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Informed<T> {
    /// These sessions are to share first.
    Behind { behind: Vec<String> },
    /// What the call itself is answered.
    Answer(T),
}

/// What an object says first of a call that it cannot read, in every version.
const CALL: &str = "call";

/// Reads a call.
///
/// # Errors
/// One that [`is_unreadable`] knows when it is none of this version's: another one is being deployed.
pub(super) fn decode(json: &str) -> Result<Call> {
    platform::decode(CALL, json)
}

/// Has an object refused a call because it cannot read it?
pub(super) fn is_unreadable(error: &Error) -> bool {
    matches!(error, Error::Internal(cause) if cause.strip_prefix(CALL).is_some_and(|rest| rest.starts_with(": ")))
}

impl Call {
    /// May it add something? While the user is erased nothing is added.
    pub(super) fn writes(&self) -> bool {
        match self {
            Call::Share(_) | Call::Admit { .. } | Call::Once { .. } | Call::Remind { .. } | Call::Change(_) => true,
            Call::Memory(call) => call.writes(),
            Call::Informed(call) => call.writes(),
            Call::Remove { .. }
            | Call::Lost { .. }
            | Call::Hide { .. }
            | Call::Erase { .. }
            | Call::Page { .. }
            | Call::Ids { .. }
            | Call::Search(_)
            | Call::Settings => false,
        }
    }
}

/// What [`Call::Admit`] is answered.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Admitted {
    /// By an object before 0.8: the session is to tell.
    Plainly(bool),
    /// Is the session marked, so that it need not tell? And what its first turn is to know.
    Told { is_late: bool, reminded: Option<Reminded> },
}

/// A session, and what is new in it since what was shared before.
#[derive(Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) session: SessionRecord,
    /// After this message the documents are all there is; before it everything is as it was, but for what is forgotten.
    pub(super) after: u64,
    pub(super) documents: Vec<DocumentRecord>,
    /// Messages to forget, with what was learned from them.
    pub(super) forgotten: Vec<u64>,
    /// There is more, or a turn runs that will tell nothing at its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) stays_behind: bool,
}

/// A message that says something.
#[derive(Serialize, Deserialize)]
pub(super) struct DocumentRecord {
    pub(super) sequence: u64,
    pub(super) role: String,
    pub(super) created_at: i64,
    pub(super) content: String,
}

/// What is remembered of a user.
#[derive(Serialize, Deserialize)]
pub(super) struct Reminded {
    /// Does the user want models to know?
    pub(super) uses_memory: bool,
    /// What was learned just now.
    pub(super) learned: Vec<EntryRecord>,
    /// What is remembered, the latest first.
    pub(super) entries: Vec<EntryRecord>,
    /// How many there are.
    #[serde(default)]
    pub(super) total: u64,
    /// Is the session marked, so that it need not share at the turn's end?
    #[serde(default)]
    pub(super) is_late: bool,
}

/// What a user wants.
#[derive(Serialize, Deserialize)]
pub(super) struct Settings {
    /// May models be told what is remembered, and remember more?
    pub(super) uses_memory: bool,
}

/// What a list is to show, besides its order. What is absent lets everything through.
#[derive(Serialize, Deserialize)]
pub(super) struct FilterRecord {
    pub(super) persona: Option<String>,
    /// Text in the title, in whatever case.
    pub(super) title: Option<String>,
    /// What its client calls the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<String>,
    pub(super) created_since: Option<i64>,
    pub(super) created_before: Option<i64>,
    pub(super) active_since: Option<i64>,
    pub(super) active_before: Option<i64>,
}

impl FilterRecord {
    /// Does it let `session` through? Its last activity is left to the list's order.
    pub(super) fn lets_through(&self, session: &SessionRecord) -> bool {
        let created_at = session.created_at().millis();
        let has = |title: &str, text: &str| title.to_lowercase().contains(&text.to_lowercase());
        self.persona.as_ref().is_none_or(|persona| session.persona() == persona)
            && self.title.as_ref().is_none_or(|text| session.title().is_some_and(|title| has(title, text)))
            && self.user_id.as_ref().is_none_or(|user| session.user_id() == Some(user.as_str()))
            && self.created_since.is_none_or(|since| created_at >= since)
            && self.created_before.is_none_or(|before| created_at < before)
    }
}

/// A session on the list, and the last message in it that says something.
#[derive(Serialize, Deserialize)]
pub(super) struct ListedRecord {
    pub(super) session: SessionRecord,
    pub(super) last: Option<PreviewRecord>,
}

/// The beginning of a message.
#[derive(Serialize, Deserialize)]
pub(super) struct PreviewRecord {
    pub(super) sequence: u64,
    pub(super) role: String,
    pub(super) text: String,
}

/// What has gone with a user.
#[derive(Serialize, Deserialize)]
pub(super) struct ErasedRecord {
    pub(super) started_at: i64,
    pub(super) sessions: u64,
    pub(super) messages: u64,
    pub(super) memories: u64,
    /// Is nothing left?
    pub(super) is_complete: bool,
}

/// A place in the list: that of a session with this last activity and id.
#[derive(Serialize, Deserialize)]
pub(super) struct PositionRecord {
    pub(super) last_activity: i64,
    pub(super) session_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_format_unchanged() {
        let calls = [
            r#"{"remove":{"session_id":"s"}}"#,
            r#"{"lost":{"session_id":"s","asked_at":1}}"#,
            r#"{"page":{"limit":50,"after":{"last_activity":1,"session_id":"s"},"filter":{"persona":"p","title":"t","created_since":1,"created_before":2,"active_since":3,"active_before":4}}}"#,
            r#"{"ids":{"after":"s","limit":50}}"#,
            r#"{"page":{"limit":50,"after":null,"filter":{"persona":null,"title":null,"user_id":"u","created_since":null,"created_before":null,"active_since":null,"active_before":null}}}"#,
            r#"{"admit":{"user":"ann","session_id":"s"}}"#,
            r#"{"admit":{"user":"ann","session_id":"s","late":true,"reminds":true}}"#,
            r#"{"hide":{"session_id":"s","until":1}}"#,
            r#"{"erase":{"user":"ann"}}"#,
            r#"{"memory":{"get":{"key":"k"}}}"#,
            r#"{"share":{"session":{"id":"s","owner":"nobody","user_id":null,"persona":"default","title":null,"metadata":"{}","created_at":1,"last_activity":2,"idle_timeout_ms":3,"message_count":4,"last_sequence":5,"revision":6},"after":1,"documents":[{"sequence":2,"role":"user","created_at":3,"content":"x"}],"forgotten":[1]}}"#,
            r#"{"remind":{"facts":[{"key":"name","text":"Ann"},{"key":"likes","item":"tea"}],"origin":{"session_id":"s","sequence":1}}}"#,
            r#"{"search":{"expression":"\"a\"","role":null,"since":null,"before":null,"limit":20,"offset":0}}"#,
            r#"{"once":{"request":{"key":"k","payload":"p"},"call":{"undo":{"key":"k"}}}}"#,
            r#"{"remind":{"facts":[],"origin":null,"late":"s"}}"#,
            r#"{"informed":{"page":{"limit":50,"after":null,"filter":{"persona":null,"title":null,"created_since":null,"created_before":null,"active_since":null,"active_before":null}}}}"#,
            r#""settings""#,
            r#"{"change":{"uses_memory":false}}"#,
        ];
        for written in calls {
            assert_eq!(serde_json::to_string(&serde_json::from_str::<Call>(written).unwrap()).unwrap(), written);
        }
    }

    #[test]
    fn a_call_that_cannot_be_read_is_told_from_other_failures() {
        assert!(is_unreadable(&decode(r#"{"of":"another version"}"#).err().unwrap()));
        // What versions before 0.8 say, with serde's words or without.
        for cause in ["call: Data error at line 1 column 11", "call: unknown variant"] {
            assert!(is_unreadable(&Error::Internal(cause.into())), "{cause}");
        }
        for error in [Error::Internal("SQL: disk I/O error".into()), Error::Unavailable("call: x".into())] {
            assert!(!is_unreadable(&error), "{error:?}");
        }
    }

    #[test]
    fn a_call_is_wrapped_as_it_is_read() {
        assert_eq!(
            serde_json::to_string(&Inform::Informed(&Call::Settings)).unwrap(),
            serde_json::to_string(&Call::Informed(Box::new(Call::Settings))).unwrap()
        );
    }
}
