//! Tokens (JWT) as an issuer makes them, and a server that shows its public keys.
//!
//! Tokens of key pairs are recorded in `fixtures/tokens.json`, made once with Node's `crypto` and good until 2100; their
//! private keys are thrown away.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What the tests sign with.
pub(crate) const SECRET: &str = "a secret of the tests and no shorter";

/// A token of this user, good for ten minutes.
pub(crate) fn token_of(user: &str) -> String {
    signed(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), &json!({"sub": user, "exp": seconds() + 600}))
}

/// Any token, signed with HMAC.
pub(crate) fn signed(secret: &str, header: &Value, claims: &Value) -> String {
    let data = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    format!("{data}.{}", URL_SAFE_NO_PAD.encode(hmac(secret, &data)))
}

/// HMAC with SHA-256 (RFC 2104).
pub(crate) fn hmac(secret: &str, data: &str) -> Vec<u8> {
    assert!(secret.len() <= 64);
    let padded = |with: u8| (0..64).map(|index| secret.as_bytes().get(index).copied().unwrap_or(0) ^ with).collect::<Vec<_>>();
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(data).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

/// Now, in seconds.
pub(crate) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What is recorded.
pub(crate) fn recorded() -> Value {
    serde_json::from_str(include_str!("../fixtures/tokens.json")).unwrap()
}

/// An issuer that shows its keys; it answers every request with what it is told to, one a connection.
pub(crate) struct Issuer {
    address: SocketAddr,
    shown: Arc<Mutex<Shown>>,
    thread: Option<JoinHandle<()>>,
}

struct Shown {
    status: u16,
    body: String,
    requests: usize,
    is_over: bool,
}

impl Issuer {
    /// Shows these keys.
    pub(crate) fn start(keys: &[&Value]) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shown = Arc::new(Mutex::new(Shown { status: 200, body: json!({"keys": keys}).to_string(), requests: 0, is_over: false }));
        let thread = thread::spawn({
            let shown = shown.clone();
            move || {
                listener
                    .incoming()
                    .map(Result::unwrap)
                    .take_while(|_| !shown.lock().unwrap().is_over)
                    .for_each(|stream| answer(stream, &shown))
            }
        });
        Issuer { address, shown, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// Answers with this from now on.
    pub(crate) fn show(&self, status: u16, body: &str) {
        let mut shown = self.shown.lock().unwrap();
        (shown.status, shown.body) = (status, body.to_owned());
    }

    /// Answers nobody until what this gives is dropped.
    pub(crate) fn hold(&self) -> impl Drop + '_ {
        self.shown.lock().unwrap()
    }

    /// How often it was asked.
    pub(crate) fn requests(&self) -> usize {
        self.shown.lock().unwrap().requests
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.shown.lock().unwrap().is_over = true;
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn answer(mut stream: TcpStream, shown: &Mutex<Shown>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.extend(byte);
    }
    let mut shown = shown.lock().unwrap();
    shown.requests += 1;
    let Shown { status, body, .. } = &*shown;
    let head =
        format!("HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // The client may be gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
