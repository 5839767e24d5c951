//! How a session begins, changes and ends, apart from what is said in it. Each function is part of one synchronous burst.

use crate::{
    domain::{
        caller::Caller,
        id::SessionId,
        message::Message,
        session::{Precondition, Session, SessionPatch},
        time::Timestamp,
    },
    error::{Error, Result},
    limits,
    memory::protocol::MemoryCall,
    session::{
        object::{Aftermath, Object},
        protocol::{Create, Created, Deleted},
        record::SessionRecord,
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
        let session = &mut stored.session;
        precondition.check(session.version())?;
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
        session.touch(now);
        stored.indexed_at = None;
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        Ok((&stored.session).into())
    }

    /// Ends the session and the turn that runs.
    pub(super) fn delete(&self, mut stored: Stored, precondition: &Precondition, now: Timestamp) -> Result<Deleted> {
        precondition.check(stored.session.version())?;
        stored.session.touch(now);
        self.storage.delete_contents()?;
        stored.is_ended = true;
        stored.session.running_turn = None;
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        if let Some(log) = self.running() {
            log.stop(Stop::Gone);
        }
        Ok(Deleted { message_count: stored.session.message_count })
    }

    /// Does what is asked of the session's memory.
    pub(super) fn remember(&self, mut stored: Stored, call: MemoryCall, now: Timestamp) -> Result<String> {
        let writes = !matches!(call, MemoryCall::Get { .. } | MemoryCall::List { .. });
        if matches!(call, MemoryCall::Clear) {
            self.forget_values()?;
        }
        let answer = self.storage.memory(call, now)?;
        if writes {
            stored.session.touch(now);
            self.save(&mut stored, Aftermath::Later)?;
        }
        Ok(answer)
    }
}
