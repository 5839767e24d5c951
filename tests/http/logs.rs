//! What the server prints: one line a request, and nothing of what people say or are called. `Server-Timing` with it.

use serde_json::Value;

use crate::support::{
    Answer, Server, eventually, json,
    model::{Model, Step},
};

/// Stands for everything that people type.
const MARKER: &str = "sesame-mucho";

/// The lines of JSON in the log that have `field`.
fn lines_with(server: &Server, field: &str) -> Vec<Value> {
    let log = server.log();
    let lines = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    lines.filter(|line| line.get(field).is_some()).collect()
}

/// Asks under a request id, and gives the answer and the only line that the request left.
fn traced(server: &Server, number: usize, (method, path, body): (&str, &str, Option<Value>)) -> (Answer, Value) {
    let id = format!("request-{number}");
    let body = body.map(|body| if let Value::String(text) = body { text } else { body.to_string() });
    let headers = [("x-request-id", id.as_str()), ("content-type", "application/json")];
    let answer = server.ask(method, path, &headers, body.as_deref().map(str::as_bytes));
    let own = || lines_with(server, "route").into_iter().filter(|line| line["request_id"] == id).collect::<Vec<_>>();
    eventually("the request has its line", || !own().is_empty());
    let mut lines = own();
    assert_eq!(lines.len(), 1, "{lines:?}");
    (answer, lines.remove(0))
}

fn fields(line: &Value) -> Vec<&str> {
    line.as_object().unwrap().keys().map(String::as_str).collect()
}

const FIELDS: [&str; 6] = ["method", "ms", "request_id", "route", "session", "status"];
const FIELDS_OF_A_TURN: [&str; 10] = ["method", "model", "ms", "outcome", "provider", "request_id", "route", "session", "status", "tokens"];

#[test]
fn a_request_leaves_one_line() {
    let server = Server::start();
    let say = |message: &str, stream: bool| Some(json!({"session_id": "s", "message": message, "stream": stream}));
    // SHA-256 of "s", its first 16 digits.
    let session = json!("043a718774c572bd");
    let none = Value::Null;
    let cases = [
        (("GET", "/health", None), 200, json!("/health"), &none, None),
        (("GET", "/health?deep=1", None), 200, json!("/health"), &none, None),
        (("HEAD", "/personas", None), 200, json!("/personas"), &none, None),
        (("OPTIONS", "/sessions/s", None), 204, json!("/sessions/{}"), &none, None),
        (("POST", "/sessions", Some(json!({"session_id": "s"}))), 201, json!("/sessions"), &session, None),
        (("GET", "/sessions/s?x=y", None), 200, json!("/sessions/{}"), &session, None),
        (("GET", "/sessions/s/turns/1", None), 404, json!("/sessions/{}/turns/{}"), &session, None),
        (("PUT", "/users/ann/memory/name", Some(json!({"value": 1}))), 201, json!("/users/{}/memory/{}"), &none, None),
        (("DELETE", "/health", None), 405, json!("/health"), &none, None),
        (("GET", "/nowhere/s", None), 404, none.clone(), &none, None),
        (("POST", "/chat", Some(json!("{"))), 400, json!("/chat"), &none, None),
        (("POST", "/chat", say("hello", false)), 200, json!("/chat"), &session, Some("answered")),
        (("POST", "/chat", say("hello", true)), 200, json!("/chat"), &session, Some("streaming")),
        (("POST", "/sessions/s/regenerate", Some(json!({}))), 200, json!("/sessions/{}/regenerate"), &session, Some("answered")),
        (("POST", "/sessions/s/continue", Some(json!({}))), 409, json!("/sessions/{}/continue"), &session, None),
    ];
    for (number, (asked, status, route, session, outcome)) in cases.into_iter().enumerate() {
        let what = format!("{} {}", asked.0, asked.1);
        let (answer, line) = traced(&server, number, asked.clone());
        let answer = answer.expect(status);
        assert_eq!((&line["route"], &line["status"], &line["session"]), (&route, &json!(status), session), "{what}: {line}");
        assert!(line["method"] == asked.0 && line["ms"].is_u64(), "{what}: {line}");
        let Some(outcome) = outcome else {
            assert_eq!(fields(&line), FIELDS, "{what}");
            continue;
        };
        assert_eq!(fields(&line), FIELDS_OF_A_TURN, "{what}");
        assert_eq!((&line["provider"], &line["outcome"]), (&json!("offline"), &json!(outcome)), "{what}");
        let usage = answer.body.starts_with('{').then(|| answer.value()["turn"]["usage"].clone());
        let tokens = usage.map(|usage| json!({"prompt": usage["prompt_tokens"], "completion": usage["completion_tokens"]}));
        assert_eq!(line["tokens"], tokens.unwrap_or_default(), "{what}");
    }
}

