//! What a session object tells others: its user's list, the KV index; and how it goes when it has ended.
//!
//! The session's row remembers what the copies know, so whatever fails or is cut off is made good by the next call or
//! the alarm. The object has one alarm, set here alone (and by the test fault that wants it).

use std::time::Duration;

use crate::{
    domain::{caller::Owner, id::UserId, session::Session},
    error::Result,
    fault::When,
    index, platform,
    session::{object::Object, storage::Stored},
    user::{self, client::News},
};

/// A copy that could not be written is tried again after this at the soonest.
const RETRY_MIN: Duration = Duration::from_secs(10);
/// And after this at the latest.
const RETRY_MAX: Duration = Duration::from_secs(3600);

impl Object {
    /// Makes sure that the alarm goes off when the session's row, about to be saved, needs it. An alarm that is set
    /// earlier is left alone: it sets itself again when it finds that it was early. That saves a write each turn.
    pub(super) fn arm(&self, stored: &mut Stored) -> Result<()> {
        let soon = platform::now().plus(RETRY_MIN);
        // A turn that outlasts the timeout keeps its session alive.
        let at = match stored.session.expires_at() {
            _ if stored.is_ended => soon,
            _ if let Some(until) = stored.restorable_until => until,
            past if stored.is_expired(platform::now()) => past.max(soon),
            at => at,
        };
        if stored.alarm_at.is_none_or(|alarm_at| alarm_at > at) {
            self.context.set_alarm(at)?;
            stored.alarm_at = Some(at);
        }
        Ok(())
    }

    /// Brings the user's list up to date; tidies up when the session has ended.
    pub(super) async fn update_list_copy(&self) {
        let _in_order = self.listing.lock().await;
        let outcome = self.try_update_list_copy().await;
        self.note(outcome, "list");
    }

    /// Brings the KV index up to date.
    pub(super) async fn update_index_copy(&self) {
        let _in_order = self.indexing.lock().await;
        let outcome = self.try_update_index_copy().await;
        self.note(outcome, "index");
    }

