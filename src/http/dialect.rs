//! What a dialect is: paths, what they need, and how answers and failures look. Which dialects there are is in `mod.rs`, as a
//! table of [`Entry`]s.
//!
//! A dialect keeps its wire structs to itself, reads and writes through [`Request`] and [`Reply`], and asks the same
//! clients as every other. What it answers where dialects differ is a table at the top of its file.

use std::{fmt, time::Duration};

use futures_util::{FutureExt, future::LocalBoxFuture};
use serde_json::{Map, Value};
use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    domain::session::Session,
    http::{Arrival, Method, auth::Need, problem::Problem, request::Request, response::Reply},
    platform::socket::Socket,
    session::client::Lately,
};

/// A path and what its methods stand for. `{}` stands for one segment, percent-encoded.
pub(super) type Route<Endpoint> = (&'static str, &'static [(Method, Endpoint)]);

/// A method of a path, and what it needs.
pub(super) type Needs = (Method, &'static str, &'static str);

/// What a dialect's clients look for in the metadata of a session besides their own; `None`: it is no session of theirs.
pub(super) type MoreMetadata = Option<Map<String, Value>>;

/// How a dialect talks over WebSockets. Nothing tells whose a socket is: there is one dialect that opens some.
#[derive(Clone, Copy)]
pub(super) struct Sockets {
    /// Answers what has come over one.
    pub(super) hear: fn(Env, Socket, JsValue) -> LocalBoxFuture<'static, ()>,
    /// A text that says why there is no answer.
    pub(super) refuse: fn(&Problem) -> String,
}

/// One way of talking to us.
pub(super) trait Dialect: 'static {
    /// What a path and a method stand for.
    type Endpoint: Copy + fmt::Debug + PartialEq + 'static;

    /// Every path. The first pattern that fits decides, so literal segments stand before `{}`.
    const ROUTES: &'static [Route<Self::Endpoint>];

    /// Paths that begin like this, with the slash at its end or without, are this dialect's also where there is nothing.
    const PREFIXES: &'static [&'static str];

    /// How it talks over WebSockets, if it opens any.
    const SOCKETS: Option<Sockets> = None;

    /// What the caller of an endpoint must have.
    fn need(endpoint: Self::Endpoint) -> Need;

    /// Does what is asked.
    ///
    /// # Errors
    /// A failure, for [`Dialect::refuse`].
    async fn answer(endpoint: Self::Endpoint, request: &Request<'_>) -> Result<Reply, Problem>;

    /// A failure as this dialect tells it: `problem` may be its own, or that of any request to anybody.
    fn refuse(problem: Problem, request_id: &str) -> Reply;

    /// Adds what every reply of the dialect carries, whatever it is. `took`: how long it was in the making.
    fn finish(reply: Reply, _took: Duration) -> Reply {
        reply
    }

    /// What its clients look for in a session's metadata. Without `lately` as much as a list knows.
    fn more_metadata(_session: &Session, _lately: Option<&Lately>) -> MoreMetadata {
        None
    }
}

/// A dialect as one of several: what is asked of each in turn.
pub(super) struct Entry {
    /// Answers a request, if its path is the dialect's.
    pub(super) answer: for<'a> fn(&'a Arrival<'a>) -> Option<LocalBoxFuture<'a, Reply>>,
    /// Every method of every path.
    pub(super) routes: fn() -> Vec<Needs>,
    /// See [`Dialect::SOCKETS`].
    pub(super) sockets: Option<Sockets>,
    /// See [`Dialect::more_metadata`].
    pub(super) more_metadata: fn(&Session, Option<&Lately>) -> MoreMetadata,
    /// The pattern that decides about a path; an empty one where the path is the dialect's and leads nowhere.
    #[cfg(test)]
    leads: fn(&str) -> Option<&'static str>,
}

impl Entry {
    /// That of a dialect.
    pub(super) const fn of<D: Dialect>() -> Entry {
        Entry {
            answer: answer::<D>,
            routes: routes::<D>,
            sockets: D::SOCKETS,
            more_metadata: D::more_metadata,
            #[cfg(test)]
            leads: |path| {
                let place = Place::<D>::of(path)?;
                Some(if let Place::Route { pattern, .. } = place { pattern } else { "" })
            },
        }
    }
}

fn answer<'a, D: Dialect>(arrival: &'a Arrival<'a>) -> Option<LocalBoxFuture<'a, Reply>> {
    let place = Place::<D>::of(arrival.path)?;
    Some(arrival.answer_in(place).boxed_local())
}

/// Where a path leads in a dialect.
pub(super) enum Place<'a, D: Dialect> {
    /// To a route.
    Route {
        /// Its pattern.
        pattern: &'static str,
        /// What its methods stand for.
        endpoints: &'static [(Method, D::Endpoint)],
        /// What stands in the places of `{}`, still percent-encoded.
        segments: Vec<&'a str>,
    },
    /// To nothing.
    Nowhere,
}

impl<'a, D: Dialect> Place<'a, D> {
    /// Where `path` leads, if it is the dialect's.
    pub(super) fn of(path: &'a str) -> Option<Place<'a, D>> {
        let fits =
            |(pattern, endpoints): &Route<D::Endpoint>| Some(Place::Route { pattern, endpoints, segments: segments(pattern, path)? });
        let is_claimed = || D::PREFIXES.iter().any(|prefix| path.starts_with(prefix) || prefix.strip_suffix('/') == Some(path));
        D::ROUTES.iter().find_map(fits).or_else(|| is_claimed().then_some(Place::Nowhere))
    }
}

/// Every method of every path of a dialect.
pub(super) fn routes<D: Dialect>() -> Vec<Needs> {
    let of_path = |(path, endpoints): &'static Route<D::Endpoint>| {
        endpoints.iter().map(|(method, endpoint)| (*method, *path, D::need(*endpoint).name()))
    };
    D::ROUTES.iter().flat_map(of_path).collect()
}

/// What stands in the places of `{}`, if `path` fits the pattern.
fn segments<'a>(pattern: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    let mut segments = Vec::new();
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return Some(segments),
            (Some("{}"), Some(segment)) if !segment.is_empty() => segments.push(segment),
            (Some(literal), Some(segment)) if literal == segment => {}
            _ => return None,
        }
    }
}

/// Fails where a pattern is hidden by one before it, of its own dialect or of one that is asked earlier.
#[cfg(test)]
pub(super) fn check_order(dialects: &[Entry]) {
    for (number, dialect) in dialects.iter().enumerate() {
        for (_, pattern, _) in (dialect.routes)() {
            let example = pattern.replace("{}", "x");
            let found = dialects.iter().enumerate().find_map(|(number, dialect)| Some((number, (dialect.leads)(&example)?)));
            assert_eq!(found, Some((number, pattern)), "{example} leads elsewhere");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_patterns_segment_by_segment() {
        let cases: [(&str, &str, Option<&[&str]>); 10] = [
            ("/", "/", Some(&[])),
            ("/health", "/health", Some(&[])),
            ("/sessions/{}", "/sessions/a%2Fb", Some(&["a%2Fb"])),
            ("/sessions/{}/messages", "/sessions/a/messages", Some(&["a"])),
            ("/sessions/{}/messages/{}", "/sessions/a/messages/7", Some(&["a", "7"])),
            ("/sessions", "/sessions/", None),
            ("/sessions/{}", "/sessions/", None),
            ("/sessions/{}", "/sessions/a/", None),
            ("/sessions/{}/messages", "/sessions//messages", None),
            ("/", "", None),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(segments(pattern, path).as_deref(), expected, "{path:?} in {pattern:?}");
        }
    }
}
