//! What a million turns cost on Cloudflare: requests and rows are counted while the running code has conversations, prices
//! are Workers Paid's beyond what is included (developers.cloudflare.com/workers/platform/pricing and
//! durable-objects/platform/pricing, November 2026). What the model costs is not in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark may fail, counts and prints"
)]

#[path = "../tests/http/support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use support::{
    Server, json,
    model::{Model, Step},
};

/// A conversation has so many turns.
const TURNS: u64 = 20;
/// Where somebody reads once in a while, after so many turns.
const SELDOM: u64 = 10;
/// So long an object is kept in memory for a turn: most of it is waiting for the model.
const TURN_SECONDS: f64 = 5.0;
/// CPU time of a turn, Worker and objects together, in milliseconds.
const CPU_MS: f64 = 5.0;

/// Dollars for a million of each.
const WORKER_REQUESTS: f64 = 0.30;
const CPU_MILLISECONDS: f64 = 0.02;
const OBJECT_REQUESTS: f64 = 0.15;
const ROWS_WRITTEN: f64 = 1.00;
const KV_WRITES: f64 = 5.00;
const GIGABYTE_SECONDS: f64 = 12.50;
/// An object is billed for this much memory.
const OBJECT_GIGABYTES: f64 = 0.128;

/// A kind of conversation.
struct Conversation {
    name: &'static str,
    user: Option<&'static str>,
    has_key: bool,
    /// After how many turns each the user's list is read and searched; 0: never.
    reads_every: u64,
}

const fn conversation(name: &'static str, user: Option<&'static str>, has_key: bool, reads_every: u64) -> Conversation {
    Conversation { name, user, has_key, reads_every }
}

const CONVERSATIONS: [Conversation; 5] = [
    conversation("nobody's session", None, false, 0),
    conversation("a user's session, that nobody looks for", Some("ann"), false, 0),
    conversation("a user's session, listed and searched after every ten turns", Some("ann"), false, SELDOM),
    conversation("a user's session, listed and searched after each turn", Some("ann"), false, 1),
    conversation("a user's session, listed and searched after every ten turns, with keys", Some("ann"), true, SELDOM),
];

fn main() {
    let answer = || vec![Step::Text("word ".repeat(100)), Step::Finish("stop"), Step::Usage(500, 100), Step::Done];
    println!("a conversation of {TURNS} turns, its beginning included; for each turn\n");
    for Conversation { name, user, has_key, reads_every } in CONVERSATIONS {
        let model = Model::start(move |_, _| answer());
        let server = Server::asking(&model, &[("MODEL_TITLES", "on")]);
        let before = server.costs();
        let (mut id, mut begun) = (None, before.clone());
        for number in 0..TURNS {
            let mut said = json!({"message": format!("Tell me more about the trams of Lisbon, part {number}"), "user_id": user});
            if let Some(id) = &id {
                said["session_id"] = json!(id);
            }
            if has_key {
                said["client_message_id"] = json!(format!("key-{number}"));
            }
            id = Some(server.post("/chat", said).expect(200).text("session_id"));
            if reads_every > 0 && (number + 1) % reads_every == 0 {
                server.get("/users/ann/sessions").expect(200);
                server.get("/users/ann/search?q=trams").expect(200);
            }
            if number + 1 == TURNS / 2 {
                begun = server.costs();
            }
        }
        let after = server.costs();
        let reads = if reads_every > 0 { 2.0 / reads_every as f64 } else { 0.0 };
        report(name, 1.0 + reads, &spent(&before, &after, TURNS));
        let later = spent(&begun, &after, TURNS / 2);
        println!("  a later turn: {:.2} object requests ({}),", sum(&later, "object:"), named(&later, "object:"));
        println!("  {:.2} rows ({})\n", sum(&later, "rows:"), named(&later, "rows:"));
    }
}

/// What each of `turns` turns was billed for, between two counts.
fn spent(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>, turns: u64) -> Vec<(String, f64)> {
    let each = |(what, count): (&String, &u64)| (what.clone(), (count - before.get(what).copied().unwrap_or(0)) as f64 / turns as f64);
    after.iter().map(each).filter(|(_, count)| *count > 0.0).collect()
}

fn sum(spent: &[(String, f64)], kind: &str) -> f64 {
    spent.iter().filter(|(what, _)| what.starts_with(kind)).map(|(_, count)| count).sum()
}

fn named(spent: &[(String, f64)], kind: &str) -> String {
    let of_kind = spent.iter().filter_map(|(what, count)| Some((what.strip_prefix(kind)?, count)));
    of_kind.map(|(name, count)| format!("{name} {count:.2}")).collect::<Vec<_>>().join(", ")
}

fn report(name: &str, worker_requests: f64, spent: &[(String, f64)]) {
    println!("{name}");
    let lines = [
        ("Worker requests", worker_requests, WORKER_REQUESTS, String::new()),
        ("CPU ms", CPU_MS, CPU_MILLISECONDS, "assumed".to_owned()),
        ("object requests", sum(spent, "object:"), OBJECT_REQUESTS, named(spent, "object:")),
        ("GB-s", TURN_SECONDS * OBJECT_GIGABYTES, GIGABYTE_SECONDS, format!("assumed: {TURN_SECONDS} s a turn")),
        ("rows written", sum(spent, "rows:"), ROWS_WRITTEN, named(spent, "rows:")),
        ("KV writes", sum(spent, "kv:"), KV_WRITES, String::new()),
    ];
    let mut total = 0.0;
    for (what, count, price, note) in lines {
        total += count * price;
        println!("  {what:<16} {count:>6.2}  {:>7.2} $ per million turns  {note}", count * price);
    }
    println!("  {:<16} {:>6}  {total:>7.2} $", "all", "");
}
