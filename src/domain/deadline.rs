//! When a session ends, and when its copy in the KV index must be written again.
//!
//! One pure function for all of it. A session is gone from the millisecond of its deadline on, whatever alarms or
//! KV say; those only tidy up.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// What the deadlines of a session depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    /// When it was last written to. Reading is no activity.
    pub last_activity: Timestamp,
    /// How long it lives after that.
    pub idle_timeout: Duration,
    /// When its copy in the KV index was last written, if ever.
    pub indexed_at: Option<Timestamp>,
}

/// What follows from a [`Life`] at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadlines {
    /// From this millisecond on the session is absent.
    pub expires_at: Timestamp,
    /// Whether that is now or past.
    pub is_expired: bool,
    /// Whether activity has made the index copy too old.
    pub is_index_due: bool,
    /// How long an index copy written now must live. KV wants at least 60 s.
    pub index_ttl: Duration,
    /// From when on a session of which nothing but an index copy written now is known cannot be alive.
    pub ends_by: Timestamp,
}

/// Never write the index copy more often than this because of activity alone: KV takes one write a second a key.
const INDEX_INTERVAL_MIN: Duration = Duration::from_secs(15);
/// The copy outlives the session by at least this.
const INDEX_MARGIN: Duration = Duration::from_secs(60);

/// All deadlines of a session at `now`.
pub(crate) fn deadlines(life: &Life, now: Timestamp) -> Deadlines {
    let expires_at = life.last_activity.plus(life.idle_timeout);
    // Written again at the first activity after a quarter of the timeout; so a copy is never older than that when the
    // last activity happens, and must live for the timeout and a quarter.
    let quarter = life.idle_timeout.checked_div(4).unwrap_or_default();
    let interval = quarter.max(INDEX_INTERVAL_MIN);
    let reach = life.idle_timeout.saturating_add(interval);
    Deadlines {
        expires_at,
        is_expired: now >= expires_at,
        is_index_due: life.indexed_at.is_none_or(|indexed_at| life.last_activity.since(indexed_at) >= interval),
        index_ttl: reach.saturating_add(INDEX_MARGIN),
        ends_by: now.plus(reach),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_session_is_gone_from_the_millisecond_of_its_deadline() {
        let hour = Duration::from_secs(3600);
        // (last activity, timeout, now) -> (expires at, gone)
        let cases = [
            ((0, hour, 0), (3_600_000, false)),
            ((0, hour, 3_599_999), (3_600_000, false)),
            ((0, hour, 3_600_000), (3_600_000, true)),
            ((0, hour, 3_600_001), (3_600_000, true)),
            ((5_000, limits::IDLE_TIMEOUT_MIN, 5_999), (6_000, false)),
            ((5_000, limits::IDLE_TIMEOUT_MIN, 6_000), (6_000, true)),
            ((0, limits::IDLE_TIMEOUT_MAX, 2_591_999_999), (2_592_000_000, false)),
            ((0, limits::IDLE_TIMEOUT_MAX, 2_592_000_000), (2_592_000_000, true)),
            // a clock that went back does not end it
            ((5_000, hour, 0), (3_605_000, false)),
            ((i64::MAX - 1, hour, 0), (i64::MAX, false)),
        ];
        for ((last, idle_timeout, now), (expires, gone)) in cases {
            let d = deadlines(&Life { last_activity: at(last), idle_timeout, indexed_at: None }, at(now));
            assert_eq!((d.expires_at, d.is_expired), (at(expires), gone), "last {last}, timeout {idle_timeout:?}, now {now}");
        }
    }

    #[test]
    fn the_index_is_written_first_at_once_then_a_quarter_of_the_timeout_apart() {
        let hour = Duration::from_secs(3600);
        let second = Duration::from_secs(1);
        // (timeout, last activity, indexed at) -> (due, ttl in seconds)
        let cases = [
            ((hour, 0, None), (true, 4_560)),
            ((hour, 0, Some(0)), (false, 4_560)),
            ((hour, 899_999, Some(0)), (false, 4_560)),
            ((hour, 900_000, Some(0)), (true, 4_560)),
            ((second, 14_999, Some(0)), (false, 76)),
            ((second, 15_000, Some(0)), (true, 76)),
        ];
        for ((idle_timeout, last, indexed), (due, ttl)) in cases {
            let life = Life { last_activity: at(last), idle_timeout, indexed_at: indexed.map(at) };
            let d = deadlines(&life, at(last));
            assert_eq!((d.is_index_due, d.index_ttl.as_secs()), (due, ttl), "{life:?}");
        }
    }

    proptest! {
        /// Whatever the pace of activity, KV never forgets a live session.
        #[test]
        fn the_index_copy_outlives_the_session(idle in 1u64..2_592_000, gaps in prop::collection::vec(0u64..2_592_000_000, 1..40)) {
            let idle_timeout = Duration::from_secs(idle);
            let mut life = Life { last_activity: at(0), idle_timeout, indexed_at: None };
            let mut copy_dies = at(0);
            for gap in gaps {
                let now = life.last_activity.plus(Duration::from_millis(gap % (idle * 1000)));
                life.last_activity = now;
                let d = deadlines(&life, now);
                prop_assert!(d.index_ttl.as_secs() >= 60);
                if d.is_index_due {
                    life.indexed_at = Some(now);
                    copy_dies = d.ends_by;
                    prop_assert!(now.plus(d.index_ttl) > d.ends_by);
                }
                prop_assert!(copy_dies >= d.expires_at, "copy dies {copy_dies:?}, session {:?}", d.expires_at);
            }
        }
    }
}
