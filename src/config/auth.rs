//! How callers prove who they are: which ways there are, and the secrets they need.
//!
//! It checks that they can work, and holds nobody against them; that is the HTTP edge's business.

use serde::Deserialize;

use super::{Secret, misconfigured};
use crate::{domain::caller::Scope, error::Result};

/// How callers are told apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AuthMode {
    /// Not at all: local development.
    Open,
    /// By what they show.
    Shown(Box<Ways>),
    /// Not chosen: refuse to serve.
    Unset,
}

/// In which ways callers may prove who they are; `None` where they may not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ways {
    /// Services, by keys.
    pub keys: Option<Vec<ServiceKey>>,
    /// End users, by tokens that somebody else has signed.
    pub tokens: Option<TokenRules>,
    /// Web visitors, by a cookie that we sign with the first of these; it is good under each.
    pub visitor_secrets: Option<Vec<Secret>>,
}

/// A service's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceKey {
    /// What it is called, in answers and logs.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// What the service may do.
    pub scopes: Vec<Scope>,
}

/// When a token (JWT) is good.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TokenRules {
    /// How it is signed. A token's own word on that counts for nothing.
    pub signing: Signing,
    /// Its `iss`, if that matters.
    pub issuer: Option<String>,
    /// What is in its `aud`, if that matters.
    pub audience: Option<String>,
}

/// How tokens are signed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Signing {
    /// HS256, with this.
    Secret(Secret),
    /// With a key of those at `url` (JWKS).
    KeySet {
        /// Where they are.
        url: String,
        /// How they are used.
        algorithm: KeyAlgorithm,
    },
}

/// How a pair of keys signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    name: String,
    sha256: String,
    scopes: Vec<String>,
}

/// Shortest secret that signs, in characters: as long as what SHA-256 makes of it (RFC 7518, 3.2).
const SECRET_CHARACTERS: usize = 32;
/// Longest name of a key, in characters.
const NAME_CHARACTERS: usize = 64;
const MODES: &str = "AUTH_MODE must be open, or one or several of keys, jwt and visitor, separated by commas";

