//! Taking things out of a session: what one message says, the last turn, or all of it.
//!
//! A message that is removed keeps its number and its pairing. Of what is removed or taken out nothing is kept anywhere:
//! not in events, not in the answers to requests with a key, not in a title that was made of it; with what is taken out,
//! its versions go.

use serde_json::{Map, Value};

use crate::{
    domain::{
        caller::Owner,
        memory::Emptied,
        message::Message,
        session::{Precondition, title_of},
        time::Timestamp,
    },
    error::{Error, Result, Subject},
    platform,
    session::{
        object::{Aftermath, Object},
        protocol::Popped,
        record::{MessageRecord, SessionRecord},
        storage::Stored,
    },
};

impl Object {
    /// Removes what message `sequence` says.
    pub(super) fn remove(&self, mut stored: Stored, sequence: u64, precondition: &Precondition, now: Timestamp) -> Result<MessageRecord> {
        self.check_idle()?;
        precondition.check(stored.session.version())?;
        let found = self.storage.message_anywhere(sequence)?.ok_or(Error::NotFound(Subject::Message))?;
        self.take_title_of(&mut stored, &found)?;
        let removed = found.removed(now);
        match self.storage.message(sequence)? {
            Some(_) => self.storage.reindexed(&stored, sequence, || self.storage.save_message(&removed))?,
            None => self.storage.remove_sibling(sequence, now)?,
        }
        self.forget(&stored, &[sequence])?;
        stored.session.touch(now);
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        Ok(removed.into())
    }

    /// Takes the user's last message and everything after it out of the history, for good.
    pub(super) fn pop(&self, mut stored: Stored, now: Timestamp) -> Result<Popped> {
        self.check_idle()?;
        let said = self.storage.last_said(false)?;
        let first = said.ok_or_else(|| Error::NotPossible("The user has said nothing that could be taken back".into()))?;
        if let Some(said) = self.storage.message(first)? {
            self.take_title_of(&mut stored, &said)?;
        }
        self.storage.forget_from(&mut stored, first)?;
        let (sequences, versions) = self.storage.take_out(first)?;
        self.forget(&stored, &[&sequences[..], &versions].concat())?;
        let count = u64::try_from(sequences.len()).unwrap_or(u64::MAX);
        stored.session.message_count = stored.session.message_count.saturating_sub(count);
        stored.session.touch(now);
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        Ok(Popped { session: (&stored.session).into(), sequences })
    }

    /// Takes out all that was said, done and remembered in the session, also by the turn that runs. What it is like stays, as do
    /// its numbers: those of messages and turns go on, and what was used is used.
    pub(super) fn empty(&self, mut stored: Stored, now: Timestamp) -> Result<SessionRecord> {
        self.report_all(&mut stored)?;
        self.storage.delete_said(&mut stored)?;
        let session = &mut stored.session;
        session.message_count = 0;
        if session.is_title_made {
            (session.title, session.is_title_made) = (None, false);
        }
        session.touch(now);
        stored.indexed_at = None;
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        self.break_off();
        if self.running().is_none() {
            *self.log.borrow_mut() = None;
        }
        Ok((&stored.session).into())
    }

    /// Takes the session's title from it, if it was made of what `message` says.
    fn take_title_of(&self, stored: &mut Stored, message: &Message) -> Result<()> {
        // Before titles were marked, they were the first words.
        let is_of_words = message.body.content.as_deref().and_then(title_of).is_some_and(|words| stored.session.title == Some(words));
        if is_of_words || (stored.session.is_title_made && self.storage.is_of_first_exchange(message.sequence)?) {
            (stored.session.title, stored.session.is_title_made, stored.indexed_at) = (None, false, None);
        }
        Ok(())
    }

    /// Wipes what was taught in this session to memories that are emptied now where it is kept besides them, also by the turn
    /// that runs.
    pub(super) fn forget_values(&self, stored: &Stored, emptied: Emptied) -> Result<()> {
        self.emptied.set(self.emptied.get().and(emptied));
        if let Some(turn) = stored.session.running_turn {
            self.storage.forget_values(turn, emptied)?;
        }
        self.forget_in_copies(stored, |answer| wipe_values(answer, emptied))
    }

    /// Wipes what messages said where it is kept besides the history, and what was learned from them. What the user's object
    /// has is wiped by the copy that follows.
    fn forget(&self, stored: &Stored, sequences: &[u64]) -> Result<()> {
        for sequence in sequences {
            self.storage.forget_learned(&stored.session, *sequence, platform::now())?;
            if matches!(stored.session.owner, Owner::User(_)) {
                self.storage.unshare(*sequence)?;
            }
        }
        self.forget_in_copies(stored, |answer| wipe(answer, sequences, stored.session.title.as_deref()))
    }

