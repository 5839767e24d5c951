//! What each request leaves behind: a line of JSON in the log, and the header `Server-Timing`.
//!
//! No text of anybody's gets there: no path, query, id, title or message. Failures have a line of their own (`problem/`).

use std::rc::Rc;

use serde::Serialize;

use crate::{
    domain::time::{Timestamp, millis},
    platform,
    trace::{Trace, TurnNote},
};

#[derive(Serialize)]
struct LineJson<'a> {
    request_id: &'a str,
    /// The pattern of the path; `null` when none fits.
    route: Option<&'static str>,
    method: &'a str,
    status: u16,
    ms: u64,
    session: Option<&'a str>,
    #[serde(flatten)]
    turn: Option<TurnJson<'a>>,
}

#[derive(Serialize)]
struct TurnJson<'a> {
    provider: Option<&'static str>,
    model: Option<&'a str>,
    tokens: Option<TokensJson>,
    outcome: &'a str,
}

#[derive(Serialize)]
struct TokensJson {
    prompt: u64,
    completion: u64,
}

/// A request that is timed.
pub(super) struct Timed {
    began: Timestamp,
    trace: Rc<Trace>,
}

/// What a line says besides what was noted on the way.
pub(super) struct Summary<'a> {
    pub(super) request_id: &'a str,
    /// The platform lets through none but those of HTTP's registry.
    pub(super) method: &'a str,
    pub(super) status: u16,
    /// Who is asked by this deployment, if its configuration is good.
    pub(super) provider: Option<&'static str>,
}

impl Timed {
    /// Begins now.
    pub(super) fn begin() -> Timed {
        Timed { began: platform::now(), trace: Rc::default() }
    }

    /// Does the work for the request.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.trace.follow(work).await
    }

    /// `Server-Timing`: up to now, and the part that objects had.
    pub(super) fn header(&self) -> String {
        let object = self.trace.waited.get().map(|waited| format!(", object;dur={}", waited.as_millis()));
        format!("total;dur={}{}", self.elapsed_ms(), object.unwrap_or_default())
    }

    /// Writes the line.
    pub(super) fn log(&self, summary: &Summary<'_>) {
        let (session, turn) = (self.trace.session.borrow(), self.trace.turn.borrow());
        let line = LineJson {
            request_id: summary.request_id,
            route: self.trace.route.get(),
            method: summary.method,
            status: summary.status,
            ms: self.elapsed_ms(),
            session: session.as_deref(),
            turn: turn.as_ref().map(|TurnNote { model, usage, outcome }| TurnJson {
                provider: summary.provider,
                model: model.as_deref(),
                tokens: usage.map(|usage| TokensJson { prompt: usage.prompt_tokens, completion: usage.completion_tokens }),
                outcome,
            }),
        };
        match serde_json::to_string(&line) {
            Ok(line) => worker::console_log!("{line}"),
            // Only maps with keys that are no text can fail.
            Err(_) => worker::console_error!("a request without its line"),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        millis(platform::now().since(self.began))
    }
}
