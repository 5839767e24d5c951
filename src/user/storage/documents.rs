//! The full text of a user's messages, in all sessions: one FTS5 table, `search`, that holds what it finds.
//!
//! A copy, told by the session objects; it goes with its session. One row a message that says something.

use std::sync::LazyLock;

use super::list::IS_THERE;
use crate::{
    domain::time::Timestamp,
    error::Result,
    platform::sql::{Row, Sql, Value, Write},
    search::{
        MATCH_BEGINS, MATCH_ENDS,
        protocol::{Found, Hit, SearchCall},
    },
    user::protocol::DocumentRecord,
};

/// The table. The row's number says both whose message it is and which: the number of its session on the list times
/// [`MESSAGES`], and its own sequence number. Since format 4.
pub(super) const CREATE: Write = Write::new(
    "create virtual table if not exists search using fts5(content, role unindexed, created_at unindexed,
       tokenize=\"unicode61 remove_diacritics 2\")",
);
/// What is taken out is not to stay in the index's own pages.
pub(super) const SECURE: Write = Write::new("insert into search (search, rank) values ('secure-delete', 1)");
const INSERT: Write = Write::new("insert into search (rowid, role, created_at, content) values (?, ?, ?, ?)");
const DELETE: Write = Write::new("delete from search where rowid >= ? and rowid <= ?");
const DELETE_ALL: Write = Write::new("delete from search");
const HAS: &str = "select 1 from search where rowid >= ? and rowid <= ? limit 1";
const LAST: &str =
    "select rowid & 268435455, role, substr(content, 1, ?) from search where rowid >= ? and rowid <= ? order by rowid desc limit 1";
/// What a question finds.
static FOUND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "from search join session on session.number = search.rowid >> 28
         where search match ?1 and {IS_THERE}
           and (?3 is null or role = ?3) and (?4 is null or session.id = ?4)
           and (?5 is null or search.created_at >= ?5) and (?6 is null or search.created_at < ?6)
           and (?7 = 0 or not coalesce(json_extract(session.record, '$.is_memory_off'), 0))"
    )
});
static FIND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select session.id, search.rowid & 268435455, role, cast(search.created_at as integer), snippet(search, 0, ?8, ?9, '\u{2026}', 32)
         {} order by rank, search.created_at desc limit ?10 offset ?11",
        *FOUND
    )
});
static COUNT: LazyLock<String> = LazyLock::new(|| format!("select count(*) {}", *FOUND));

/// So many sequence numbers fit beside a session's number: 2 to the 28th. The statements above shift by 28.
const MESSAGES: u64 = 1 << 28;

/// Makes `documents` all that there is of session `number` after message `after`.
pub(super) fn put(sql: &Sql, number: u64, after: u64, documents: &[DocumentRecord]) -> Result<()> {
    let first = after.saturating_add(1);
    if sql.row(HAS, &range(number, first, u64::MAX))?.is_some() {
        remove(sql, number, first, u64::MAX)?;
    }
    for DocumentRecord { sequence, role, created_at, content } in documents {
        let id = id(number, *sequence);
        sql.run(&INSERT, &[id.into(), role.into(), (*created_at).into(), content.into()])?;
    }
    Ok(())
}

/// The last message of session `number` that says something: its number, who said it, and its first characters.
pub(super) fn last(sql: &Sql, number: u64, characters: u32) -> Result<Option<(u64, String, String)>> {
    let [first, last] = range(number, 0, u64::MAX);
    let row = sql.row(LAST, &[characters.into(), first, last])?;
    row.map(|row| Ok((row.count(0)?, row.text(1)?, row.text(2)?))).transpose()
}

/// Forgets everything.
pub(super) fn remove_all(sql: &Sql) -> Result<()> {
    sql.run(&DELETE_ALL, &[])
}

/// Forgets messages `first` to `last` of session `number`.
pub(super) fn remove(sql: &Sql, number: u64, first: u64, last: u64) -> Result<()> {
    sql.run(&DELETE, &range(number, first, last))
}

fn id(number: u64, sequence: u64) -> u64 {
    number.saturating_mul(MESSAGES).saturating_add(sequence.min(MESSAGES.saturating_sub(1)))
}

fn range(number: u64, first: u64, last: u64) -> [Value; 2] {
    [id(number, first).into(), id(number, last).into()]
}

/// Messages of sessions alive at `now` that the question finds, best first.
pub(super) fn find(sql: &Sql, call: &SearchCall, now: Timestamp) -> Result<Found> {
    let SearchCall { expression, role, session_id, since, before, is_for_model, limit, offset } = call;
    let (begins, ends) = (MATCH_BEGINS.to_string(), MATCH_ENDS.to_string());
    let question = || {
        let (role, session_id) = (role.as_ref().into(), session_id.as_ref().into());
        vec![expression.into(), now.millis().into(), role, session_id, (*since).into(), (*before).into(), (*is_for_model).into()]
    };
    let total = sql.row(&COUNT, &question())?.map_or(Ok(0), |row| row.count(0))?;
    let mut values = question();
    values.extend([(&begins).into(), (&ends).into(), (*limit).into(), (*offset).into()]);
    Ok(Found { hits: sql.rows(&FIND, &values)?.iter().map(read).collect::<Result<_>>()?, total })
}

fn read(row: &Row) -> Result<Hit> {
    Ok(Hit {
        session_id: row.text(0)?,
        sequence: row.count(1)?,
        role: row.text(2)?,
        created_at: row.integer(3)?,
        snippet: row.optional_text(4)?.unwrap_or_default(),
    })
}
