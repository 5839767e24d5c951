//! How turns and their events look: to the Worker, and in the event log that the object stores.

use serde::{Deserialize, Serialize};

use super::{MessageRecord, SessionRecord, ToolCallRecord, failure_named};
use crate::{
    domain::{
        memory::MemoryChange,
        time::Timestamp,
        turn::{
            Finish, Turn, TurnKind, TurnState,
            event::{Ended, Event, Numbered},
            named,
            tokens::Usage,
        },
    },
    error::{Error, Result},
    memory::protocol::source_named,
};

/// A [`Turn`].
#[derive(Serialize, Deserialize)]
pub(crate) struct TurnRecord {
    number: u64,
    kind: String,
    state: String,
    input_sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer_sequence: Option<u64>,
    model: String,
    started_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finish: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<UsageRecord>,
}

/// A [`Usage`].
#[derive(Serialize, Deserialize)]
struct UsageRecord {
    prompt_tokens: u64,
    completion_tokens: u64,
    is_estimate: bool,
}

/// A [`Numbered`] event.
#[derive(Serialize, Deserialize)]
pub(crate) struct EventRecord {
    sequence: u64,
    #[serde(flatten)]
    event: EventBody,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventBody {
    Accepted(TurnRecord),
    Delta(String),
    ToolCall(ToolCallRecord),
    Memory(MemoryChangeRecord),
    Usage(UsageRecord),
    Done(Box<EndedRecord>),
    Failed(Box<EndedRecord>),
}

/// A [`MemoryChange`].
#[derive(Serialize, Deserialize)]
pub(crate) struct MemoryChangeRecord {
    is_of_user: bool,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    source: String,
}

/// An [`Ended`].
#[derive(Serialize, Deserialize)]
pub(crate) struct EndedRecord {
    turn: TurnRecord,
    answer: Option<MessageRecord>,
    session: Option<SessionRecord>,
}

impl TurnRecord {
    /// The turn's number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl From<&Turn> for TurnRecord {
    fn from(turn: &Turn) -> Self {
        TurnRecord {
            number: turn.number,
            kind: turn.kind.name().to_owned(),
            state: turn.state.name().to_owned(),
            input_sequence: turn.input_sequence,
            answer_sequence: turn.answer_sequence,
            model: turn.model.clone(),
            started_at: turn.started_at.millis(),
            ended_at: turn.ended_at.map(Timestamp::millis),
            finish: turn.finish.map(|finish| finish.name().to_owned()),
            failure: turn.failure.map(|failure| failure.code().to_owned()),
            usage: turn.usage.map(UsageRecord::from),
        }
    }
}

impl TryFrom<TurnRecord> for Turn {
    type Error = Error;
    fn try_from(record: TurnRecord) -> Result<Self> {
        Ok(Turn {
            number: record.number,
            kind: kind_named(&record.kind)?,
            state: state_named(&record.state)?,
            input_sequence: record.input_sequence,
            answer_sequence: record.answer_sequence,
            model: record.model,
            started_at: Timestamp::from_millis(record.started_at),
            ended_at: record.ended_at.map(Timestamp::from_millis),
            finish: record.finish.as_deref().map(finish_named).transpose()?,
            failure: record.failure.as_deref().map(failure_named).transpose()?,
            usage: record.usage.map(Usage::from),
        })
    }
}

impl From<Usage> for UsageRecord {
    fn from(usage: Usage) -> Self {
        let Usage { prompt_tokens, completion_tokens, is_estimate } = usage;
        UsageRecord { prompt_tokens, completion_tokens, is_estimate }
    }
}

impl From<UsageRecord> for Usage {
    fn from(record: UsageRecord) -> Self {
        let UsageRecord { prompt_tokens, completion_tokens, is_estimate } = record;
        Usage { prompt_tokens, completion_tokens, is_estimate }
    }
}

impl From<MemoryChange> for MemoryChangeRecord {
    fn from(MemoryChange { is_of_user, key, value, source }: MemoryChange) -> Self {
        MemoryChangeRecord { is_of_user, key, value, source: source.name().to_owned() }
    }
}

impl TryFrom<MemoryChangeRecord> for MemoryChange {
    type Error = Error;
    fn try_from(MemoryChangeRecord { is_of_user, key, value, source }: MemoryChangeRecord) -> Result<Self> {
        Ok(MemoryChange { is_of_user, key, value, source: source_named(&source)? })
    }
}

impl From<&Numbered> for EventRecord {
    fn from(numbered: &Numbered) -> Self {
        let event = match &numbered.event {
            Event::Accepted(turn) => EventBody::Accepted(turn.into()),
            Event::Delta(text) => EventBody::Delta(text.clone()),
            Event::ToolCall(call) => EventBody::ToolCall(call.clone().into()),
            Event::Memory(change) => EventBody::Memory(change.clone().into()),
            Event::Usage(usage) => EventBody::Usage((*usage).into()),
            Event::Done(ended) => EventBody::Done(Box::new(ended.as_ref().into())),
            Event::Failed(ended) => EventBody::Failed(Box::new(ended.as_ref().into())),
        };
        EventRecord { sequence: numbered.sequence, event }
    }
}

impl TryFrom<EventRecord> for Numbered {
    type Error = Error;
    fn try_from(record: EventRecord) -> Result<Self> {
        let event = match record.event {
            EventBody::Accepted(turn) => Event::Accepted(turn.try_into()?),
            EventBody::Delta(text) => Event::Delta(text),
            EventBody::ToolCall(call) => Event::ToolCall(call.into()),
            EventBody::Memory(change) => Event::Memory(change.try_into()?),
            EventBody::Usage(usage) => Event::Usage(usage.into()),
            EventBody::Done(ended) => Event::Done(Box::new((*ended).try_into()?)),
            EventBody::Failed(ended) => Event::Failed(Box::new((*ended).try_into()?)),
        };
        Ok(Numbered { sequence: record.sequence, event })
    }
}

impl From<&Ended> for EndedRecord {
    fn from(ended: &Ended) -> Self {
        EndedRecord {
            turn: (&ended.turn).into(),
            answer: ended.answer.clone().map(MessageRecord::from),
            session: ended.session.as_ref().map(SessionRecord::from),
        }
    }
}

impl TryFrom<EndedRecord> for Ended {
    type Error = Error;
    fn try_from(record: EndedRecord) -> Result<Self> {
        Ok(Ended {
            turn: record.turn.try_into()?,
            answer: record.answer.map(TryInto::try_into).transpose()?,
            session: record.session.map(TryInto::try_into).transpose()?,
        })
    }
}

/// The kind of that name.
///
/// # Errors
/// `Internal` when there is none; so in the functions below.
pub(crate) fn kind_named(name: &str) -> Result<TurnKind> {
    named(&TurnKind::ALL, TurnKind::name, name).ok_or_else(|| Error::Internal(format!("turn of kind {name}")))
}

/// The state of that name.
///
/// # Errors
/// See [`kind_named`].
pub(crate) fn state_named(name: &str) -> Result<TurnState> {
    named(&TurnState::ALL, TurnState::name, name).ok_or_else(|| Error::Internal(format!("turn in state {name}")))
}

/// The reason of that name.
///
/// # Errors
/// See [`kind_named`].
pub(crate) fn finish_named(name: &str) -> Result<Finish> {
    named(&Finish::ALL, Finish::name, name).ok_or_else(|| Error::Internal(format!("finish {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_format_unchanged() {
        let turn = r#"{"number":3,"kind":"regenerate","state":"failed","input_sequence":5,"answer_sequence":6,"model":"m","started_at":1,"ended_at":2,"finish":"length","failure":"MODEL_TIMEOUT","usage":{"prompt_tokens":1,"completion_tokens":2,"is_estimate":true}}"#;
        let answer = r#"{"sequence":6,"created_at":2,"role":"assistant","content":"I was","cut":"interrupted"}"#;
        let events = [
            r#"{"sequence":0,"accepted":{"number":3,"kind":"reply","state":"running","input_sequence":5,"model":"m","started_at":1}}"#
                .to_owned(),
            r#"{"sequence":1,"delta":"I was"}"#.to_owned(),
            r#"{"sequence":2,"tool_call":{"id":"a","name":"f","arguments":"{}"}}"#.to_owned(),
            r#"{"sequence":2,"memory":{"is_of_user":true,"key":"name","value":"\"Ann\"","source":"rule"}}"#.to_owned(),
            r#"{"sequence":3,"usage":{"prompt_tokens":1,"completion_tokens":2,"is_estimate":false}}"#.to_owned(),
            format!(r#"{{"sequence":4,"done":{{"turn":{turn},"answer":{answer},"session":null}}}}"#),
            format!(r#"{{"sequence":4,"failed":{{"turn":{turn},"answer":null,"session":null}}}}"#),
        ];
        for written in events {
            let event = Numbered::try_from(serde_json::from_str::<EventRecord>(&written).unwrap()).unwrap();
            assert_eq!(serde_json::to_string(&EventRecord::from(&event)).unwrap(), written);
        }
    }
}
