//! Which messages `GetMessages` gives: a stretch of the history, or what a model would be told of it.

use super::super::wire::{GetMessagesRequest, Message};
use crate::{
    domain::{
        context::{ContextWishes, Kind, Strategy},
        message::{self, Role},
        turn::Wishes,
    },
    error::{Error, Result},
    http::read_on::{AT_ONCE, read_on},
    session::{PageRequest, client::SessionClient},
};

/// Read from the oldest on.
const OLDEST: PageRequest = PageRequest { after: None, before: None, offset: 0, limit: AT_ONCE, newest_first: false };
/// Read from the newest on.
const NEWEST: PageRequest = PageRequest { newest_first: true, ..OLDEST };
/// The newest messages.
const RECENT: &str = "recent";

/// What is wanted of a history.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Which end it is counted from, or what is to be made of it.
    strategy: Choice,
    /// How many to skip from there.
    offset: u32,
    /// How many at most.
    limit: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Choice {
    FromOldest,
    FromNewest,
    Context(Strategy),
}

impl Wanted {
    /// # Errors
    /// `Invalid`, naming the field.
    pub(super) fn parse(request: &GetMessagesRequest) -> Result<Wanted> {
        let number = |field, number: Option<i32>| {
            u32::try_from(number.unwrap_or_default()).map_err(|_| Error::invalid(field, "must not be negative"))
        };
        let (limit, offset) = (number("limit", request.limit)?, number("offset", request.offset)?);
        let strategy = match request.strategy.as_deref().unwrap_or_default() {
            "" => Choice::FromOldest,
            RECENT => Choice::FromNewest,
            name => Choice::Context(Strategy::from_name(name).ok_or_else(|| Error::invalid("strategy", rule()))?),
        };
        if offset > 0 && matches!(strategy, Choice::Context(_)) {
            return Err(Error::invalid("offset", "cannot be combined with a strategy other than recent"));
        }
        let limit = if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
        Ok(Wanted { strategy, offset, limit })
    }

    /// The messages in their order, and how many the session has.
    ///
    /// # Errors
    /// `NotFound` when there is no session.
    pub(super) async fn read(&self, session: &SessionClient<'_>) -> Result<(Vec<Message>, u64)> {
        let stretch = |from| PageRequest { offset: self.offset, limit: u32::try_from(self.limit).unwrap_or(u32::MAX).min(AT_ONCE), ..from };
        let (messages, total) = match self.strategy {
            Choice::FromOldest => read_on(session, stretch(OLDEST), self.limit, |_| true).await?,
            Choice::FromNewest => {
                let (mut messages, total) = read_on(session, stretch(NEWEST), self.limit, |_| true).await?;
                messages.reverse();
                (messages, total)
            }
            Choice::Context(strategy) => return self.read_context(session, strategy).await,
        };
        Ok((messages.into_iter().map(Message::from).collect(), total))
    }

    /// What a model would be told of the session now, but for its persona: instructions, what is remembered, summary and
    /// passages as one message of role system, which `limit` does not count; then the latest messages as they were stored.
    async fn read_context(&self, session: &SessionClient<'_>, strategy: Strategy) -> Result<(Vec<Message>, u64)> {
        // Clients of the others ask for what is remembered by themselves.
        let uses_memory = (strategy != Strategy::Hierarchical).then_some(false);
        let context = ContextWishes { strategy: Some(strategy), budget_tokens: None, uses_memory };
        let told = session.context(None, Wishes { context, ..Wishes::default() }).await?.told;

        let is_persona = |kind: &str| kind == Kind::Persona.name();
        let texts: Vec<_> = told.parts.iter().filter(|part| !is_persona(&part.kind)).filter_map(|part| part.text.as_deref()).collect();
        let instructions = (!texts.is_empty()).then(|| Message {
            role: Role::System.name().to_owned(),
            content: Some(texts.join("\n\n")),
            ..Message::default()
        });
        let span = told.parts.iter().find(|part| part.kind == Kind::Messages.name()).and_then(|part| part.span);
        let (first, last) = span.unwrap_or((1, 0));
        let within = PageRequest { after: first.checked_sub(1), before: last.checked_add(1), ..NEWEST };
        let (latest, total) = read_on(session, within, usize::MAX, |message| message.body.role != Role::System).await?;
        Ok((instructions.into_iter().chain(newest(latest, self.limit).into_iter().map(Message::from)).collect(), total))
    }
}

/// The first `limit` of `messages`, which stand newest first, in their order; without results whose calls are cut off.
fn newest(mut messages: Vec<message::Message>, limit: usize) -> Vec<message::Message> {
    let is_cut = messages.len() > limit;
    messages.truncate(limit);
    messages.into_iter().rev().skip_while(|message| is_cut && message.body.role == Role::Tool).collect()
}

fn rule() -> String {
    format!("must be one of {RECENT}, {}", Strategy::ALL.map(Strategy::name).join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{message::NewMessage, time::Timestamp};

    #[test]
    fn what_is_wanted_is_a_stretch_or_a_context() {
        let all = usize::MAX;
        let cases = [
            (None, None, None, Some(Wanted { strategy: Choice::FromOldest, offset: 0, limit: all })),
            (Some(0), Some(0), Some(""), Some(Wanted { strategy: Choice::FromOldest, offset: 0, limit: all })),
            (Some(2), Some(3), None, Some(Wanted { strategy: Choice::FromOldest, offset: 3, limit: 2 })),
            (Some(2), Some(3), Some("recent"), Some(Wanted { strategy: Choice::FromNewest, offset: 3, limit: 2 })),
            (Some(2), None, Some("truncate"), Some(Wanted { strategy: Choice::Context(Strategy::Truncate), offset: 0, limit: 2 })),
            (None, None, Some("summarize"), Some(Wanted { strategy: Choice::Context(Strategy::Summarize), offset: 0, limit: all })),
            (None, None, Some("hierarchical"), Some(Wanted { strategy: Choice::Context(Strategy::Hierarchical), offset: 0, limit: all })),
            (None, Some(1), Some("truncate"), None),
            (Some(-1), None, None, None),
            (None, Some(-2), None, None),
            (Some(i32::MIN), None, None, None),
            (None, None, Some("Recent"), None),
        ];
        for (limit, offset, strategy, expected) in cases {
            let request = GetMessagesRequest { session_id: "s".into(), limit, offset, strategy: strategy.map(Into::into) };
            assert_eq!(Wanted::parse(&request).ok(), expected, "{request:?}");
        }
    }

    #[test]
    fn a_cut_leaves_no_result_without_its_call() {
        use Role::{Assistant, Tool, User};
        let cases: [(&[Role], usize, &[Role]); 5] = [
            (&[User, Assistant, User], 2, &[Assistant, User]),
            (&[User, Assistant, User], 9, &[User, Assistant, User]),
            (&[Assistant, Tool, Tool, User], 3, &[User]),
            (&[Assistant, Tool, User], 3, &[Assistant, Tool, User]),
            (&[User], 0, &[]),
        ];
        for (history, limit, expected) in cases {
            let message = |role: &Role| {
                let (created_at, body) = (Timestamp::from_millis(0), NewMessage::text(*role, "x"));
                message::Message { sequence: 1, created_at, replaces: None, removed_at: None, body }
            };
            let cut = newest(history.iter().rev().map(message).collect(), limit);
            assert_eq!(cut.iter().map(|message| message.body.role).collect::<Vec<_>>(), expected, "{limit} of {history:?}");
        }
    }
}
