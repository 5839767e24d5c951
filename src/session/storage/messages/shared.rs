//! What the user's index is to be told of the messages: those after `shared_sequence`, and which it is to forget.

use crate::{
    domain::message::Message,
    error::Result,
    platform::sql::Write,
    session::{
        protocol::PageRequest,
        storage::{Storage, Stored},
    },
};

pub(in crate::session::storage) const CREATE: Write =
    Write::new("create table if not exists unshared (sequence integer primary key) strict");
const ADD: Write = Write::new("insert or ignore into unshared (sequence) values (?)");
const ALL: &str = "select sequence from unshared order by sequence";
const HAS_ANY: &str = "select 1 from unshared limit 1";
const DELETE: Write = Write::new("delete from unshared where sequence = ?");
pub(in crate::session::storage) const DELETE_ALL: Write = Write::new("delete from unshared");

/// So much text goes to the user's index in one call, in bytes.
const SHARE_BYTES: u64 = 1024 * 1024;
/// So many messages.
const SHARE_MESSAGES: u32 = 1000;

/// What the user's index does not know yet.
pub(in crate::session) struct Unshared {
    /// Messages that follow those that it knows.
    pub(in crate::session) messages: Vec<Message>,
    /// Messages that it is to forget, with what was learned from them.
    pub(in crate::session) forgotten: Vec<u64>,
    /// Are there more of the messages?
    pub(in crate::session) has_more: bool,
}

impl Storage {
    /// Before messages from `first` on change: whatever is made of them is not so any more.
    pub(in crate::session) fn forget_from(&self, stored: &mut Stored, first: u64) -> Result<()> {
        self.unindex_from(stored, first)?;
        self.forget_summaries(first)?;
        stored.shared_sequence = stored.shared_sequence.min(first.saturating_sub(1));
        self.note_change();
        Ok(())
    }

    pub(in crate::session::storage) fn note_change(&self) {
        self.changes.set(self.changes.get().wrapping_add(1));
    }

    /// Has the user's index forget a message, and what was learned from it.
    pub(in crate::session) fn unshare(&self, sequence: u64) -> Result<()> {
        self.sql.run(&ADD, &[sequence.into()])
    }

    /// Is there a message that the user's index has not forgotten yet?
    pub(in crate::session) fn has_unforgotten(&self) -> Result<bool> {
        Ok(self.sql.row(HAS_ANY, &[])?.is_some())
    }

    /// What the user's index does not know yet.
    pub(in crate::session) fn unshared(&self, stored: &Stored) -> Result<Unshared> {
        let after = Some(stored.shared_sequence);
        let page = PageRequest { after, before: None, offset: 0, limit: SHARE_MESSAGES, newest_first: false };
        let messages = self.page(&page, SHARE_BYTES)?;
        let has_more = messages.last().is_some_and(|last| last.sequence < stored.session.last_sequence);
        let forgotten = self.sql.rows(ALL, &[])?.iter().map(|row| row.count(0)).collect::<Result<_>>()?;
        Ok(Unshared { messages, forgotten, has_more })
    }

    /// Notes that the user's index has forgotten what it was to forget. To be called only when nothing of it has changed
    /// meanwhile.
    pub(in crate::session) fn set_forgotten(&self, shared: &Unshared) -> Result<()> {
        shared.forgotten.iter().try_for_each(|sequence| self.sql.run(&DELETE, &[(*sequence).into()]))
    }

    /// Counts how often messages that were there have changed, since this object was loaded.
    pub(in crate::session) fn changes(&self) -> u64 {
        self.changes.get()
    }
}
