//! The web page for browsers that ask for `/`. Everybody else gets the banner there (`own/service.rs`), as before there
//! was a page.
//!
//! All other files under `public/` are served by the platform before the Worker is asked. Nobody has to prove who asks:
//! the page tells nothing about anybody, and shows what to do when the API refuses.

use wasm_bindgen::JsValue;
use worker::Env;

use crate::http::request;

/// The binding of the files under `public/`.
const BINDING: &str = "ASSETS";

/// Is it a browser that is to show a page? Programs accept anything, or JSON.
pub(super) fn is_wanted(request: &web_sys::Request) -> bool {
    let accepts = || request.headers().get("accept").ok().flatten().is_some_and(|types| is_html(&types));
    let url = request.url();
    matches!(request.method().as_str(), "GET" | "HEAD") && request::split_url(&url).0 == "/" && accepts()
}

/// The page, as it is among the assets.
///
/// # Errors
/// When there are no assets, or the platform cannot read them.
pub(super) async fn get(request: &web_sys::Request, env: &Env) -> Result<web_sys::Response, JsValue> {
    let page = env.assets(BINDING)?.fetch_request(request.clone()?).await?;
    Ok(page.into())
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
