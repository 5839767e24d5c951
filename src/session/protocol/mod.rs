//! What may be asked of a session object; what it answers is in `answers`.

mod answers;

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    fault::{Fault, When},
    memory::protocol::MemoryCall,
    platform,
    search::protocol::SearchCall,
    session::{
        record::{
            CallerRecord, EndingRecord, MessageRecord, NewMessageRecord, NewSessionRecord, RepeatableRecord,
            version::VersionRecord,
            wish::{PatchRecord, WishesRecord},
        },
        transfer::protocol::ImportCall,
    },
};

pub(crate) use answers::{
    Answered, Appended, Begun, Copied, Created, Deleted, Ended, LeftOutRecord, Overview, PageRecord, PartRecord, Popped, Siblings, Stopped,
    Swept, Told,
};

/// Where the session objects are bound.
pub(crate) const BINDING: &str = "SESSION";

/// One call: who asks, and what.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) caller: CallerRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repeatable: Option<RepeatableRecord>,
    pub(crate) call: Call,
}

/// What may be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    /// Answers [`Created`].
    Create(Create),
    /// Answers a `SessionRecord`.
    Get,
    /// Answers [`Overview`].
    Overview,
    /// Answers a `SessionRecord`.
    Patch { if_match: Option<Vec<VersionRecord>>, patch: PatchRecord },
    /// Ends the session; with `undo_ms` it can be restored for so long. Answers [`Deleted`].
    Delete {
        if_match: Option<Vec<VersionRecord>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo_ms: Option<u64>,
    },
    /// Takes back a deletion that can be; answers a `SessionRecord`.
    Restore,
    /// Ends the session for its user's object, if it is that user's and began no later than `decided_at`; answers
    /// [`Ended`] when nothing of it is left.
    End { ending: EndingRecord, decided_at: i64 },
    /// Answers a `SessionRecord`.
    Renew,
    /// Answers [`Appended`].
    Append { messages: Vec<NewMessageRecord> },
    /// Answers a [`PageRecord`].
    Messages(PageRequest),
    /// Begins a turn; answers [`Answered`] at its end, or [`Begun`] at once when its client streams.
    Chat(Chat),
    /// The same with what was said before.
    Redo { redo: Redo, options: TurnOptions },
    /// Which turn is there to follow, from after event `after` of turn `seen`? Answers [`Begun`], or null when there is
    /// nothing to come. Without `seen` (0.3) the event is of the turn that is followed.
    Follow {
        turn: Option<u64>,
        after: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Stops the running turn, or turn `turn` if that is the one; answers [`Stopped`] when it has ended.
    Stop { turn: Option<u64> },
    /// A turn; answers `EndedRecord`.
    Turn { number: u64 },
    /// What stood in the place of a message before it; answers [`Siblings`].
    Siblings { sequence: u64 },
    /// Removes what a message says, wherever it is kept; answers its `MessageRecord`.
    Remove { sequence: u64, if_match: Option<Vec<VersionRecord>> },
    /// Takes back what the user said last and everything after it; answers [`Popped`].
    Pop,
    /// Takes out all that was said, and what is remembered in the session; answers a `SessionRecord`.
    Empty,
    /// What a model would be told if the user said `message` now; answers [`Told`].
    Context { message: Option<String>, options: TurnOptions },
    /// Messages of the session; answers `search::protocol::Found`.
    Search(SearchCall),
    /// The session and its messages up to that sequence number; answers [`Copied`].
    Copy { through: Option<u64> },
    /// What the session remembers; answers as [`MemoryCall`] says.
    Memory(MemoryCall),
    /// Wipes what the user's memory was taught where it is kept besides that memory; answers `true`.
    ForgetTold,
    /// What is kept under the request's key; `SessionNotFound` when nothing is.
    Recall,
    /// Answers `transfer::protocol::Exporting`; its parts follow as a stream.
    Export { is_whole: bool },
    /// A step of an import; answers as [`ImportCall`] says.
    Import(ImportCall),
    /// Removes what is left of a dead session, and the index entry of one that is not there; answers [`Swept`]. Whoever asks.
    Sweep { id: String },
    /// Tells the user's object at once what was to be told later; answers whether there is a session of that user's to tell of.
    ShareNow,
    /// Answers `true`: the object can be reached.
    Ping,
    /// Breaks the object on purpose; refused unless `TEST_FAULTS` is set.
    Fault { when: When, fault: Fault },
}

