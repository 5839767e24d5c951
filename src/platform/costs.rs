//! What is billed, counted as it happens, for benchmarks: rows written by table, requests to objects by binding, writes to
//! KV, alarms. For this instance, since it began; nothing is decided by it.

use std::{cell::RefCell, collections::BTreeMap};

thread_local! {
    /// WASM has one thread.
    static COUNTS: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Counts rows that `statement` has written.
pub(super) fn rows_written(statement: &str, rows: u64) {
    if rows > 0 {
        count("rows", table_of(statement), rows);
    }
}

/// Counts a request to an object.
pub(super) fn object_request(binding: &str) {
    count("object", binding, 1);
}

/// Counts an alarm that is set, which is billed as a row written.
pub(super) fn alarm_set() {
    count("rows", "alarm", 1);
}

/// Counts a write to KV.
pub(crate) fn kv_write() {
    count("kv", "writes", 1);
}

/// What has been counted, as `kind:name`.
pub(crate) fn counts() -> BTreeMap<String, u64> {
    COUNTS.with_borrow(Clone::clone)
}

fn count(kind: &str, name: &str, more: u64) {
    COUNTS.with_borrow_mut(|counts| {
        let count = counts.entry(format!("{kind}:{name}")).or_default();
        *count = count.saturating_add(more);
    });
}

/// The table that a statement writes to.
fn table_of(statement: &str) -> &str {
    if statement.starts_with("create") {
        return "schema";
    }
    let mut words = statement.split_whitespace();
    let found = words.by_ref().find(|word| ["into", "update", "from"].contains(word)).and_then(|_| words.next());
    found.map_or("other", |table| table.split('(').next().unwrap_or(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_in_statements() {
        for (statement, table) in [
            ("insert into event (turn) values (?)", "event"),
            ("insert or replace into session(only) values (1)", "session"),
            ("update turn set state = 'x'", "turn"),
            ("delete from answer", "answer"),
            ("create table if not exists x (y)", "schema"),
            ("select 1", "other"),
        ] {
            assert_eq!(table_of(statement), table, "{statement}");
        }
    }
}
