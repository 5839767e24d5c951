//! Who is calling, by what the request shows: a service's key, an end user's token, or a visitor's cookie.
//!
//! Decided before anything else is asked, so that nobody learns from an answer, or from its time, what is there. What is
//! shown and wrong is refused; it never makes somebody a visitor. Whose a session is, is not decided here.

mod need;
mod keys;
mod jwt;
mod jwks;
mod visitor;

use crate::{
    config::{AuthMode, Config, ServiceKey, TokenRules, Ways},
    domain::{
        caller::{Caller, Scope},
        time::Timestamp,
    },
    error::Error,
    http::problem::Problem,
    limits, platform,
};
pub(super) use need::Need;

/// A caller who may ask what it asks.
pub(super) struct Known {
    pub(super) caller: Caller,
    /// From then on what was shown is good no more; `None`: as long as the configuration says so.
    pub(super) until: Option<Timestamp>,
    /// `Set-Cookie` of a visitor who has to be told who he is.
    pub(super) cookie: Option<String>,
}

/// A caller and what it may do.
struct Bearer<'a> {
    known: Known,
    scopes: &'a [Scope],
    /// Of its key, if it has one.
    key_name: Option<&'a str>,
}

/// What a request shows in its headers.
enum Shown {
    Nothing,
    /// `Authorization: Bearer`: a key or a token.
    Bearer(String),
    /// `X-API-Key`.
    Key(String),
}

const UNKNOWN_KEY: &str = "There is no such service key, or no longer.";
const NO_MODE: &str = "AUTH_MODE is not set. Set it to keys, jwt or visitor, or to several of them, with the secrets they need; \
                       AUTH_MODE=open serves everybody and is for local development";

/// Finds out who asks, and whether that one may.
///
/// 1. Is anybody served? 2. What is shown? 3. Whose is it? 4. May it?
///
/// # Errors
/// 401 when nothing good is shown, 403 when that is not enough, 503 when it cannot be known.
pub(super) async fn admit(need: Need, request: &web_sys::Request, config: &Config) -> Result<Known, Problem> {
    let anybody = Known { caller: Caller::Open { acting_for: None }, until: None, cookie: None };
    if need == Need::Nothing {
        return Ok(anybody);
    }
    let ways = match &config.auth {
        AuthMode::Open => return Ok(anybody),
        AuthMode::Unset => return Err(Error::Misconfigured(NO_MODE.to_owned()).into()),
        AuthMode::Shown(ways) => ways,
    };
    let Bearer { known, scopes, key_name } = match shown(request, ways)? {
        Shown::Key(text) => by_key(ways, &text).ok_or_else(|| unknown_key(ways))?,
        Shown::Bearer(text) => match (by_key(ways, &text), &ways.tokens) {
            (Some(service), _) => service,
            // Without a dot it is no token.
            (None, Some(rules)) if ways.keys.is_none() || text.contains('.') => by_token(ways, rules, &text).await?,
            (None, Some(_) | None) => return Err(unknown_key(ways)),
        },
        Shown::Nothing => match &ways.visitor_secrets {
            Some(secrets) => Bearer { known: visitor::admit(request, secrets).await?, scopes: &[Scope::Chat], key_name: None },
            None => return Err(Problem::credentials_required(what_to_send(ways))),
        },
    };
    match need {
        Need::Scope(needed) if !scopes.iter().any(|scope| scope.covers(needed)) => Err(Problem::insufficient_scope(needed, key_name)),
        Need::Scope(_) | Need::AnyScope | Need::Nothing => Ok(known),
    }
}

/// `Set-Cookie` for a visitor who comes without a good one, where visitors are served.
pub(super) async fn new_cookie(request: &web_sys::Request, config: Option<&Config>) -> Option<String> {
    let AuthMode::Shown(ways) = &config?.auth else { return None };
    // Without it the page works as well: the first call gets one.
    visitor::admit(request, ways.visitor_secrets.as_ref()?).await.ok()?.cookie
}

fn shown(request: &web_sys::Request, ways: &Ways) -> Result<Shown, Problem> {
    let header = |name| request.headers().get(name).ok().flatten();
    let shown = match (header("authorization"), header("x-api-key")) {
        (None, None) => return Ok(Shown::Nothing),
        (Some(_), Some(_)) => return Err(Problem::invalid_credentials("Send either Authorization or X-API-Key, not both.")),
        (None, Some(key)) => Shown::Key(key.trim().to_owned()),
        (Some(authorization), None) => match authorization.split_once(' ') {
            Some((scheme, text)) if scheme.eq_ignore_ascii_case("bearer") => Shown::Bearer(text.trim().to_owned()),
            Some(_) | None => return Err(Problem::invalid_credentials(what_to_send(ways))),
        },
    };
    match &shown {
        Shown::Key(text) | Shown::Bearer(text) if text.len() > limits::CREDENTIAL_BYTES => {
            Err(Problem::invalid_credentials("It is too long for a key or a token."))
        }
        Shown::Nothing | Shown::Key(_) | Shown::Bearer(_) => Ok(shown),
    }
}

fn by_key<'a>(ways: &'a Ways, shown: &str) -> Option<Bearer<'a>> {
    let ServiceKey { name, scopes, .. } = keys::find(ways.keys.as_deref()?, shown)?;
    // What visitors say is theirs alone; but somebody must be able to erase it.
    let is_eraser = [Scope::Chat, Scope::Admin].iter().all(|needed| scopes.contains(needed));
    let has_visitors = ways.visitor_secrets.is_none() || is_eraser;
    let caller = Caller::Service { acting_for: None, has_visitors };
    Some(Bearer { known: Known { caller, until: None, cookie: None }, scopes, key_name: Some(name) })
}

async fn by_token(ways: &Ways, rules: &TokenRules, shown: &str) -> Result<Bearer<'static>, Problem> {
    let (user, until) = jwt::check(rules, shown, platform::now()).await?;
    if ways.visitor_secrets.is_some() && user.is_visitor() {
        return Err(Problem::invalid_credentials("Its sub must not begin with visitor_: those are ours."));
    }
    Ok(Bearer { known: Known { caller: Caller::User(user), until: Some(until), cookie: None }, scopes: &[Scope::Chat], key_name: None })
}

fn unknown_key(ways: &Ways) -> Problem {
    Problem::invalid_credentials(if ways.keys.is_some() { UNKNOWN_KEY } else { what_to_send(ways) })
}

fn what_to_send(ways: &Ways) -> &'static str {
    match (&ways.keys, &ways.tokens) {
        (Some(_), Some(_)) => "Send Authorization: Bearer with a service key or a token (JWT).",
        (Some(_), None) => "Send Authorization: Bearer, or X-API-Key, with a service key.",
        (None, Some(_)) => "Send Authorization: Bearer with a token (JWT).",
        (None, None) => "Send neither Authorization nor X-API-Key: here visitors are told apart by a cookie.",
    }
}
