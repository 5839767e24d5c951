//! The public keys that tokens are checked with: fetched from where their issuer shows them (RFC 7517), and kept in memory.
//!
//! Kept 10 minutes; a token with a key that is not among them has them fetched again, once a minute at most, so that
//! forged tokens cannot make us ask for ever. One request fetches them, others that need them look again until they are there; when they
//! are not to be had, nobody asks for them for a few seconds. Nothing is used beyond its time: who cannot be known is not let in.

use std::{cell::RefCell, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    config::KeyAlgorithm,
    domain::time::Timestamp,
    error::{Error, Result},
    limits,
    platform::{self, fetch},
};

/// How long keys are good.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);
/// How long an unknown key stays unknown.
const REFRESHED_AFTER: Duration = Duration::from_secs(60);
/// How long nobody asks for keys that were not to be had.
const RETRIED_AFTER: Duration = Duration::from_secs(3);
/// How long to wait for keys.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to see whether those have come that another request has asked for. It cannot wake this one: a promise belongs to
/// the request that made it.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A public key of the right kind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PublicKey {
    id: Option<String>,
    /// As WebCrypto takes it, and nothing more.
    jwk: String,
}

/// What a set has of a key. What else is in it may contradict our use of the key, and matters not.
#[derive(Deserialize)]
struct KeyJson {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct KeySetJson {
    keys: Vec<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(tag = "kty")]
enum Jwk {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
}

/// The keys as they were shown last.
#[derive(Default)]
struct Kept {
    keys: Vec<PublicKey>,
    /// When they came.
    fetched_at: Option<Timestamp>,
    /// When they were last asked for because one was missing.
    refreshed_at: Option<Timestamp>,
    /// When they were last asked for.
    asked_at: Option<Timestamp>,
    /// When they were last not to be had.
    failed_at: Option<Timestamp>,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
enum Lookup {
    Yes(String),
    No,
    /// Not until the keys are fetched.
    Later,
    /// Not until those come that somebody else has asked for.
    Soon,
    /// They were not to be had a moment ago.
    NotNow,
}

thread_local! {
    /// Of this instance; a deployment has one set. It holds nothing of a request, as the platform demands.
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// The key called `id`, as JWK. Where a token names none, it can only be the one there is.
///
/// # Errors
/// `Unavailable` when the keys cannot be fetched.
pub(super) async fn find(url: &str, algorithm: KeyAlgorithm, id: Option<&str>) -> Result<Option<String>> {
    loop {
        match KEPT.with_borrow_mut(|kept| kept.look_up(id, platform::now())) {
            Lookup::Yes(key) => return Ok(Some(key)),
            Lookup::No => return Ok(None),
            Lookup::NotNow => return Err(Error::Unavailable("the keys of tokens were not to be had".into())),
            Lookup::Soon => worker::Delay::from(LOOK_EVERY).await,
            Lookup::Later => break,
        }
    }
    let keys = platform::within(PATIENCE, fetch_keys(url, algorithm)).await;
    let keys = keys.unwrap_or_else(|| Err(format!("nothing within {PATIENCE:?}")));
    KEPT.with_borrow_mut(|kept| match keys {
        Ok(keys) => {
            (kept.keys, kept.fetched_at) = (keys, Some(platform::now()));
            Ok(kept.key(id).map(str::to_owned))
        }
        Err(cause) => {
            kept.failed_at = Some(platform::now());
            Err(Error::Unavailable(format!("the keys of tokens: {cause}")))
        }
    })
}

async fn fetch_keys(url: &str, algorithm: KeyAlgorithm) -> std::result::Result<Vec<PublicKey>, String> {
    let mut fetched = fetch::get(url).await?;
    if fetched.status != 200 {
        return Err(format!("status {}", fetched.status));
    }
    let mut body = Vec::new();
    while let Some(bytes) = fetched.chunks.next().await? {
        body.extend(bytes);
        if body.len() > limits::KEY_SET_BYTES {
            return Err("too large".into());
        }
    }
    parse(&body, algorithm).ok_or_else(|| "no JWKS".into())
}

/// The keys of that kind.
fn parse(json: &[u8], algorithm: KeyAlgorithm) -> Option<Vec<PublicKey>> {
    let set: KeySetJson = serde_json::from_slice(json).ok()?;
    // A set may have keys that we have never heard of.
    Some(set.keys.iter().filter_map(|key| serde_json::from_str::<KeyJson>(key.get()).ok()?.of_kind(algorithm)).collect())
}

impl KeyJson {
    fn of_kind(self, algorithm: KeyAlgorithm) -> Option<PublicKey> {
        let (kind, name) = match algorithm {
            KeyAlgorithm::Rs256 => ("RSA", "RS256"),
            KeyAlgorithm::Es256 => ("EC", "ES256"),
        };
        let is_to_sign = self.r#use.as_deref().is_none_or(|usage| usage == "sig") && self.alg.as_deref().is_none_or(|alg| alg == name);
        if self.kty != kind || !is_to_sign {
            return None;
        }
        let jwk = match algorithm {
            KeyAlgorithm::Rs256 => Jwk::Rsa { n: self.n?, e: self.e? },
            KeyAlgorithm::Es256 if self.crv.as_deref() == Some("P-256") => Jwk::Ec { crv: "P-256", x: self.x?, y: self.y? },
            KeyAlgorithm::Es256 => return None,
        };
        Some(PublicKey { id: self.kid, jwk: serde_json::to_string(&jwk).ok()? })
    }
}

impl Kept {
    /// What is known of a key; `Later` has to be followed by a fetch.
    fn look_up(&mut self, id: Option<&str>, now: Timestamp) -> Lookup {
        let is_within = |at: Option<Timestamp>, span: Duration| at.is_some_and(|at| now.since(at) < span);
        let are_good = is_within(self.fetched_at, KEPT_FOR);
        if are_good && let Some(key) = self.key(id) {
            return Lookup::Yes(key.to_owned());
        }
        let is_refreshed = are_good && is_within(self.refreshed_at, REFRESHED_AFTER);
        if is_refreshed && self.fetched_at >= self.refreshed_at {
            return Lookup::No;
        }
        // The request that asked may be gone, and its fetch with it.
        if is_within(self.asked_at, PATIENCE) && self.fetched_at.max(self.failed_at) < self.asked_at {
            return Lookup::Soon;
        }
        if is_refreshed || is_within(self.failed_at, RETRIED_AFTER) {
            return Lookup::NotNow;
        }
        self.asked_at = Some(now);
        if are_good {
            self.refreshed_at = Some(now);
        }
        Lookup::Later
    }

    fn key(&self, id: Option<&str>) -> Option<&str> {
        let key = match (id, &self.keys[..]) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(_), keys) => keys.iter().find(|key| key.id.as_deref() == id),
        };
        key.map(|key| key.jwk.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_right_kind_are_taken() {
        let rsa = r#"{"kty":"RSA","n":"N","e":"AQAB"}"#;
        let ec = r#"{"kty":"EC","crv":"P-256","x":"X","y":"Y"}"#;
        let with = |key: &str, more: &str| key.replace('}', &format!(",{more}}}"));
        let cases = [
            (rsa.to_owned(), Some(rsa), None),
            (ec.to_owned(), None, Some(ec)),
            (with(rsa, r#""use":"sig","alg":"RS256","x5c":["a"],"key_ops":["encrypt"]"#), Some(rsa), None),
            (with(rsa, r#""use":"enc""#), None, None),
            (with(rsa, r#""alg":"PS256""#), None, None),
            (with(ec, r#""alg":"ES256""#), None, Some(ec)),
            (ec.replace("P-256", "P-384"), None, None),
            (ec.replace(r#","y":"Y""#, ""), None, None),
            (r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(), None, None),
            (r#"{"kty":7}"#.to_owned(), None, None),
            ("null".to_owned(), None, None),
        ];
        for (key, as_rsa, as_ec) in cases {
            let set = format!(r#"{{"keys":[{key}]}}"#);
            for (algorithm, expected) in [(KeyAlgorithm::Rs256, as_rsa), (KeyAlgorithm::Es256, as_ec)] {
                let parsed = parse(set.as_bytes(), algorithm).unwrap();
                assert_eq!(parsed.first().map(|key| key.jwk.as_str()), expected, "{key}");
            }
        }
        for set in ["", "[]", "{}", r#"{"keys":{}}"#] {
            assert_eq!(parse(set.as_bytes(), KeyAlgorithm::Rs256), None, "{set}");
        }
    }

    #[test]
    fn keys_are_kept_and_fetched_again_but_not_for_ever() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let key = |id: &str| PublicKey { id: Some(id.into()), jwk: id.into() };
        let yes = |id: &str| Lookup::Yes(id.into());
        let mut kept = Kept::default();
        assert_eq!(kept.look_up(Some("a"), at(0)), Lookup::Later);
        (kept.keys, kept.fetched_at) = (vec![key("a")], Some(at(0)));
        assert_eq!(kept.look_up(Some("a"), at(1)), yes("a"));
        assert_eq!(kept.look_up(None, at(1)), yes("a"));
        // Another key has them fetched again. While they are, nobody knows.
        assert_eq!(kept.look_up(Some("b"), at(2)), Lookup::Later);
        assert_eq!(kept.look_up(Some("b"), at(3)), Lookup::Soon);
        assert_eq!(kept.look_up(Some("a"), at(3)), yes("a"));
        (kept.keys, kept.fetched_at) = (vec![key("a"), key("b")], Some(at(4)));
        assert_eq!(kept.look_up(Some("b"), at(5)), yes("b"));
        assert_eq!(kept.look_up(None, at(5)), Lookup::No);
        assert_eq!(kept.look_up(Some("c"), at(61)), Lookup::No);
        assert_eq!(kept.look_up(Some("c"), at(62)), Lookup::Later);
        assert_eq!(kept.look_up(Some("a"), at(603)), yes("a"));
        assert_eq!(kept.look_up(Some("a"), at(604)), Lookup::Later);
        // While they are under way nobody else asks, nor soon after that has come to nothing.
        assert_eq!(kept.look_up(Some("a"), at(605)), Lookup::Soon);
        kept.failed_at = Some(at(606));
        assert_eq!(kept.look_up(Some("a"), at(606)), Lookup::NotNow);
        assert_eq!(kept.look_up(Some("c"), at(608)), Lookup::NotNow);
        assert_eq!(kept.look_up(Some("a"), at(609)), Lookup::Later);
        // Who had asked may have gone.
        assert_eq!(kept.look_up(Some("a"), at(613)), Lookup::Soon);
        assert_eq!(kept.look_up(Some("a"), at(614)), Lookup::Later);
        kept.fetched_at = Some(at(615));
        // A key that is missing stays unknown when it could not be asked for, and the others are good.
        assert_eq!(kept.look_up(Some("c"), at(616)), Lookup::Later);
        kept.failed_at = Some(at(617));
        assert_eq!(kept.look_up(Some("c"), at(675)), Lookup::NotNow);
        assert_eq!(kept.look_up(Some("a"), at(675)), yes("a"));
        assert_eq!(kept.look_up(Some("c"), at(676)), Lookup::Later);
    }
}
