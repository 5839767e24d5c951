//! What `GET /` is: the page for browsers, the banner for programs.

use crate::support::Server;

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

#[test]
fn browsers_get_the_page_and_programs_the_banner() {
    let server = Server::start();
    let (page, json) = ("text/html; charset=utf-8", "application/json");
    let cases = [
        ("GET", "/", Some(BROWSER), page),
        ("HEAD", "/", Some(BROWSER), page),
        ("GET", "/?from=mail", Some(BROWSER), page),
        ("GET", "/", None, json),
        ("GET", "/", Some(("accept", "*/*")), json),
        ("GET", "/health", Some(BROWSER), json),
    ];
    for (method, path, header, content_type) in cases {
        let answer = server.ask(method, path, header.as_slice(), None).expect(200);
        assert_eq!(answer.header("content-type"), content_type, "{method} {path} {header:?}");
    }
    assert!(server.ask("GET", "/", &[BROWSER], None).body.contains("<title>GET /</title>"));
    assert_eq!(server.get("/").text("service"), "edge-sessions");
    server.ask("GET", "/", &[BROWSER, ("if-none-match", "\"page\"")], None).expect(304);
    server.ask("POST", "/", &[BROWSER], Some(b"{}")).expect_problem(405, "METHOD_NOT_ALLOWED");
}

#[test]
fn a_visitor_gets_the_cookie_with_the_page() {
    let server = Server::with_only(&[("AUTH_MODE", "visitor"), ("VISITOR_SECRET", "a secret of the tests and no shorter")]);
    for path in ["/", "/moved/page.html"] {
        let page = server.ask("GET", path, &[BROWSER], None).expect(200);
        assert!(page.body.contains(&format!("<title>GET {path}</title>")), "{}", page.body);
        assert_eq!((page.header("cache-control"), page.header("etag")), ("private, no-cache", "\"page\""));
        let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        let id = server.ask("POST", "/sessions", &[("cookie", &cookie), ("content-type", "application/json")], Some(b"{}"));
        assert!(id.expect(201).header("set-cookie").is_empty());
        for header in [("if-none-match", "\"page\""), ("accept-language", "en")] {
            let again = server.ask("GET", path, &[BROWSER, ("cookie", &cookie), header], None);
            assert!(again.status < 400 && again.header("set-cookie").is_empty(), "{path}");
        }
    }
    server.ask("GET", "/moved/page.html", &[("accept", "*/*")], None).expect(200);
    let open = Server::start().ask("GET", "/", &[BROWSER], None).expect(200);
    assert!(open.header("set-cookie").is_empty());
}

#[test]
fn the_page_is_for_everybody_and_the_banner_for_those_who_may_ask() {
    let key = [
        ("AUTH_MODE", "keys"),
        (
            "SERVICE_KEYS",
            r#"[{"name": "a", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "scopes": ["read"]}]"#,
        ),
    ];
    for variables in [&[][..], &key[..]] {
        let server = Server::with_only(variables);
        server.ask("GET", "/", &[BROWSER], None).expect(200);
        assert!(server.get("/").status >= 400, "{variables:?}");
    }
}
