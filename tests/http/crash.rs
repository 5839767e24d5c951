//! A lost WASM instance costs one answer, a killed process none that was given.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use crate::support::{Server, eventually, json};

/// What a caller may be left waiting when the instance under it is lost: without a guard that is for ever, and machines are slow.
const PROMPT: Duration = Duration::from_secs(5);

/// Breaks something and checks that the answer is a 503, at once.
fn strike(server: &Server, path: &str) {
    let started = Instant::now();
    let answer = server.ask("POST", path, &[("x-request-id", "mine")], None).expect_problem(503, "UNAVAILABLE");
    assert!(started.elapsed() < PROMPT, "{path} took {:?}", started.elapsed());
    assert_eq!((answer.header("retry-after"), answer.header("x-request-id")), ("1", "mine"), "{path}");
}

#[test]
fn any_fault_of_the_worker_is_answered_and_the_next_request_is_served() {
    let server = Server::start();
    let id = server.new_session();
    for path in ["panic", "trap", "exception", "panic?when=later", "trap?when=later", "exception?when=later"] {
        strike(&server, &format!("/__test/worker/{path}"));
        server.get("/health").expect(200);
        server.say(&id, "still there?");
    }
}

#[test]
fn any_fault_of_an_object_is_answered_and_its_data_is_kept() {
    let server = Server::start();
    let id = server.new_session();
    server.say(&id, "my name is John");
    for fault in ["panic", "trap", "exception"] {
        strike(&server, &format!("/__test/sessions/{id}/{fault}"));
        assert_eq!(server.say(&id, "what's my name?"), "Your name is John.", "after {fault}");
        server.get("/health?deep=1").expect(200);
    }
}

#[test]
fn an_object_that_aborts_itself_is_made_anew() {
    let server = Server::start();
    let id = server.new_session();
    server.say(&id, "my name is John");
    strike(&server, &format!("/__test/sessions/{id}/abort"));
    assert_eq!(server.say(&id, "what's my name?"), "Your name is John.");
    server.get("/health?deep=1").expect(200);
}

#[test]
fn a_fault_after_the_burst_is_answered_and_what_it_cut_off_is_made_good() {
    let server = Server::start();
    for fault in ["panic", "trap", "exception"] {
        let id = server.post("/sessions", json!({"user_id": "ann", "title": "before"})).expect(201).text("session_id");
        server.ask("POST", &format!("/__test/sessions/{id}/{fault}?when=listing"), &[], None).expect(200);
        let started = Instant::now();
        server.patch(&format!("/sessions/{id}"), json!({"title": fault})).expect_problem(503, "UNAVAILABLE");
        assert!(started.elapsed() < PROMPT, "{fault} took {:?}", started.elapsed());
        assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).text("title"), fault);
        eventually("the list is made good", || {
            let list = server.get("/users/ann/sessions").expect(200).value();
            list["sessions"].as_array().unwrap().iter().any(|session| session["title"] == fault)
        });
    }
}

#[test]
fn a_fault_in_the_alarm_harms_nobody_and_the_alarm_comes_again() {
    let server = Server::start();
    for fault in ["panic", "trap", "exception"] {
        let id = server.post("/sessions", json!({"user_id": "ann", "ttl_seconds": 5})).expect(201).text("session_id");
        server.ask("POST", &format!("/__test/sessions/{id}/{fault}?when=alarm"), &[], None).expect(200);
        let said = json!({"session_id": id, "message": "still there?"});
        // Or has ended, where all this takes long.
        eventually("the session answers", || matches!(server.post("/chat", said.clone()).status, 200 | 404));
        eventually("everything answers", || server.get("/health?deep=1").status == 200);
    }
    eventually("every session is tidied up in the end", || server.get("/sessions").expect(200).value()["sessions"] == json!([]));
}

#[test]
fn bystanders_of_a_fault_get_an_answer() {
    const ASKERS: usize = 8;
    let server = Server::start();
    let id = server.new_session();
    let (answers, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let askers = [(); ASKERS].map(|()| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let started = Instant::now();
                    let status = server.post("/chat", json!({"session_id": id, "message": "hello"})).status;
                    assert!(matches!(status, 200 | 503), "{status}");
                    assert!(started.elapsed() < 5 * PROMPT, "{:?}", started.elapsed());
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        // Then everybody is asking again, most likely.
        let until_they_ask = || {
            let before = answers.load(Ordering::SeqCst);
            while answers.load(Ordering::SeqCst) < before + 2 * ASKERS && !askers.iter().any(ScopedJoinHandle::is_finished) {
                thread::yield_now();
            }
        };
        let struck = panic::catch_unwind(AssertUnwindSafe(|| {
            for fault in ["panic", "trap", "exception"] {
                until_they_ask();
                strike(&server, &format!("/__test/sessions/{id}/{fault}"));
                until_they_ask();
                strike(&server, &format!("/__test/worker/{fault}"));
            }
        }));
        is_over.store(true, Ordering::SeqCst);
        assert!(struck.is_ok(), "a fault was not answered");
        askers.into_iter().for_each(|asker| asker.join().unwrap());
    });
    server.say(&id, "everything fine?");
}

#[test]
fn the_routes_that_break_things_exist_only_under_their_variable() {
    let server = Server::with_only(&[("AUTH_MODE", "open")]);
    let id = server.new_session();
    for path in ["/__test/worker/panic".to_owned(), format!("/__test/sessions/{id}/panic"), "/__test/worker/unknown".to_owned()] {
        server.ask("POST", &path, &[], None).expect_problem(404, "NOT_FOUND");
    }
}

#[test]
fn a_killed_process_loses_no_acknowledged_message() {
    const AT_LEAST: usize = 100;
    let mut server = Server::start();
    let id = server.new_session();
    let path = format!("/sessions/{id}/messages");
    let acknowledged = AtomicUsize::new(0);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            // Until the connection breaks.
            for number in 0.. {
                let message = json!({"messages": [{"role": "user", "content": format!("m{number}")}]});
                let sent = server.try_ask("POST", &path, &[("content-type", "application/json")], Some(message.to_string().as_bytes()));
                match sent {
                    Ok(answer) => drop(answer.expect(201)),
                    Err(_) => return,
                }
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        });
        while acknowledged.load(Ordering::SeqCst) < AT_LEAST && !writer.is_finished() {
            thread::yield_now();
        }
        server.kill_from_beside();
    });
    let acknowledged = acknowledged.into_inner();
    assert!(acknowledged >= AT_LEAST, "ended by itself after {acknowledged}");

    server.kill();
    server.launch();
    let total = usize::try_from(server.get(&path).expect(200).number("total")).unwrap();
    let pages = (0..total.div_ceil(200)).map(|page| server.get(&format!("{path}?limit=200&offset={}", page * 200)).expect(200).value());
    let messages: Vec<_> = pages.flat_map(|page| page["messages"].as_array().unwrap().clone()).collect();
    let kept: Vec<&str> = messages.iter().map(|message| message["content"].as_str().unwrap()).collect();
    // One more may have been stored whose acknowledgement did not arrive.
    assert!(kept.len() == acknowledged || kept.len() == acknowledged + 1, "{acknowledged} acknowledged, {} kept", kept.len());
    assert!(kept.iter().enumerate().all(|(number, content)| *content == format!("m{number}")), "{kept:?}");
    assert_eq!(total, kept.len());
    server.say(&id, "go on");
}
