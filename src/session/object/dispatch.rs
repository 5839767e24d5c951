//! Which function does what a call asks, and whether its caller may have that of the session.

use std::time::Duration;

use crate::{
    domain::{caller::Caller, id::SessionId, memory::Emptied, message::NewMessage},
    error::{Error, Result, Subject},
    session::{
        object::{Aftermath, Asker, Object, Outcome, answer},
        protocol::{Call, Chat},
        record::{NewMessageRecord, SessionRecord, version::decode_precondition},
        storage::Stored,
    },
};

impl Object {
    /// Does what is asked of the session, which `alive` is, if there is one.
    pub(super) fn dispatch(&self, asker: Asker<'_>, call: Call, alive: Option<Stored>) -> Result<Outcome> {
        let Asker { caller, repeatable, now } = asker;
        let answer = match call {
            Call::Chat(chat) => return self.chat(asker, alive, chat),
            Call::Redo { redo, options } => {
                let mut stored = own(caller, alive)?;
                decode_precondition(options.if_match.as_deref()).check(stored.session.version())?;
                let outcome = self.begin_again(&mut stored, redo, options, asker)?;
                // What an edit has replaced is found no more.
                self.save(&mut stored, Aftermath::BeforeAnswer)?;
                return Ok(outcome);
            }
            Call::Stop { turn } => return self.stop(&own(caller, alive)?, turn, repeatable),
            Call::Create(create) => answer(&self.create(caller, alive, create, now)?),
            Call::Get => answer(&SessionRecord::from(&own(caller, alive)?.session)),
            Call::Overview => answer(&self.overview(own(caller, alive)?)?),
            Call::Patch { if_match, patch } => {
                let stored = own(caller, alive)?;
                answer(&self.patch(stored, &decode_precondition(if_match.as_deref()), patch.into(), now)?)
            }
            Call::Delete { if_match, undo_ms } => {
                let undo = undo_ms.map(Duration::from_millis);
                answer(&self.delete(own(caller, alive)?, &decode_precondition(if_match.as_deref()), undo, now)?)
            }
            Call::Restore => answer(&self.restore(own(caller, alive)?, now)?),
            Call::End { .. } | Call::ShareNow => Err(Error::Internal("this is no part of a burst".into())),
            Call::Renew => {
                let mut stored = own(caller, alive)?;
                stored.session.touch(now);
                self.save(&mut stored, Aftermath::Later)?;
                answer(&SessionRecord::from(&stored.session))
            }
            Call::Append { messages } => answer(&self.append_call(own(caller, alive)?, decode_new(messages)?, now)?),
            Call::Messages(page) => answer(&self.page(&own(caller, alive)?, &page)?),
            Call::Follow { turn, after, seen } => {
                let stored = own(caller, alive)?;
                answer(&self.follow(&stored, turn, after, seen, now)?)
            }
            Call::Turn { number } => own(caller, alive).and_then(|_| answer(&self.turn_record(number)?)),
            Call::Memory(call) => self.remember(own(caller, alive)?, call, now),
            Call::ForgetTold => {
                self.forget_values(&own(caller, alive)?, Emptied { is_users: true, is_sessions: false }).and_then(|()| answer(&true))
            }
            Call::Siblings { sequence } => own(caller, alive).and_then(|_| answer(&self.siblings(sequence)?)),
            Call::Remove { sequence, if_match } => {
                answer(&self.remove(own(caller, alive)?, sequence, &decode_precondition(if_match.as_deref()), now)?)
            }
            Call::Pop => answer(&self.pop(own(caller, alive)?, now)?),
            Call::Empty => answer(&self.empty(own(caller, alive)?, now)?),
            Call::Context { message, options } => return self.gather_for_client(own(caller, alive)?, message, options),
            Call::Search(call) => answer(&self.storage.search(&mut own(caller, alive)?, &call)?),
            Call::Copy { through } => self.copy(&own(caller, alive)?, through),
            Call::Export { is_whole } => answer(&own(caller, alive)?.exporting(is_whole)),
            Call::Import(call) => self.import(caller, alive.as_ref(), call, now),
            // Had anything been kept, it would have been the answer.
            Call::Recall => Err(Error::NotFound(Subject::Session)),
            Call::Sweep { id } => return Ok(Outcome::Swept(SessionId::parse("id", &id)?)),
            Call::Ping => answer(&true),
            Call::Fault { when, fault } => self.fail(when, fault, now),
        };
        answer.map(Outcome::Answer)
    }

    fn chat(&self, asker: Asker<'_>, alive: Option<Stored>, chat: Chat) -> Result<Outcome> {
        let Chat { message, create, results, options, patch } = chat;
        // A session that begins with this turn must be on the list when its client asks next, or be asked for then.
        let is_late = create.is_some() && self.is_late.get();
        let (mut stored, mut aftermath) = match (create, alive) {
            // The user's index hears of it with the answer: one call less for each turn.
            (None, alive) => (own(asker.caller, alive)?, Aftermath::Nothing),
            (Some(create), None) => (self.begin(asker.caller, create, asker.now)?, Aftermath::BeforeAnswer),
            (Some(_), Some(_)) => return Err(Error::IdTaken),
        };
        if aftermath == Aftermath::Nothing {
            decode_precondition(options.if_match.as_deref()).check(stored.session.version())?;
        }
        if let Some(patch) = patch
            && self.change(&mut stored, (*patch).into())?
        {
            aftermath = Aftermath::BeforeAnswer;
        }
        let said = decode_new(results.into_iter().chain(message).collect())?;
        let outcome = self.begin_chat(&mut stored, said, options, asker)?;
        if is_late {
            self.is_late.set(true);
            self.put_off_sharing(&mut stored)?;
        }
        self.save(&mut stored, aftermath)?;
        Ok(outcome)
    }
}

/// The session, if it is alive and the caller's.
fn own(caller: &Caller, alive: Option<Stored>) -> Result<Stored> {
    alive.filter(|stored| caller.may_use(&stored.session.owner)).ok_or(Error::NotFound(Subject::Session))
}

fn decode_new(messages: Vec<NewMessageRecord>) -> Result<Vec<NewMessage>> {
    messages.into_iter().map(NewMessage::try_from).collect()
}
