//! Variables of a deployment.

use wasm_bindgen::JsValue;
use worker::Env;

/// The text variable `name`, `None` when it is absent.
pub(crate) fn variable(env: &Env, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
    value.as_string()
}