/// A session to begin, or to find when it is alive.
#[derive(Serialize, Deserialize)]
pub(crate) struct Create {
    pub(crate) id: String,
    pub(crate) session: Box<NewSessionRecord>,
    /// What it begins with; they keep their times and get new sequence numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<MessageRecord>,
}

/// What is said to the model.
#[derive(Serialize, Deserialize)]
pub(crate) struct Chat {
    /// What the user says; absent when only results of tools are given.
    pub(crate) message: Option<NewMessageRecord>,
    /// Begin the session with this turn.
    pub(crate) create: Option<Create>,
    /// Results of the tools that the model wanted called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) results: Vec<NewMessageRecord>,
    #[serde(default, skip_serializing_if = "TurnOptions::is_default")]
    pub(crate) options: TurnOptions,
    /// What is changed in the session where the turn begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) patch: Option<Box<PatchRecord>>,
}

/// What is to be done again.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Redo {
    /// Answer what was said last, anew.
    Regenerate,
    /// Go on with the last answer, which was cut.
    Continue,
    /// Say this in place of what the user said last.
    Edit(NewMessageRecord),
}

/// How a turn is to run.
#[derive(Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TurnOptions {
    #[serde(default)]
    pub(crate) wishes: WishesRecord,
    /// Wait for the turn that is running, instead of being refused.
    #[serde(default)]
    pub(crate) waits: bool,
    /// Answer at once: the client follows the events.
    #[serde(default)]
    pub(crate) streams: bool,
    #[serde(default)]
    pub(crate) if_match: Option<Vec<VersionRecord>>,
}

impl TurnOptions {
    fn is_default(&self) -> bool {
        *self == TurnOptions::default()
    }
}

/// Which messages to read. Bounds are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PageRequest {
    /// Only messages after this sequence number.
    pub after: Option<u64>,
    /// Only messages before this sequence number; then those nearest to it.
    pub before: Option<u64>,
    /// How many to skip from where the page would begin; only without bounds.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
}

impl Call {
    /// May it begin a session?
    pub(crate) fn creates(&self) -> bool {
        matches!(self, Call::Create(_) | Call::Chat(Chat { create: Some(_), .. }) | Call::Import(ImportCall::Begin { .. }))
    }

    /// The id of the session that it begins, if there is none.
    pub(crate) fn begins(&self) -> Option<&str> {
        if let Call::Import(ImportCall::Finish(finish)) = self {
            return Some(&finish.id);
        }
        if let Call::Create(create) | Call::Chat(Chat { create: Some(create), .. }) = self { Some(&create.id) } else { None }
    }

    /// Does it wait for the turn that runs, instead of being refused?
    pub(crate) fn waits(&self) -> bool {
        match self {
            Call::Append { .. } => true,
            Call::Chat(Chat { options, .. }) | Call::Redo { options, .. } => options.waits,
            Call::Create(_)
            | Call::Get
            | Call::Overview
            | Call::Patch { .. }
            | Call::Delete { .. }
            | Call::Restore
            | Call::End { .. }
            | Call::Renew
            | Call::Messages(_)
            | Call::Follow { .. }
            | Call::Stop { .. }
            | Call::Turn { .. }
            | Call::Siblings { .. }
            | Call::Remove { .. }
            | Call::Pop
            | Call::Empty
            | Call::Context { .. }
            | Call::Search(_)
            | Call::Copy { .. }
            | Call::Memory(_)
            | Call::ForgetTold
            | Call::Recall
            | Call::Export { .. }
            | Call::Import(_)
            | Call::Sweep { .. }
            | Call::ShareNow
            | Call::Ping
            | Call::Fault { .. } => false,
        }
    }

    /// How the turn that it asks for is to run, if it asks for one.
    pub(crate) fn into_turn_options(self) -> Option<TurnOptions> {
        if let Call::Chat(Chat { options, .. }) | Call::Redo { options, .. } = self { Some(options) } else { None }
    }
}

