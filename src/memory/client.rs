//! The edge's side of a memory, whoever's it is: one method per call, domain values in and out.

use serde::de::DeserializeOwned;
use worker::Env;

use super::protocol::{EntryRecord, MemoryCall, NewEntryRecord, Page, Put};
use crate::{
    domain::{
        id::{MemoryKey, Repeatable, UserId},
        memory::{Entry, Source},
        session::Precondition,
    },
    error::Result,
    session::{client::SessionClient, record::version::encode_precondition},
    user,
};

/// A memory.
pub(crate) enum MemoryClient<'a> {
    /// A session's: dies with it.
    Session(SessionClient<'a>),
    /// A user's, who may be asked, by a request that may be repeated: survives the sessions.
    User(&'a Env, UserId, Option<&'a Repeatable>),
}

/// A page of entries.
pub(crate) struct Entries {
    /// In the order of their keys.
    pub entries: Vec<Entry>,
    /// How many have the prefix.
    pub total: u64,
    /// Are there more after these?
    pub has_more: bool,
}

impl MemoryClient<'_> {
    /// Remembers a value for a client. True: nothing was there before. `if_exists`: only if something is there, or nothing.
    ///
    /// # Errors
    /// `Stale` when the precondition fails, `Invalid` when the memory is full; with a session, what it fails with.
    pub(crate) async fn put(
        &self,
        key: &MemoryKey,
        value: String,
        precondition: Precondition,
        if_exists: Option<bool>,
    ) -> Result<(Entry, bool)> {
        let put: Put = self
            .ask(MemoryCall::Put(NewEntryRecord {
                key: key.as_str().to_owned(),
                value,
                source: Source::Client.name().to_owned(),
                origin: None,
                if_match: encode_precondition(precondition),
                if_exists,
            }))
            .await?;
        Ok((put.entry.try_into()?, put.is_new))
    }

    /// What is remembered under `key`.
    ///
    /// # Errors
    /// `NotFound` when nothing is.
    pub(crate) async fn get(&self, key: &MemoryKey) -> Result<Entry> {
        self.ask::<EntryRecord>(MemoryCall::Get { key: key.as_str().to_owned() }).await?.try_into()
    }

    /// Entries whose keys begin with `prefix`, after key `after`.
    ///
    /// # Errors
    /// With a session, what it fails with.
    pub(crate) async fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Entries> {
        let call = MemoryCall::List { prefix: prefix.to_owned(), after: after.map(str::to_owned), limit };
        let page: Page = self.ask(call).await?;
        Ok(Entries {
            entries: page.entries.into_iter().map(Entry::try_from).collect::<Result<_>>()?,
            total: page.total,
            has_more: page.has_more,
        })
    }

    /// Forgets what is under `key`.
    ///
    /// # Errors
    /// `NotFound` when nothing is, `Stale` when the precondition fails.
    pub(crate) async fn delete(&self, key: &MemoryKey, precondition: Precondition) -> Result<()> {
        let call = MemoryCall::Delete { key: key.as_str().to_owned(), if_match: encode_precondition(precondition) };
        self.ask::<bool>(call).await.map(drop)
    }

    /// Forgets everything for good; how many entries there were.
    ///
    /// # Errors
    /// With a session, what it fails with.
    pub(crate) async fn clear(&self) -> Result<u64> {
        self.ask(MemoryCall::Clear).await
    }

    /// Takes back the last change under `key`; what is there now.
    ///
    /// # Errors
    /// `NotFound` when nothing was ever there, `NotPossible` when the change was too long ago.
    pub(crate) async fn undo(&self, key: &MemoryKey) -> Result<Option<Entry>> {
        let entry: Option<EntryRecord> = self.ask(MemoryCall::Undo { key: key.as_str().to_owned() }).await?;
        entry.map(Entry::try_from).transpose()
    }

    async fn ask<T: DeserializeOwned>(&self, call: MemoryCall) -> Result<T> {
        match self {
            MemoryClient::Session(session) => session.memory(call).await,
            MemoryClient::User(env, user, request) => user::client::memory(env, user, *request, call).await,
        }
    }
}
