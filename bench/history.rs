//! Whether a long history costs more than a short one: appending a message, and reading the last 20.
//!
//! `npm run bench`. Each size is given as a ratio to the smallest. No threshold, no verdict.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a tool"
)]

#[path = "measure.rs"]
mod measure;
#[path = "../tests/http/support/mod.rs"]
mod support;

use measure::{median_of, millis};
use support::{Server, json};

const SIZES: [usize; 3] = [100, 10_000, 100_000];
/// Of one append.
const BATCH: usize = 1000;
const REQUESTS: usize = 200;

fn main() {
    let server = Server::start();
    let path = format!("/sessions/{}/messages", server.new_session());
    let message = json!({"role": "user", "content": "A message of a usual length, as people write them."});
    let one = json!({"messages": [message]});
    let mut first = None;
    println!("{REQUESTS} requests each, p50\n");
    for size in SIZES {
        let mut total = usize::try_from(server.get(&format!("{path}?limit=1")).expect(200).number("total")).unwrap();
        while total < size {
            let count = BATCH.min(size - total);
            server.post(&path, json!({"messages": vec![&message; count]})).expect(201);
            total += count;
        }
        let append = median_of(REQUESTS, || drop(server.post(&path, one.clone()).expect(201)));
        let read = median_of(REQUESTS, || drop(server.get(&format!("{path}?strategy=recent&limit=20")).expect(200)));
        let (append_first, read_first) = *first.get_or_insert((append, read));
        println!(
            "{size:>7} messages   append {:>6.2} ms {:>5.2}x   last 20 {:>6.2} ms {:>5.2}x",
            millis(append),
            millis(append) / millis(append_first),
            millis(read),
            millis(read) / millis(read_first)
        );
    }
}
