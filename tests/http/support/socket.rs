//! A client of WebSockets (RFC 6455), as far as the tests need one: short texts, nothing in pieces, no extension.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;

use super::{Server, json};

/// An open WebSocket.
pub(crate) struct WebSocket {
    stream: TcpStream,
}

/// What comes over one.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Json(Value),
    /// The end, and why.
    Close(u16),
}

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

impl WebSocket {
    /// Opens one; the status of the answer when it is refused.
    pub(crate) fn open(server: &Server, path: &str, headers: &[(&str, &str)]) -> Result<WebSocket, u16> {
        let headers: String = headers.iter().map(|(name, value)| format!("\r\n{name}: {value}")).collect();
        // Any 16 bytes do for the key.
        let mut stream = server.connect_with(
            &format!("GET {path} HTTP/1.1\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=={headers}"),
            "Upgrade",
        );
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let status = String::from_utf8_lossy(&head[9..12]).parse().unwrap();
        if status == 101 { Ok(WebSocket { stream }) } else { Err(status) }
    }

    /// Says something as a client of the Nono chat bot.
    pub(crate) fn say(&mut self, text: &str) {
        self.send(&json!({"text": text}).to_string());
    }

    /// Sends a text. Frames of clients are masked; this mask changes nothing.
    pub(crate) fn send(&mut self, text: &str) {
        let length = u16::try_from(text.len()).unwrap();
        let mut frame = vec![0x80 | TEXT, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.stream.write_all(&frame).unwrap();
    }

    /// The next frame.
    pub(crate) fn next(&mut self) -> Frame {
        let mut take = |count: usize| {
            let mut bytes = vec![0; count];
            self.stream.read_exact(&mut bytes).unwrap();
            bytes
        };
        let head = take(2);
        let length = match head[1] {
            126 => take(2).iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
            length => usize::from(length),
        };
        let payload = take(length);
        match head[0] & 0x0f {
            TEXT => Frame::Json(serde_json::from_slice(&payload).unwrap()),
            CLOSE => Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
            other => panic!("a frame of kind {other}"),
        }
    }

    /// The next frame, which has JSON.
    pub(crate) fn json(&mut self) -> Value {
        match self.next() {
            Frame::Json(json) => json,
            Frame::Close(code) => panic!("closed with {code}"),
        }
    }

    /// An answer to its end: what its chunks say, and its last frame.
    pub(crate) fn answer(&mut self) -> (String, Value) {
        let mut text = String::new();
        loop {
            let frame = self.json();
            match frame["type"].as_str() {
                Some("chunk") => text.push_str(frame["content"].as_str().unwrap()),
                _ => return (text, frame),
            }
        }
    }
}
