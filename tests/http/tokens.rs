//! End users with tokens (JWT): which are good, and what is said of those that are not.

use std::{thread, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::support::{
    Answer, Server, eventually, json,
    token::{Issuer, SECRET, recorded, seconds, signed, token_of},
};

fn list(server: &Server, token: &str) -> Answer {
    server.ask("GET", "/users/me/sessions", &[("authorization", &format!("Bearer {token}"))], None)
}

/// Refused, with a sentence that has these words.
#[track_caller]
fn expect_refused(answer: Answer, words: &str) {
    let answer = answer.expect_problem(401, "INVALID_CREDENTIALS");
    assert!(answer.text("detail").contains(words), "{words}: {}", answer.body);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""), "{challenge}");
}

#[test]
fn a_token_is_good_when_everything_about_it_is() {
    let rules = [("AUTH_MODE", "jwt"), ("JWT_SECRET", SECRET), ("JWT_ISSUER", "https://id.example"), ("JWT_AUDIENCE", "chat")];
    let server = Server::with_only(&rules);
    let now = seconds();
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let claims = json!({"sub": "ann", "exp": now + 600, "nbf": now, "iss": "https://id.example", "aud": ["shop", "chat"]});
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        signed(SECRET, &header, &claims)
    };
    let good = signed(SECRET, &header, &claims);
    for token in [&good, &with("aud", json!("chat")), &with("exp", json!(now - 30)), &with("nbf", json!(now + 30))] {
        list(&server, token).expect(200);
    }

    let (body, signature) = good.rsplit_once('.').unwrap();
    let (start, payload) = body.split_once('.').unwrap();
    let with_header = |header: Value| format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()));
    let forged = format!("{start}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string().replace("ann", "bob")));
    let huge = with("extra", json!("x".repeat(20_000)));
    let cases = [
        (forged.as_str(), "signature"),
        (&format!("{body}.{}", URL_SAFE_NO_PAD.encode([0; 32])), "signature"),
        (&format!("{body}."), "signature"),
        (&signed("another secret, of the same length", &header, &claims), "signature"),
        (&signed(SECRET, &json!({"alg": "none"}), &claims), "not signed in the way"),
        (&with_header(json!({"alg": "none"})), "not signed in the way"),
        (&signed(SECRET, &json!({"alg": "HS512"}), &claims), "not signed in the way"),
        (&signed(SECRET, &json!({"alg": "hs256"}), &claims), "not signed in the way"),
        (&signed(SECRET, &json!({"alg": "HS256", "crit": ["b64"], "b64": false}), &claims), "not signed in the way"),
        (&with("exp", json!(now - 61)), "expired"),
        (&with("exp", Value::Null), "when it expires"),
        (&with("nbf", json!(now + 90)), "not valid yet"),
        (&with("iss", json!("https://id.example.org")), "issuer"),
        (&with("iss", Value::Null), "issuer"),
        (&with("aud", json!("shop")), "audience"),
        (&with("aud", Value::Null), "audience"),
        (&with("sub", Value::Null), "(sub)"),
        (&with("sub", json!("")), "sub"),
        (&format!("{start}.{payload}"), "three parts"),
        (&format!("{start}.{payload}.{signature}="), "three parts"),
        (&format!("{good}.{good}"), "three parts"),
        ("a.b.c", "three parts"),
        ("%%%", "three parts"),
        ("", "Bearer"),
        (&huge, "too long"),
    ];
    for (token, words) in cases {
        println!("{token:.200}");
        expect_refused(list(&server, token), words);
    }
    for authorization in ["Basic YTpi", "Bearer", good.as_str()] {
        expect_refused(server.ask("GET", "/users/me/sessions", &[("authorization", authorization)], None), "Bearer");
    }
    expect_refused(server.ask("GET", "/users/me/sessions", &[("x-api-key", &good)], None), "Bearer");
    let nothing = server.get("/users/me/sessions").expect_problem(401, "CREDENTIALS_REQUIRED");
    assert_eq!(nothing.header("www-authenticate"), "Bearer realm=\"edge-sessions\"");
}

#[test]
fn keys_are_fetched_once_and_again_when_one_is_missing() {
    let recorded = recorded();
    let keys = &recorded["rs256"];
    let token = |index: usize| keys[index]["token"].as_str().unwrap();
    let issuer = Issuer::start(&[&keys[0]["jwk"], &json!({"kty": "strange"})]);
    let server = Server::with_only(&[("AUTH_MODE", "jwt"), ("JWT_JWKS_URL", &issuer.url())]);

    // Whoever asks while they are not to be had does not make us ask again and again.
    for (number, (status, body)) in (1..).zip([(500, ""), (200, "<html>")]) {
        issuer.show(status, body);
        eventually("they are asked for", || {
            list(&server, token(0)).expect_problem(503, "UNAVAILABLE");
            issuer.requests() == number
        });
        for _ in 0..3 {
            list(&server, token(0)).expect_problem(503, "UNAVAILABLE");
        }
        assert_eq!(issuer.requests(), number);
    }
    issuer.show(200, &json!({"keys": [keys[0]["jwk"]]}).to_string());
    eventually("they are to be had", || list(&server, token(0)).status == 200);
    for _ in 0..3 {
        list(&server, token(0)).expect(200);
    }
    assert_eq!(issuer.requests(), 3);

    issuer.show(200, &json!({"keys": [keys[0]["jwk"], keys[1]["jwk"]]}).to_string());
    list(&server, token(1)).expect(200);
    list(&server, token(0)).expect(200);
    assert_eq!(issuer.requests(), 4);
    // Nor does whoever makes up keys.
    let unknown = signed("x", &json!({"alg": "RS256", "kid": "third"}), &json!({}));
    for _ in 0..3 {
        expect_refused(list(&server, &unknown), "key that its issuer does not show");
    }
    assert_eq!(issuer.requests(), 4);

    let (body, signature) = token(0).rsplit_once('.').unwrap();
    let other = token(1).rsplit_once('.').unwrap().1;
    expect_refused(list(&server, &format!("{body}.{other}")), "signature");
    expect_refused(list(&server, &format!("{body}.AAEC")), "signature");
    expect_refused(list(&server, &format!("{body}.{}", signature.to_lowercase())), "");
    // The public key as the secret of an HMAC, as libraries once believed.
    expect_refused(list(&server, recorded["rs256_signed_by_public_key"].as_str().unwrap()), "not signed in the way");
}

