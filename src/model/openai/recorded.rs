//! Tests: the streams under `tests/recorded`, cut and damaged in every way that networks and servers have.
//!
//! They are not recordings of live servers: they are written after what these servers document and send, each with the
//! liberties of its own. `<server>.sse` is a stream, `<server>.json` what it comes to.

use std::{fs, path::Path};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::turn::ModelFailure,
    model::{Completion, Failed},
};

struct Recording {
    name: String,
    stream: String,
    expected: Value,
}

fn recordings() -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let streams: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "sse")).collect();
    assert!(streams.len() >= 20, "only {} recordings", streams.len());
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    streams
        .iter()
        .map(|path| Recording {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            stream: read(path),
            expected: serde_json::from_str(&read(&path.with_extension("json"))).unwrap(),
        })
        .collect()
}

/// What came out, in the words of the recordings.
fn outcome(decoded: Result<(String, Completion), Failed>) -> Value {
    match decoded {
        Err(failed) => json!({"failure": failed.failure.code()}),
        Ok((text, ending)) => json!({
            "text": text,
            "finish": ending.finish.name(),
            "usage": ending.usage.map(|usage| [usage.prompt_tokens, usage.completion_tokens]),
            "tool_calls": ending.tool_calls.iter().map(|call| json!({"id": call.id, "name": call.name, "arguments": call.arguments})).collect::<Vec<_>>(),
        }),
    }
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<(String, Completion), Failed> {
    let mut decoder = Decoder::new();
    let mut text = String::new();
    for chunk in chunks {
        text.extend(decoder.feed(chunk)?);
    }
    text.extend(decoder.flush()?);
    Ok((text, decoder.end()?))
}

fn check(stream: &str, expected: &Value, name: &str) {
    assert_eq!(outcome(decode([stream.as_bytes()])), *expected, "{name}, whole");
    assert_eq!(outcome(decode(stream.as_bytes().chunks(1))), *expected, "{name}, byte for byte");
}

#[test]
fn a_stream_comes_to_the_same_wherever_it_is_cut() {
    for Recording { name, stream, expected } in recordings() {
        for stream in [stream.clone(), stream.replace('\n', "\r\n")] {
            check(&stream, &expected, &name);
            for at in 0..stream.len() {
                let (head, tail) = stream.as_bytes().split_at(at);
                assert_eq!(outcome(decode([head, tail])), expected, "{name}, cut at {at} of {}", stream.len());
            }
        }
    }
}

#[test]
fn a_stream_comes_to_the_same_however_it_is_written_and_ended() {
    for Recording { name, stream, expected } in recordings() {
        let unended = stream.replace("data: [DONE]\n\n", "");
        // Only a stream that told why it ended may go without.
        let cut = json!({"failure": ModelFailure::Unavailable.code()});
        let has_ended = expected.get("failure").is_some() || stream.contains(r#""finish_reason":""#);
        let expected_unended = if has_ended { &expected } else { &cut };
        let cases = [
            ("CR", stream.replace('\n', "\r"), &expected),
            ("byte order mark", format!("\u{feff}{stream}"), &expected),
            ("no space", stream.replace("data: ", "data:"), &expected),
            ("no blank line", stream.trim_end().to_owned(), &expected),
            ("no [DONE]", unended.clone(), expected_unended),
            ("no [DONE], no blank line", unended.trim_end().to_owned(), expected_unended),
        ];
        for (way, stream, expected) in cases {
            check(&stream, expected, &format!("{name}, {way}"));
        }
    }
}

#[test]
fn a_truncated_stream_fails_or_is_all_there() {
    for Recording { name, stream, expected } in recordings() {
        for at in 0..stream.len() {
            let mut truncated = outcome(decode([&stream.as_bytes()[..at]]));
            if truncated.get("failure").is_none() {
                // The count of tokens comes last, and an answer is good without.
                assert!(truncated["usage"].is_null() || truncated["usage"] == expected["usage"], "{name}, truncated at {at}");
                truncated["usage"] = expected["usage"].clone();
                assert_eq!(truncated, expected, "{name}, truncated at {at}");
            }
        }
    }
}

#[test]
fn odd_streams_are_coped_with_or_fail() {
    let stop = r#"data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
    let failure = |code: &str| json!({ "failure": code });
    let text = |text: &str, finish: &str| json!({"text": text, "finish": finish, "usage": null, "tool_calls": []});
    let cases = [
        (String::new(), failure("MODEL_UNAVAILABLE")),
        ("\n\n\n".into(), failure("MODEL_UNAVAILABLE")),
        ("<html>Bad gateway</html>".into(), failure("MODEL_UNAVAILABLE")),
        ("data: garbage\n\n".into(), failure("MODEL_UNAVAILABLE")),
        (format!("data: garbage\n\n{stop}\n\n"), failure("MODEL_UNAVAILABLE")),
        (format!("{stop}\n\ndata: {{\"choi"), text("a", "stop")),
        ("data: [DONE]\n\n".into(), text("", "stop")),
        ("data:  [DONE] \n\n".into(), text("", "stop")),
        (format!("data: [DONE]\n\n{stop}\n\n"), text("", "stop")),
        (format!("data: {{}}\n\ndata: null\n\ndata: []\n\ndata: 1\n\ndata: {{\"type\":\"ping\"}}\n\n{stop}"), text("a", "stop")),
        (r#"data: {"choices":[{"delta":{"content":"cut"}}]}"#.into(), failure("MODEL_UNAVAILABLE")),
        ("data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"a\"},\"finish_reason\":\"eos\"}]}".into(), text("a", "stop")),
        (r#"data: {"choices":[{"delta":{"refusal":"No."},"finish_reason":"content_filter"}]}"#.into(), text("No.", "content_filter")),
        (r#"data: {"choices":[{"delta":{"content":"a"},"finish_reason":"tool_calls"}]}"#.into(), text("a", "stop")),
        (r#"data: {"choices":[{"delta":null,"finish_reason":"function_call"}]}"#.into(), text("", "stop")),
        (r#"data: {"choices":[{"delta":{"content":7,"tool_calls":{}},"finish_reason":"stop"}],"usage":"much"}"#.into(), text("", "stop")),
        (
            format!("data: {{\"choices\":[{{\"index\":1,\"delta\":{{\"content\":\"b\"}},\"finish_reason\":\"length\"}}]}}\n\n{stop}"),
            text("a", "stop"),
        ),
        (format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"b\"}},\"finish_reason\":\"\"}}]}}\n\n{stop}"), text("ba", "stop")),
        (
            format!("data: {{\"choices\":[],\"usage\":{{\"completion_tokens\":3}}}}\n\n{stop}\n\ndata: {{\"usage\":null}}"),
            json!({"text": "a", "finish": "stop", "usage": [0, 3], "tool_calls": []}),
        ),
        (r#"data: {"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#.into(), failure("MODEL_UNAVAILABLE")),
        (r#"data: {"choices":[{"error":{"code":"timeout"}}]}"#.into(), failure("MODEL_TIMEOUT")),
        (r#"data: {"error":"secret"}"#.into(), failure("MODEL_UNAVAILABLE")),
        ("event: error\ndata: {\"code\":408}\n\n".into(), failure("MODEL_TIMEOUT")),
        ("event: error\ndata: secret\n\n".into(), failure("MODEL_UNAVAILABLE")),
        (r#"data: {"object":"error","message":"secret","type":"invalid_request_error","code":null}"#.into(), failure("MODEL_REFUSED")),
        (format!("data: {{\"error\":null}}\n\n{stop}"), text("a", "stop")),
        (format!("data: {}", "[".repeat(100_000)), failure("MODEL_UNAVAILABLE")),
    ];
    for (stream, expected) in cases {
        let name = stream.chars().take(120).collect::<String>();
        assert_eq!(outcome(decode([stream.as_bytes()])), expected, "{name}");
        assert_eq!(outcome(decode(stream.as_bytes().chunks(997))), expected, "{name}");
    }
    // What is no UTF-8 is replaced, as text that was cut in the middle of a character.
    let half = [b"data: {\"response\":\"a\xff\"}\n\ndata: [DONE]\n\n".as_slice()];
    assert_eq!(outcome(decode(half))["text"], "a\u{fffd}");
    let endless = format!("data: \"{}", "x".repeat(1024 * 1024));
    assert_eq!(decode([endless.as_bytes()]).unwrap_err().cause, "event too large");
}

#[test]
fn text_before_a_failure_is_given_first() {
    let stream =
        "data: {\"response\":\"a\"}\n\ndata: {\"response\":\"\"}\n\ndata: {\"response\":\"b\"}\n\ndata: {\"error\":{\"code\":429}}\n\n";
    let mut decoder = Decoder::new();
    assert_eq!(decoder.feed(stream.as_bytes()).unwrap(), ["a", "b"]);
    assert!(!decoder.is_over());
    let failed = Failed { failure: ModelFailure::RateLimited { retry_after: None }, cause: "error 429".into() };
    assert_eq!(decoder.feed(b"data: {\"response\":\"c\"}\n\n"), Err(failed.clone()));
    assert_eq!(decoder.flush(), Err(failed.clone()));
    assert_eq!(decoder.end(), Err(failed));
}

#[test]
fn a_stream_is_over_when_the_server_says_so() {
    let mut decoder = Decoder::new();
    decoder.feed(b"data: {\"response\":\"a\"}\n\ndata: [DONE]\n").unwrap();
    assert!(!decoder.is_over());
    decoder.feed(b"\n").unwrap();
    assert!(decoder.is_over());
}

#[test]
fn an_answer_may_come_whole() {
    let answer = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ü 😀","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let answered =
        json!({"text": "ü 😀", "finish": "tool_calls", "usage": [1, 2], "tool_calls": [{"id": "a", "name": "f", "arguments": "{}"}]});
    let plain = |text: &str| json!({"text": text, "finish": "stop", "usage": null, "tool_calls": []});
    let called =
        json!({"text": "", "finish": "tool_calls", "usage": null, "tool_calls": [{"id": "call_0", "name": "f", "arguments": "{\"a\":1}"}]});
    let unavailable = json!({"failure": "MODEL_UNAVAILABLE"});
    let cases = [
        (answer, answered),
        (r#"{"choices":[{"message":{"content":null,"refusal":"No."}}]}"#, plain("No.")),
        (r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"}]}}]}"#, plain("a")),
        (r#"{"response":"a","tool_calls":[]}"#, plain("a")),
        (r#"{"response":{"b":1}}"#, plain(r#"{"b":1}"#)),
        (r#"{"response":null,"tool_calls":[{"name":"f","arguments":{"a":1}}]}"#, called),
        (r#"{"result":{"response":"a"},"success":true,"errors":[]}"#, plain("a")),
        (r#"{"result":{"choices":[{"message":{"content":"a"}}]}}"#, plain("a")),
        (r#"{"error":{"message":"secret","code":"401"}}"#, json!({"failure": "MODEL_REFUSED"})),
        (r#"{"result":null,"success":false,"errors":[{"code":7009}]}"#, unavailable.clone()),
        (r#"{"choices":[]}"#, unavailable.clone()),
        ("{}", unavailable.clone()),
        ("", unavailable.clone()),
        ("<html>", unavailable),
    ];
    for (body, expected) in cases {
        assert_eq!(outcome(decode_whole(body.as_bytes())), expected, "{body}");
    }
}

proptest! {
    /// Whatever comes, and in whatever portions, the end is an answer or a failure.
    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..600), portion in 1usize..50) {
        let _ = decode(bytes.chunks(portion));
        let _ = decode_whole(&bytes);
    }

    /// As above, with what a server could almost have sent.
    #[test]
    fn shuffled_streams_do_no_harm(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..60)) {
        let stream = words.concat();
        if let Ok((_, ending)) = decode([stream.as_bytes()]) {
            prop_assert!(ending.tool_calls.iter().all(|call| !call.id.is_empty() && !call.name.is_empty()));
        }
        let _ = decode_whole(stream.as_bytes());
    }
}

const WORDS: [&str; 16] = [
    "data: ",
    "\n\n",
    "\n",
    "\r",
    "event: error\n",
    "[DONE]",
    "{",
    "}",
    "null",
    "\u{feff}",
    "\"",
    "{\"choices\":[{\"delta\":{\"content\":\"\u{1f600}\"}}]}",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"g\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n",
    "data: {\"response\":1,\"usage\":{\"prompt_tokens\":-1}}\n\n",
];
