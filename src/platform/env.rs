//! Variables and bindings of a deployment.

use wasm_bindgen::{JsCast, prelude::*};
use wasm_bindgen_futures::JsFuture;
use worker::{AnalyticsEngineDataPointBuilder, Env};

use crate::platform::{fetch::Chunks, message_of};

#[wasm_bindgen]
extern "C" {
    type Ai;
    #[wasm_bindgen(method, catch)]
    fn run(this: &Ai, model: &str, inputs: &JsValue) -> std::result::Result<js_sys::Promise, JsValue>;
}

/// An answer that the binding still owes.
struct Owed(Option<js_sys::Promise>);

impl Drop for Owed {
    /// A request cannot be taken back; its answer can be sent away as soon as it comes.
    fn drop(&mut self) {
        let Some(promise) = self.0.take() else { return };
        wasm_bindgen_futures::spawn_local(async move {
            if let Ok(Ok(stream)) = JsFuture::from(promise).await.map(JsCast::dyn_into::<web_sys::ReadableStream>) {
                // Whether that works or not, nobody waits for it.
                let _ = JsFuture::from(stream.cancel()).await;
            }
        });
    }
}

/// The variable `name`, `None` when it is absent. One that is no text is given as JSON: wrangler takes numbers and objects
/// under `[vars]` as they are.
pub(crate) fn variable(env: &Env, name: &str) -> Option<String> {
    let value = binding(env, name).filter(|value| !value.is_undefined() && !value.is_null())?;
    value.as_string().or_else(|| js_sys::JSON::stringify(&value).ok()?.as_string())
}

/// Runs `model` behind the Workers AI binding `name`; `inputs` is JSON that asks for a stream.
///
/// # Errors
/// What is missing or what the platform says.
pub(crate) async fn run_model(env: &Env, name: &str, model: &str, inputs: &str) -> std::result::Result<Chunks, String> {
    let said = |exception: JsValue| message_of(&exception);
    let ai: Ai = binding(env, name).filter(JsValue::is_object).ok_or_else(|| format!("there is no binding {name}"))?.unchecked_into();
    let inputs = js_sys::JSON::parse(inputs).map_err(said)?;
    let promise = ai.run(model, &inputs).map_err(said)?;
    let mut owed = Owed(Some(promise.clone()));
    let stream = JsFuture::from(promise).await;
    owed.0 = None;
    let stream = stream.map_err(said)?;
    let stream = stream.dyn_into::<web_sys::ReadableStream>().map_err(|_| "the model gave no stream".to_owned())?;
    Ok(Chunks::of(Some(stream)))
}

/// A point for Analytics Engine.
pub(crate) struct Point<'a> {
    /// By which it samples.
    pub index: &'a str,
    /// `blob1` and so on.
    pub blobs: [&'a str; 4],
    /// `double1` and so on.
    pub doubles: [f64; 3],
}

/// Writes `point` to the dataset `name`; does nothing when none is bound.
///
/// # Errors
/// What the platform says. It does not say whether a point arrives.
pub(crate) fn write_point(env: &Env, name: &str, point: &Point<'_>) -> std::result::Result<(), String> {
    if binding(env, name).is_none_or(|value| !value.is_object()) {
        return Ok(());
    }
    let point = AnalyticsEngineDataPointBuilder::new().indexes([point.index]).blobs(point.blobs).doubles(point.doubles);
    env.analytics_engine(name).and_then(|dataset| point.write_to(&dataset)).map_err(|error| error.to_string())
}

/// Counts a request under `key` with the rate limiter `name`. Is it within the limit? It is where none is bound.
///
/// # Errors
/// What the platform says.
pub(crate) async fn is_within_limit(env: &Env, name: &str, key: &str) -> std::result::Result<bool, String> {
    if binding(env, name).is_none_or(|value| !value.is_object()) {
        return Ok(true);
    }
    let said = |error: worker::Error| error.to_string();
    let outcome = env.rate_limiter(name).map_err(said)?.limit(key.to_owned()).await;
    outcome.map(|outcome| outcome.success).map_err(said)
}

fn binding(env: &Env, name: &str) -> Option<JsValue> {
    js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()
}