    /// Forgets the events of turns that have ended, and changes every answer that is kept where `wipe` does.
    fn forget_in_copies(&self, stored: &Stored, wipe: impl Fn(&mut Value) -> bool) -> Result<()> {
        // Those of a turn that runs are what a crash or a deletion leaves of it.
        self.storage.delete_events(stored.session.running_turn)?;
        if self.running().is_none() {
            *self.log.borrow_mut() = None;
        }
        let mut last = String::new();
        while let Some((key, kept)) = self.storage.answer_after(&last)? {
            let mut answer: Value = platform::decode("kept answer", &kept)?;
            if wipe(&mut answer) {
                self.storage.replace_answer(&key, &answer.to_string())?;
            }
            last = key;
        }
        Ok(())
    }
}

/// Empties in a kept answer every value that a memory had which is emptied. Was there any?
fn wipe_values(answer: &mut Value, emptied: Emptied) -> bool {
    change(answer, &|fields| {
        let is_entry = fields.contains_key("key") && fields.contains_key("source");
        // An entry that does not say whose it is has been asked of the session.
        let is_meant = is_entry && emptied.has(fields.get("is_of_user") == Some(&Value::Bool(true)));
        if is_meant {
            forget_value(fields);
        }
        is_meant
    })
}

/// Empties every message of those numbers in a kept answer, what was learned from them, and every title but `title`: it may
/// have been made of them. Was there anything to empty?
fn wipe(answer: &mut Value, sequences: &[u64], title: Option<&str>) -> bool {
    let is_meant = |number: Option<&Value>| number.and_then(Value::as_u64).is_some_and(|number| sequences.contains(&number));
    let is_wiped = change(answer, &|fields| {
        let is_message = fields.contains_key("role") && is_meant(fields.get("sequence"));
        if is_message {
            fields.retain(|field, _| !matches!(field.as_str(), "tool_calls" | "name" | "metadata"));
            fields.insert("content".to_owned(), Value::String(String::new()));
        }
        let is_learned = is_meant(fields.get("origin").and_then(|origin| origin.get("sequence")));
        if is_learned {
            forget_value(fields);
        }
        // Of a large answer its numbers alone are kept.
        let has_numbers = fields.get("messages").and_then(Value::as_array).is_some_and(|numbers| numbers.iter().any(|n| is_meant(Some(n))));
        is_message || is_learned || has_numbers
    });
    // What was learned in the turn does not say from which message.
    if is_wiped {
        change(answer, &|fields| fields.remove("memory").is_some());
    }
    let had_title = change(answer, &|fields| {
        let is_other = fields.get("title").and_then(Value::as_str).is_some_and(|other| Some(other) != title);
        if is_other {
            fields.insert("title".to_owned(), Value::Null);
        }
        is_other
    });
    is_wiped || had_title
}

fn forget_value(fields: &mut Map<String, Value>) {
    fields.insert("value".to_owned(), Value::String("null".to_owned()));
}

/// Changes every object in a kept answer. Was there anything to change?
fn change(answer: &mut Value, how: &dyn Fn(&mut Map<String, Value>) -> bool) -> bool {
    // Every one of them, also after the first that had something.
    match answer {
        Value::Object(fields) => {
            let is_changed = how(fields);
            fields.values_mut().filter_map(|value| change(value, how).then_some(())).count() > 0 || is_changed
        }
        Value::Array(items) => items.iter_mut().filter_map(|item| change(item, how).then_some(())).count() > 0,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_answers_lose_what_the_message_said_and_nothing_else() {
        let kept = r#"{"ok":{"session":{"title":"secret"},"messages":[{"sequence":3,"created_at":1,"role":"user","content":"secret","metadata":"{}"},{"sequence":4,"created_at":1,"role":"user","content":"stays"}],"turn":{"sequence":3}}}"#;
        let mut answer: Value = serde_json::from_str(kept).unwrap();
        assert!(!wipe(&mut answer, &[5], Some("secret")));
        assert!(wipe(&mut answer, &[3], None));
        let left = r#"{"ok":{"session":{"title":null},"messages":[{"sequence":3,"created_at":1,"role":"user","content":""},{"sequence":4,"created_at":1,"role":"user","content":"stays"}],"turn":{"sequence":3}}}"#;
        assert_eq!(answer, serde_json::from_str::<Value>(left).unwrap());
    }
}
