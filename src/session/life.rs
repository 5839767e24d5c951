//! How a session begins, changes and ends, apart from what is said in it. Each function is part of one synchronous burst.

use std::time::Duration;

use crate::{
    domain::{
        caller::Caller,
        id::SessionId,
        memory::Emptied,
        message::Message,
        session::{CREATED_FROM_API, Precondition, Session, SessionPatch},
        stats::Ending,
        time::Timestamp,
    },
    error::{Error, Result},
    limits,
    memory::protocol::MemoryCall,
    session::{
        object::{Aftermath, Object, Outcome, answer},
        protocol::{Create, Created, Deleted, Ended},
        record::{EndingRecord, SessionRecord},
        storage::Stored,
        turn::log::Stop,
    },
};

impl Object {
    /// Begins a session, or finds the caller's that is alive.
    pub(super) fn create(&self, caller: &Caller, alive: Option<Stored>, create: Create, now: Timestamp) -> Result<Created> {
        match alive {
            Some(stored) if caller.may_use(&stored.session.owner) => Ok(Created { session: (&stored.session).into(), is_new: false }),
            Some(_) => Err(Error::IdTaken),
            None => {
                let mut stored = self.begin(caller, create, now)?;
                self.put_off_sharing(&mut stored)?;
                self.save(&mut stored, Aftermath::BeforeAnswer)?;
                Ok(Created { session: (&stored.session).into(), is_new: true })
            }
        }
    }

    /// A new session with its tables, not saved yet.
    pub(super) fn begin(&self, caller: &Caller, create: Create, now: Timestamp) -> Result<Stored> {
        self.storage.create_schema()?;
        let id = SessionId::parse("session_id", &create.id)?;
        let mut stored = Stored::begin(Session::begin(id, caller.owner_of_new(), (*create.session).try_into()?, now));
        let session = &mut stored.session;
        for record in create.messages {
            session.message_count = session.message_count.saturating_add(1);
            session.last_sequence = session.last_sequence.saturating_add(1);
            self.storage.save_message(&Message { sequence: session.last_sequence, replaces: None, ..record.try_into()? })?;
        }
        Ok(stored)
    }

    /// Changes what a client may change.
    pub(super) fn patch(
        &self,
        mut stored: Stored,
        precondition: &Precondition,
        patch: SessionPatch,
        now: Timestamp,
    ) -> Result<SessionRecord> {
        precondition.check(stored.session.version())?;
        self.change(&mut stored, patch)?;
        stored.session.touch(now);
        stored.indexed_at = None;
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        Ok((&stored.session).into())
    }

    /// Changes what a client may change, without saving it. Is anything other than before?
    pub(super) fn change(&self, stored: &mut Stored, patch: SessionPatch) -> Result<bool> {
        if patch.persona.as_ref().is_some_and(|persona| *persona != stored.session.persona) {
            // What was answered so far counts for who has answered it.
            self.report_now(stored)?;
        }
        let (before, session) = (stored.session.clone(), &mut stored.session);
        if let Some(title) = patch.title {
            (session.title, session.is_title_made) = (title, false);
        }
        session.profile = session.profile.patched(patch.profile);
        session.uses_memory = patch.uses_memory.unwrap_or(session.uses_memory);
        if let Some(persona) = patch.persona {
            session.persona = persona;
        }
        if let Some(idle_timeout) = patch.idle_timeout {
            session.idle_timeout = idle_timeout;
        }
        if let Some(metadata) = patch.metadata {
            session.metadata = self.storage.merge_metadata(&session.metadata, &metadata)?;
            limits::check_body("metadata", &session.metadata, limits::METADATA_BYTES)?;
        }
        if let Some(created_from) = patch.created_from
            && session.created_from == CREATED_FROM_API
            && session.last_sequence == 0
        {
            session.created_from = created_from;
        }
        let is_changed = *session != before;
        if is_changed {
            stored.indexed_at = None;
        }
        Ok(is_changed)
    }

    /// Ends the session and the turn that runs; with `undo` it can be restored for so long.
    pub(super) fn delete(
        &self,
        mut stored: Stored,
        precondition: &Precondition,
        undo: Option<Duration>,
        now: Timestamp,
    ) -> Result<Deleted> {
        precondition.check(stored.session.version())?;
        stored.session.touch(now);
        stored.restorable_until = undo.map(|undo| now.plus(undo));
        if undo.is_none() {
            self.end(&mut stored, Ending::Deleted, now)?;
        } else {
            self.save(&mut stored, Aftermath::BeforeAnswer)?;
        }
        self.break_off();
        let restorable_until = stored.restorable_until.map(Timestamp::millis);
        Ok(Deleted { message_count: stored.session.message_count, restorable_until })
    }

    /// Takes back a deletion. The turn that it broke off has been interrupted.
    pub(super) fn restore(&self, mut stored: Stored, now: Timestamp) -> Result<SessionRecord> {
        if stored.restorable_until.take().is_some() {
            self.conclude_interrupted(&mut stored)?;
            // What is in memory of that turn has no end; what is stored has.
            *self.log.borrow_mut() = None;
            stored.session.touch(now);
            (stored.listed_revision, stored.shared_sequence, stored.indexed_at) = (0, 0, None);
            self.save(&mut stored, Aftermath::BeforeAnswer)?;
        }
        Ok((&stored.session).into())
    }

    /// Ends the session for its user's object, which has decided so at `decided_at`, whatever state it is in.
    pub(super) fn end_for_user(
        &self,
        caller: &Caller,
        stored: Option<Stored>,
        ending: EndingRecord,
        decided_at: Timestamp,
    ) -> Result<Outcome> {
        // Its place may have been given to another one before it had begun with it.
        let since = |created_at: Timestamp| self.place_asked_at.get().map_or(created_at, |asked_at| asked_at.min(created_at));
        let is_meant = |stored: &Stored| caller.may_use(&stored.session.owner) && since(stored.session.created_at) <= decided_at;
        let Some(mut stored) = stored.filter(is_meant) else {
            return Ok(Outcome::Answer(answer(&Ended { is_spared: false, is_found: false, message_count: 0 })?));
        };
        let message_count = stored.session.message_count;
        // It has ended and been counted before, and something of it is left.
        if stored.is_ended {
            return Ok(Outcome::Buried(answer(&Ended { is_spared: false, is_found: true, message_count })?));
        }
        if ending == EndingRecord::Evicted && self.running().is_some() {
            return Ok(Outcome::Answer(answer(&Ended { is_spared: true, is_found: true, message_count: 0 })?));
        }
        let ending = match ending {
            EndingRecord::Evicted => Ending::Evicted,
            EndingRecord::Erased => Ending::Erased,
        };
        self.end(&mut stored, ending, decided_at)?;
        self.break_off();
        Ok(Outcome::Buried(answer(&Ended { is_spared: false, is_found: true, message_count })?))
    }

    /// Has the turn that runs end without a word: what it was to answer is gone.
    pub(super) fn break_off(&self) {
        if let Some(log) = self.running() {
            log.stop(Stop::Gone);
        }
    }

    /// Does what is asked of the session's memory.
    pub(super) fn remember(&self, mut stored: Stored, call: MemoryCall, now: Timestamp) -> Result<String> {
        let writes = call.writes();
        if matches!(call, MemoryCall::Clear) {
            self.forget_values(&stored, Emptied { is_users: false, is_sessions: true })?;
        }
        let answer = self.storage.memory(call, now)?;
        if writes {
            stored.session.touch(now);
            self.save(&mut stored, Aftermath::Later)?;
        }
        Ok(answer)
    }
}
