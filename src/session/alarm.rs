//! The object's alarm: it tidies up after the session's end, and makes good what failed or was cut off.
//!
//! There is one, set here alone (and by imports, and the test fault that wants it). It is lazy: one that goes off early sets
//! itself again.

use std::time::Duration;

use crate::{
    domain::{stats::Upkeep, time::Timestamp},
    error::Result,
    fault::When,
    platform,
    session::{object::Object, storage::Stored},
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

    /// The session whose end is still to come: it is alive, or can be restored.
    fn awaited(&self) -> Result<Option<Stored>> {
        let now = platform::now();
        Ok(self.storage.load()?.filter(|stored| !self.is_dead(stored, now) || stored.is_restorable(now)))
    }

    /// Logs and counts a failure, and has the alarm try again: the longer it has been failing, the later. Was there none?
    pub(super) fn note(&self, outcome: Result<()>, upkeep: Upkeep) -> bool {
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
