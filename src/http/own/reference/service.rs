//! The service itself, and what its operators ask.

use super::operation::{Operation, number, one_of, text, time};
use crate::{
    domain::stats::Bucket,
    http::own::{
        lists::{IndexedJson, SessionsJson},
        personas::PersonasJson,
        service::{
            BannerJson, HealthJson,
            cleanup::{CleanUpBody, CleanedJson},
            stats::StatsJson,
        },
    },
    limits,
};

const TAG: &str = "Service";

pub(super) fn banner() -> Operation {
    Operation::new(TAG, "getBanner", "What this is")
        .about("Where to go from here. A browser, which accepts `text/html`, gets the web page.")
        .gives::<BannerJson>(200, "Name, version and paths.")
}

pub(super) fn health() -> Operation {
    Operation::new(TAG, "getHealth", "Is it up?")
        .about("Needs no credentials. Without `deep` it does no I/O at all.")
        .query("deep", one_of(["1"]), "`1` also reads KV and calls one object.")
        .gives::<HealthJson>(200, "It is up.")
        .gives::<HealthJson>(503, "With `deep`: a part of it fails, which `checks` tells.")
}

pub(super) fn personas() -> Operation {
    Operation::new(TAG, "listPersonas", "Who can answer")
        .about("The personas of this deployment, `default` first. What the model is told to be them is not shown.")
        .gives::<PersonasJson<'_>>(200, "All of them.")
}

pub(super) fn all_sessions() -> Operation {
    Operation::new(TAG, "listAllSessions", "List all sessions")
        .about("From the index in KV, for an administrator. It is as old as each entry says (`indexed_at`): changes take up to `lag_seconds` to show.")
        .query("prefix", text(), "Only ids that begin with this.")
        .query("limit", number(1..=limits::PAGE_ITEMS, limits::PAGE_ITEMS_DEFAULT), "Most sessions of a page.")
        .query("cursor", text(), "The `next_cursor` of the page before.")
        .gives::<SessionsJson<IndexedJson>>(200, "A page.")
}

pub(super) fn stats() -> Operation {
    Operation::new(TAG, "getStats", "Totals of all sessions")
        .about("Exact, but late by `lag_seconds`. When a counter cannot be reached the answer is 503, never a part of the sum.")
        .query(
            "bucket",
            one_of(Bucket::ALL.map(Bucket::name)),
            "Counts by `hour`, of the last 7 days, or by `day` (default), of the last 400.",
        )
        .query("since", time(), "Only buckets from there on.")
        .query("until", time(), "Only buckets before.")
        .gives::<StatsJson<'_>>(200, "Totals, and counts by persona, model and time.")
}

pub(super) fn clean_up() -> Operation {
    Operation::new(TAG, "cleanUpSessions", "Remove what dead sessions have left")
        .about("A part of the index at a time: again with the `cursor` of the answer until it is null. Sessions tidy up after themselves; this is for what went wrong. It harms no living session, and can be broken off and repeated.")
        .may_take::<CleanUpBody>(r#"{"limit": 100}"#)
        .gives::<CleanedJson>(200, "What was done.")
}
