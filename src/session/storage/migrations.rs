//! Bringing what an older version stored up to today's format, one format after the other. Each step stands as it was when
//! its format was new: what today's tables have more is a later step's.

use super::{
    FORMAT, Storage, answers, events,
    messages::{self, search, shared, siblings},
    outbox, summaries, turns,
};
use crate::{
    error::{Error, Result},
    memory::store as memory,
    platform::sql::Write,
};

const FORMAT_OF: &str = "select format from session";
const SET_FORMAT: Write = Write::new("update session set format = ?");

/// What makes format 2 of format 1.
const TO_2: &[Write] = &[answers::CREATE];
/// What makes format 3 of format 2.
const TO_3: &[Write] = &[
    Write::new("alter table session add column turn_count integer not null default 0"),
    Write::new("alter table session add column running_turn integer"),
    Write::new("alter table session add column prompt_tokens integer not null default 0"),
    Write::new("alter table session add column completion_tokens integer not null default 0"),
    Write::new("alter table session add column has_estimates integer not null default 0"),
    Write::new("alter table session add column observed_bytes integer not null default 0"),
    Write::new("alter table session add column observed_tokens integer not null default 0"),
    Write::new("alter table session add column error_count integer not null default 0"),
    Write::new("alter table session add column last_error text"),
    Write::new("alter table session add column last_error_at integer"),
    Write::new("alter table message add column cut text"),
    Write::new("alter table message add column replaces integer"),
    messages::CREATE_INSTRUCTIONS,
    turns::CREATE,
    events::CREATE,
    Write::new(
        "create table if not exists sibling (
       sequence integer primary key, created_at integer not null, role text not null, content text, tool_calls text,
       tool_call_id text, name text, metadata text, size_bytes integer not null, cut text, replaces integer, replaced_by integer not null
     ) strict",
    ),
    siblings::CREATE_INDEX,
];

/// What makes format 4 of format 3.
const TO_4: &[Write] = &[
    Write::new("alter table message add column removed_at integer"),
    Write::new("alter table sibling add column removed_at integer"),
    memory::CREATE,
    memory::CREATE_INDEX,
];

/// What makes format 5 of format 4.
const TO_5: &[Write] = &[
    Write::new("alter table session add column verbosity text not null default 'medium'"),
    Write::new("alter table session add column tone text not null default 'neutral'"),
    Write::new("alter table session add column depth text not null default 'normal'"),
    Write::new("alter table session add column uses_memory integer not null default 1"),
    Write::new("alter table session add column is_title_made integer not null default 0"),
    Write::new("alter table session add column searched_sequence integer not null default 0"),
    Write::new("alter table session add column shared_sequence integer not null default 0"),
    summaries::CREATE,
    search::CREATE,
    search::SECURE,
    shared::CREATE,
    // The user's index is to be told of everything.
    Write::new("update session set listed_revision = 0"),
];

/// What makes format 6 of format 5.
const TO_6: &[Write] = &[
    Write::new("alter table session add column restorable_until integer"),
    Write::new("alter table session add column created_from text not null default 'api'"),
    Write::new("alter table session add column query_count integer not null default 0"),
    Write::new("alter table session add column last_persona text"),
    Write::new("update session set query_count = (select count(*) from turn where kind = 'reply')"),
    // Kept answers tell no more what was remembered.
    Write::new("update answer set answer = json_remove(answer, '$.ok.memory') where json_valid(answer)"),
    // Nothing was reported before: with the first report the session begins for the counters.
    outbox::CREATE,
    outbox::CREATE_REPORTED,
];

/// What makes format 7 of format 6. A turn that runs has a row of its own until it ends.
const TO_7: &[Write] = &[
    Write::new("alter table session add column beginning text"),
    Write::new("alter table session add column recent_events text not null default '[]'"),
];

/// What makes format 8 of format 7: from then on not every table is there. Those that are stay.
const TO_8: &[Write] = &[];

const STEPS: [&[Write]; 7] = [TO_2, TO_3, TO_4, TO_5, TO_6, TO_7, TO_8];

impl Storage {
    /// Brings the tables up to today's format, once in the life of this object.
    ///
    /// # Errors
    /// `Unavailable` when they are newer than this version.
    pub(super) fn migrate(&self) -> Result<()> {
        if self.is_current.get() {
            return Ok(());
        }
        let Some(row) = self.sql.row(FORMAT_OF, &[])? else { return Ok(()) };
        let format = row.integer(0)?;
        let done = usize::try_from(format).ok().and_then(|format| format.checked_sub(1));
        let steps = done
            .and_then(|done| STEPS.get(done..))
            .ok_or_else(|| Error::Unavailable(format!("the session is stored in format {format}, this version reads up to {FORMAT}")))?;
        if !steps.is_empty() {
            self.context.atomically(|| {
                steps.iter().copied().flatten().try_for_each(|step| self.sql.run(step, &[]))?;
                self.sql.run(&SET_FORMAT, &[FORMAT.into()])
            })?;
        }
        self.is_current.set(true);
        Ok(())
    }
}
