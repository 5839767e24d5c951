//! Signatures, by WebCrypto: HMAC with SHA-256, and checking those of RSA and ECDSA keys.
//!
//! WebCrypto compares in constant time. Knows nothing of tokens and cookies.

use wasm_bindgen::{JsCast, prelude::*};
use wasm_bindgen_futures::JsFuture;

use crate::platform::message_of;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = importKey)]
    fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        is_extractable: bool,
        uses: &JsValue,
    ) -> std::result::Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = sign)]
    fn sign_js(algorithm: &JsValue, key: &JsValue, data: &js_sys::Uint8Array) -> std::result::Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = verify)]
    fn verify_js(
        algorithm: &JsValue,
        key: &JsValue,
        signature: &js_sys::Uint8Array,
        data: &js_sys::Uint8Array,
    ) -> std::result::Result<js_sys::Promise, JsValue>;
}

/// What a signature is checked with.
pub(crate) enum VerifyKey<'a> {
    /// HMAC with SHA-256.
    Hmac(&'a str),
    /// RSASSA-PKCS1-v1_5 with SHA-256; a public key as JWK.
    Rsa(&'a str),
    /// ECDSA on P-256 with SHA-256, signatures as RFC 7518 has them; a public key as JWK.
    Ecdsa(&'a str),
}

const HMAC: &str = r#"{"name":"HMAC","hash":"SHA-256"}"#;
const RSA: &str = r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#;
const ECDSA: &str = r#"{"name":"ECDSA","namedCurve":"P-256","hash":"SHA-256"}"#;

/// The HMAC of `data`.
///
/// # Errors
/// What the platform says.
pub(crate) async fn sign(secret: &str, data: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let signed = async {
        let key = hmac_key(secret, "sign").await?;
        let signature = JsFuture::from(sign_js(&json(HMAC)?, &key, &data.into())?).await?;
        Ok(js_sys::Uint8Array::new(&signature).to_vec())
    };
    signed.await.map_err(|exception: JsValue| message_of(&exception))
}

/// Is `signature` that of `data`?
///
/// # Errors
/// What the platform says, when the key is none.
pub(crate) async fn verify(key: VerifyKey<'_>, signature: &[u8], data: &[u8]) -> std::result::Result<bool, String> {
    let verified = async {
        let (key, algorithm) = match key {
            VerifyKey::Hmac(secret) => (hmac_key(secret, "verify").await?, HMAC),
            VerifyKey::Rsa(jwk) => (public_key(jwk, RSA).await?, RSA),
            VerifyKey::Ecdsa(jwk) => (public_key(jwk, ECDSA).await?, ECDSA),
        };
        let verified = JsFuture::from(verify_js(&json(algorithm)?, &key, &signature.into(), &data.into())?).await?;
        Ok(verified.is_truthy())
    };
    verified.await.map_err(|exception: JsValue| message_of(&exception))
}

async fn hmac_key(secret: &str, usage: &str) -> std::result::Result<JsValue, JsValue> {
    let secret = js_sys::Uint8Array::from(secret.as_bytes());
    JsFuture::from(import_key("raw", secret.unchecked_ref(), &json(HMAC)?, false, &uses(usage))?).await
}

async fn public_key(jwk: &str, algorithm: &str) -> std::result::Result<JsValue, JsValue> {
    JsFuture::from(import_key("jwk", &json(jwk)?, &json(algorithm)?, false, &uses("verify"))?).await
}

fn uses(usage: &str) -> JsValue {
    js_sys::Array::of1(&JsValue::from_str(usage)).into()
}

fn json(text: &str) -> std::result::Result<JsValue, JsValue> {
    js_sys::JSON::parse(text)
}
