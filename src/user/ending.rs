//! What a user's object does to sessions: ends those that are one too many, and all of a user who is erased.
//!
//! What is decided is written down first, so that whatever fails or is cut off is made good by the alarm or by who asks
//! again. The object has one alarm, set here alone.
//!
//! Sessions are ended in passes. After one that has not come to the last the alarm soon goes on from there, so that those that
//! do not end keep nobody else waiting; when all have been tried, the next round waits.

use std::time::Duration;

use futures_util::future::join_all;

use crate::{
    config::Config,
    domain::{id::UserId, stats::Upkeep},
    error::{Error, Result},
    index::counters,
    platform,
    session::{self, client::Gone},
    user::{
        object::{Candidate, Object},
        protocol::ErasedRecord,
        storage::{DueEnding, Place},
    },
};

/// So many sessions are ended at once,
const AT_ONCE: u32 = 10;
/// so many of such groups by one pass.
const GROUPS: usize = 20;
/// The next pass follows after this when there are more.
const NEXT_PASS: Duration = Duration::from_secs(1);
/// A session that does not end in this time is left to the alarm.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often others are chosen in place of sessions whose turn runs.
const CHOICES: usize = 3;
/// The alarm tries again after this at the soonest,
const RETRY_MIN: Duration = Duration::from_secs(10);
/// and after this at the latest.
const RETRY_MAX: Duration = Duration::from_secs(3600);

impl Object {
    /// Keeps a place for a session that is about to begin.
    ///
    /// # Errors
    /// `SessionLimit` when there is none and none can be made.
    pub(super) async fn admit(&self, Candidate { user, session_id: id, .. }: &Candidate) -> Result<()> {
        let limit = Config::from_env(&self.env)?.sessions;
        for _ in 0..CHOICES {
            match self.atomically(|| self.storage.admit(id, user.as_str(), limit, platform::now()))? {
                Place::Kept => return Ok(()),
                Place::KeptByEvicting => self.end_sessions().await,
                Place::None => break,
            }
            // Those that are spared take their places again.
            if self.storage.has_place(id, limit, platform::now())? {
                return Ok(());
            }
        }
        self.atomically(|| self.storage.release(id))?;
        Err(Error::SessionLimit { limit: limit.most.unwrap_or(u64::MAX) })
    }

    /// Removes everything of the user, as much as one call can.
    pub(super) async fn erase(&self, user: &UserId) -> Result<ErasedRecord> {
        self.atomically(|| self.storage.begin_erasure(user.as_str(), platform::now()))?;
        self.end_sessions().await;
        self.atomically(|| self.storage.erased(platform::now()))
    }

    /// Ends what is to end. The alarm goes on with what is left.
    pub(super) async fn end_sessions(&self) {
        self.passed.take();
        self.next_pass().await;
    }

    /// Goes on where the pass before has stopped, and has counted what fails.
    async fn next_pass(&self) {
        let failures = self.try_end_sessions().await.unwrap_or_else(|error| {
            worker::console_warn!("sessions are ended later: {error:?}");
            1
        });
        if failures > 0
            && let Some(Err(error)) = platform::within(PATIENCE, counters::client::failed(&self.env, Upkeep::Ending, failures)).await
        {
            worker::console_warn!("what failed is not counted: {error:?}");
        }
    }

    /// How many did not end?
    async fn try_end_sessions(&self) -> Result<u64> {
        // First of all, should it be cut off.
        self.arm()?;
        let (mut last, mut failures) = (self.passed.take(), 0_u64);
        for _ in 0..GROUPS {
            let group = self.storage.endings(&last, AT_ONCE)?;
            let Some(end) = group.last() else { return self.arm().map(|()| failures) };
            end.session_id.clone_into(&mut last);
            let ended = join_all(group.iter().map(|ending| self.end(ending))).await;
            failures = ended.into_iter().fold(failures, |failures, has_ended| failures.saturating_add(u64::from(!has_ended)));
        }
        self.passed.replace(last);
        self.context.set_alarm(platform::now().plus(NEXT_PASS)).map(|()| failures)
    }

    /// Ends one, unless it is spared. Has it worked?
    async fn end(&self, ending: &DueEnding) -> bool {
        let DueEnding { session_id, user, ending: why, decided_at } = ending;
        let asked = session::client::end(&self.env, user, session_id, *why, *decided_at);
        let ended = platform::within(PATIENCE, asked).await.ok_or_else(|| Error::Unavailable("a session does not end".into()));
        let noted = ended.flatten().and_then(|ended| {
            self.atomically(|| match ended {
                Some(Gone { is_found, message_count }) => self.storage.ended(ending, is_found, message_count),
                None => self.storage.spare(ending, platform::now()),
            })
        });
        noted.inspect_err(|error| worker::console_warn!("a session is ended later: {error:?}")).is_ok()
    }

    /// The alarm: something that was to end has not ended.
    pub(super) async fn on_alarm(&self) {
        // First of all the next one, so that there is one whatever breaks below: the platform takes this one as done, and nobody
        // may ever ask for this user again.
        if let Err(error) = self.context.set_alarm(platform::now().plus(RETRY_MAX)) {
            worker::console_error!("no alarm for endings: {error:?}");
        }
        self.next_pass().await;
        if let Err(error) = self.conclude() {
            worker::console_warn!("an erasure ends later: {error:?}");
        }
    }

    /// Ends the erasure if that was all, and takes the alarm back when there is nothing left for it.
    fn conclude(&self) -> Result<()> {
        self.atomically(|| self.storage.erased(platform::now()))?;
        if self.storage.oldest_ending()?.is_none() { self.context.delete_alarm() } else { Ok(()) }
    }

    /// Has the alarm try again as long as there is something to end: the longer it has been failing, the later.
    fn arm(&self) -> Result<()> {
        let Some(oldest) = self.storage.oldest_ending()? else { return Ok(()) };
        let now = platform::now();
        self.context.set_alarm(now.plus(now.since(oldest).clamp(RETRY_MIN, RETRY_MAX)))
    }
}
