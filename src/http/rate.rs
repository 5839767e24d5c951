//! How often one may ask, where the platform's rate limiter is bound: counted is whatever may change something or have a
//! model answer.
//!
//! The platform counts in each of its locations and lets a few more through: it keeps a deployment from being flooded. What
//! must hold to the last one, as the limit of sessions, is the objects' business.

use std::net::IpAddr;

use worker::Env;

use crate::{
    domain::caller::Caller,
    http::{problem::Problem, request::Request},
    platform::env,
};

/// The binding; without it nobody is held back.
const BINDING: &str = "LIMITER";
/// Where the platform says who has connected.
const ADDRESS: &str = "cf-connecting-ip";

/// Counts a request of `caller`.
///
/// # Errors
/// As [`count`].
pub(super) async fn admit(request: &web_sys::Request, env: &Env, caller: &Caller) -> Result<(), Problem> {
    let header = |name| request.headers().get(name).ok().flatten();
    // A WebSocket may begin a session.
    let only_reads = matches!(request.method().as_str(), "GET" | "HEAD") && header("upgrade").is_none();
    match key(caller, header(ADDRESS).as_deref()) {
        Some(key) if !only_reads => count(env, &key).await,
        Some(_) | None => Ok(()),
    }
}

/// Under what that is counted which is asked like this; `None`: it is not.
pub(super) fn key_of(request: &Request<'_>) -> Option<String> {
    key(request.caller(), request.header(ADDRESS).as_deref())
}

/// Counts what is asked under `key`.
///
/// # Errors
/// 429 when there was too much lately.
pub(super) async fn count(env: &Env, key: &str) -> Result<(), Problem> {
    match env::is_within_limit(env, BINDING, key).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::rate_limited()),
        // Better too many than nobody.
        Err(cause) => {
            worker::console_warn!("a request is not counted: {cause}");
            Ok(())
        }
    }
}

fn key(caller: &Caller, address: Option<&str>) -> Option<String> {
    match caller {
        // It asks for many.
        Caller::Service { .. } => None,
        // Without its cookie a visitor is another one.
        Caller::User(user) if !user.is_visitor() => Some(format!("user {}", user.as_str())),
        Caller::User(_) | Caller::Open { .. } => Some(format!("address {}", network(address.unwrap_or_default()))),
    }
}

/// Of IPv6 whoever has one address has 2^64 of them.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => format!("{:x}", address.to_bits() >> 64),
        Ok(IpAddr::V4(_)) | Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::UserId;

    #[test]
    fn keys() {
        let user = |id| Caller::User(UserId::parse("id", id).unwrap());
        let service = Caller::Service { acting_for: None, has_visitors: true };
        let open = Caller::Open { acting_for: None };
        let cases = [
            (&service, Some("192.0.2.1"), None),
            (&user("ann"), Some("192.0.2.1"), Some("user ann")),
            (&user("visitor_0123456789abcdef0123456789abcdef"), Some("192.0.2.1"), Some("address 192.0.2.1")),
            (&open, Some("2001:db8:0:1::5"), Some("address 20010db800000001")),
            (&open, Some("2001:db8:0:1:ffff::"), Some("address 20010db800000001")),
            (&open, Some("2001:db8:0:2::5"), Some("address 20010db800000002")),
            (&open, None, Some("address ")),
        ];
        for (caller, address, expected) in cases {
            assert_eq!(key(caller, address).as_deref(), expected, "{caller:?} {address:?}");
        }
    }
}
