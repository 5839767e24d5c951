//! Taking things out of a session: what one message says, or the last turn.
//!
//! A message that is removed keeps its number and its pairing, and nothing of what it said is kept anywhere: not as a
//! version, not in the events of its turn, not in the answers to requests with a key.

use serde_json::Value;

use crate::{
    domain::{session::Precondition, time::Timestamp},
    error::{Error, Result, Subject},
    session::{
        contents::encode_messages,
        object::{Aftermath, Object},
        protocol::{Appended, PageRequest},
        record::MessageRecord,
        storage::Stored,
    },
};

impl Object {
    /// Removes what message `sequence` says.
    pub(super) fn remove(&self, mut stored: Stored, sequence: u64, precondition: &Precondition, now: Timestamp) -> Result<MessageRecord> {
        self.check_idle()?;
        precondition.check(stored.session.version())?;
        let found = self.storage.message_anywhere(sequence)?.ok_or(Error::NotFound(Subject::Message))?;
        let removed = found.removed(now);
        match self.storage.message(sequence)? {
            Some(_) => self.storage.save_message(&removed)?,
            None => self.storage.remove_sibling(sequence, now)?,
        }
        self.forget(sequence)?;
        stored.session.touch(now);
        self.save(&mut stored, Aftermath::Later)?;
        Ok(removed.into())
    }

    /// Takes the user's last message and everything after it out of the history. Who has asked for it under a key is
    /// still answered as before.
    pub(super) fn pop(&self, mut stored: Stored, now: Timestamp) -> Result<Appended> {
        self.check_idle()?;
        let said = self.storage.last_said(false)?;
        let first = said.ok_or_else(|| Error::NotPossible("The user has said nothing that could be taken back".into()))?;
        let rest = PageRequest { after: first.checked_sub(1), before: None, offset: 0, limit: u32::MAX, newest_first: false };
        let popped = self.storage.page(&rest, u64::from(u32::MAX))?;
        self.storage.delete_messages(first)?;
        let count = u64::try_from(popped.len()).unwrap_or(u64::MAX);
        stored.session.message_count = stored.session.message_count.saturating_sub(count);
        stored.session.touch(now);
        self.save(&mut stored, Aftermath::Later)?;
        Ok(Appended { session: (&stored.session).into(), messages: encode_messages(popped) })
    }

    /// Wipes what message `sequence` said where it is kept besides the history.
    fn forget(&self, sequence: u64) -> Result<()> {
        for turn in self.storage.turns_about(sequence)? {
            self.storage.delete_events(turn)?;
        }
        *self.log.borrow_mut() = None;
        for (key, kept) in self.storage.answers_about(sequence)? {
            let mut answer: Value = serde_json::from_str(&kept).map_err(|e| Error::Internal(format!("kept answer: {e}")))?;
            wipe(&mut answer, sequence);
            self.storage.replace_answer(&key, &answer.to_string())?;
        }
        Ok(())
    }
}

/// Empties every message of that number in a kept answer.
fn wipe(answer: &mut Value, sequence: u64) {
    match answer {
        Value::Object(fields) if fields.get("sequence").and_then(Value::as_u64) == Some(sequence) && fields.contains_key("role") => {
            fields.retain(|field, _| !matches!(field.as_str(), "tool_calls" | "name" | "metadata"));
            fields.insert("content".to_owned(), Value::String(String::new()));
        }
        Value::Object(fields) => fields.values_mut().for_each(|value| wipe(value, sequence)),
        Value::Array(items) => items.iter_mut().for_each(|item| wipe(item, sequence)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_answers_lose_what_the_message_said_and_nothing_else() {
        let kept = r#"{"ok":{"messages":[{"sequence":3,"created_at":1,"role":"user","content":"secret","metadata":"{}"},{"sequence":4,"created_at":1,"role":"user","content":"stays"}],"turn":{"sequence":3}}}"#;
        let mut answer: Value = serde_json::from_str(kept).unwrap();
        wipe(&mut answer, 3);
        let left = r#"{"ok":{"messages":[{"sequence":3,"created_at":1,"role":"user","content":""},{"sequence":4,"created_at":1,"role":"user","content":"stays"}],"turn":{"sequence":3}}}"#;
        assert_eq!(answer, serde_json::from_str::<Value>(left).unwrap());
    }
}