#[test]
fn a_lost_instance_leaves_its_line_too() {
    let server = Server::start();
    let (answer, line) = traced(&server, 1, ("POST", "/__test/worker/panic", Some(json!({}))));
    assert!(answer.expect_problem(503, "UNAVAILABLE").header("server-timing").starts_with("total;dur="));
    assert_eq!((fields(&line), &line["status"], &line["route"]), (FIELDS.to_vec(), &json!(503), &Value::Null));
}

#[test]
fn a_response_says_where_its_time_went() {
    let server = Server::start();
    let parts = |answer: &Answer| -> Vec<(String, u64)> {
        let header = answer.header("server-timing").to_owned();
        let part = |part: &str| part.split_once(";dur=").map(|(name, ms)| (name.to_owned(), ms.parse().unwrap()));
        header.split(", ").map(|text| part(text).unwrap_or_else(|| panic!("{header:?}"))).collect()
    };
    let names = |answer: &Answer| parts(answer).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    for answer in
        [server.get("/health"), server.get("/nowhere"), server.post("/sessions", json!([])), server.ask("OPTIONS", "/chat", &[], None)]
    {
        assert_eq!(names(&answer), ["total"], "{}", answer.asked);
    }
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    let chat = json!({"session_id": "s", "message": "x"});
    for answer in [server.get("/sessions/s"), server.get("/sessions/none"), server.get("/users/ann"), server.post("/chat", chat)] {
        let parts = parts(&answer);
        assert!(parts.len() == 2 && parts[1].0 == "object" && parts[0].1 >= parts[1].1, "{}: {parts:?}", answer.asked);
    }
    let page = [("origin", "https://page.example")];
    let answer = server.ask("GET", "/health", &page, None);
    assert!(answer.header("access-control-expose-headers").contains("Server-Timing"));
}

