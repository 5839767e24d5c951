//! How a session goes when it has ended: off its user's list, out of the KV index, then its database.
//!
//! While anybody may still have it its id cannot be used again. What fails is repeated by the alarm.

use crate::{
    domain::{
        caller::Owner,
        id::SessionId,
        stats::{Ending, Upkeep},
    },
    error::Result,
    index, platform,
    session::{
        object::{Object, answer},
        protocol::Swept,
        storage::Stored,
    },
    user,
};

/// What a burial makes of a KV that refuses.
#[derive(Clone, Copy)]
pub(super) enum IndexFailure {
    /// It is to be repeated.
    Matters,
    /// The entry is about to be written over.
    Ignored,
}

impl Object {
    /// Removes what is left of a dead session, also from the index, where one may stand that is not here any more.
    pub(super) async fn sweep(&self, id: &SessionId) -> Result<String> {
        let _in_order = (self.listing.lock().await, self.indexing.lock().await);
        let stored = self.storage.load()?;
        let now = platform::now();
        let is_gone = stored.as_ref().is_none_or(|stored| self.is_dead(stored, now) && !stored.is_restorable(now));
        let outcome = match &stored {
            Some(dead) if is_gone => self.bury(dead, IndexFailure::Matters).await,
            Some(_) => Ok(()),
            None => index::delete(&self.env, id).await,
        };
        self.note(outcome.clone(), Upkeep::Burial);
        outcome.and_then(|()| answer(&Swept { is_gone }))
    }

    /// Tidies up after a session that has ended, or one that was never whole, for one that wants its id now. The new one
    /// writes the index entry over, so a KV that refuses to remove the old one is no obstacle.
    pub(super) async fn make_room(&self) -> Result<()> {
        let _in_order = (self.listing.lock().await, self.indexing.lock().await);
        let outcome = match self.storage.load() {
            Ok(Some(stored)) if self.is_dead(&stored, platform::now()) => match self.bury(&stored, IndexFailure::Ignored).await {
                Ok(()) => self.clear().await,
                failed => failed,
            },
            // An import that did not come to its end.
            Ok(None) if self.storage.has_remains() => self.clear().await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        self.note(outcome.clone(), Upkeep::Burial);
        outcome
    }

    /// Leaves nothing of a session that has ended.
    ///
    /// # Errors
    /// When a copy cannot be removed: then the alarm tries again.
    pub(super) async fn bury_now(&self) -> Result<()> {
        let outcome = {
            let _in_order = (self.listing.lock().await, self.indexing.lock().await);
            match self.storage.load() {
                Ok(Some(stored)) if stored.is_ended => self.bury(&stored, IndexFailure::Matters).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            }
        };
        let is_buried = self.note(outcome.clone(), Upkeep::Burial);
        if is_buried {
            self.report().await;
        }
        outcome
    }

    /// Ends a session that has expired, and takes it off the list and out of the index. While it is dead its id cannot be used
    /// again, so nothing new can be hit.
    pub(super) async fn bury(&self, dead: &Stored, index_failure: IndexFailure) -> Result<()> {
        let session = &dead.session;
        if !dead.is_ended {
            let (ending, at) = match dead.restorable_until {
                Some(until) => (Ending::Deleted, until.min(platform::now())),
                None => (Ending::Expired, session.expires_at()),
            };
            self.context.atomically(|| self.end(&mut dead.clone(), ending, at))?;
        }
        if self.buried.get() == Some(session.created_at) {
            return Ok(());
        }
        if let Owner::User(user) = &session.owner {
            user::client::remove(&self.env, user, &session.id).await?;
        }
        match (index::delete(&self.env, &session.id).await, index_failure) {
            (Err(error), IndexFailure::Matters) => return Err(error),
            (Err(_), IndexFailure::Ignored) => {}
            (Ok(()), _) => self.buried.set(Some(session.created_at)),
        }
        Ok(())
    }
}
