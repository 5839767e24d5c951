//! The user object as the platform sees it. `call` is synchronous: calls cannot interleave.

use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{
    domain::id::Repeatable,
    error::{Error, Result},
    platform::{
        self,
        context::{Context, promise_of},
        namespace::Reply,
    },
    session::record::refusal::Refusal,
    user::{protocol::Call, storage::Storage},
};

/// What `entry.js` forwards a user object's calls to.
#[wasm_bindgen]
pub struct UserCore {
    context: Context,
    storage: Storage,
}

#[wasm_bindgen]
impl UserCore {
    /// `context` of the Durable Object.
    #[wasm_bindgen(constructor)]
    pub fn new(context: Context) -> UserCore {
        let storage = Storage::new(context.database());
        UserCore { context, storage }
    }

    /// Answers one call.
    pub fn call(&self, json: &str) -> String {
        let reply = self.context.atomically(|| self.answer(json));
        reply.or_else(|error| Reply::<(), Refusal>::Err(error.into()).encode()).unwrap_or_default()
    }

    /// After a call: the promise that nothing is left behind, if list and memory have become empty.
    pub fn tidy(&self) -> Option<js_sys::Promise> {
        if !matches!(self.storage.is_empty(), Ok(true)) {
            return None;
        }
        self.storage.forget_schema();
        let context = self.context.clone();
        Some(promise_of(async move {
            if let Err(error) = context.delete_all().await {
                worker::console_warn!("an empty object keeps its tables: {error:?}");
            }
        }))
    }
}

impl UserCore {
    fn answer(&self, json: &str) -> Result<String> {
        match serde_json::from_str(json).map_err(|e| Error::Internal(format!("call: {e}")))? {
            Call::Put(record) => self.storage.put(*record).and_then(|()| done()),
            Call::Remove { session_id } => self.storage.remove(&session_id).and_then(|()| done()),
            Call::Memory(call) => self.storage.memory(call, platform::now()),
            Call::Share(share) => self.storage.share(*share).and_then(|()| done()),
            Call::Once { request, call } => {
                let (request, now) = (Repeatable::try_from(request)?, platform::now());
                self.storage.once(&request, now, || self.storage.memory(call, now))
            }
            Call::Remind { facts, origin } => encode(&self.storage.remind(facts, origin, platform::now())?),
            Call::Search(call) => encode(&self.storage.search(&call, platform::now())?),
            Call::Settings => encode(&self.storage.settings()?),
            Call::Change(settings) => self.storage.change(&settings).and_then(|()| encode(&settings)),
            Call::List { limit, after } => encode(&self.storage.list(limit, after.as_ref(), platform::now())?),
        }
    }
}

fn done() -> Result<String> {
    encode(&true)
}

fn encode<T: Serialize>(answer: &T) -> Result<String> {
    Reply::<_, Refusal>::Ok(answer).encode()
}
