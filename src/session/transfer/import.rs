//! A session that comes in parts.
//!
//! They are stored where they will stay, but without the session's row there is no session: whoever asks finds none. The
//! last step writes that row, so the import is there whole or not at all. Tables without a row are *remains*: they are
//! removed, all at once, before the id is used for anything else, and by the alarm when no part has come for a while.

use std::time::Duration;

use super::protocol::{Finish, ImportCall, Imported, PartRecord};
use crate::{
    domain::{caller::Caller, history::part::Part, id::SessionId, message::Message, session::Session, time::Timestamp},
    error::{Error, Result},
    session::{
        object::{Aftermath, Object, answer},
        storage::Stored,
    },
};

/// An import of which nothing is heard for so long is over.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

impl Object {
    /// Does a step of an import. `alive`: the session that has the id.
    pub(in crate::session) fn import(&self, caller: &Caller, alive: Option<&Stored>, call: ImportCall, now: Timestamp) -> Result<String> {
        if alive.is_some() {
            return Err(Error::IdTaken);
        }
        match call {
            ImportCall::Begin { token } => {
                self.storage.create_schema()?;
                self.storage.set_importing(&token)?;
            }
            ImportCall::Stage { token, parts } => {
                self.check_importing(&token)?;
                parts.into_iter().try_for_each(|part| self.stage(part))?;
            }
            ImportCall::Finish(finish) => return self.finish_import(caller, *finish, now),
            ImportCall::Abandon { token } => {
                self.check_importing(&token)?;
                self.storage.end_import()?;
                self.context.set_alarm(now)?;
                return answer(&true);
            }
        }
        self.context.set_alarm(now.plus(PATIENCE))?;
        answer(&true)
    }

    fn check_importing(&self, token: &str) -> Result<()> {
        if self.storage.importing()?.is_some_and(|importing| importing == token) { Ok(()) } else { Err(Error::IdTaken) }
    }

    fn stage(&self, part: PartRecord) -> Result<()> {
        match part.into_part()? {
            Some(Part::Message(message)) => self.storage.save_message(&message),
            Some(Part::Memory(entry)) => self.storage.restore_memory(entry),
            Some(Part::Version { message: Message { sequence, .. }, .. }) if self.storage.message(sequence)?.is_some() => {
                Err(Error::invalid("versions", format!("must not have sequence {sequence}, which is a message's")))
            }
            Some(Part::Version { replaced_by, message }) => self.storage.save_sibling(&message, replaced_by),
            None => Ok(()),
        }
    }

    fn finish_import(&self, caller: &Caller, finish: Finish, now: Timestamp) -> Result<String> {
        let Finish { token, id, session, last_sequence, counts } = finish;
        self.check_importing(&token)?;
        self.storage.end_import()?;
        let id = SessionId::parse("session_id", &id)?;
        let session = Session::begin(id, caller.owner_of_new(), session.try_into()?, now);
        let mut stored = Stored::begin(Session { message_count: counts.messages, last_sequence, ..session });
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        answer(&Imported { session: (&stored.session).into(), counts })
    }
}
