//! Summaries of what was said long ago: a row each, under the last message it covers. The latest counts; earlier ones are
//! kept for a while, for when what it covers is taken back.

use super::Storage;
use crate::{
    domain::{context::Summary, time::Timestamp},
    error::Result,
    platform::sql::Write,
};

pub(super) const CREATE: Write = Write::new(
    "create table if not exists summary (
       through integer primary key, first integer not null, text text not null, made_by text not null, created_at integer not null
     ) strict",
);
const LATEST: &str = "select first, through, text from summary where through < ? order by through desc limit 1";
const SAVE: Write = Write::new("insert or replace into summary (through, first, text, made_by, created_at) values (?, ?, ?, ?, ?)");
const FORGET_FROM: Write = Write::new("delete from summary where through >= ?");
const FORGET_OLD: Write =
    Write::new("delete from summary where through <= (select through from summary order by through desc limit 1 offset ?)");
pub(super) const DELETE_ALL: Write = Write::new("delete from summary");

/// So many are kept.
const KEPT: u32 = 10;

impl Storage {
    /// The latest summary that ends before message `sequence`.
    pub(in crate::session) fn summary_before(&self, sequence: u64) -> Result<Option<Summary>> {
        let row = self.sql.row(LATEST, &[sequence.into()])?;
        row.map(|row| Ok(Summary { from: row.count(0)?, through: row.count(1)?, text: row.text(2)? })).transpose()
    }

    /// Keeps a summary that `made_by` has made.
    pub(in crate::session) fn save_summary(&self, summary: &Summary, made_by: &str, now: Timestamp) -> Result<()> {
        let Summary { from, through, text } = summary;
        self.sql.run(&SAVE, &[(*through).into(), (*from).into(), text.into(), made_by.into(), now.millis().into()])?;
        self.sql.run(&FORGET_OLD, &[KEPT.into()])
    }

    /// Forgets every summary that covers message `sequence`, which is about to change.
    pub(super) fn forget_summaries(&self, sequence: u64) -> Result<()> {
        self.sql.run(&FORGET_FROM, &[sequence.into()])
    }
}
