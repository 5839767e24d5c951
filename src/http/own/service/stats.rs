//! `/sessions/stats`: what all sessions have come to, for an administrator.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    domain::{
        stats::{Bucket, Counts, Upkeep},
        time::Timestamp,
    },
    error::Result,
    http::{
        own::{one_of, parse_time, rfc3339},
        problem::Problem,
        request::{Query, Request},
        response::Reply,
    },
    index::counters::client::{self, Range, Stats},
    platform,
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Stats"))]
pub(in crate::http::own) struct StatsJson<'a> {
    sessions: SessionsJson,
    /// System D's name for `sessions.alive`.
    active_sessions_memory: u64,
    messages: u64,
    turns: u64,
    errors: u64,
    tokens: TokensJson,
    by_persona: BTreeMap<&'a str, PersonaJson>,
    by_model: BTreeMap<&'a str, ModelJson>,
    bucket: &'static str,
    /// The oldest first; those in which nothing happened are left out.
    buckets: Vec<BucketJson>,
    /// How often upkeep has failed and was repeated.
    failures: BTreeMap<&'static str, u64>,
    /// What is younger may be missing.
    lag_seconds: u64,
    as_of: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SessionCounts"))]
struct SessionsJson {
    alive: u64,
    created: u64,
    deleted: u64,
    expired: u64,
    evicted: u64,
    erased: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "TokenCounts"))]
struct TokensJson {
    prompt: u64,
    completion: u64,
    total: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PersonaCounts"))]
struct PersonaJson {
    sessions: u64,
    messages: u64,
    turns: u64,
    errors: u64,
    tokens: TokensJson,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ModelCounts"))]
struct ModelJson {
    turns: u64,
    errors: u64,
    tokens: TokensJson,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "StatsBucket"))]
struct BucketJson {
    start: String,
    created: u64,
    deleted: u64,
    expired: u64,
    evicted: u64,
    erased: u64,
    messages: u64,
    turns: u64,
    errors: u64,
    tokens: TokensJson,
}

/// `GET /sessions/stats?bucket&since&until`: 200 with totals, and with counts by hour (of the last 7 days) or day (of the last 400).
pub(crate) async fn get(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let now = platform::now();
    let range = range(request.query(), now)?;
    let stats = client::read(request.env(), range).await?;
    Ok(Reply::json(200, &StatsJson::new(&stats, range.bucket, request.config().stats_lag.as_secs(), now)))
}

fn range(query: &Query, now: Timestamp) -> Result<Range> {
    let bucket = query.get("bucket").map_or(Ok(Bucket::Day), |name| one_of("bucket", &Bucket::ALL, Bucket::name, name))?;
    let oldest = now.minus(bucket.kept());
    let since = parse_time(query, "since")?.unwrap_or(oldest).max(oldest);
    let until = parse_time(query, "until")?.unwrap_or_else(|| now.plus(bucket.length()));
    Ok(Range { bucket, since, until })
}

impl<'a> StatsJson<'a> {
    fn new(stats: &'a Stats, bucket: Bucket, lag_seconds: u64, now: Timestamp) -> StatsJson<'a> {
        let total = stats.total;
        StatsJson {
            sessions: (&total).into(),
            active_sessions_memory: total.alive(),
            messages: total.messages,
            turns: total.turns,
            errors: total.errors,
            tokens: (&total).into(),
            by_persona: stats.by_persona.iter().map(|(name, counts)| (name.as_str(), counts.into())).collect(),
            by_model: stats.by_model.iter().map(|(name, counts)| (name.as_str(), counts.into())).collect(),
            bucket: bucket.name(),
            buckets: stats.buckets.iter().map(|(start, counts)| BucketJson::new(*start, counts)).collect(),
            failures: Upkeep::ALL.map(|upkeep| (upkeep.name(), stats.failures.get(upkeep.name()).copied().unwrap_or_default())).into(),
            lag_seconds,
            as_of: rfc3339(now),
        }
    }
}

impl BucketJson {
    fn new(start: Timestamp, counts: &Counts) -> BucketJson {
        let SessionsJson { created, deleted, expired, evicted, erased, .. } = counts.into();
        let Counts { messages, turns, errors, .. } = *counts;
        let (start, tokens) = (rfc3339(start), counts.into());
        BucketJson { start, created, deleted, expired, evicted, erased, messages, turns, errors, tokens }
    }
}

impl From<&Counts> for SessionsJson {
    fn from(counts: &Counts) -> Self {
        let [deleted, expired, evicted, erased] = counts.ended;
        SessionsJson { alive: counts.alive(), created: counts.created, deleted, expired, evicted, erased }
    }
}

impl From<&Counts> for TokensJson {
    fn from(counts: &Counts) -> Self {
        let Counts { prompt_tokens, completion_tokens, .. } = *counts;
        TokensJson { prompt: prompt_tokens, completion: completion_tokens, total: prompt_tokens.saturating_add(completion_tokens) }
    }
}

impl From<&Counts> for PersonaJson {
    fn from(counts: &Counts) -> Self {
        let Counts { created, messages, turns, errors, .. } = *counts;
        PersonaJson { sessions: created, messages, turns, errors, tokens: counts.into() }
    }
}

impl From<&Counts> for ModelJson {
    fn from(counts: &Counts) -> Self {
        ModelJson { turns: counts.turns, errors: counts.errors, tokens: counts.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_asked_for_as_far_back_as_they_are_kept() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let (hour, day) = (3_600_000, 86_400_000);
        let cases = [
            ("", Some((Bucket::Day, 400 * day, -day))),
            ("bucket=hour", Some((Bucket::Hour, 7 * day, -hour))),
            ("bucket=hour&since=2027-01-15T07:00:00Z&until=2027-01-15T08:00:00%2B01:00", Some((Bucket::Hour, hour, hour))),
            ("bucket=hour&since=1999-01-01T00:00:00Z", Some((Bucket::Hour, 7 * day, -hour))),
            ("bucket=week", None),
            ("since=yesterday", None),
        ];
        for (query, expected) in cases {
            let expected = expected.map(|(bucket, since, until)| {
                let at = |ago: i64| Timestamp::from_millis(now.millis() - ago);
                Range { bucket, since: at(since), until: at(until) }
            });
            assert_eq!(range(&Query::parse(query), now).ok(), expected, "{query}");
        }
    }
}
