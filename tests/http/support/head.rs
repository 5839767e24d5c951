//! The head of an HTTP/1.1 message, for tests that speak it over a socket of their own. It checks no syntax.

/// A first line and header fields.
pub(super) struct Head {
    pub(super) line: String,
    /// Names are in lower case.
    pub(super) fields: Vec<(String, String)>,
    /// Where the body begins.
    pub(super) size_bytes: usize,
}

impl Head {
    /// The head that a message begins with, once all of it is there.
    pub(super) fn parse(bytes: &[u8]) -> Option<Head> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = text.split("\r\n");
        let line = lines.next()?.to_owned();
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Some(Head { line, fields, size_bytes: end + 4 })
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The `content-length`.
    pub(super) fn length(&self) -> Option<usize> {
        self.field("content-length").map(|length| length.parse().unwrap())
    }
}
