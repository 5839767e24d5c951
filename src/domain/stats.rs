//! What is counted of all sessions together, and in which stretches of time.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// How a session came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Somebody deleted it.
    Deleted,
    /// Nothing happened in it for as long as its timeout.
    Expired,
    /// It made room for another one of its user's.
    Evicted,
    /// Everything of its user's was erased.
    Erased,
}

/// What a session object has others do for it, or does when its alarm goes off, and must repeat when it fails; and a user's
/// object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upkeep {
    /// Telling the user's object.
    List,
    /// Telling the KV index.
    Index,
    /// Removing what is left of a session that has ended.
    Burial,
    /// Telling the counters.
    Report,
    /// Reading and setting its alarm.
    Alarm,
    /// Ending sessions for their user's object, which makes room or erases the user.
    Ending,
}

/// How often things have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Sessions that began.
    pub created: u64,
    /// Sessions that ended so; in the order of [`Ending::ALL`].
    pub ended: [u64; 4],
    /// Messages that were stored, also those that were taken out again.
    pub messages: u64,
    /// Turns that have ended.
    pub turns: u64,
    /// Those of them that failed or were interrupted.
    pub errors: u64,
    /// Tokens of what models were sent.
    pub prompt_tokens: u64,
    /// Tokens of what they answered.
    pub completion_tokens: u64,
}

/// A stretch of time that is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    /// An hour, for seven days; then it becomes part of its day.
    Hour,
    /// A day in UTC, for 400 days.
    Day,
}

impl Ending {
    /// Every ending.
    pub(crate) const ALL: [Ending; 4] = [Ending::Deleted, Ending::Expired, Ending::Evicted, Ending::Erased];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Ending::Deleted => "deleted",
            Ending::Expired => "expired",
            Ending::Evicted => "evicted",
            Ending::Erased => "erased",
        }
    }
}

impl Upkeep {
    /// Every kind.
    pub(crate) const ALL: [Upkeep; 6] = [Upkeep::List, Upkeep::Index, Upkeep::Burial, Upkeep::Report, Upkeep::Alarm, Upkeep::Ending];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Upkeep::List => "list",
            Upkeep::Index => "index",
            Upkeep::Burial => "burial",
            Upkeep::Report => "report",
            Upkeep::Alarm => "alarm",
            Upkeep::Ending => "ending",
        }
    }
}

impl Counts {
    /// One session that ended so.
    pub(crate) fn of_ending(ending: Ending) -> Counts {
        Counts { ended: Ending::ALL.map(|other| u64::from(other == ending)), ..Counts::default() }
    }

    /// Both together.
    #[must_use]
    pub(crate) fn plus(self, other: Counts) -> Counts {
        let [mut ended, others] = [self.ended, other.ended];
        ended.iter_mut().zip(others).for_each(|(count, more)| *count = count.saturating_add(more));
        Counts {
            created: self.created.saturating_add(other.created),
            ended,
            messages: self.messages.saturating_add(other.messages),
            turns: self.turns.saturating_add(other.turns),
            errors: self.errors.saturating_add(other.errors),
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
        }
    }

    /// Sessions that began and have not ended.
    pub(crate) fn alive(&self) -> u64 {
        self.ended.iter().fold(self.created, |alive, ended| alive.saturating_sub(*ended))
    }
}

impl Bucket {
    /// Every kind.
    pub(crate) const ALL: [Bucket; 2] = [Bucket::Hour, Bucket::Day];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Bucket::Hour => "hour",
            Bucket::Day => "day",
        }
    }

    /// How long it is.
    pub(crate) const fn length(self) -> Duration {
        match self {
            Bucket::Hour => Duration::from_secs(60 * 60),
            Bucket::Day => Duration::from_secs(24 * 60 * 60),
        }
    }

    /// How long it is kept after its beginning.
    pub(crate) const fn kept(self) -> Duration {
        match self {
            Bucket::Hour => Duration::from_secs(7 * 24 * 60 * 60),
            Bucket::Day => Duration::from_secs(400 * 24 * 60 * 60),
        }
    }

    /// When the one that `at` is in began.
    pub(crate) fn start_of(self, at: Timestamp) -> Timestamp {
        let length = i64::try_from(self.length().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(at.millis().saturating_sub(at.millis().checked_rem_euclid(length).unwrap_or_default()))
    }

    /// What happened at `at` is counted in this one at `now`; `None` when it is too long ago for any.
    pub(crate) fn for_event(at: Timestamp, now: Timestamp) -> Option<(Bucket, Timestamp)> {
        let places = Bucket::ALL.map(|bucket| (bucket, bucket.start_of(at)));
        places.into_iter().find(|(bucket, start)| *start >= now.minus(bucket.kept()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn what_happened_is_counted_in_its_hour_then_its_day_then_in_the_totals_alone() {
        let now = 1000 * DAY + HOUR / 2;
        let cases = [
            (now, Some((Bucket::Hour, 1000 * DAY))),
            (now - HOUR, Some((Bucket::Hour, 1000 * DAY - HOUR))),
            // Half an hour more than seven days ago it began.
            (now - 7 * DAY + HOUR, Some((Bucket::Hour, 993 * DAY + HOUR))),
            (now - 7 * DAY, Some((Bucket::Day, 993 * DAY))),
            (now - 399 * DAY, Some((Bucket::Day, 601 * DAY))),
            (now - 401 * DAY, None),
            // By a clock that was ahead.
            (now + HOUR, Some((Bucket::Hour, 1000 * DAY + HOUR))),
        ];
        for (at, expected) in cases {
            let found = Bucket::for_event(Timestamp::from_millis(at), Timestamp::from_millis(now));
            assert_eq!(found, expected.map(|(bucket, start)| (bucket, Timestamp::from_millis(start))), "{at}");
        }
    }

    #[test]
    fn who_has_ended_is_not_alive() {
        let created = Counts { created: 3, ..Counts::default() };
        let ended = Ending::ALL.map(Counts::of_ending).into_iter().take(2).fold(created, Counts::plus);
        assert_eq!((ended.ended, ended.alive()), ([1, 1, 0, 0], 1));
        assert_eq!(Counts::of_ending(Ending::Erased).alive(), 0);
    }
}
