//! Tokens of end users: JSON Web Tokens (RFC 7519) in compact form.
//!
//! How a token is signed is the deployment's choice, never the token's; WebCrypto checks it, before anything that the token
//! claims is read. It makes no tokens.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::jwks;
use crate::{
    config::{KeyAlgorithm, Signing, TokenRules},
    domain::{
        id::{Id, UserId},
        time::Timestamp,
    },
    error::Error,
    http::problem::Problem,
    platform::crypto::{VerifyKey, verify},
};

/// A token, its signature not checked yet.
#[derive(Debug)]
struct Token<'a> {
    header: Header,
    /// What is signed.
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// What a reader must understand; we understand nothing of it.
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    /// In seconds, perhaps with a fraction; so is `nbf`.
    exp: Option<f64>,
    nbf: Option<f64>,
    iss: Option<String>,
    /// One, or several in a list.
    aud: Option<Value>,
}

/// Why a token is not good, as a sentence for its client.
type Wrong = &'static str;

/// How far clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(60);

const NO_TOKEN: Wrong = "It is no token (JWT): that has three parts in base64url, the first two of JSON.";
const WRONG_ALGORITHM: Wrong = "The token is not signed in the way that is expected here.";
const WRONG_SIGNATURE: Wrong = "The signature of the token is wrong. Get a new token.";
const UNKNOWN_KEY: Wrong = "The token is signed with a key that its issuer does not show. Get a new token.";

/// The user whom a token names, if it is good, and until when it is.
///
/// # Errors
/// 401 when it is not, 503 when that cannot be known.
pub(super) async fn check(rules: &TokenRules, text: &str, now: Timestamp) -> Result<(UserId, Timestamp), Problem> {
    let token = parse(text).map_err(Problem::invalid_credentials)?;
    if token.header.alg != algorithm(&rules.signing) || token.header.crit.is_some() {
        return Err(Problem::invalid_credentials(WRONG_ALGORITHM));
    }
    let is_signed = match &rules.signing {
        Signing::Secret(secret) => verify(VerifyKey::Hmac(&secret.0), &token.signature, token.signed.as_bytes()).await,
        Signing::KeySet { url, algorithm } => {
            let key = jwks::find(url, *algorithm, token.header.kid.as_deref()).await?;
            let key = key.ok_or_else(|| Problem::invalid_credentials(UNKNOWN_KEY))?;
            let key = match algorithm {
                KeyAlgorithm::Rs256 => VerifyKey::Rsa(&key),
                KeyAlgorithm::Es256 => VerifyKey::Ecdsa(&key),
            };
            verify(key, &token.signature, token.signed.as_bytes()).await
        }
    };
    if !is_signed.map_err(|cause| Error::Unavailable(format!("signature of a token: {cause}")))? {
        return Err(Problem::invalid_credentials(WRONG_SIGNATURE));
    }
    user_of(token.claims, rules, now).map_err(Problem::invalid_credentials)
}

const fn algorithm(signing: &Signing) -> &'static str {
    match signing {
        Signing::Secret(_) => "HS256",
        Signing::KeySet { algorithm: KeyAlgorithm::Rs256, .. } => "RS256",
        Signing::KeySet { algorithm: KeyAlgorithm::Es256, .. } => "ES256",
    }
}

fn parse(text: &str) -> Result<Token<'_>, Wrong> {
    let (signed, signature) = text.rsplit_once('.').ok_or(NO_TOKEN)?;
    let (header, claims) = signed.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or(NO_TOKEN)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NO_TOKEN)?;
    Ok(Token { header: decode(header)?, signed, claims, signature })
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Wrong> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| NO_TOKEN)?;
    serde_json::from_slice(&json).map_err(|_| NO_TOKEN)
}

/// Holds the claims of a token that is signed against the rules.
fn user_of(claims: &str, rules: &TokenRules, now: Timestamp) -> Result<(UserId, Timestamp), Wrong> {
    let Claims { sub, exp, nbf, iss, aud } = decode(claims)?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era are exact")]
    let now = now.millis() as f64 / 1000.0;
    let until = exp.ok_or("The token does not say when it expires (exp). Get one that does.")? + LEEWAY.as_secs_f64();
    if now >= until {
        return Err("The token has expired. Get a new one.");
    }
    if nbf.is_some_and(|nbf| now < nbf - LEEWAY.as_secs_f64()) {
        return Err("The token is not valid yet (nbf).");
    }
    if rules.issuer.is_some() && iss != rules.issuer {
        return Err("The token is of another issuer (iss) than is expected here.");
    }
    if let Some(expected) = &rules.audience
        && !aud.is_some_and(|aud| is_for(&aud, expected))
    {
        return Err("The token is for another audience (aud) than this service.");
    }
    let sub = sub.ok_or("The token does not say who its user is (sub).")?;
    let user = Id::parse("sub", &sub).map_err(|_| "The token's sub must be an id of 1 to 128 characters.")?;
    #[expect(clippy::cast_possible_truncation, reason = "what is later than all times is the last of them")]
    let until = Timestamp::from_millis((until * 1000.0) as i64);
    Ok((user, until))
}