    /// Tidies up after a session that has ended, or one that was never whole, for one that wants its id now. The new one writes the index entry
    /// over, so a KV that refuses to remove the old one is no obstacle.
    pub(super) async fn make_room(&self) -> Result<()> {
        let _in_order = (self.listing.lock().await, self.indexing.lock().await);
        let outcome = match self.storage.load() {
            Ok(Some(stored)) if self.is_dead(&stored, platform::now()) => self.bury(&stored, IndexFailure::Ignored).await,
            // An import that did not come to its end.
            Ok(None) if self.storage.has_remains() => self.empty().await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        self.note(outcome.clone(), "burial");
        outcome
    }

    /// Leaves nothing of a session that has ended.
    ///
    /// # Errors
    /// When a copy cannot be removed: then the alarm tries again.
    pub(super) async fn bury_now(&self) -> Result<()> {
        let _in_order = (self.listing.lock().await, self.indexing.lock().await);
        let outcome = match self.storage.load() {
            Ok(Some(stored)) if stored.is_ended => self.bury(&stored, IndexFailure::Matters).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        self.note(outcome.clone(), "burial");
        outcome
    }

    /// The alarm: the session has ended, or its import was given up, a copy is behind, or it was set before the last activity.
    pub(super) async fn on_alarm(&self) {
        if self.storage.load().is_ok_and(|stored| stored.is_none()) {
            return drop(self.make_room().await);
        }
        let outcome = self.alive().and_then(|stored| if stored.is_some() { self.storage.set_alarm(None) } else { Ok(()) });
        self.note(outcome, "alarm");
        self.update_list_copy().await;
        self.update_index_copy().await;
        self.strike(When::Alarm);
        let outcome = self.alive().and_then(|stored| match stored {
            Some(mut stored) => self.arm(&mut stored).and_then(|()| self.storage.set_alarm(stored.alarm_at)),
            None => Ok(()),
        });
        self.note(outcome, "alarm");
    }

    async fn try_update_list_copy(&self) -> Result<()> {
        let Some(stored) = self.storage.load()? else { return Ok(()) };
        if stored.is_restorable(platform::now()) {
            return self.hide(&stored).await;
        }
        if self.is_dead(&stored, platform::now()) {
            let _in_order = self.indexing.lock().await;
            return self.bury(&stored, IndexFailure::Matters).await;
        }
        if let Owner::User(user) = &stored.session.owner
            && stored.is_list_behind()
        {
            self.strike(When::Listing);
            // A list cannot know when a lost process ends a turn.
            let listed = Session { running_turn: None, ..stored.session.clone() };
            while self.share_some(user, &listed).await? {}
        }
        Ok(())
    }

    /// Tells the user's object of the session as it is to be listed, and of a part of what is new in it. Is there more?
    async fn share_some(&self, user: &UserId, listed: &Session) -> Result<bool> {
        let Some(stored) = self.storage.load()?.filter(|now| now.session.created_at == listed.created_at) else { return Ok(false) };
        let (unshared, changes) = (self.storage.unshared(&stored)?, self.storage.changes());
        let news = News { after: stored.shared_sequence, messages: &unshared.messages, forgotten: &unshared.forgotten };
        user::client::share(&self.env, user, listed, news).await?;
        let Some(now) = self.storage.load()?.filter(|now| now.session.created_at == listed.created_at && !now.is_ended) else {
            return Ok(false);
        };
        if self.storage.changes() != changes {
            self.storage.set_heard(listed, listed.revision, now.shared_sequence);
            return Ok(false);
        }
        self.storage.set_forgotten(&unshared)?;
        let shared_sequence = unshared.messages.last().map_or(now.shared_sequence, |last| last.sequence);
        self.storage.set_heard(listed, if unshared.has_more { now.listed_revision } else { listed.revision }, shared_sequence);
        Ok(unshared.has_more)
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
        let (is_listed, is_indexed) = (hidden.listed_revision > 0, hidden.indexed_at.is_some());
        if let (Owner::User(user), Some(until), true) = (&hidden.session.owner, hidden.restorable_until, is_listed) {
            user::client::hide(&self.env, user, &hidden.session.id, until).await?;
        }
        if is_indexed {
            index::delete(&self.env, &hidden.session.id).await?;
        }
        let is_still = self.storage.load()?.is_some_and(|now| now.restorable_until == hidden.restorable_until);
        if is_still && (is_listed || is_indexed) { self.storage.set_hidden() } else { Ok(()) }
    }

    /// Takes a dead session off the list and out of the index, then empties the database. While it is dead its id
    /// cannot be used again, so nothing new can be hit.
    async fn bury(&self, dead: &Stored, index_failure: IndexFailure) -> Result<()> {
        if let Owner::User(user) = &dead.session.owner {
            user::client::remove(&self.env, user, &dead.session.id).await?;
        }
        match (index::delete(&self.env, &dead.session.id).await, index_failure) {
            (Err(error), IndexFailure::Matters) => return Err(error),
            (Err(_), IndexFailure::Ignored) | (Ok(()), _) => {}
        }
        self.empty().await
    }

    async fn empty(&self) -> Result<()> {
        self.storage.forget_schema();
        self.context.delete_all().await
    }

    fn alive(&self) -> Result<Option<Stored>> {
        let now = platform::now();
        Ok(self.storage.load()?.filter(|stored| !self.is_dead(stored, now)))
    }

    /// Is `stored` still the session that lives here?
    fn is_still(&self, stored: &Stored) -> Result<bool> {
        Ok(self.storage.load()?.is_some_and(|now| now.session.created_at == stored.session.created_at && !now.is_ended))
    }

    /// Logs a failure and has the alarm try again: the longer it has been failing, the later.
    fn note(&self, outcome: Result<()>, what: &str) {
        let Err(error) = outcome else { return };
        worker::console_warn!("{what} failed: {error:?}");
        if let Err(error) = self.try_again_later() {
            worker::console_error!("no alarm for {what}: {error:?}");
        }
    }

    fn try_again_later(&self) -> Result<()> {
        let Some(stored) = self.storage.load()? else { return Ok(()) };
        let (now, expires_at) = (platform::now(), stored.session.expires_at());
        let soonest = now.plus(RETRY_MIN);
        let at = if now < expires_at {
            let failing = now.since(stored.session.last_activity).min(RETRY_MAX);
            now.plus(failing).min(expires_at).max(soonest)
        } else {
            now.plus(now.since(expires_at).min(RETRY_MAX)).max(soonest)
        };
        self.context.set_alarm(at)?;
        self.storage.set_alarm(Some(at))
    }
}

/// What a burial makes of a KV that refuses.
#[derive(Clone, Copy)]
enum IndexFailure {
    /// It is to be repeated.
    Matters,
    /// The entry is about to be written over.
    Ignored,
}
