//! Web visitors whom nobody has named: a cookie `visitor` that says who they are, `<user id>.<HMAC of it>`.
//!
//! Nothing is stored: who shows a cookie that we have signed is that visitor, who shows none, or another, is a new one.
//! Who has lost the cookie has lost what was said under it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Known;
use crate::{
    config::Secret,
    domain::{caller::Caller, id::UserId},
    error::{Error, Result},
    platform::{
        self,
        crypto::{self, VerifyKey},
    },
};

const COOKIE: &str = "visitor";
/// A year, in seconds.
const MAX_AGE: u32 = 365 * 24 * 60 * 60;
/// How many cookies of that name are tried: pages on other paths and domains of a site can add some.
const TRIED: usize = 4;

/// The visitor who asks, or a new one.
///
/// # Errors
/// `Unavailable` when the platform cannot sign.
pub(super) async fn admit(request: &web_sys::Request, secrets: &[Secret]) -> Result<Known> {
    let shown = request.headers().get("cookie").ok().flatten().unwrap_or_default();
    let (user, is_told) = match recognise(&shown, secrets).await? {
        Some((user, is_current)) => (user, is_current),
        None => (new_visitor()?, false),
    };
    let cookie = if is_told { None } else { Some(make_cookie(&user, secrets, &request.url()).await?) };
    Ok(Known { caller: Caller::User(user), until: None, cookie })
}

/// Who shows these cookies, and is the signature under the secret of today?
async fn recognise(cookies: &str, secrets: &[Secret]) -> Result<Option<(UserId, bool)>> {
    for (user, signature) in candidates(cookies).take(TRIED) {
        for (index, secret) in secrets.iter().enumerate() {
            let is_good = crypto::verify(VerifyKey::Hmac(&secret.0), &signature, user.as_str().as_bytes()).await;
            if is_good.map_err(unsigned)? {
                return Ok(Some((user, index == 0)));
            }
        }
    }
    Ok(None)
}

/// What the cookies claim, as far as it could be of ours.
fn candidates(cookies: &str) -> impl Iterator<Item = (UserId, Vec<u8>)> {
    cookies.split(';').filter_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        let (user, signature) = value.split_once('.').filter(|_| name == COOKIE)?;
        let user = UserId::parse(COOKIE, user).ok().filter(UserId::is_visitor)?;
        Some((user, URL_SAFE_NO_PAD.decode(signature).ok()?))
    })
}

fn new_visitor() -> Result<UserId> {
    let (high, low) = (u64::from_be_bytes(platform::random_bytes()?), u64::from_be_bytes(platform::random_bytes()?));
    Ok(UserId::from_random(((u128::from(high) << 64) | u128::from(low)).to_be_bytes()))
}

async fn make_cookie(user: &UserId, secrets: &[Secret], url: &str) -> Result<String> {
    let secret = secrets.first().map_or("", |Secret(secret)| secret);
    let signature = crypto::sign(secret, user.as_str().as_bytes()).await.map_err(unsigned)?;
    let (user, signature) = (user.as_str(), URL_SAFE_NO_PAD.encode(signature));
    let secure = if is_local(url) { "" } else { "; Secure" };
    Ok(format!("{COOKIE}={user}.{signature}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}"))
}

/// Is it a page on this machine, without TLS? Some browsers would not keep a `Secure` cookie of it.
fn is_local(url: &str) -> bool {
    let rest = ["http://localhost", "http://127.0.0.1"].iter().find_map(|local| url.strip_prefix(local));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?']))
}

fn unsigned(cause: String) -> Error {
    Error::Unavailable(format!("a visitor's signature: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_as_browsers_send_them() {
        let cases = [
            ("visitor=visitor_1.AAEC", &[("visitor_1", &[0_u8, 1, 2][..])][..]),
            ("a=b; visitor=visitor_1.AAEC; c=d", &[("visitor_1", &[0, 1, 2][..])]),
            ("visitor=visitor_1.AAEC;visitor=visitor_2.AAEC", &[("visitor_1", &[0, 1, 2][..]), ("visitor_2", &[0, 1, 2])]),
            ("visitor=x; visitor=visitor_2.AAEC", &[("visitor_2", &[0, 1, 2][..])]),
            ("visitor=visitor_1.", &[("visitor_1", &[][..])]),
            ("visitor=ann.AAEC", &[]),
            ("visitor=visitor_1", &[]),
            ("visitor=visitor_1.AAEC=", &[]),
            ("visitor=visitor_1.AAEC.AAEC", &[]),
            ("Visitor=visitor_1.AAEC", &[]),
            ("visitor", &[]),
            ("", &[]),
        ];
        for (cookies, expected) in cases {
            let read: Vec<_> = candidates(cookies).collect();
            let read: Vec<_> = read.iter().map(|(user, signature)| (user.as_str(), &signature[..])).collect();
            assert_eq!(read, expected, "{cookies}");
        }
    }

    #[test]
    fn only_this_machine_may_do_without_tls() {
        let cases = [
            ("http://localhost:8787/chat", true),
            ("http://localhost/", true),
            ("http://127.0.0.1:1/", true),
            ("https://localhost:8787/", false),
            ("http://localhost.example/", false),
            ("http://127.0.0.10/", false),
            ("http://chat.example/", false),
            ("https://chat.example/localhost", false),
        ];
        for (url, expected) in cases {
            assert_eq!(is_local(url), expected, "{url}");
        }
    }
}