fn is_for(audience: &Value, expected: &str) -> bool {
    audience == expected || audience.as_array().is_some_and(|several| several.iter().any(|one| one == expected))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn encode(json: &Value) -> String {
        URL_SAFE_NO_PAD.encode(json.to_string())
    }

    #[test]
    fn tokens_have_three_parts() {
        let header = encode(&json!({"alg": "HS256", "typ": "JWT"}));
        let token = format!("{header}.e30.AAEC");
        let parsed = parse(&token).unwrap();
        assert_eq!((parsed.signed, parsed.claims, &parsed.signature[..]), (&*format!("{header}.e30"), "e30", &[0, 1, 2][..]));
        let bad = [
            String::new(),
            ".".into(),
            "..".into(),
            "a.b.c".into(),
            format!("{header}.e30"),
            format!("{header}.e30.AAEC.AAEC"),
            format!("{header}.e30.AAEC="),
            format!("{header}.e30.AA+C"),
            format!("{header}.e30.AAED\n"),
            format!("{}.e30.AAEC", encode(&json!({"typ": "JWT"}))),
            format!("{}.e30.AAEC", encode(&json!(["HS256"]))),
            format!("{}.e30.AAEC", encode(&json!({"alg": null}))),
            format!("{}.e30.AAEC", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","alg":"none"}"#)),
        ];
        for text in bad {
            assert_eq!(parse(&text).map(|_| ()), Err(NO_TOKEN), "{text:?}");
        }
    }

    #[test]
    fn claims_are_held_against_the_rules() {
        let now = Timestamp::from_millis(1_000_000_500);
        let rules = |issuer: Option<&str>, audience: Option<&str>| TokenRules {
            signing: Signing::KeySet { url: String::new(), algorithm: KeyAlgorithm::Rs256 },
            issuer: issuer.map(str::to_owned),
            audience: audience.map(str::to_owned),
        };
        let (any, strict) = (rules(None, None), rules(Some("https://id.example"), Some("chat")));
        let full = json!({"sub": "ann", "exp": 1_000_001, "iss": "https://id.example", "aud": ["shop", "chat"]});
        let with = |name: &str, value: Value| {
            let mut claims = full.clone();
            claims[name] = value;
            claims
        };
        let cases = [
            (&any, json!({"sub": "ann", "exp": 1_000_001}), true),
            (&any, full.clone(), true),
            (&strict, full.clone(), true),
            (&strict, with("aud", json!("chat")), true),
            (&strict, with("aud", json!("shop")), false),
            (&strict, with("aud", json!([])), false),
            (&strict, with("aud", json!([["chat"], {"chat": "chat"}])), false),
            (&strict, with("aud", json!(null)), false),
            (&strict, with("iss", json!("https://id.example/")), false),
            (&strict, with("iss", json!(null)), false),
            // A minute of leeway, both ways.
            (&any, with("exp", json!(999_941)), true),
            (&any, with("exp", json!(999_940.6)), true),
            (&any, with("exp", json!(999_940.5)), false),
            (&any, with("exp", json!(-1)), false),
            (&any, with("exp", json!("1000001")), false),
            (&any, with("exp", json!(null)), false),
            (&any, with("nbf", json!(1_000_060)), true),
            (&any, with("nbf", json!(1_000_061)), false),
            (&any, with("nbf", json!("0")), false),
            (&any, with("sub", json!(null)), false),
            (&any, with("sub", json!("")), false),
            (&any, with("sub", json!(7)), false),
            (&any, with("sub", json!("a\u{0}b")), false),
            (&any, with("sub", json!("x".repeat(129))), false),
            (&any, json!([]), false),
        ];
        for (rules, claims, expected) in cases {
            let user = user_of(&encode(&claims), rules, now);
            assert_eq!(user.is_ok(), expected, "{claims}: {user:?}");
        }
        let until = |exp: f64| user_of(&encode(&with("exp", json!(exp))), &any, now).map(|(_, until)| until.millis());
        assert_eq!((until(1_000_001.5), until(1e300)), (Ok(1_000_061_500), Ok(i64::MAX)));
        assert!(user_of(&URL_SAFE_NO_PAD.encode(r#"{"sub":"ann","exp":1000001,"exp":1}"#), &any, now).is_err());
        assert!(user_of(&URL_SAFE_NO_PAD.encode(r#"{"sub":"ann","exp":1e400}"#), &any, now).is_err());
    }
}
