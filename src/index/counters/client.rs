//! The callers' side of the counter objects: telling one of them, asking all of them.

use std::{collections::BTreeMap, fmt::Write};

use futures_util::future::try_join_all;
use sha2::{Digest, Sha256};
use worker::Env;

use super::protocol::{BINDING, Broken, Call, ReportRecord, Sums, TallyRecord};
use crate::{
    domain::{
        id::SessionId,
        stats::{Bucket, Counts, Upkeep},
        time::Timestamp,
    },
    error::{Error, Result},
    platform::{self, namespace},
};

/// The objects' names. More of them would leave sessions that live then with the wrong one, and count their reports twice.
const SHARDS: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];

/// Which buckets are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    /// How long they are.
    pub bucket: Bucket,
    /// The first begins then or later.
    pub since: Timestamp,
    /// The last begins before that.
    pub until: Timestamp,
}

/// What all sessions together have reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Everything.
    pub total: Counts,
    /// By the persona that answered; what came after the first many is under `other`.
    pub by_persona: BTreeMap<String, Counts>,
    /// Turns, by the model that answered; likewise.
    pub by_model: BTreeMap<String, Counts>,
    /// By time, those that have counted something.
    pub buckets: BTreeMap<Timestamp, Counts>,
    /// What failed and was repeated, by the names of `Upkeep`.
    pub failures: BTreeMap<String, u64>,
}

/// What the counters know a session by: a hash of its id.
pub(crate) fn key_of(id: &SessionId) -> String {
    let digest = Sha256::digest(id.as_str());
    digest.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Has `reports` of one session counted, those of them that are not yet.
///
/// # Errors
/// `Unavailable` when the object cannot be reached; whether they are counted is then not known.
pub(crate) async fn report(env: &Env, reports: Vec<ReportRecord>) -> Result<()> {
    let Some(first) = reports.first() else { return Ok(()) };
    let shard = shard_of(&first.session)?;
    namespace::call::<_, bool, Broken>(env, BINDING, shard, &Call::Report(reports)).await.map(drop)
}

/// Has counted how often something has failed that is in no session's reports; at most once.
///
/// # Errors
/// `Unavailable` when the object cannot be reached; whether it is counted is then not known.
pub(crate) async fn failed(env: &Env, upkeep: Upkeep, times: u64) -> Result<()> {
    // Whichever: all are added up.
    let [any, ..] = platform::random_bytes()?;
    let call = Call::Failed(BTreeMap::from([(upkeep.name().to_owned(), times)]));
    namespace::call::<_, bool, Broken>(env, BINDING, shard_of(&format!("{any:02x}"))?, &call).await.map(drop)
}

/// Everything that has been counted.
///
/// # Errors
/// `Unavailable` when one of the objects cannot be reached: no sum is better than a wrong one.
pub(crate) async fn read(env: &Env, range: Range) -> Result<Stats> {
    let call = Call::Read { bucket: range.bucket.name().to_owned(), since: range.since.millis(), until: range.until.millis() };
    let sums = try_join_all(SHARDS.map(|shard| namespace::call::<_, Sums, Broken>(env, BINDING, shard, &call))).await?;
    Ok(sums.into_iter().fold(Stats::default(), Stats::with))
}

fn shard_of(key: &str) -> Result<&'static str> {
    let first = key.get(..2).and_then(|digits| usize::from_str_radix(digits, 16).ok());
    let shard = first.and_then(|first| SHARDS.get(first.checked_rem(SHARDS.len())?));
    shard.copied().ok_or_else(|| Error::Internal("a report without a session".into()))
}

impl Stats {
    /// These and what one object has counted.
    fn with(mut self, sums: Sums) -> Stats {
        for TallyRecord { kind, name, start, counts } in sums.tallies {
            let place = match kind.as_str() {
                "total" => &mut self.total,
                "persona" => self.by_persona.entry(name).or_default(),
                "model" => self.by_model.entry(name).or_default(),
                _ => self.buckets.entry(Timestamp::from_millis(start)).or_default(),
            };
            *place = place.plus(counts.into());
        }
        for (name, count) in sums.failures {
            let sum = self.failures.entry(name).or_default();
            *sum = sum.saturating_add(count);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    #[test]
    fn a_session_has_its_object_for_ever() {
        let cases = [("a", "ca978112ca1bbdcafac231b39a23dc4d", "2"), ("b", "3e23e8160039594a33894f6564e1b134", "6")];
        for (id, key, shard) in cases {
            assert_eq!(key_of(&Id::parse("", id).unwrap()), key, "{id}");
            assert_eq!(shard_of(key).unwrap(), shard, "{id}");
        }
        assert!(shard_of("").is_err());
        let mut used: Vec<_> = (0..200).map(|n| shard_of(&key_of(&Id::parse("", &format!("session_{n}")).unwrap())).unwrap()).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used, SHARDS);
    }

    #[test]
    fn what_the_objects_have_counted_is_added_up() {
        let tally = |kind: &str, name: &str, start, created| TallyRecord {
            kind: kind.into(),
            name: name.into(),
            start,
            counts: Counts { created, ..Counts::default() }.into(),
        };
        let sums = |created| Sums {
            tallies: vec![tally("total", "", 0, created), tally("persona", "poet", 0, created), tally("hour", "", 3_600_000, created)],
            failures: BTreeMap::from([("index".to_owned(), created)]),
        };
        let stats = [sums(1), sums(2)].into_iter().fold(Stats::default(), Stats::with);
        let created = Counts { created: 3, ..Counts::default() };
        assert_eq!((stats.total, stats.by_persona["poet"], stats.buckets[&Timestamp::from_millis(3_600_000)]), (created, created, created));
        assert_eq!(stats.failures["index"], 3);
        assert!(stats.by_model.is_empty());
    }
}
