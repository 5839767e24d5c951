//! What a session object tells others: its user's list, the KV index. What the list is told is in `sharing`, reports are in
//! `reports`, how the session goes when it has ended is in `burial`.
//!
//! The session's row remembers what the copies know, so whatever fails or is cut off is made good by the next call or
//! the alarm.

use crate::{
    domain::{caller::Owner, stats::Upkeep},
    error::Result,
    fault::When,
    index, platform,
    session::{
        burial::IndexFailure,
        object::{Object, answer},
        sharing::Sharing,
        storage::Stored,
    },
    user,
};

impl Object {
    /// Brings the user's list up to date; buries the session when it has ended. Has it worked?
    pub(super) async fn update_list_copy(&self) -> bool {
        self.update_list(Sharing::Due).await.is_ok()
    }

    /// The same, and tells the user's object what it was to ask for.
    ///
    /// # Errors
    /// When that has not worked.
    pub(super) async fn share_now(&self) -> Result<String> {
        self.update_list(Sharing::Asked).await.and_then(|()| answer(&true))
    }

    async fn update_list(&self, sharing: Sharing) -> Result<()> {
        let _in_order = self.listing.lock().await;
        let (outcome, is_alive) = (self.try_update_list_copy(sharing).await, self.alive().is_ok_and(|stored| stored.is_some()));
        self.note(outcome.clone(), if is_alive { Upkeep::List } else { Upkeep::Burial });
        outcome
    }

    /// Brings the KV index up to date. Has it worked?
    pub(super) async fn update_index_copy(&self) -> bool {
        let _in_order = self.indexing.lock().await;
        let outcome = self.try_update_index_copy().await;
        self.note(outcome, Upkeep::Index)
    }

    /// Tells the counters; empties the object when it is not needed any more. Has it worked?
    pub(super) async fn report(&self) -> bool {
        // A burial that is under way comes first.
        drop(self.listing.lock().await);
        let outcome = self.send_reports().await;
        self.note(outcome, Upkeep::Report)
    }

    async fn try_update_list_copy(&self, sharing: Sharing) -> Result<()> {
        let Some(stored) = self.storage.load()? else { return Ok(()) };
        if stored.is_restorable(platform::now()) {
            return self.hide(&stored).await;
        }
        if self.is_dead(&stored, platform::now()) {
            let _in_order = self.indexing.lock().await;
            return self.bury(&stored, IndexFailure::Matters).await;
        }
        if let Owner::User(user) = &stored.session.owner
            && (stored.is_list_behind() || sharing == Sharing::Asked)
        {
            self.strike(When::Listing);
            self.share(user, &stored, sharing).await?;
        }
        Ok(())
    }

    async fn try_update_index_copy(&self) -> Result<()> {
        let Some(stored) = self.alive()? else { return Ok(()) };
        let now = platform::now();
        let deadlines = stored.session.deadlines(stored.indexed_at, now);
        if !deadlines.is_index_due {
            return Ok(());
        }
        self.storage.set_indexing()?;
        index::put(&self.env, &stored.session, now, &deadlines).await?;
        if self.is_still(&stored)? { self.storage.set_indexed(now) } else { Ok(()) }
    }

    /// Takes a session that can be restored off the list and out of the index.
    async fn hide(&self, hidden: &Stored) -> Result<()> {
        let _in_order = self.indexing.lock().await;
        // What the list has confirmed may be forgotten with a process, so only what it has been told since counts.
        let (is_listed, is_indexed) = (hidden.is_list_behind(), hidden.indexed_at.is_some());
        if let (Owner::User(user), Some(until), true) = (&hidden.session.owner, hidden.restorable_until, is_listed) {
            user::client::hide(&self.env, user, &hidden.session.id, until).await?;
        }
        if is_indexed {
            index::delete(&self.env, &hidden.session.id).await?;
        }
        let is_still = self.storage.load()?.is_some_and(|now| now.restorable_until == hidden.restorable_until);
        if is_still && (is_listed || is_indexed) { self.storage.set_hidden() } else { Ok(()) }
    }

    /// The session, if it is alive.
    pub(super) fn alive(&self) -> Result<Option<Stored>> {
        let now = platform::now();
        Ok(self.storage.load()?.filter(|stored| !self.is_dead(stored, now)))
    }

    /// Is `stored` still the session that lives here?
    fn is_still(&self, stored: &Stored) -> Result<bool> {
        Ok(self.storage.load()?.is_some_and(|now| now.session.created_at == stored.session.created_at && !now.is_ended))
    }
}