impl AuthMode {
    /// Reads `AUTH_MODE` and what it needs.
    ///
    /// # Errors
    /// `Misconfigured`, naming the variable and the rule, never what is in it.
    pub(super) fn parse(given: &impl Fn(&'static str) -> Option<String>) -> Result<AuthMode> {
        let Some(modes) = given("AUTH_MODE") else { return Ok(AuthMode::Unset) };
        if modes.trim() == "open" {
            return Ok(AuthMode::Open);
        }
        let mut ways = Ways::default();
        for mode in modes.split(',').map(str::trim) {
            match mode {
                "keys" => ways.keys = Some(parse_keys(given)?),
                "jwt" => ways.tokens = Some(parse_tokens(given)?),
                "visitor" => ways.visitor_secrets = Some(parse_visitor_secrets(given)?),
                _ => return Err(misconfigured(MODES)),
            }
        }
        Ok(AuthMode::Shown(Box::new(ways)))
    }
}

fn parse_keys(given: &impl Fn(&'static str) -> Option<String>) -> Result<Vec<ServiceKey>> {
    let shape = || {
        let scopes = Scope::ALL.map(Scope::name).join("\", \"");
        misconfigured(&format!(
            "SERVICE_KEYS must be a list like [{{\"name\": \"backend\", \"sha256\": \"<64 hex digits>\", \"scopes\": [\"{scopes}\"]}}]"
        ))
    };
    let entries: Vec<KeyEntry> = serde_json::from_str(&given("SERVICE_KEYS").unwrap_or_default()).map_err(|_| shape())?;
    let keys = entries.into_iter().map(|KeyEntry { name, sha256, scopes }| {
        let scope = |name: &String| Scope::ALL.into_iter().find(|scope| scope.name() == name);
        let scopes: Vec<Scope> = scopes.iter().map(scope).collect::<Option<_>>()?;
        // It goes into headers.
        let is_named = (1..=NAME_CHARACTERS).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        (is_named && !scopes.is_empty()).then_some(ServiceKey { hash: parse_hash(&sha256)?, name, scopes })
    });
    keys.collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty()).ok_or_else(shape)
}

fn parse_hash(hex: &str) -> Option<[u8; 32]> {
    // from_str_radix would take signs, too.
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

fn parse_tokens(given: &impl Fn(&'static str) -> Option<String>) -> Result<TokenRules> {
    let signing = match (given("JWT_SECRET"), given("JWT_JWKS_URL"), given("JWT_ALGORITHM").as_deref()) {
        (Some(secret), None, None | Some("HS256")) => {
            let secret = parse_secret(&secret);
            let rule = || misconfigured(&format!("JWT_SECRET must have at least {SECRET_CHARACTERS} characters"));
            Signing::Secret(secret.ok_or_else(rule)?)
        }
        (None, Some(url), None | Some("RS256")) => Signing::KeySet { url: parse_url(url)?, algorithm: KeyAlgorithm::Rs256 },
        (None, Some(url), Some("ES256")) => Signing::KeySet { url: parse_url(url)?, algorithm: KeyAlgorithm::Es256 },
        (Some(_), None, Some(_)) => return Err(misconfigured("JWT_ALGORITHM must be HS256 where there is a JWT_SECRET")),
        (None, Some(_), Some(_)) => return Err(misconfigured("JWT_ALGORITHM must be RS256 or ES256 where there is a JWT_JWKS_URL")),
        (None, None, _) | (Some(_), Some(_), _) => {
            return Err(misconfigured("AUTH_MODE jwt needs JWT_SECRET or JWT_JWKS_URL, and not both"));
        }
    };
    Ok(TokenRules { signing, issuer: given("JWT_ISSUER"), audience: given("JWT_AUDIENCE") })
}

fn parse_visitor_secrets(given: &impl Fn(&'static str) -> Option<String>) -> Result<Vec<Secret>> {
    let secrets = given("VISITOR_SECRET").unwrap_or_default();
    let parsed: Vec<Secret> = secrets.split(',').map(parse_secret).collect::<Option<_>>().unwrap_or_default();
    if (1..=2).contains(&parsed.len()) {
        Ok(parsed)
    } else {
        let rule =
            format!("VISITOR_SECRET must have at least {SECRET_CHARACTERS} characters, or be two such secrets, separated by a comma");
        Err(misconfigured(&rule))
    }
}

/// What is long enough to sign with.
fn parse_secret(text: &str) -> Option<Secret> {
    // What is pasted or piped often ends with a line break.
    let text = text.trim();
    (text.chars().count() >= SECRET_CHARACTERS).then(|| Secret(text.to_owned()))
}

/// Whoever can change what is fetched can be anybody, so only this machine may do without TLS.
fn parse_url(url: String) -> Result<String> {
    let is_local = ["http://localhost", "http://127.0.0.1"]
        .iter()
        .any(|local| url.strip_prefix(local).is_some_and(|rest| rest.starts_with([':', '/'])));
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"@#\"\\".contains(&byte));
    if (is_local || url.starts_with("https://")) && is_plain {
        Ok(url)
    } else {
        Err(misconfigured("JWT_JWKS_URL must be an https:// URL without user and fragment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    const HASH: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn parse(variables: &[(&str, &str)]) -> Result<AuthMode> {
        AuthMode::parse(&|name| variables.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    fn ways(variables: &[(&str, &str)]) -> Ways {
        match parse(variables).unwrap() {
            AuthMode::Shown(ways) => *ways,
            mode @ (AuthMode::Open | AuthMode::Unset) => panic!("{mode:?}"),
        }
    }

    #[test]
    fn modes_are_chosen_by_name() {
        assert_eq!(parse(&[]), Ok(AuthMode::Unset));
        assert_eq!(parse(&[("AUTH_MODE", " open ")]), Ok(AuthMode::Open));
        let json = format!(r#"[{{"name":"a","sha256":"{HASH}","scopes":["read"]}}]"#);
        let secrets = [("SERVICE_KEYS", json.as_str()), ("JWT_SECRET", SECRET), ("VISITOR_SECRET", SECRET)];
        let cases = [
            ("keys", [true, false, false]),
            ("jwt", [false, true, false]),
            ("visitor", [false, false, true]),
            ("visitor, jwt,keys", [true, true, true]),
            ("keys,keys", [true, false, false]),
        ];
        for (modes, expected) in cases {
            let ways = ways(&[&secrets[..], &[("AUTH_MODE", modes)]].concat());
            assert_eq!([ways.keys.is_some(), ways.tokens.is_some(), ways.visitor_secrets.is_some()], expected, "{modes}");
        }
        for modes in ["none", "open,keys", "keys,open", "keys,", ",", "Keys", "keys jwt"] {
            let refused = parse(&[&secrets[..], &[("AUTH_MODE", modes)]].concat());
            assert_eq!(refused, Err(Error::Misconfigured(MODES.into())), "{modes:?}");
        }
    }

    #[test]
    fn keys_have_names_hashes_and_scopes() {
        let with = |json: &str| parse(&[("AUTH_MODE", "keys"), ("SERVICE_KEYS", json)]);
        let entry = |name: &str, hash: &str, scopes: &str| format!(r#"{{"name":"{name}","sha256":"{hash}","scopes":[{scopes}]}}"#);
        let (first, second) = (entry("a", HASH, r#""read","admin""#), entry("a", &HASH.to_uppercase(), r#""chat""#));
        let both = format!("[{first},{second}]");
        let keys = ways(&[("AUTH_MODE", "keys"), ("SERVICE_KEYS", &both)]).keys.unwrap();
        assert_eq!(keys[0].hash, keys[1].hash);
        assert_eq!((keys[0].hash[0], keys[0].hash[31]), (0x2c, 0xae));
        assert_eq!((&keys[0].scopes[..], &keys[1].scopes[..]), (&[Scope::Read, Scope::Admin][..], &[Scope::Chat][..]));

        let bad = [
            String::new(),
            "{}".into(),
            "[]".into(),
            "[{}]".into(),
            format!("[{}]", entry("", HASH, "\"read\"")),
            format!("[{}]", entry("two words", HASH, "\"read\"")),
            format!("[{}]", entry(&"x".repeat(65), HASH, "\"read\"")),
            format!("[{}]", entry("a", HASH, "")),
            format!("[{}]", entry("a", HASH, "\"write\"")),
            format!("[{}]", entry("a", &HASH[1..], "\"read\"")),
            format!("[{}]", entry("a", &HASH.replace('2', "+"), "\"read\"")),
            format!("[{}]", entry("a", &HASH.replace('2', "x"), "\"read\"")),
            format!("[{}]", entry("a", &"ü".repeat(32), "\"read\"")),
            format!("[{}]", first.replace('}', ",\"key\":\"plain\"}")),
        ];
        for json in bad {
            let Err(Error::Misconfigured(words)) = with(&json) else { panic!("{json}") };
            assert!(words.starts_with("SERVICE_KEYS") && !words.contains("2c26"), "{json}: {words}");
        }
    }

    #[test]
    fn tokens_are_signed_in_one_way() {
        let url = ("JWT_JWKS_URL", "https://id.example/keys");
        let secret = ("JWT_SECRET", SECRET);
        let set = |algorithm| Signing::KeySet { url: url.1.to_owned(), algorithm };
        let signed = Signing::Secret(Secret(SECRET.to_owned()));
        let cases = [
            (&[secret][..], Some(signed.clone())),
            (&[("JWT_SECRET", "0123456789abcdef0123456789abcdef\n")], Some(signed.clone())),
            (&[secret, ("JWT_ALGORITHM", "HS256")], Some(signed)),
            (&[secret, ("JWT_ALGORITHM", "RS256")], None),
            (&[url], Some(set(KeyAlgorithm::Rs256))),
            (&[url, ("JWT_ALGORITHM", "ES256")], Some(set(KeyAlgorithm::Es256))),
            (&[url, ("JWT_ALGORITHM", "HS256")], None),
            (&[url, ("JWT_ALGORITHM", "none")], None),
            (&[url, secret], None),
            (&[], None),
        ];
        for (variables, expected) in cases {
            let mode = parse(&[&[("AUTH_MODE", "jwt")], variables].concat());
            let signing = match mode {
                Ok(AuthMode::Shown(ways)) => ways.tokens.map(|rules| rules.signing),
                Ok(_) | Err(_) => None,
            };
            assert_eq!(signing, expected, "{variables:?}");
        }
    }

    #[test]
    fn keys_are_fetched_from_where_nobody_can_change_them() {
        let cases = [
            ("https://id.example/.well-known/jwks.json", true),
            ("https://id.example/keys?tenant=1", true),
            ("http://localhost:1/keys", true),
            ("http://127.0.0.1/keys", true),
            ("http://id.example/keys", false),
            ("http://localhost.example/keys", false),
            ("http://127.0.0.1@id.example/keys", false),
            ("https://user@id.example/keys", false),
            ("https://id.example/a b", false),
            ("ftp://id.example", false),
            ("", false),
        ];
        for (url, expected) in cases {
            assert_eq!(parse_url(url.to_owned()).is_ok(), expected, "{url}");
        }
    }

    #[test]
    fn visitors_have_one_secret_or_two_while_it_changes() {
        let other = SECRET.replace('0', "x");
        let (two, three) = (format!("{other}, {SECRET}\n"), format!("{other},{SECRET},{SECRET}"));
        let cases = [
            (SECRET, Some(vec![SECRET])),
            (&two, Some(vec![other.as_str(), SECRET])),
            (&three, None),
            (&SECRET[1..], None),
            ("", None),
            ("0123456789abcdef0123456789abcdef,", None),
        ];
        for (secrets, expected) in cases {
            let mode = parse(&[("AUTH_MODE", "visitor"), ("VISITOR_SECRET", secrets)]);
            let read = match mode {
                Ok(AuthMode::Shown(ways)) => ways.visitor_secrets,
                Ok(_) | Err(_) => None,
            };
            let expected = expected.map(|expected| expected.into_iter().map(|secret| Secret(secret.to_owned())).collect());
            assert_eq!(read, expected, "{secrets}");
        }
    }
}
