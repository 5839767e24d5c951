//! What a turn costs over the model's own: time to its first event, and rows written.
//!
//! `npm run bench`. The model is the tests' fixture, which answers at once; it is asked directly and through the server,
//! in turns, so that both see the same machine. No threshold, no verdict.
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

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use measure::{median, millis};
use support::{
    Server, json,
    model::{Model, Step},
};

const TURNS: usize = 200;
/// Of a long answer; each is a word of five bytes.
const TOKENS: usize = 2000;

fn main() {
    let model = Model::start(|number, _| {
        let pause = if number == LONG_AND_SLOW { Duration::from_millis(10) } else { Duration::ZERO };
        let tokens = if number >= LONG_AND_FAST { TOKENS } else { 1 };
        let words = (0..tokens).flat_map(|_| [Step::Text("word ".into()), Step::Pause(pause)]);
        words.chain([Step::Finish("stop"), Step::Usage(10, 10), Step::Done]).collect()
    });
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let said = json!({"session_id": id, "message": "x", "stream": true});

    let (mut direct, mut accepted, mut through) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        direct.push(first_byte(&model));
        let started = Instant::now();
        let mut events = server.events("POST", "/chat", &[], Some(&said));
        events.next().unwrap();
        accepted.push(started.elapsed());
        assert_eq!(events.next().unwrap().name, "delta");
        through.push(started.elapsed());
        events.rest();
    }
    let (direct, accepted, through) = (median(direct), median(accepted), median(through));
    println!("{TURNS} turns, p50\n");
    println!("first token, asked directly                {:>8.2} ms", millis(direct));
    println!("event turn, through the server             {:>8.2} ms", millis(accepted));
    println!("first token, through the server            {:>8.2} ms, {:.1}x", millis(through), millis(through) / millis(direct));

    println!("\nrows written by a turn, indexes included");
    let turn = |body: &serde_json::Value| {
        let before = server.rows_written();
        server.events("POST", "/chat", &[], Some(body)).rest();
        server.rows_written() - before
    };
    let mut keyed = said.clone();
    keyed["client_message_id"] = json!("k");
    println!("{TOKENS} tokens, as fast as they come           {:>5}", turn(&said));
    println!("{TOKENS} tokens at 100 a second, with a key      {:>5}", turn(&keyed));
}

/// The numbers of the requests that are answered at length.
const LONG_AND_FAST: usize = 2 * TURNS;
const LONG_AND_SLOW: usize = LONG_AND_FAST + 1;

/// How long the model takes to its first token on a connection of its own.
fn first_byte(model: &Model) -> Duration {
    let address = model.base_url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let body = r#"{"model":"fixture","messages":[],"stream":true}"#;
    let started = Instant::now();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let (mut answer, mut buffer) = (String::new(), [0; 4096]);
    while !answer.contains("word") {
        let length = stream.read(&mut buffer).unwrap();
        answer.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    let elapsed = started.elapsed();
    // To the end, so that it does not count as a client that hangs up.
    let _ = stream.read_to_string(&mut answer);
    elapsed
}
