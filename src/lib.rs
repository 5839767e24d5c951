//! edge-sessions: chat sessions, history and memory at the edge, in one Worker.
//!
//! A request flows in one direction: `http` reads it and finds out who asks; a client in `session` or `user` carries it to
//! the Durable Object that owns the truth; the object decides with the rules of `domain`, asks a `model`, and keeps the
//! result. `index` is a copy for administrators. `platform` wraps what Workers give. `src/entry.js` is what the platform
//! loads; it forwards to this crate and answers for it when an instance is lost.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "tests may fail"
    )
)]

mod http;
mod session;
mod user;
mod index;
mod memory;
mod search;
mod model;
mod domain;
mod platform;
mod config;
mod trace;
mod limits;
mod error;
mod fault;

use wasm_bindgen::prelude::*;
use worker::{Env, event};

/// Every HTTP request.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, _context: worker::Context) -> worker::Result<web_sys::Response> {
    Ok(http::serve(&request, &env).await?)
}

/// Every message over a WebSocket; `entry.js` forwards them.
#[wasm_bindgen]
pub fn hear(env: Env, socket: platform::socket::Socket, message: JsValue) -> js_sys::Promise {
    platform::context::promise_of(http::hear(env, socket, message))
}

/// What is said over a WebSocket in place of an answer; `entry.js` says it.
#[wasm_bindgen]
pub fn unheard(is_crowded: bool) -> String {
    http::unheard(is_crowded)
}

/// `guard.js` constructs this through worker-build's Proxy, which makes a new instance when the last one was lost.
#[wasm_bindgen]
pub struct Reset;

#[wasm_bindgen]
impl Reset {
    /// See [`Reset`].
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "called from JavaScript only")]
    pub fn new() -> Reset {
        Reset
    }
}

/// Does nothing; `guard.js` calls it to learn whether the instance is still good.
#[wasm_bindgen]
pub fn touch() {}
