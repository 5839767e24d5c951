//! The session object as the platform sees it: what `entry.js` forwards to. Gives promises where something must be waited for.
//!
//! Nothing here throws in the constructor: that would make the session unreachable for ever.

use std::rc::Rc;

use serde::Deserialize;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::{
    error::{Error, Result},
    platform::{
        self,
        context::{Context, promise_of, promise_of_value},
        namespace::Reply,
    },
    session::{
        object::{Aftermath, Object, Outcome},
        protocol::Begun,
        record::refusal::Refusal,
        sharing::Admitted,
        transfer::{export::Export, protocol::Exporting},
        turn::{self, log::Follower},
    },
    user,
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
            Ok(Outcome::Swept(id)) => promise_of_value(async move { encode(object.sweep(&id).await) }).into(),
            Ok(Outcome::After(log)) => promise_of(async move { log.until_over().await }).into(),
            Ok(Outcome::AfterBurial) => promise_of_value(async move {
                match object.make_room().await {
                    Ok(()) => JsValue::UNDEFINED,
                    Err(error) => encode(Err(Error::Unavailable(format!("the remains of an earlier session: {error:?}")))),
                }
            })
            .into(),
            Ok(Outcome::AfterAdmission { user, id, is_reminded }) => promise_of_value(async move {
                let (asked_at, ends) = (platform::now(), object.ends.get());
                match user::client::admit(&object.env, &user, &id, is_reminded).await {
                    Ok(admission) => {
                        *object.admitted.borrow_mut() = Some(Admitted { user, asked_at, ends, admission });
                        JsValue::UNDEFINED
                    }
                    Err(error) => encode(Err(error)),
                }
            })
            .into(),
            Ok(Outcome::Buried(answer)) => promise_of_value(async move { encode(object.bury_now().await.map(|()| answer)) }).into(),
            Ok(Outcome::Shared) => promise_of_value(async move { encode(object.share_now().await) }).into(),
            Err(error) => encode(Err(error)),
        }
    }

    /// The end of the turn that the last call has begun, if it has begun one.
    pub fn turn(&self) -> Option<js_sys::Promise> {
        let begin = self.0.begin.borrow_mut().take()?;
        let object = Rc::clone(&self.0);
        Some(promise_of(async move { turn::run::run(object, begin).await }))
    }

    /// What follows `reply`, of a call: the events of the turn or the parts of the session that it names; `undefined`
    /// when it names neither.
    pub fn tail(&self, reply: &str) -> Option<Tail> {
        let Ok(Reply::Ok(begun)) = serde_json::from_str::<Reply<Streaming, Refusal>>(reply) else { return None };
        let source = match begun {
            Streaming::Turn(begun) => self.0.follower(&begun).map(Source::Turn),
            Streaming::Session(begun) => Export::new(Rc::clone(&self.0), *begun).map(|export| Source::Session(Rc::new(export))),
        };
        match source {
            Ok(source) => Some(Tail(source)),
            Err(error) => {
                worker::console_error!("nothing follows a reply: {error:?}");
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
        promise_of(async move {
            object.update_list_copy().await;
        })
    }

    /// Brings the KV index up to date.
    #[wasm_bindgen(js_name = updateIndex)]
    pub fn update_index(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move {
            object.update_index_copy().await;
        })
    }

    /// Tells the counters what they do not know yet, and empties the object when nothing else is left.
    pub fn report(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move {
            object.report().await;
        })
    }

    /// The alarm went off.
    pub fn alarm(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.on_alarm().await })
    }
}

/// A reply that something follows.
#[derive(Deserialize)]
#[serde(untagged)]
enum Streaming {
    Turn(Begun),
    Session(Box<Exporting>),
}

/// What follows a reply, line by line; `entry.js` makes a stream of it.
#[wasm_bindgen]
pub struct Tail(Source);

/// What the lines are of.
enum Source {
    Turn(Follower),
    Session(Rc<Export>),
}

#[wasm_bindgen]
impl Tail {
    /// A promise of the next lines, of an empty one when there is none for a while, of `undefined` after the last.
    pub fn next(&self) -> js_sys::Promise {
        let bytes = |lines: &str| js_sys::Uint8Array::from(lines.as_bytes()).into();
        match &self.0 {
            Source::Turn(follower) => {
                let follower = follower.clone();
                promise_of_value(async move { follower.next().await.map_or(JsValue::UNDEFINED, |line| bytes(&line)) })
            }
            Source::Session(export) => {
                let export = Rc::clone(export);
                promise_of_value(async move { export.next().map_or(JsValue::UNDEFINED, |lines| bytes(&lines)) })
            }
        }
    }
}

/// A reply as `entry.js` takes it.
fn encode(reply: Result<String>) -> JsValue {
    let reply = reply.or_else(|error| Reply::<(), Refusal>::Err(error.into()).encode());
    reply.map_or(JsValue::NULL, JsValue::from)
}
