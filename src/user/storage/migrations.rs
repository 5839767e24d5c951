//! Bringing what an older version stored up to today's format, one format after the other. Each step stands as it was when
//! its format was new.

use super::{CREATE_ANSWER, CREATE_SETTING, FORMAT, Storage, behind, documents, endings, list};
use crate::{
    error::{Error, Result},
    memory::store as memory,
    platform::sql::Write,
};

const SET_FORMAT: Write = Write::new("update format set version = ?");

/// What makes format 2 of format 1.
const TO_2: &[Write] = &[memory::CREATE, memory::CREATE_INDEX];
/// What makes format 3 of format 2.
const TO_3: &[Write] = &[
    CREATE_SETTING,
    CREATE_ANSWER,
    Write::new(
        "create table if not exists document (
       id integer primary key, session_id text not null, sequence integer not null, role text not null, created_at integer not null,
       content text not null
     ) strict",
    ),
    Write::new(
        "create virtual table if not exists search using fts5(content, content='document', content_rowid='id',
       tokenize=\"unicode61 remove_diacritics 2\")",
    ),
    documents::SECURE,
];
/// What makes format 4 of format 3,
const TO_4: &[Write] =
    &[Write::new("alter table session add column state text not null default 'listed'"), endings::CREATE, endings::CREATE_ERASURE];
/// with numbers of sessions, by which their text is found.
const NUMBERED: &[Write] = &[
    Write::new("alter table session add column number integer"),
    Write::new("update session set number = (select count(*) from session as earlier where earlier.id <= session.id)"),
    list::CREATE_NUMBERS,
    DROP_INDEX,
    documents::CREATE,
    documents::SECURE,
    Write::new(
        "insert into search (rowid, role, created_at, content)
         select (session.number << 28) + document.sequence, document.role, document.created_at, document.content
         from document join session on session.id = document.session_id",
    ),
    DROP_DOCUMENTS,
];
/// The same where sessions have numbers, and texts are beside the index by them.
const MOVED: &[Write] = &[
    DROP_INDEX,
    documents::CREATE,
    documents::SECURE,
    Write::new("insert into search (rowid, role, created_at, content) select id, role, created_at, content from document"),
    DROP_DOCUMENTS,
];
const DROP_INDEX: Write = Write::new("drop table search");
const DROP_DOCUMENTS: Write = Write::new("drop table document");
const HAS_NUMBERS: &str = "select 1 from sqlite_master where type = 'index' and name = 'session_by_number'";
/// What makes format 5 of format 4.
const TO_5: &[Write] = &[behind::CREATE];
/// What makes format 6 of format 5: from then on not every table is there. Those that are stay.
const TO_6: &[Write] = &[];
const STEPS: [&[&[Write]]; 5] = [&[TO_2], &[TO_3], &[TO_4, NUMBERED], &[TO_5], &[TO_6]];
/// So many steps lead to format 4.
const STEPS_TO_4: usize = 3;

impl Storage {
    /// Brings the tables from `format` up to today's.
    ///
    /// # Errors
    /// `Unavailable` when they are newer than this version.
    pub(super) fn migrate(&self, format: i64) -> Result<()> {
        let done = usize::try_from(format).ok().and_then(|format| format.checked_sub(1));
        let (done, steps) = done
            .and_then(|done| Some((done, STEPS.get(done..)?)))
            .ok_or_else(|| Error::Unavailable(format!("the list is stored in format {format}, this version reads up to {FORMAT}")))?;
        if done >= STEPS_TO_4 {
            self.amend_4()?;
        }
        steps.iter().copied().flatten().copied().flatten().try_for_each(|step| self.sql.run(step, &[]))?;
        self.sql.run(&SET_FORMAT, &[FORMAT.into()])
    }

    /// Format 4 was stored in two other shapes before 0.5 was out: both had a table of texts beside the index, the first no
    /// numbers of sessions. They may have been taken for today's when they were made format 5.
    fn amend_4(&self) -> Result<()> {
        if !self.sql.has_table("document")? {
            return Ok(());
        }
        let amendment = if self.sql.row(HAS_NUMBERS, &[])?.is_some() { MOVED } else { NUMBERED };
        amendment.iter().try_for_each(|step| self.sql.run(step, &[]))
    }
}
