//! Breaking things on purpose, to prove that callers get an answer and the next one is served.
//!
//! Reachable only where the variable `TEST_FAULTS` is set; a deployment does not set it.

use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    // Declared without `catch` and absent: calling it is an exception that nothing catches.
    #[wasm_bindgen(js_namespace = edgeSessionsTest, js_name = absent)]
    fn throw_uncaught();
}

/// A way to break the WASM instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// A Rust panic.
    Panic,
    /// A WASM trap.
    Trap,
    /// A JavaScript exception that nothing catches.
    Exception,
    /// The object aborts itself while Rust is on the stack; the Worker cannot.
    Abort,
}

/// When a session object is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// In the call that asks for it.
    Now,
    /// After a call that writes, before the user's list is told of it.
    Listing,
    /// When a report has been counted, before the session knows that it has.
    Reporting,
    /// When the alarm goes off, which is set to do so at once.
    Alarm,
}

impl When {
    /// The moment of that name.
    pub(crate) fn from_name(name: &str) -> Option<When> {
        match name {
            "now" => Some(When::Now),
            "listing" => Some(When::Listing),
            "reporting" => Some(When::Reporting),
            "alarm" => Some(When::Alarm),
            _ => None,
        }
    }
}

impl Fault {
    /// The fault of that name.
    pub(crate) fn from_name(name: &str) -> Option<Fault> {
        match name {
            "panic" => Some(Fault::Panic),
            "trap" => Some(Fault::Trap),
            "exception" => Some(Fault::Exception),
            "abort" => Some(Fault::Abort),
            _ => None,
        }
    }

    /// Breaks the instance. `abort`: how to, where that is possible.
    #[expect(clippy::panic, reason = "the point of it")]
    pub(crate) fn strike(self, abort: impl FnOnce()) {
        match self {
            Fault::Panic => panic!("on purpose"),
            Fault::Trap => std::process::abort(),
            Fault::Exception => throw_uncaught(),
            Fault::Abort => abort(),
        }
    }
}
