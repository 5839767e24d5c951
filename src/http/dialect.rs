//! What a dialect is: paths, what they need, and how answers and failures look. Which dialects there are is in `mod.rs`.
//!
//! A dialect keeps its wire structs to itself, reads and writes through [`Request`] and [`Reply`], and asks the same
//! clients as every other. What it answers where dialects differ is a table at the top of its file.

use std::{fmt, time::Duration};

use crate::http::{Method, auth::Need, problem::Problem, request::Request, response::Reply};

/// A path and what its methods stand for. `{}` stands for one segment, percent-encoded.
pub(super) type Route<Endpoint> = (&'static str, &'static [(Method, Endpoint)]);

/// One way of talking to us.
pub(super) trait Dialect {
    /// What a path and a method stand for.
    type Endpoint: Copy + fmt::Debug + PartialEq + 'static;

    /// Every path. The first pattern that fits decides, so literal segments stand before `{}`.
    const ROUTES: &'static [Route<Self::Endpoint>];

    /// Paths that begin like this are this dialect's also where there is nothing.
    const PREFIXES: &'static [&'static str];

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
        let is_claimed = || D::PREFIXES.iter().any(|prefix| path.starts_with(prefix));
        D::ROUTES.iter().find_map(fits).or_else(|| is_claimed().then_some(Place::Nowhere))
    }
}

/// Every method of every path of a dialect, and what it needs.
pub(super) fn routes<D: Dialect>() -> impl Iterator<Item = (Method, &'static str, &'static str)> {
    let of_path = |(path, endpoints): &'static Route<D::Endpoint>| {
        endpoints.iter().map(|(method, endpoint)| (*method, *path, D::need(*endpoint).name()))
    };
    D::ROUTES.iter().flat_map(of_path)
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

/// Fails where a pattern of a dialect is hidden by one before it.
#[cfg(test)]
pub(super) fn check_order<D: Dialect>() {
    for (pattern, methods) in D::ROUTES {
        let example = pattern.replace("{}", "x");
        let Some(Place::Route { endpoints, .. }) = Place::<D>::of(&example) else { panic!("{pattern} leads nowhere") };
        assert_eq!(endpoints, *methods, "{pattern} is hidden by an earlier pattern");
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
