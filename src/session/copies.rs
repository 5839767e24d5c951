//! What a session object tells others: its user's list, the KV index; and how it goes when it has ended. What the list is told is
//! in `sharing`, reports are in `reports`.
//!
//! The session's row remembers what the copies know, so whatever fails or is cut off is made good by the next call or
//! the alarm. The object has one alarm, set here alone (and by imports, and the test fault that wants it).

use std::time::Duration;

use crate::{
    domain::{
        caller::Owner,
        id::SessionId,
        stats::{Ending, Upkeep},
        time::Timestamp,
    },
    error::Result,
    fault::When,
    index, platform,
    session::{
        object::{Object, answer},
        protocol::Swept,
        sharing::Sharing,
        storage::Stored,
    },
    user,
};

/// A copy that could not be written is tried again after this at the soonest.
const RETRY_MIN: Duration = Duration::from_secs(10);
/// And after this at the latest.
const RETRY_MAX: Duration = Duration::from_secs(3600);

impl Object {
    /// Makes sure that the alarm goes off when the session's row, about to be saved, needs it. An alarm that is set
    /// earlier is left alone: it sets itself again when it finds that it was early. That saves a write each turn.
    /// `report_due`: when reports want it.
    pub(super) fn arm(&self, stored: &mut Stored, report_due: Option<Timestamp>) -> Result<()> {
        let soon = platform::now().plus(RETRY_MIN);
        // A turn that outlasts the timeout keeps its session alive.
        let at = match stored.session.expires_at() {
            _ if stored.is_ended => soon,
            _ if let Some(until) = stored.restorable_until => until,
            past if stored.is_expired(platform::now()) => past.max(soon),
            at => report_due.map_or(at, |due| due.min(at)),
        };
        // One that should have gone off before may be lost; if it is only late, it would find nothing that is not found later.
        let is_set = stored.alarm_at.is_some_and(|alarm_at| platform::now() <= alarm_at && alarm_at <= at);
        if !is_set {
            self.context.set_alarm(at)?;
            stored.alarm_at = Some(at);
        }
        Ok(())
    }

    /// Brings the user's list up to date; buries the session when it has ended. Has it worked?
    pub(super) async fn update_list_copy(&self) -> bool {
        self.update_list(Sharing::Due).await.is_ok()
    }

    /// The same, and tells the user's object what it was to ask for.
    ///
    /// # Errors
    /// When that has not worked.
    pub(super) async fn share_now(&self) -> Result<String> {
        self.update_list(Sharing::Late).await.and_then(|()| answer(&true))
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

    /// Tidies up after a session that has ended, or one that was never whole, for one that wants its id now. The new one writes the index entry
    /// over, so a KV that refuses to remove the old one is no obstacle.
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

    /// The alarm: the session has ended, or its import was given up, a copy or a report is behind, or it was set before the
    /// last activity.
    pub(super) async fn on_alarm(&self) {
        // First of all the next one, so that there is one whatever breaks below: the platform repeats an alarm that has failed
        // six times and then gives it up.
        let is_importing = self.storage.load().is_ok_and(|stored| stored.is_none()) && self.storage.has_remains();
        let armed = if is_importing { self.context.set_alarm(platform::now().plus(RETRY_MAX)) } else { self.try_again_later() };
        let mut is_fine = self.note(armed, Upkeep::Alarm);
        is_fine &= match self.storage.load() {
            Ok(None) => self.make_room().await.is_ok(),
            Ok(Some(_)) | Err(_) => {
                let accounted = self.account_if_alive();
                let is_accounted = self.note(accounted, Upkeep::Alarm);
                let is_listed = self.update_list_copy().await;
                self.update_index_copy().await && is_listed && is_accounted
            }
        };
        is_fine &= self.report().await;
        self.strike(When::Alarm);
        if is_fine {
            let settled = self.settle_alarm();
            self.note(settled, Upkeep::Alarm);
        }
    }

    fn account_if_alive(&self) -> Result<()> {
        let Some(stored) = self.alive()? else { return Ok(()) };
        self.context.atomically(|| self.account(&stored, platform::now())).map(drop)
    }

    /// Everything is done: sets the alarm to when there is something to do again.
    fn settle_alarm(&self) -> Result<()> {
        let Some(mut stored) = self.awaited()? else { return Ok(()) };
        self.context.atomically(|| {
            stored.alarm_at = None;
            let due = self.account(&stored, platform::now())?;
            self.arm(&mut stored, due)?;
            self.storage.set_alarm(stored.alarm_at)
        })
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
            && (stored.is_list_behind() || sharing == Sharing::Late)
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

    /// Ends a session that has expired, and takes it off the list and out of the index. While it is dead its id cannot be used
    /// again, so nothing new can be hit.
    async fn bury(&self, dead: &Stored, index_failure: IndexFailure) -> Result<()> {
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

    fn alive(&self) -> Result<Option<Stored>> {
        let now = platform::now();
        Ok(self.storage.load()?.filter(|stored| !self.is_dead(stored, now)))
    }

    /// The session whose end is still to come: it is alive, or can be restored.
    fn awaited(&self) -> Result<Option<Stored>> {
        let now = platform::now();
        Ok(self.storage.load()?.filter(|stored| !self.is_dead(stored, now) || stored.is_restorable(now)))
    }

    /// Is `stored` still the session that lives here?
    fn is_still(&self, stored: &Stored) -> Result<bool> {
        Ok(self.storage.load()?.is_some_and(|now| now.session.created_at == stored.session.created_at && !now.is_ended))
    }

    /// Logs and counts a failure, and has the alarm try again: the longer it has been failing, the later. Was there none?
    fn note(&self, outcome: Result<()>, upkeep: Upkeep) -> bool {
        let Err(error) = outcome else { return true };
        worker::console_warn!("{} failed: {error:?}", upkeep.name());
        if let Err(error) = self.storage.count_failure(upkeep).and_then(|()| self.try_again_later()) {
            worker::console_error!("no alarm for {}: {error:?}", upkeep.name());
        }
        false
    }

    fn try_again_later(&self) -> Result<()> {
        let now = platform::now();
        let soonest = now.plus(RETRY_MIN);
        let stored = match self.storage.load() {
            Ok(Some(stored)) => stored,
            Ok(None) => return self.try_without_session(now),
            // Of a newer version, most likely, which will be back.
            Err(error) => return self.context.set_alarm(now.plus(RETRY_MAX)).and(Err(error)),
        };
        let expires_at = stored.session.expires_at();
        let at = if now < expires_at {
            let failing = now.since(stored.session.last_activity).min(RETRY_MAX);
            now.plus(failing).min(expires_at).max(soonest)
        } else {
            now.plus(now.since(expires_at).min(RETRY_MAX)).max(soonest)
        };
        self.context.set_alarm(at)?;
        self.storage.set_alarm(Some(at))
    }

    /// The same where only reports are left, or a part of an import, which has set the alarm for itself.
    fn try_without_session(&self, now: Timestamp) -> Result<()> {
        let last = if self.storage.has_outbox()? { self.storage.reported()? } else { None };
        match last {
            Some(last) if !self.storage.has_remains() => self.context.set_alarm(now.plus(now.since(last.at).clamp(RETRY_MIN, RETRY_MAX))),
            Some(_) | None => Ok(()),
        }
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
