//! A chat turn: take the user's message, ask the model, keep both.
//!
//! The offline model answers at once, so a turn is one atomic burst: both messages are stored, or neither.

use crate::{
    domain::{
        message::{NewMessage, Role},
        time::Timestamp,
    },
    error::{Error, Result},
    limits,
    model::offline,
    session::{
        object::Object,
        protocol::{PageRequest, TurnRecord},
        storage::Stored,
    },
};

/// Runs a turn in `stored`, which is left for the caller to save.
pub(super) fn chat(object: &Object, mut stored: Stored, message: NewMessage, now: Timestamp) -> Result<(Stored, TurnRecord)> {
    let newest = PageRequest { after: None, before: Some(u64::MAX), offset: 0, limit: limits::CONTEXT_MESSAGES, newest_first: false };
    let history = object.storage.page(&newest, limits::CONTEXT_BYTES)?;
    let said = message.content.as_deref().unwrap_or_default();
    let earlier: Vec<&str> =
        history.iter().filter(|earlier| earlier.body.role == Role::User).filter_map(|earlier| earlier.body.content.as_deref()).collect();
    let answer = offline::answer(&earlier, said);

    let both = vec![message, NewMessage::text(Role::Assistant, answer)];
    let mut stored_messages = object.append(&mut stored, both, now)?;
    let (Some(assistant), Some(user)) = (stored_messages.pop(), stored_messages.pop()) else {
        return Err(Error::Internal("a turn stored no messages".into()));
    };
    let turn =
        TurnRecord { session: (&stored.session).into(), user: user.into(), assistant: assistant.into(), model: offline::NAME.to_owned() };
    Ok((stored, turn))
}
