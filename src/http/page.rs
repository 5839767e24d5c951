//! The web page for browsers that ask for `/`, and pages of other systems under `/moved/`. Whoever else asks for `/` gets the
//! banner (`own/service/`), as before there was a page.
//!
//! All other files under `public/` are served by the platform before the Worker is asked. Nobody has to prove who asks: a
//! page tells nothing about anybody, and shows what to do when the API refuses. A new visitor gets the cookie with the page:
//! calls that a page makes at once, or two tabs, would else be of different visitors.

use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use crate::{
    config::Config,
    http::{COOKIE, auth, request},
};

/// The binding of the files under `public/`.
const BINDING: &str = "ASSETS";

/// Where pages of other systems are.
const MOVED: &str = "/moved/";

/// Is it for one of these pages? Of those who ask for `/`, programs accept anything, or JSON.
pub(super) fn is_wanted(request: &web_sys::Request) -> bool {
    let accepts = || request.headers().get("accept").ok().flatten().is_some_and(|types| is_html(&types));
    let url = request.url();
    let path = request::split_url(&url).0;
    matches!(request.method().as_str(), "GET" | "HEAD") && (path.starts_with(MOVED) || (path == "/" && accepts()))
}

/// The page, as it is among the assets.
///
/// # Errors
/// When there are no assets, or the platform cannot read them.
pub(super) async fn get(request: &web_sys::Request, env: &Env) -> Result<web_sys::Response, JsValue> {
    let page: web_sys::Response = env.assets(BINDING)?.fetch_request(request.clone()?).await?.into();
    let config = Config::from_env(env).ok();
    let Some(cookie) = auth::new_cookie(request, config.as_ref()).await else { return Ok(page) };
    // What is fetched cannot be changed; a copy can.
    let page = web_sys::Response::new_with_opt_readable_stream_and_init(page.body().as_ref(), page.unchecked_ref())?;
    page.headers().append(COOKIE, &cookie)?;
    // It is this visitor's alone now.
    page.headers().set("cache-control", "private, no-cache")?;
    Ok(page)
}

fn is_html(accept: &str) -> bool {
    accept.split(',').any(|range| range.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_name_html_are_browsers() {
        let cases = [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, Text/HTML ; q=0.1", true),
            ("*/*", false),
            ("application/json", false),
            ("text/*", false),
            ("text/htmlx", false),
            ("", false),
        ];
        for (accept, expected) in cases {
            assert_eq!(is_html(accept), expected, "{accept:?}");
        }
    }
}
