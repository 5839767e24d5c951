//! A counter object as the platform sees it. `call` is synchronous: calls cannot interleave, each is one transaction.

use std::time::Duration;

use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::{
    protocol::{Broken, Call},
    storage::{Storage, Untidy},
};
use crate::{
    domain::{stats::Bucket, time::Timestamp, turn::named},
    error::{Error, Result},
    platform::{self, context::Context, namespace::Reply},
};

/// So often it is tidied up as long as there is something to tidy.
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);
/// And so soon again when that was more than one pass takes.
const NEXT_PASS: Duration = Duration::from_secs(60);

/// What `entry.js` forwards a counter object's calls to.
#[wasm_bindgen]
pub struct CounterCore {
    context: Context,
    storage: Storage,
}

#[wasm_bindgen]
impl CounterCore {
    /// `context` of the Durable Object.
    #[wasm_bindgen(constructor)]
    pub fn new(context: Context) -> CounterCore {
        let storage = Storage::new(context.database(&[]));
        CounterCore { context, storage }
    }

    /// Answers one call.
    pub fn call(&self, json: &str) -> String {
        let reply = self.context.atomically(|| self.answer(json, platform::now()));
        reply.or_else(|error| Reply::<(), Broken>::Err(Broken(format!("{error:?}"))).encode()).unwrap_or_default()
    }

    /// The alarm went off.
    pub fn alarm(&self) {
        let now = platform::now();
        // First of all, so that whatever fails below it goes off again.
        let tidied = self.context.set_alarm(now.plus(TIDY_EVERY)).and_then(|()| {
            self.context.atomically(|| match self.storage.tidy(now)? {
                Untidy::Nothing => self.disarm(),
                Untidy::Later => self.storage.set_alarm(Some(now.plus(TIDY_EVERY))),
                Untidy::Due => self.set_alarm(now.plus(NEXT_PASS)),
            })
        });
        if let Err(error) = tidied {
            worker::console_error!("counters are tidied up later: {error:?}");
        }
    }
}

impl CounterCore {
    fn answer(&self, json: &str, now: Timestamp) -> Result<String> {
        match serde_json::from_str(json).map_err(|e| Error::Unavailable(format!("call: {}", platform::fault_of(&e))))? {
            Call::Report(reports) => {
                reports.into_iter().try_for_each(|report| self.storage.apply(report, now))?;
                self.arm(now)?;
                encode(&true)
            }
            Call::Failed(failures) => self.storage.fail(&failures).and_then(|()| encode(&true)),
            Call::Read { bucket, since, until } => {
                let bucket = named(&Bucket::ALL, Bucket::name, &bucket).ok_or_else(|| Error::Unavailable(format!("bucket {bucket}")))?;
                encode(&self.storage.read(bucket, since, until)?)
            }
        }
    }

    /// Sees to it that there is an alarm. One that should have gone off long ago is lost: then this is the time to tidy up.
    fn arm(&self, now: Timestamp) -> Result<()> {
        let is_set = self.storage.alarm_at()?.is_some_and(|at| now.since(at) < TIDY_EVERY);
        if is_set {
            return Ok(());
        }
        let next = match self.storage.tidy(now)? {
            Untidy::Nothing | Untidy::Later => TIDY_EVERY,
            Untidy::Due => NEXT_PASS,
        };
        self.set_alarm(now.plus(next))
    }

    fn set_alarm(&self, at: Timestamp) -> Result<()> {
        self.context.set_alarm(at)?;
        self.storage.set_alarm(Some(at))
    }

    /// There is none until something is counted again.
    fn disarm(&self) -> Result<()> {
        self.context.delete_alarm()?;
        self.storage.set_alarm(None)
    }
}

fn encode<T: Serialize>(answer: &T) -> Result<String> {
    Reply::<_, Broken>::Ok(answer).encode()
}
