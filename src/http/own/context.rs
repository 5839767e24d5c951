//! `GET /sessions/{id}/context`: what a model would be told, and what not, and why.

use serde::Serialize;

use super::{ChatMessageJson, one_of};
use crate::{
    domain::{
        context::{ContextWishes, Strategy},
        turn::Wishes,
    },
    http::{problem::Problem, request::Request, response::Reply},
    session::client::{SessionClient, Shown},
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Context"))]
pub(super) struct ContextJson<'a> {
    session_id: &'a str,
    model: &'a str,
    strategy: &'a str,
    budget_tokens: u64,
    /// Of the whole prompt, reckoned.
    tokens: u64,
    /// What it is made of, in this order.
    parts: Vec<PartJson<'a>>,
    /// What is not in it, and why.
    left_out: Vec<LeftOutJson<'a>>,
    /// Exactly what the model would be sent.
    messages: Vec<ChatMessageJson<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ContextPart"))]
struct PartJson<'a> {
    kind: &'a str,
    count: u64,
    tokens: u64,
    #[serde(flatten)]
    span: Option<SpanJson>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LeftOutPart"))]
struct LeftOutJson<'a> {
    kind: &'a str,
    count: u64,
    why: &'a str,
    #[serde(flatten)]
    span: Option<SpanJson>,
}

/// The messages it is of.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Span"))]
struct SpanJson {
    first_sequence: u64,
    last_sequence: u64,
}

/// `GET /sessions/{id}/context?message&strategy&budget&model&memory`: 200 with the context of a turn, if the user said `message` now.
pub(crate) async fn get(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, query) = (request.id(0, "session_id")?, request.query());
    let strategy = query.get("strategy").map(|name| one_of("strategy", &Strategy::ALL, Strategy::name, name)).transpose()?;
    let budget = query.get("budget").map(|_| query.number("budget", 0, 0, u32::MAX)).transpose()?;
    let uses_memory = query.get("memory").map(|yes| one_of("memory", &[true, false], |yes| if yes { "true" } else { "false" }, yes));
    let context = ContextWishes { strategy, budget_tokens: budget, uses_memory: uses_memory.transpose()? };
    let wishes = Wishes { model: query.get("model").map(str::to_owned), context, ..Wishes::default() };
    let message = query.get("message").filter(|message| !message.is_empty()).map(str::to_owned);

    let client = SessionClient::new(request.env(), request.caller(), &id);
    let Shown { prompt, told } = client.context(message, wishes).await?;
    let span = |span: Option<(u64, u64)>| span.map(|(first_sequence, last_sequence)| SpanJson { first_sequence, last_sequence });
    let json = ContextJson {
        session_id: id.as_str(),
        model: &told.model,
        strategy: &told.strategy,
        budget_tokens: told.budget_tokens,
        tokens: told.tokens,
        parts: told
            .parts
            .iter()
            .map(|part| PartJson { kind: &part.kind, count: part.count, tokens: part.tokens, span: span(part.span) })
            .collect(),
        left_out: told
            .left_out
            .iter()
            .map(|left| LeftOutJson { kind: &left.kind, count: left.count, why: &left.why, span: span(left.span) })
            .collect(),
        messages: prompt.iter().map(ChatMessageJson::from).collect(),
    };
    Ok(Reply::json(200, &json))
}
