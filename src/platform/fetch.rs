//! Asking other servers, and reading streams of bytes.

use wasm_bindgen::{JsCast, prelude::*};
use wasm_bindgen_futures::JsFuture;

use crate::platform::message_of;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetch)]
    fn fetch_js(url: &str, init: &web_sys::RequestInit) -> std::result::Result<js_sys::Promise, JsValue>;
}

/// What a server answered, its body still to be read.
pub(crate) struct Fetched {
    /// The status.
    pub status: u16,
    headers: web_sys::Headers,
    /// The body.
    pub chunks: Chunks,
    /// The request.
    pub request: Request,
}

/// A body, chunk by chunk. Dropping it tells its source that nobody reads on.
pub(crate) struct Chunks {
    reader: Option<web_sys::ReadableStreamDefaultReader>,
    peeked: Option<Vec<u8>>,
}

/// A request; dropping it ends it.
pub(crate) struct Request(web_sys::AbortController);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a GET request and waits for the head of its answer. Redirects are not followed.
///
/// # Errors
/// As [`post`].
pub(crate) async fn get(url: &str) -> std::result::Result<Fetched, String> {
    send(url, &web_sys::RequestInit::new()).await
}

/// Sends a POST request and waits for the head of its answer. Redirects are not followed: they would carry the headers
/// elsewhere.
///
/// # Errors
/// What the platform says when nobody answers.
pub(crate) async fn post(url: &str, headers: &[(&str, String)], body: &str) -> std::result::Result<Fetched, String> {
    let said = |exception: JsValue| message_of(&exception);
    let sent = web_sys::Headers::new().map_err(said)?;
    for (name, value) in headers {
        sent.set(name, value).map_err(said)?;
    }
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_headers(&sent);
    init.set_body(&JsValue::from_str(body));
    send(url, &init).await
}

async fn send(url: &str, init: &web_sys::RequestInit) -> std::result::Result<Fetched, String> {
    let said = |exception: JsValue| message_of(&exception);
    let request = Request(web_sys::AbortController::new().map_err(said)?);
    init.set_redirect(web_sys::RequestRedirect::Manual);
    init.set_signal(Some(&request.0.signal()));
    let response: web_sys::Response = JsFuture::from(fetch_js(url, init).map_err(said)?).await.map_err(said)?.unchecked_into();
    Ok(Fetched { status: response.status(), headers: response.headers(), chunks: Chunks::of(response.body()), request })
}

impl Fetched {
    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }
}

impl Chunks {
    /// The chunks of a body; none when there is no body.
    pub(crate) fn of(body: Option<web_sys::ReadableStream>) -> Chunks {
        Chunks { reader: body.map(|body| body.get_reader().unchecked_into()), peeked: None }
    }

    /// The next chunk, `None` at the end.
    ///
    /// # Errors
    /// What the platform says when the source breaks off.
    pub(crate) async fn next(&mut self) -> std::result::Result<Option<Vec<u8>>, String> {
        match self.peeked.take() {
            Some(bytes) => Ok(Some(bytes)),
            None => self.read().await,
        }
    }

    /// Waits until there is a chunk, or the end.
    ///
    /// # Errors
    /// As [`Chunks::next`].
    pub(crate) async fn peek(&mut self) -> std::result::Result<(), String> {
        if self.peeked.is_none() {
            self.peeked = self.read().await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> std::result::Result<Option<Vec<u8>>, String> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let said = |exception: JsValue| message_of(&exception);
        let chunk = JsFuture::from(reader.read()).await.map_err(said)?;
        let value = js_sys::Reflect::get(&chunk, &JsValue::from_str("value")).map_err(said)?;
        let bytes = value.dyn_into::<js_sys::Uint8Array>().ok().map(|bytes| bytes.to_vec());
        if bytes.is_none() {
            self.reader = None;
        }
        Ok(bytes)
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            // Its source may be gone already, which is no news to anybody.
            let cancelled = reader.cancel();
            wasm_bindgen_futures::spawn_local(async move { drop(JsFuture::from(cancelled).await) });
        }
    }
}
