//! `/__test/...`: what tests ask of the service, and how they break it. Not there unless `TEST_FAULTS` is set.

use serde::Serialize;

use crate::{
    fault::{Fault, When},
    http::{Method, problem::Problem, request::Request, response::Reply},
    platform::costs,
    session::client::SessionClient,
};

#[derive(Serialize)]
struct RouteJson {
    method: String,
    path: &'static str,
    needs: &'static str,
}

/// `GET /__test/routes`: 200 with every route and the scope it needs.
pub(crate) fn routes(all: impl Iterator<Item = (Method, &'static str, &'static str)>) -> Reply {
    let routes: Vec<_> = all.map(|(method, path, needs)| RouteJson { method: method.to_string(), path, needs }).collect();
    Reply::json(200, &routes)
}

/// `GET /__test/costs`: 200 with what this instance has had counted that is billed.
pub(crate) fn costs() -> Reply {
    Reply::json(200, &costs::counts())
}

/// `POST /__test/worker/{fault}`: breaks the Worker's instance.
pub(crate) async fn worker_fault(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let fault = fault(request, 0)?;
    if request.query().get("when") == Some("later") {
        worker::Delay::from(std::time::Duration::from_millis(20)).await;
    }
    fault.strike(|| {});
    Ok(Reply::json(200, &"unharmed"))
}

/// `POST /__test/sessions/{id}/{fault}?when=`: breaks a session object's instance, in this call or later.
pub(crate) async fn session_fault(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, fault) = (request.id(0, "session_id")?, fault(request, 1)?);
    let when = request.query().get("when").map_or(Some(When::Now), When::from_name).ok_or_else(|| Problem::no_such_path(""))?;
    SessionClient::new(request.env(), request.caller(), &id).fail(when, fault).await?;
    Ok(Reply::json(200, &"unharmed"))
}

fn fault(request: &Request<'_>, segment: usize) -> std::result::Result<Fault, Problem> {
    Fault::from_name(request.segment(segment)).ok_or_else(|| Problem::no_such_path(""))
}