#[test]
fn many_who_come_before_the_keys_have_them_fetched_once() {
    const ASKERS: usize = 6;
    let recorded = recorded();
    let key = &recorded["rs256"][0];
    let issuer = Issuer::start(&[&key["jwk"]]);
    let server = Server::with_only(&[("AUTH_MODE", "jwt"), ("JWT_JWKS_URL", &issuer.url())]);
    thread::scope(|scope| {
        let held = issuer.hold();
        let askers = [(); ASKERS].map(|()| scope.spawn(|| list(&server, key["token"].as_str().unwrap())));
        // Until all have asked, most likely.
        thread::sleep(Duration::from_millis(300));
        drop(held);
        askers.into_iter().for_each(|asker| drop(asker.join().unwrap().expect(200)));
    });
    assert_eq!(issuer.requests(), 1);
}

#[test]
fn keys_of_elliptic_curves_do_as_well() {
    let recorded = recorded();
    let key = &recorded["es256"][0];
    let token = key["token"].as_str().unwrap();
    let issuer = Issuer::start(&[&recorded["rs256"][0]["jwk"], &key["jwk"]]);
    let server = Server::with_only(&[("AUTH_MODE", "jwt"), ("JWT_JWKS_URL", &issuer.url()), ("JWT_ALGORITHM", "ES256")]);
    list(&server, token).expect(200);
    let (body, _) = token.rsplit_once('.').unwrap();
    for signature in [&[][..], &[0; 3], &[0; 64], &[1; 64], &[0xff; 64], &[1; 72]] {
        expect_refused(list(&server, &format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))), "signature");
    }
    expect_refused(list(&server, recorded["rs256"][0]["token"].as_str().unwrap()), "not signed in the way");
}

#[test]
fn an_issuer_that_cannot_be_reached_makes_nobody_wrong() {
    let recorded = recorded();
    let url = Issuer::start(&[]).url();
    let server = Server::with_only(&[("AUTH_MODE", "jwt"), ("JWT_JWKS_URL", &url)]);
    let answer = list(&server, recorded["rs256"][0]["token"].as_str().unwrap()).expect_problem(503, "UNAVAILABLE");
    assert_ne!(answer.header("retry-after"), "");
    // What is no token needs no key.
    expect_refused(list(&server, &token_of("ann")), "not signed in the way");
}

#[test]
fn what_a_user_begins_is_that_users() {
    let server = Server::with_only(&[("AUTH_MODE", "jwt"), ("JWT_SECRET", SECRET)]);
    let authorization = format!("Bearer {}", token_of("ann"));
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let send = |method: &str, path: &str, body: &str| server.ask(method, path, &headers, Some(body.as_bytes()));
    let ask = |method: &str, path: &str, body: Value| send(method, path, &body.to_string());

    let session = ask("POST", "/sessions", json!({})).expect(201);
    assert_eq!(session.text("user_id"), "ann");
    let id = session.text("session_id");
    assert_eq!(ask("POST", "/sessions", json!({"session_id": id, "user_id": "ann"})).expect(200).text("session_id"), id);
    let chat = ask("POST", "/chat", json!({"message": "Hi, my name is Ann"})).expect(200).text("session_id");
    assert_eq!(ask("POST", &format!("/sessions/{chat}/fork"), json!({})).expect(201).text("user_id"), "ann");
    let mine = ask("GET", "/users/me/sessions", json!({})).expect(200);
    assert_eq!(mine.value()["sessions"].as_array().unwrap().len(), 3, "{}", mine.body);
    assert_eq!(mine.body, ask("GET", "/users/ann/sessions", json!({})).expect(200).body);
    assert_eq!(ask("GET", "/users/me", json!({})).expect(200).text("user_id"), "ann");
    assert!(ask("GET", "/users/me/memory", json!({})).expect(200).body.contains("Ann"));
    // A file says whose it was; the query counts more.
    let file = ask("GET", &format!("/sessions/{chat}/export"), json!({})).expect(200).body;
    let foreign = file.replace("\"user_id\":\"ann\"", "\"user_id\":\"bob\"");
    send("POST", "/sessions/import", &file).expect(201);
    send("POST", "/sessions/import", &foreign).expect_problem(404, "USER_NOT_FOUND");
    assert_eq!(send("POST", "/sessions/import?user_id=ann", &foreign).expect(201).text("user_id"), "ann");
    ask("GET", "/sessions", json!({})).expect_problem(403, "INSUFFICIENT_SCOPE");
}
