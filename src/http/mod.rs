//! The HTTP edge: which dialects there are, and the way of a request through them.
//!
//! Alone knows status codes and headers. Decides nothing about sessions.

mod dialect;
mod request;
mod auth;
mod rate;
mod begin;
mod every_session;
mod read_on;
mod saying;
mod atlus;
mod connect;
mod nono;
mod query;
mod own;
mod page;
mod entity_tag;
mod response;
mod log;
mod problem;

use std::fmt;

use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    config::Config,
    domain::session::Session,
    error::Result,
    http::{
        auth::Known,
        dialect::{Dialect, Entry, MoreMetadata, Needs, Place, Sockets},
        log::{Summary, Timed},
        problem::Problem,
        request::Request,
        response::{Exchange, Reply},
    },
    platform::{self, socket::Socket},
    session::client::Lately,
    trace,
};

/// The methods we answer; HEAD is GET without the body, OPTIONS is answered for every path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Puts something in a place.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        })
    }
}

/// A request, before it is known who asks.
struct Arrival<'a> {
    raw: &'a web_sys::Request,
    env: &'a Env,
    config: &'a Result<Config>,
    path: &'a str,
    query: &'a str,
    request_id: &'a str,
}

/// The dialects, in the order in which they are asked whether a path is theirs. Our own has the rest.
static DIALECTS: &[Entry] = &[
    Entry::of::<atlus::Atlus>(),
    Entry::of::<connect::Connect>(),
    Entry::of::<nono::Nono>(),
    Entry::of::<query::Query>(),
    Entry::of::<own::Own>(),
];

/// Answers a request, whatever becomes of it.
///
/// # Errors
/// Only when the platform cannot even make a response.
pub(crate) async fn serve(request: &web_sys::Request, env: &Env) -> std::result::Result<web_sys::Response, JsValue> {
    if page::is_wanted(request) {
        return page::get(request, env).await;
    }
    let (exchange, timed) = (Exchange::new(request), Timed::begin());
    let config = Config::from_env(env);
    let url = request.url();
    let (path, query) = request::split_url(&url);
    let arrival = Arrival { raw: request, env, config: &config, path, query, request_id: exchange.request_id() };
    let reply = timed.run(arrival.answer()).await;
    let (config, status) = (config.as_ref().ok(), reply.status());
    let response = exchange.finish(reply.with_header("server-timing", timed.header()), config.map(|config| &config.cors))?;
    let provider = config.map(|config| config.model.provider.name());
    timed.log(&Summary { request_id: exchange.request_id(), method: &request.method(), status, provider });
    Ok(response)
}

/// Answers a message that has come over a WebSocket.
pub(crate) async fn hear(env: Env, socket: Socket, message: JsValue) {
    if let Some(sockets) = sockets() {
        (sockets.hear)(env, socket, message).await;
    }
}

/// What is said over a WebSocket when a message cannot be answered: too many wait, or the instance was lost.
pub(crate) fn unheard(is_crowded: bool) -> String {
    let problem = match is_crowded {
        true => Problem::new(429, "TOO_MANY_MESSAGES", "Too many messages wait for an answer. Say it again after the next one."),
        false => Problem::new(503, "UNAVAILABLE", "The service is briefly unavailable. Try again."),
    };
    sockets().map(|sockets| (sockets.refuse)(&problem)).unwrap_or_default()
}

fn sockets() -> Option<Sockets> {
    DIALECTS.iter().find_map(|dialect| dialect.sockets)
}

/// Every method of every path, and what it needs.
fn routes() -> impl Iterator<Item = Needs> {
    DIALECTS.iter().flat_map(|dialect| (dialect.routes)())
}

/// What a dialect's clients look for in the metadata of a session of theirs, besides their own.
fn more_metadata(session: &Session, lately: Option<&Lately>) -> MoreMetadata {
    DIALECTS.iter().find_map(|dialect| (dialect.more_metadata)(session, lately))
}

impl Arrival<'_> {
    /// Answers in the dialect whose path it is.
    async fn answer(&self) -> Reply {
        match DIALECTS.iter().find_map(|dialect| (dialect.answer)(self)) {
            Some(answer) => answer.await,
            // Our own has every path: never.
            None => self.answer_in(Place::<own::Own>::Nowhere).await,
        }
    }

    async fn answer_in<D: Dialect>(&self, place: Place<'_, D>) -> Reply {
        let began = platform::now();
        let reply = self.try_in(place).await.unwrap_or_else(|problem| {
            problem.log(self.request_id);
            D::refuse(problem, self.request_id)
        });
        D::finish(reply, platform::now().since(began))
    }

    /// 1. Find the path. 2. Find the method. 3. Find out who asks, and how often. 4. Do it.
    async fn try_in<D: Dialect>(&self, place: Place<'_, D>) -> std::result::Result<Reply, Problem> {
        let config = self.config.as_ref().map_err(Clone::clone)?;
        let (pattern, endpoints, segments) = match place {
            Place::Route { pattern, endpoints, segments } if config.has_test_faults || !pattern.starts_with(TEST_ROUTES) => {
                (pattern, endpoints, segments)
            }
            Place::Route { .. } | Place::Nowhere => return Err(Problem::no_such_path(self.path)),
        };
        trace::note(|trace| trace.route.set(Some(pattern)));
        let method = self.raw.method();
        if method == "OPTIONS" {
            return Ok(Reply::options(endpoints.iter().map(|(method, _)| *method)));
        }
        let wanted = if method == "HEAD" { "GET" } else { &method };
        let (_, endpoint) = endpoints
            .iter()
            .find(|(method, _)| method.to_string() == wanted)
            .ok_or_else(|| Problem::method_not_allowed(&method, endpoints.iter().map(|(method, _)| *method)))?;
        let Known { caller, until, cookie } = auth::admit(D::need(*endpoint), self.raw, config).await?;
        rate::admit(self.raw, self.env, &caller).await?;
        let answered = match Request::new(self, config, caller, &segments).map(|request| request.good_until(until)) {
            Ok(request) => D::answer(*endpoint, &request).await,
            Err(error) => Err(error.into()),
        };
        match cookie {
            // Whatever the answer: something may be this visitor's now.
            Some(cookie) => {
                answered.map(|reply| reply.with_header(COOKIE, cookie.clone())).map_err(|problem| problem.with_header(COOKIE, cookie))
            }
            None => answered,
        }
    }
}

/// Tells a visitor who he is.
const COOKIE: &str = "set-cookie";
/// Where the routes that break things begin; they are there only where `TEST_FAULTS` is set.
const TEST_ROUTES: &str = "/__test/";

/// The value of an `Allow` header.
fn allow(methods: impl Iterator<Item = Method>) -> String {
    let mut names = Vec::new();
    for method in methods {
        names.push(method.to_string());
        if method == Method::Get {
            names.push("HEAD".to_owned());
        }
    }
    names.push("OPTIONS".to_owned());
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_own_dialect_and_literals_stand_before_placeholders() {
        dialect::check_order(DIALECTS);
    }

    #[test]
    fn one_dialect_alone_opens_sockets() {
        assert_eq!(DIALECTS.iter().filter(|dialect| dialect.sockets.is_some()).count(), 1);
    }

    #[test]
    fn head_and_options_come_with_the_rest() {
        assert_eq!(allow([Method::Get, Method::Patch].into_iter()), "GET, HEAD, PATCH, OPTIONS");
    }
}