#[test]
fn nothing_that_people_say_or_are_called_is_printed() {
    let quoted = || format!(r#"{{"error":{{"message":"you said: {MARKER}","type":"some_error"}}}}"#);
    let model = Model::start(move |number, _| match number % 3 {
        0 => vec![Step::Status(400, Vec::new(), quoted())],
        1 => vec![Step::Text(MARKER.into()), Step::Cut],
        _ => Model::saying(MARKER),
    });
    let tools = [("MODEL_TOOLS", "on"), ("MODEL_TITLES", "on"), ("CONTEXT_STRATEGY", "hierarchical")];
    let server = Server::asking(&model, &tools);
    let text = json!(MARKER);
    let session = json!({"session_id": MARKER, "user_id": MARKER, "title": MARKER, "metadata": {MARKER: MARKER}});
    let chat = |more: Value| {
        let mut body =
            json!({"session_id": MARKER, "user_id": MARKER, "message": format!("My name is {MARKER}"), "metadata": {MARKER: MARKER}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let path = |rest: &str| format!("/sessions/{MARKER}{rest}");
    let memory = |of: &str, rest: &str| format!("/{of}/{MARKER}/memory/{MARKER}{rest}");
    let requests = [
        ("POST", "/sessions".to_owned(), session.clone()),
        ("POST", "/sessions".to_owned(), session),
        ("PATCH", path(""), json!({"title": MARKER, "persona": MARKER})),
        ("PATCH", path(""), json!({"title": MARKER, "metadata": {MARKER: [MARKER]}})),
        ("POST", path("/messages"), json!({"messages": [{"role": "user", "content": MARKER}, {"role": MARKER, "content": 1}]})),
        ("POST", path("/messages"), json!({"messages": [{"role": "user", "content": MARKER}]})),
        ("POST", "/chat".to_owned(), chat(json!({}))),
        ("POST", "/chat".to_owned(), chat(json!({}))),
        ("POST", "/chat".to_owned(), chat(json!({}))),
        ("POST", "/chat".to_owned(), chat(json!({"stream": true}))),
        ("POST", "/chat".to_owned(), chat(json!({"stream": true}))),
        ("POST", "/chat".to_owned(), chat(json!({"stream": true, "client_message_id": MARKER}))),
        ("POST", "/chat".to_owned(), chat(json!({"model": MARKER}))),
        (
            "POST",
            "/chat".to_owned(),
            chat(json!({"tools": [{"type": "function", "function": {"name": MARKER, "x": [MARKER]}}], "tool_choice": MARKER})),
        ),
        ("POST", "/chat".to_owned(), json!(format!("{{{MARKER}"))),
        ("POST", "/chat".to_owned(), json!({"message": {MARKER: MARKER}})),
        ("PUT", memory("sessions", ""), json!({"value": MARKER})),
        ("PUT", memory("users", ""), json!({"value": MARKER})),
        ("GET", memory("users", ""), text.clone()),
        ("DELETE", memory("users", "x"), text.clone()),
        ("POST", memory("sessions", "/undo"), text.clone()),
        ("GET", path(&format!("/search?q={MARKER}")), text.clone()),
        ("GET", path(&format!("/search?q=%22{MARKER}%22*&role={MARKER}")), text.clone()),
        ("GET", format!("/users/{MARKER}/search?q={MARKER}&session_id={MARKER}"), text.clone()),
        ("GET", path(&format!("/context?message={MARKER}")), text.clone()),
        ("GET", path(&format!("/messages?{MARKER}={MARKER}&before={MARKER}")), text.clone()),
        ("GET", path("/export"), text.clone()),
        ("GET", path("/export?format=markdown"), text.clone()),
        ("POST", format!("/sessions/import?title={MARKER}"), json!(format!("{{\"{MARKER}\":[\"{MARKER}\"]}}"))),
        ("POST", path("/fork"), json!({"title": MARKER})),
        ("POST", path("/pop"), text.clone()),
        ("GET", format!("/users/{MARKER}/sessions"), text.clone()),
        ("GET", format!("/{MARKER}?{MARKER}"), text.clone()),
        ("GET", format!("/users/{MARKER}"), text.clone()),
        ("DELETE", path(""), text),
    ];
    for (number, (method, path, body)) in requests.iter().enumerate() {
        let id = format!("request-{number}");
        let body = if let Value::String(text) = body { text.clone() } else { body.to_string() };
        let headers = [("x-request-id", id.as_str()), ("content-type", "application/json")];
        let body = if *method == "GET" || *method == "DELETE" { None } else { Some(body) };
        server.ask(method, path, &headers, body.as_deref().map(str::as_bytes));
    }
    // Not even as a method.
    assert_eq!(server.send_raw(format!("{} / HTTP/1.1\r\nhost: x\r\n\r\n", MARKER.to_uppercase()).as_bytes()), 501);
    eventually("every request has its line", || {
        let lines = lines_with(&server, "route");
        (0..requests.len()).all(|number| lines.iter().any(|line| line["request_id"] == format!("request-{number}")))
    });
    let log = server.log().to_lowercase();
    assert!(!log.contains(MARKER) && !log.contains("mucho"), "{log}");
}

/// The lines that turns have left, in their order.
fn turns(server: &Server, count: usize) -> Vec<Value> {
    let ended = || lines_with(server, "turn");
    eventually("the turns have their lines", || ended().len() >= count);
    let lines = ended();
    assert_eq!(lines.len(), count, "{lines:?}");
    lines
}

#[test]
fn a_turn_leaves_a_line_at_its_end() {
    let model = Model::start(|number, _| match number {
        0 => vec![Step::Text("Fine.".into()), Step::Finish("stop"), Step::Usage(7, 3), Step::Done],
        1 => vec![Step::Status(400, Vec::new(), "{}".into())],
        3 | 4 => vec![Step::Text("Once ".into()), Step::Hang],
        _ => Model::saying("Fine."),
    });
    let mut server = Server::asking(&model, &[("MODEL_FIRST_BYTE_SECONDS", "20"), ("MODEL_NEXT_BYTE_SECONDS", "20")]);
    server.post("/sessions", json!({"session_id": "s", "persona": "creative_writer"})).expect(201);
    let ask = |stream: bool| json!({"session_id": "s", "message": "What is there to say?", "stream": stream});
    server.post("/chat", ask(false)).expect(200);
    server.post("/chat", ask(false)).expect(502);
    server.events("POST", "/chat", &[], Some(&ask(true))).rest();
    let begin_endless = |server: &Server| {
        let mut stream = server.events("POST", "/chat", &[], Some(&ask(true)));
        assert!(stream.by_ref().any(|event| event.name == "delta"));
        stream
    };
    drop(begin_endless(&server));
    server.ask("POST", "/sessions/s/stop", &[], None).expect(200);
    let stream = begin_endless(&server);
    server.launch();
    drop(stream);
    server.get("/sessions/s").expect(200);

    let lines = turns(&server, 5);
    let fields_of_turns = ["model", "ms", "outcome", "persona", "provider", "session", "tokens", "turn"];
    for (number, line) in (1..).zip(&lines) {
        assert_eq!(fields(line), fields_of_turns, "{line}");
        let known = [&line["session"], &line["persona"], &line["provider"], &line["model"], &line["turn"]];
        let expected = [json!("043a718774c572bd"), json!("creative_writer"), json!("openai"), json!("fixture"), json!(number)];
        assert_eq!(known, expected.each_ref(), "{line}");
        assert!(line["ms"].is_u64(), "{line}");
    }
    let outcomes: Vec<&str> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["answered", "failed:MODEL_REFUSED", "answered", "stopped", "interrupted"]);
    assert_eq!((&lines[0]["tokens"], &lines[1]["tokens"]), (&json!({"prompt": 7, "completion": 3}), &Value::Null));
    assert!(lines[3]["tokens"]["completion"].as_u64().is_some_and(|tokens| tokens > 0), "{}", lines[3]);
}

#[test]
fn a_turn_whose_session_is_deleted_leaves_a_line_too() {
    let model = Model::start(|_, _| vec![Step::Text("Once ".into()), Step::Hang]);
    let server = Server::asking(&model, &[("MODEL_NEXT_BYTE_SECONDS", "20")]);
    let id = server.new_session();
    let mut stream = server.events("POST", "/chat", &[], Some(&json!({"session_id": id, "message": "Tell me", "stream": true})));
    assert!(stream.by_ref().any(|event| event.name == "delta"));
    server.delete(&format!("/sessions/{id}")).expect(200);
    assert_eq!(turns(&server, 1)[0]["outcome"], "gone");
}

#[test]
fn a_turn_is_a_point_where_a_dataset_is_bound() {
    let server = Server::with(&[("ANALYTICS", "stand-in:analytics")]);
    let body = json!({"session_id": "s", "message": "hello"});
    server.post("/sessions", json!({"session_id": "s", "persona": "technical_support"})).expect(201);
    server.post("/chat", body.clone()).expect(200);
    let (line, points) = (turns(&server, 1).remove(0), lines_with(&server, "point"));
    let tokens = (line["tokens"]["prompt"].as_f64(), line["tokens"]["completion"].as_f64());
    let expected = json!({"indexes": ["043a718774c572bd"], "doubles": [line["ms"], tokens.0, tokens.1],
        "blobs": ["offline", line["model"], "technical_support", "answered"]});
    assert!(points.len() == 1 && tokens.0 > Some(0.0), "{points:?}");
    assert_eq!(points[0]["point"].to_string().replace(".0", ""), expected.to_string().replace(".0", ""));

    // One that refuses costs nobody an answer.
    let server = Server::with(&[("ANALYTICS", "stand-in:broken")]);
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    server.post("/chat", body).expect(200);
    turns(&server, 1);
    assert!(server.log().contains("a turn without its point"), "{}", server.log());
}
