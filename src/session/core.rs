//! The session object as the platform sees it: what `entry.js` forwards to. Gives promises where something must be waited for.
//!
//! Nothing here throws in the constructor: that would make the session unreachable for ever.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::Env;

use crate::{
    error::{Error, Result},
    platform::{
        context::{Context, promise_of, promise_of_value},
        namespace::Reply,
    },
    session::{
        object::{Aftermath, Object, Outcome},
        protocol::Begun,
        record::refusal::Refusal,
        turn::{self, log::Tail},
    },
};

/// What `entry.js` forwards a session object's calls to.
#[wasm_bindgen]
pub struct SessionCore(Rc<Object>);

#[wasm_bindgen]
impl SessionCore {
    /// `context` and `env` of the Durable Object.
    #[wasm_bindgen(constructor)]
    pub fn new(context: Context, env: Env) -> SessionCore {
        SessionCore(Rc::new(Object::new(context, env)))
    }

    /// Answers one call: text, or a promise of it. `undefined` in its place: something was in the way and is gone now,
    /// call again.
    pub fn call(&self, json: &str) -> JsValue {
        let object = Rc::clone(&self.0);
        match self.0.call(json) {
            Ok(Outcome::Answer(answer)) => answer.into(),
            Ok(Outcome::Reply(log)) => promise_of_value(async move { encode(log.reply().await) }).into(),
            Ok(Outcome::Stopped(log, repeatable)) => promise_of_value(async move {
                log.until_over().await;
                encode(object.stopped_once(log.turn(), repeatable.as_ref()))
            })
            .into(),
            Ok(Outcome::Told(gathered)) => promise_of_value(async move { encode(object.told(*gathered).await) }).into(),
            Ok(Outcome::After(log)) => promise_of(async move { log.until_over().await }).into(),
            Ok(Outcome::AfterBurial) => promise_of_value(async move {
                match object.make_room().await {
                    Ok(()) => JsValue::UNDEFINED,
                    Err(error) => encode(Err(Error::Unavailable(format!("the remains of an earlier session: {error:?}")))),
                }
            })
            .into(),
            Err(error) => encode(Err(error)),
        }
    }

    /// The end of the turn that the last call has begun, if it has begun one.
    pub fn turn(&self) -> Option<js_sys::Promise> {
        let begin = self.0.begin.borrow_mut().take()?;
        let object = Rc::clone(&self.0);
        Some(promise_of(async move { turn::run::run(object, begin).await }))
    }

    /// Follows the turn that `reply`, of a call, names; `undefined` when it names none.
    pub fn tail(&self, reply: &str) -> Option<Tail> {
        let Ok(Reply::Ok(begun)) = serde_json::from_str::<Reply<Begun, Refusal>>(reply) else { return None };
        match self.0.tail(&begun) {
            Ok(tail) => Some(tail),
            Err(error) => {
                worker::console_error!("no events of a turn: {error:?}");
                None
            }
        }
    }

    /// What the last call has left to be done: `nothing`, `later`, or `before_answer`.
    pub fn aftermath(&self) -> String {
        match self.0.take_aftermath() {
            Aftermath::Nothing => "nothing",
            Aftermath::Later => "later",
            Aftermath::BeforeAnswer => "before_answer",
        }
        .to_owned()
    }

    /// Brings the user's list up to date; tidies up when the session has ended.
    #[wasm_bindgen(js_name = updateList)]
    pub fn update_list(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.update_list_copy().await })
    }

    /// Brings the KV index up to date.
    #[wasm_bindgen(js_name = updateIndex)]
    pub fn update_index(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.update_index_copy().await })
    }

    /// The alarm went off.
    pub fn alarm(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.on_alarm().await })
    }
}

/// A reply as `entry.js` takes it.
fn encode(reply: Result<String>) -> JsValue {
    let reply = reply.or_else(|error| Reply::<(), Refusal>::Err(error.into()).encode());
    reply.map_or(JsValue::NULL, JsValue::from)
}
