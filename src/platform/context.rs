//! A Durable Object's own context: its storage and its one alarm.

use futures_util::FutureExt;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::{
    domain::time::Timestamp,
    error::{Error, Result},
    platform::{
        costs, message_of,
        sql::{Database, LazyTable, Sql},
    },
};

#[wasm_bindgen]
extern "C" {
    /// `this.ctx` of a Durable Object.
    #[derive(Clone)]
    pub type Context;
    #[wasm_bindgen(method, getter)]
    fn storage(this: &Context) -> Storage;

    /// Ends the object here and now; its callers get an error.
    #[wasm_bindgen(method)]
    pub fn abort(this: &Context, reason: &str);

    type Storage;
    #[wasm_bindgen(method, getter)]
    fn sql(this: &Storage) -> Database;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &Storage,
        body: &mut dyn FnMut() -> std::result::Result<JsValue, JsValue>,
    ) -> std::result::Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm_js(this: &Storage, at_ms: f64) -> std::result::Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = deleteAlarm)]
    fn delete_alarm_js(this: &Storage) -> std::result::Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = deleteAll)]
    fn delete_all_js(this: &Storage) -> std::result::Result<js_sys::Promise, JsValue>;
}

impl Context {
    /// The object's database, with tables in `lazy` that are made when they are needed.
    pub fn database(&self, lazy: &'static [LazyTable]) -> Sql {
        Sql::new(self.storage().sql(), lazy)
    }

    /// Runs `body` as one transaction, which is rolled back when it fails.
    ///
    /// # Errors
    /// What `body` fails with.
    pub fn atomically<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        let (mut body, mut outcome) = (Some(body), None);
        let ran = self.storage().transaction_sync(&mut || {
            let Some(body) = body.take() else { return Err(JsValue::from_str("ran twice")) };
            let result = body();
            let rollback = result.is_err();
            outcome = Some(result);
            if rollback { Err(JsValue::from_str("rollback")) } else { Ok(JsValue::UNDEFINED) }
        });
        match (outcome, ran) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(_)) => Ok(value),
            (Some(Ok(_)) | None, Err(exception)) => Err(Error::Internal(format!("transaction: {}", message_of(&exception)))),
            (None, Ok(_)) => Err(Error::Internal("transaction did not run".into())),
        }
    }

    /// Sets the object's only alarm. Not awaited: the output gate holds the answer until it is durable.
    ///
    /// # Errors
    /// `Internal` when the platform refuses.
    pub fn set_alarm(&self, at: Timestamp) -> Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "dates are below 2^53")]
        let at_ms = at.millis() as f64;
        costs::alarm_set();
        self.storage().set_alarm_js(at_ms).map(drop).map_err(|e| Error::Internal(format!("alarm: {}", message_of(&e))))
    }

    /// Takes the object's alarm back.
    ///
    /// # Errors
    /// `Internal` when the platform refuses.
    pub fn delete_alarm(&self) -> Result<()> {
        self.storage().delete_alarm_js().map(drop).map_err(|e| Error::Internal(format!("alarm: {}", message_of(&e))))
    }

    /// Removes everything the object has stored, its tables and its alarm too.
    ///
    /// # Errors
    /// `Internal` when the platform refuses; then nothing is removed.
    pub async fn delete_all(&self) -> Result<()> {
        let failed = |e: JsValue| Error::Internal(format!("delete all: {}", message_of(&e)));
        JsFuture::from(self.storage().delete_all_js().map_err(failed)?).await.map(drop).map_err(failed)
    }
}

/// A promise of the end of `work`.
pub(crate) fn promise_of(work: impl Future<Output = ()> + 'static) -> js_sys::Promise {
    promise_of_value(work.map(|()| JsValue::UNDEFINED))
}

/// A promise of what `work` gives.
pub(crate) fn promise_of_value(work: impl Future<Output = JsValue> + 'static) -> js_sys::Promise {
    wasm_bindgen_futures::future_to_promise(work.map(Ok))
}
