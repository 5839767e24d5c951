//! Calling a Durable Object: JSON in, JSON out, over Workers RPC.
//!
//! Errors of the domain are data in the reply. Whatever a stub throws is the platform or a crash.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, intern, prelude::*};
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::{
    error::{Error, Result},
    platform::message_of,
};

#[wasm_bindgen]
extern "C" {
    type Namespace;
    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &Namespace, name: &str) -> std::result::Result<Stub, JsValue>;

    type Stub;
    #[wasm_bindgen(method, catch)]
    fn call(this: &Stub, json: &str) -> std::result::Result<js_sys::Promise, JsValue>;
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
    let json = serde_json::to_string(call).map_err(|e| Error::Internal(format!("call to {binding}: {e}")))?;
    let reply = send(env, binding, name, &json).await.map_err(|e| Error::Unavailable(format!("{binding}: {}", message_of(&e))))?;
    match serde_json::from_str::<Reply<Answer, Refusal>>(&reply) {
        Ok(Reply::Ok(answer)) => Ok(answer),
        Ok(Reply::Err(refusal)) => Err(refusal.into()),
        Err(e) => Err(Error::Internal(format!("reply of {binding}: {e}"))),
    }
}

async fn send(env: &Env, binding: &'static str, name: &str, json: &str) -> std::result::Result<String, JsValue> {
    let namespace: Namespace = js_sys::Reflect::get(env, &JsValue::from_str(intern(binding)))?.unchecked_into();
    let reply = JsFuture::from(namespace.get_by_name(name)?.call(json)?).await?;
    reply.as_string().ok_or_else(|| JsValue::from_str("the reply is not text"))
}
