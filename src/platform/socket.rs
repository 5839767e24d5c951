//! WebSockets that a Durable Object holds, also while it sleeps. What they carry is others' business.

use wasm_bindgen::prelude::*;

use crate::platform::message_of;

#[wasm_bindgen]
extern "C" {
    /// A WebSocket that an object has accepted.
    pub type Socket;
    #[wasm_bindgen(method, catch, js_name = send)]
    fn send_js(this: &Socket, text: &str) -> std::result::Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = close)]
    fn close_js(this: &Socket, code: u16, reason: &str) -> std::result::Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = deserializeAttachment)]
    fn attachment_js(this: &Socket) -> std::result::Result<JsValue, JsValue>;
}

/// The client's end of one, for the answer to its request.
#[derive(Debug)]
pub(crate) struct ClientEnd(pub(super) JsValue);

impl ClientEnd {
    /// Makes `init` that of a response which hands it over.
    ///
    /// # Errors
    /// When the platform refuses.
    pub(crate) fn put_into(&self, init: &web_sys::ResponseInit) -> std::result::Result<(), JsValue> {
        js_sys::Reflect::set(init, &JsValue::from_str("webSocket"), &self.0).map(drop)
    }
}

impl Socket {
    /// Sends a text. A client that is gone misses it: it can read what was said later.
    pub(crate) fn send(&self, text: &str) {
        if let Err(exception) = self.send_js(text) {
            worker::console_log!("nobody is at the other end of a socket: {}", message_of(&exception));
        }
    }

    /// Ends it.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        // One that has ended already may refuse.
        let _ = self.close_js(code, reason);
    }

    /// What the object keeps with it.
    pub(crate) fn attachment(&self) -> Option<String> {
        self.attachment_js().ok()?.as_string()
    }
}
