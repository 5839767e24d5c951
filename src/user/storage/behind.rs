//! Which sessions have said more than the list and the index know: a row each in `behind`, at most [`MOST`].
//!
//! A session is marked when it begins or a turn of its does, and while the mark stands it tells nothing of that: so they take no
//! call and no row here. Whoever wants to know has it share first; that takes the mark back. It goes with the session, too.
//! A table of its own, because few rows are found in it without a look at the list, and a mark is one row written, without
//! an index.

use super::Storage;
use crate::{
    domain::{session::SessionLimit, time::Timestamp},
    error::Result,
    platform::sql::Write,
    user::protocol::Call,
};

/// The table. Since format 5.
pub(super) const CREATE: Write = Write::new("create table if not exists behind (session_id text primary key) strict, without rowid");
const MARK: Write = Write::new(
    "insert or ignore into behind (session_id)
     select id from session where id = ? and state <> 'hidden' and (select count(*) from behind) < ?",
);
const IS_MARKED: &str = "select 1 from behind where session_id = ?";
// One for which a place is kept may be about to begin.
const IS_LOST: &str = "select 1 from behind left join session on id = session_id
  where session_id = ? and coalesce(iif(state = 'reserved', expires_at, last_activity), 0) <= ?";
const UNMARK: Write = Write::new("delete from behind where session_id = ?");
const UNMARK_LOST: Write = Write::new("delete from behind where session_id = ? and session_id not in (select id from session)");
const ALL: &str = "select session_id from behind where session_id not in (select session_id from ending)";
pub(super) const DELETE_ALL: Write = Write::new("delete from behind");

/// Whoever lists waits for so many sessions at most.
const MOST: u32 = 6;

impl Storage {
    /// May session `id` tell later what its turns say? Then it is marked, if it was not.
    pub(in crate::user) fn mark(&self, id: &str) -> Result<bool> {
        if !self.has_schema()? {
            return Ok(false);
        }
        if self.is_marked(id)? {
            return Ok(true);
        }
        self.sql.run(&MARK, &[id.into(), MOST.into()])?;
        self.is_marked(id)
    }

    /// Marks session `id`, which has told something that was not taken.
    pub(super) fn mark_untaken(&self, id: &str) -> Result<()> {
        self.sql.run(&MARK, &[id.into(), u32::MAX.into()])
    }

    /// Takes session `id` off the list, which was to share at `asked_at` and was not there. One that has been told of since has
    /// begun anew.
    pub(in crate::user) fn lose(&self, id: &str, asked_at: Timestamp) -> Result<()> {
        let is_lost = self.has_schema()? && self.sql.row(IS_LOST, &[id.into(), asked_at.millis().into()])?.is_some();
        if is_lost { self.remove(id) } else { Ok(()) }
    }

    /// Notes that everything that session `id` has said is known, or that it is gone.
    pub(super) fn unmark(&self, id: &str) -> Result<()> {
        self.sql.run(&UNMARK, &[id.into()])
    }

    /// The same, if the session is on the list no more.
    pub(super) fn unmark_lost(&self, id: &str) -> Result<()> {
        self.sql.run(&UNMARK_LOST, &[id.into()])
    }

    /// The sessions that are to share before `call` is answered: only then the answer is right.
    pub(in crate::user) fn behind(&self, call: &Call, limit: SessionLimit, now: Timestamp) -> Result<Vec<String>> {
        if !self.has_schema()? {
            return Ok(Vec::new());
        }
        let depends = match call {
            Call::Page { .. } | Call::Search(_) => true,
            // Who has to end, or has ended, only the sessions themselves know.
            Call::Admit { session_id, .. } => self.lacks_place(session_id, false, limit, now)?,
            // Who is behind has a place, and is listed without others being asked: so nobody waits in a circle.
            Call::Share(share) => self.lacks_place(share.session.id(), true, limit, now)?,
            Call::Remove { .. }
            | Call::Lost { .. }
            | Call::Hide { .. }
            | Call::Erase { .. }
            | Call::Ids { .. }
            | Call::Memory(_)
            | Call::Once { .. }
            | Call::Remind { .. }
            | Call::Settings
            | Call::Change(_)
            | Call::Informed(_) => false,
        };
        if depends { self.sql.rows(ALL, &[])?.iter().map(|row| row.text(0)).collect() } else { Ok(Vec::new()) }
    }

    fn is_marked(&self, id: &str) -> Result<bool> {
        Ok(self.sql.row(IS_MARKED, &[id.into()])?.is_some())
    }
}
