//! Calling a Durable Object: JSON in, JSON out, over Workers RPC.
//!
//! Errors of the domain are data in the reply. Whatever a stub throws is the platform or a crash.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, intern, prelude::*};
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::{
    error::{Error, Result},
    platform::{self, costs, fault_of, lines::Lines, message_of, socket::ClientEnd},
    trace,
};

#[wasm_bindgen]
extern "C" {
    type Namespace;
    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &Namespace, name: &str) -> std::result::Result<Stub, JsValue>;

    type Stub;
    #[wasm_bindgen(method, catch)]
    fn call(this: &Stub, json: &str) -> std::result::Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn stream(this: &Stub, json: &str) -> std::result::Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = fetch)]
    fn fetch_js(this: &Stub, url: &str, init: &web_sys::RequestInit) -> std::result::Result<js_sys::Promise, JsValue>;

    /// What `stream` gives.
    type Streamed;
    #[wasm_bindgen(method, getter)]
    fn reply(this: &Streamed) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn events(this: &Streamed) -> Option<web_sys::ReadableStream>;
}

/// What an object answers. `E` is how errors travel.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply<T, E> {
    /// It did what was asked.
    Ok(T),
    /// It refused.
    Err(E),
}

impl<T: Serialize, E: Serialize> Reply<T, E> {
    /// The reply as it travels.
    ///
    /// # Errors
    /// `Internal`, which no type of ours can cause.
    pub(crate) fn encode(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::Internal(format!("reply: {e}")))
    }
}

/// Calls the object `name` behind `binding`.
///
/// # Errors
/// The object's own, or `Unavailable` when it cannot be reached or was lost.
pub(crate) async fn call<Call, Answer, Refusal>(env: &Env, binding: &'static str, name: &str, call: &Call) -> Result<Answer>
where
    Call: Serialize,
    Answer: DeserializeOwned,
    Refusal: DeserializeOwned + Into<Error>,
{
    costs::object_request(binding);
    let json = encode(binding, call)?;
    let sent = async || JsFuture::from(stub(env, binding, name)?.call(&json)?).await;
    let reply = timed(sent()).await.map_err(|exception| unavailable(binding, &exception))?;
    decode::<Answer, Refusal>(binding, reply.as_string())
}

/// Calls the object `name` behind `binding` for an answer and a stream of lines, which not every answer comes with.
///
/// # Errors
/// As [`call`].
pub(crate) async fn stream<Call, Answer, Refusal>(
    env: &Env,
    binding: &'static str,
    name: &str,
    call: &Call,
) -> Result<(Answer, Option<Lines>)>
where
    Call: Serialize,
    Answer: DeserializeOwned,
    Refusal: DeserializeOwned + Into<Error>,
{
    costs::object_request(binding);
    let json = encode(binding, call)?;
    let sent = async || JsFuture::from(stub(env, binding, name)?.stream(&json)?).await;
    let streamed: Streamed = timed(sent()).await.map_err(|exception| unavailable(binding, &exception))?.unchecked_into();
    Ok((decode::<Answer, Refusal>(binding, streamed.reply())?, streamed.events().map(Lines::of)))
}

/// Has the object `name` behind `binding` take a WebSocket and keep `attachment` with it.
///
/// # Errors
/// As [`call`].
pub(crate) async fn hand_over<Attachment: Serialize>(
    env: &Env,
    binding: &'static str,
    name: &str,
    attachment: &Attachment,
) -> Result<ClientEnd> {
    costs::object_request(binding);
    // In the URL, since headers take no text but ASCII. The object reads nothing else of it.
    let url = format!("https://object/?seat={}", utf8_percent_encode(&encode(binding, attachment)?, NON_ALPHANUMERIC));
    let sent = async || {
        let headers = web_sys::Headers::new()?;
        headers.set("upgrade", "websocket")?;
        let init = web_sys::RequestInit::new();
        init.set_headers(&headers);
        let response = JsFuture::from(stub(env, binding, name)?.fetch_js(&url, &init)?).await?;
        js_sys::Reflect::get(&response, &JsValue::from_str("webSocket"))
    };
    timed(sent()).await.map(ClientEnd).map_err(|exception| unavailable(binding, &exception))
}

/// Notes how long `call` takes for the request that it is made for.
async fn timed<T>(call: impl Future<Output = T>) -> T {
    let began = platform::now();
    let outcome = call.await;
    trace::note(|trace| trace.add_wait(platform::now().since(began)));
    outcome
}

fn encode<Call: Serialize>(binding: &str, call: &Call) -> Result<String> {
    serde_json::to_string(call).map_err(|e| Error::Internal(format!("call to {binding}: {e}")))
}

fn decode<Answer: DeserializeOwned, Refusal: DeserializeOwned + Into<Error>>(binding: &str, reply: Option<String>) -> Result<Answer> {
    match serde_json::from_str::<Reply<Answer, Refusal>>(&reply.unwrap_or_default()) {
        Ok(Reply::Ok(answer)) => Ok(answer),
        Ok(Reply::Err(refusal)) => Err(refusal.into()),
        // Of another version, which is being deployed.
        Err(e) => Err(Error::Unavailable(format!("reply of {binding}: {}", fault_of(&e)))),
    }
}

fn stub(env: &Env, binding: &'static str, name: &str) -> std::result::Result<Stub, JsValue> {
    let namespace: Namespace = js_sys::Reflect::get(env, &JsValue::from_str(intern(binding)))?.unchecked_into();
    namespace.get_by_name(name)
}

fn unavailable(binding: &str, exception: &JsValue) -> Error {
    Error::Unavailable(format!("{binding}: {}", message_of(exception)))
}
