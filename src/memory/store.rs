//! What a memory does: remembers, learns, forgets and takes back, within limits. Its rows are in `table`.
//!
//! What can be taken back no more is wiped by the next call, whatever it asks. Every function is atomic within the call that
//! it is part of.

use serde::Serialize;
use serde_json::Value;

use super::{
    protocol::{EntryRecord, FactRecord, MemoryCall, NewEntryRecord, Page, Put, source_named},
    table::{State, Stored, clear, count_all, find, found, has_more, remove, save, wipe, wipe_deleted},
};
use crate::{
    domain::{
        memory::{Entry, Origin, Source},
        time::Timestamp,
    },
    error::{Error, Result, Subject},
    limits,
    platform::{namespace::Reply, sql::Sql},
    session::record::{
        refusal::Refusal,
        version::{VersionRecord, decode_precondition},
    },
};

pub(crate) use super::table::{CREATE, CREATE_INDEX, DELETE_ALL, count, entries, forget_from, recent, restore};

/// Most things in a list that rules make.
const ITEMS: usize = 50;

/// Does what is asked of the memory in `sql`; the answer, encoded.
///
/// # Errors
/// `NotFound`, `Stale`, `Invalid` and `TooLarge`, by what is asked.
pub(crate) fn answer(sql: &Sql, call: MemoryCall, now: Timestamp) -> Result<String> {
    wipe(sql, now)?;
    match call {
        MemoryCall::Put(new) => encode(&put(sql, new, now)?),
        MemoryCall::Get { key } => encode(&EntryRecord::from(found(sql, &key)?.entry()?)),
        MemoryCall::List { prefix, after, limit } => encode(&list(sql, &prefix, after.as_deref().unwrap_or_default(), limit)?),
        MemoryCall::Delete { key, if_match } => encode(&delete(sql, &key, if_match.as_deref(), now)?),
        MemoryCall::Clear => {
            let count = count(sql, "")?;
            clear(sql)?;
            encode(&count)
        }
        MemoryCall::Undo { key } => encode(&undo(sql, &key, now)?),
    }
}

/// Is nothing remembered, and nothing to be taken back?
///
/// # Errors
/// `Internal`, SQLite's.
pub(crate) fn is_empty(sql: &Sql) -> Result<bool> {
    Ok(count_all(sql)? == 0)
}

fn put(sql: &Sql, new: NewEntryRecord, now: Timestamp) -> Result<Put> {
    let NewEntryRecord { key, value, source, origin, if_match, if_exists } = new;
    limits::check_body("value", &value, limits::MEMORY_BYTES)?;
    let stored = find(sql, &key)?;
    let is_new = stored.as_ref().is_none_or(|stored| stored.now.is_none());
    check(stored.as_ref(), if_match.as_deref())?;
    if if_exists == Some(is_new) {
        return Err(Error::Stale { current: stored.as_ref().filter(|_| !is_new).map(Stored::version) });
    }
    if is_new && count(sql, "")? >= limits::MEMORY_ENTRIES {
        let rule = format!("would be one too many: a memory has at most {} entries", limits::MEMORY_ENTRIES);
        return Err(Error::invalid("key", rule));
    }
    let stored = stored.map_or_else(|| Stored::new(&key, now), Ok)?;
    let state = State { value, source: source_named(&source)?, origin: origin.map(Origin::from) };
    if stored.now.as_ref() == Some(&state) {
        // Sent again because its answer was lost: what can be taken back is still the change before.
        return Ok(Put { entry: stored.entry()?.into(), is_new: false });
    }
    let changed = stored.changed(Some(state), now);
    save(sql, &changed)?;
    Ok(Put { entry: changed.entry()?.into(), is_new })
}

/// Keeps what a rule has read, unless a client says otherwise or there is no room; gives what is new.
///
/// # Errors
/// `Internal`, SQLite's.
pub(crate) fn learn(sql: &Sql, facts: Vec<FactRecord>, origin: Option<&Origin>, now: Timestamp) -> Result<Vec<Entry>> {
    wipe(sql, now)?;
    let mut learned = Vec::new();
    for FactRecord { key, text, item } in facts {
        let stored = find(sql, &key)?;
        let known = stored.as_ref().and_then(|stored| stored.now.as_ref());
        let is_clients = known.is_some_and(|known| known.source == Source::Client);
        let (known, is_new) = (known.map(|known| known.value.as_str()), known.is_none());
        let Some(value) = text.map(|text| Value::String(text).to_string()).or_else(|| with_item(known, item)) else { continue };
        if is_clients || known == Some(&value) || (is_new && count(sql, "")? >= limits::MEMORY_ENTRIES) {
            continue;
        }
        let stored = stored.map_or_else(|| Stored::new(&key, now), Ok)?;
        let changed = stored.changed(Some(State { value, source: Source::Rule, origin: origin.cloned() }), now);
        save(sql, &changed)?;
        learned.push(changed.entry()?);
    }
    Ok(learned)
}

/// A list with one thing more; `None` when that is in it already, or it is full.
fn with_item(known: Option<&str>, item: Option<String>) -> Option<String> {
    let mut items: Vec<String> = known.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let item = item?;
    if items.len() >= ITEMS || items.iter().any(|known| known.eq_ignore_ascii_case(&item)) {
        return None;
    }
    items.push(item);
    serde_json::to_string(&items).ok()
}

fn delete(sql: &Sql, key: &str, if_match: Option<&[VersionRecord]>, now: Timestamp) -> Result<bool> {
    let stored = found(sql, key)?;
    check(Some(&stored), if_match)?;
    // What is deleted again and again must not fill the object.
    if count_all(sql)? >= limits::MEMORY_ENTRIES.saturating_mul(2) {
        wipe_deleted(sql)?;
    }
    save(sql, &stored.changed(None, now)).map(|()| true)
}

fn undo(sql: &Sql, key: &str, now: Timestamp) -> Result<Option<EntryRecord>> {
    let stored = find(sql, key)?.ok_or(Error::NotFound(Subject::Memory))?;
    if stored.undo_until.is_none() {
        return Err(Error::NotPossible("There is no change of this entry that could be taken back any more".into()));
    }
    let Some(before) = stored.before.clone() else {
        return remove(sql, key).map(|()| None);
    };
    if stored.now.is_none() && count(sql, "")? >= limits::MEMORY_ENTRIES {
        return Err(Error::NotPossible(format!("A memory has at most {} entries", limits::MEMORY_ENTRIES)));
    }
    let undone = stored.undone(before, now);
    save(sql, &undone)?;
    Ok(Some(undone.entry()?.into()))
}

fn list(sql: &Sql, prefix: &str, after: &str, limit: u32) -> Result<Page> {
    let entries = entries(sql, prefix, after, limit)?;
    let last = entries.last().map_or(after, |last| last.key.as_str());
    let has_more = has_more(sql, prefix, last)?;
    Ok(Page { has_more, entries: entries.into_iter().map(EntryRecord::from).collect(), total: count(sql, prefix)? })
}

/// Holds what is there against what the client demands of it.
fn check(stored: Option<&Stored>, if_match: Option<&[VersionRecord]>) -> Result<()> {
    match (stored.filter(|stored| stored.now.is_some()), if_match) {
        (Some(stored), if_match) => decode_precondition(if_match).check(stored.version()),
        (None, Some(_)) => Err(Error::Stale { current: None }),
        (None, None) => Ok(()),
    }
}

fn encode<T: Serialize>(answer: &T) -> Result<String> {
    Reply::<_, Refusal>::Ok(answer).encode()
}
