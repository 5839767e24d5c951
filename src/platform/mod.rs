//! What the platform gives, behind small safe functions: clock, randomness, signatures, SQL, other objects.
//!
//! Knows nothing of sessions. Every JavaScript method called here catches: an exception that nobody
//! catches loses the WASM instance and everything in flight with it.

pub(crate) mod bell;
pub(crate) mod context;
pub(crate) mod costs;
pub(crate) mod crypto;
pub(crate) mod env;
pub(crate) mod fetch;
pub(crate) mod lines;
pub(crate) mod namespace;
pub(crate) mod socket;
pub(crate) mod sql;

use std::time::Duration;

use futures_util::future::{Either, select};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    domain::time::Timestamp,
    error::{Error, Result},
};

/// The time. On Workers it stands still between two I/O operations.
pub(crate) fn now() -> Timestamp {
    // A date fits 2^53 milliseconds by definition, so the cast is exact.
    #[expect(clippy::cast_possible_truncation, reason = "js_sys::Date::now is an integer below 2^53")]
    Timestamp::from_millis(js_sys::Date::now() as i64)
}

/// Eight random bytes.
///
/// # Errors
/// `Unavailable` when the platform has no randomness, which Workers do not have outside a request.
pub(crate) fn random_bytes() -> Result<[u8; 8]> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|e| Error::Unavailable(format!("no randomness: {e}")))?;
    Ok(bytes)
}

/// What `work` gives, `None` when it takes longer than `limit`; then it is dropped.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(Box::pin(work), worker::Delay::from(limit)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(((), _)) => None,
    }
}

/// Reads JSON of ours, of what `what` tells.
///
/// # Errors
/// `Internal` when it is not what this version writes.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|e| Error::Internal(format!("{what}: {}", fault_of(&e))))
}

/// Writes JSON of ours, of what `what` tells.
///
/// # Errors
/// `Internal`, which no type of ours can cause.
pub(crate) fn encode<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Internal(format!("{what}: {e}")))
}

/// What is wrong with JSON of ours, and where. Not serde's own words: they repeat the value at fault, which may be what
/// somebody has said.
pub(crate) fn fault_of(error: &serde_json::Error) -> String {
    format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column())
}

/// What a JavaScript exception says.
pub(crate) fn message_of(exception: &JsValue) -> String {
    match exception.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{exception:?}"),
    }
}