/// Reads a call.
///
/// # Errors
/// `Unavailable` when it is none of this version's: another one is being deployed.
pub(crate) fn decode(json: &str) -> Result<Request> {
    serde_json::from_str(json).map_err(|e| Error::Unavailable(format!("call: {}", platform::fault_of(&e))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_format_unchanged() {
        let open = r#""caller":{"open":{"acting_for":null}}"#;
        let new = r#"{"user_id":null,"persona":"default","title":null,"metadata":"{}","idle_timeout_ms":3600000}"#;
        let options = r#"{"wishes":{"model":"m","temperature":0.5,"max_tokens":9,"tools":"[]","tool_choice":null},"waits":true,"streams":true,"if_match":[{"created_at":1,"revision":2}]}"#;
        let calls = [
            format!(r#"{{"create":{{"id":"s","session":{new}}}}}"#),
            r#""get""#.into(),
            r#""overview""#.into(),
            r#"{"patch":{"if_match":[{"created_at":1,"revision":2}],"patch":{"title":"remove","metadata":"{}"}}}"#.into(),
            r#"{"patch":{"if_match":null,"patch":{"title":{"set":"x"},"persona":"p","idle_timeout_ms":1000}}}"#.into(),
            r#"{"patch":{"if_match":null,"patch":{"verbosity":"low","tone":"casual","depth":"shallow","uses_memory":false}}}"#.into(),
            r#"{"patch":{"if_match":null,"patch":{"created_from":"query"}}}"#.into(),
            r#"{"delete":{"if_match":null}}"#.into(),
            r#"{"delete":{"if_match":null,"undo_ms":10000}}"#.into(),
            r#""restore""#.into(),
            r#"{"end":{"ending":"evicted","decided_at":1}}"#.into(),
            r#""renew""#.into(),
            r#"{"append":{"messages":[{"role":"user","content":"x"}]}}"#.into(),
            r#"{"messages":{"after":null,"before":9,"offset":0,"limit":50,"newest_first":false}}"#.into(),
            r#"{"chat":{"message":{"role":"user","content":"x"},"create":null}}"#.into(),
            r#"{"chat":{"message":{"role":"user","content":"x"},"create":null,"patch":{"persona":"p","created_from":"query"}}}"#.into(),
            format!(
                r#"{{"chat":{{"message":null,"create":null,"results":[{{"role":"tool","content":"","tool_call_id":"a"}}],"options":{options}}}}}"#
            ),
            format!(r#"{{"redo":{{"redo":"regenerate","options":{options}}}}}"#),
            format!(r#"{{"redo":{{"redo":"continue","options":{options}}}}}"#),
            format!(r#"{{"redo":{{"redo":{{"edit":{{"role":"user","content":"x"}}}},"options":{options}}}}}"#),
            r#"{"follow":{"turn":null,"after":3}}"#.into(),
            r#"{"follow":{"turn":null,"after":3,"seen":2}}"#.into(),
            r#"{"stop":{"turn":1}}"#.into(),
            r#"{"turn":{"number":1}}"#.into(),
            r#"{"siblings":{"sequence":2}}"#.into(),
            r#"{"copy":{"through":2}}"#.into(),
            r#"{"context":{"message":"x","options":{"wishes":{"model":null,"temperature":null,"max_tokens":null,"tools":null,"tool_choice":null,"strategy":"summarize","budget_tokens":500,"uses_memory":false},"waits":false,"streams":false,"if_match":null}}}"#.into(),
            r#"{"search":{"expression":"\"a\"","role":null,"since":null,"before":null,"limit":20,"offset":0}}"#.into(),
            r#"{"remove":{"sequence":2,"if_match":null}}"#.into(),
            r#""pop""#.into(),
            r#""empty""#.into(),
            r#"{"memory":"clear"}"#.into(),
            r#""forget_told""#.into(),
            r#""recall""#.into(),
            format!(
                r#"{{"create":{{"id":"s","session":{new},"messages":[{{"sequence":1,"created_at":2,"role":"user","content":"x"}}]}}}}"#
            ),
            r#"{"export":{"is_whole":true}}"#.into(),
            r#"{"import":{"begin":{"token":"t"}}}"#.into(),
            r#"{"import":{"stage":{"token":"t","parts":["end"]}}}"#.into(),
            format!(
                r#"{{"import":{{"finish":{{"token":"t","id":"s","session":{new},"last_sequence":3,"counts":{{"messages":1,"memory":2,"versions":3,"dropped":4,"stubs":5}}}}}}}}"#
            ),
            r#"{"import":{"abandon":{"token":"t"}}}"#.into(),
            r#"{"sweep":{"id":"s"}}"#.into(),
            r#""share_now""#.into(),
            r#""ping""#.into(),
            r#"{"fault":{"when":"now","fault":"panic"}}"#.into(),
        ];
        for call in calls {
            for repeatable in ["", r#","repeatable":{"key":"k","payload":"p"}"#] {
                let written = format!(r#"{{{open}{repeatable},"call":{call}}}"#);
                assert_eq!(serde_json::to_string(&decode(&written).unwrap()).unwrap(), written);
            }
        }
    }
}
