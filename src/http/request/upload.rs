//! A body that is read as it comes, for what is too large to be held. It decides nothing about what is in it.

use sha2::{Digest, Sha256};

use crate::{
    domain::id::{Repeatable, RequestKey},
    error::{Error, Result},
    http::request::repeat::hex,
    limits,
    platform::fetch::Chunks,
};

/// A body on its way in.
pub(crate) struct Upload {
    chunks: Chunks,
    key: Option<RequestKey>,
    /// Of what the request asks: its path, its query, and its body as far as it has been read.
    digest: Sha256,
    read_bytes: usize,
}

impl Upload {
    /// The body `chunks` of a request to `path`.
    pub(super) fn new(chunks: Chunks, key: Option<RequestKey>, (path, query): (&str, &str)) -> Upload {
        let digest = Sha256::new().chain_update(path).chain_update([0]).chain_update(query).chain_update([0]);
        Upload { chunks, key, digest, read_bytes: 0 }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `TooLarge`; `Invalid` when the client breaks off.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let chunk = self.chunks.next().await.map_err(|cause| Error::invalid("body", format!("could not be read: {cause}")))?;
        let Some(bytes) = chunk else { return Ok(None) };
        self.read_bytes = self.read_bytes.saturating_add(bytes.len());
        if self.read_bytes > limits::IMPORT_BYTES {
            return Err(Error::TooLarge { field: "body".into(), limit_bytes: limits::IMPORT_BYTES });
        }
        if self.key.is_some() {
            self.digest.update(&bytes);
        }
        Ok(Some(bytes))
    }

    /// Reads to the end, for the digest.
    ///
    /// # Errors
    /// As [`Upload::next`].
    pub(crate) async fn skip(&mut self) -> Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// Reads on for a while and throws it away: a client that is still sending would see its connection break instead of
    /// our answer.
    pub(crate) async fn drain(&mut self) {
        let mut drained_bytes = 0_usize;
        while drained_bytes <= limits::BODY_DRAINED_BYTES {
            let Ok(Some(bytes)) = self.chunks.next().await else { return };
            drained_bytes = drained_bytes.saturating_add(bytes.len());
        }
    }

    /// The request's key.
    pub(crate) fn key(&self) -> Option<&RequestKey> {
        self.key.as_ref()
    }

    /// The request as one that may be repeated, if it has a key; to be asked when all of it has been read.
    pub(crate) fn repeatable(&self) -> Option<Repeatable> {
        let payload = || hex(&self.digest.clone().finalize());
        self.key.clone().map(|key| Repeatable { key, payload: payload() })
    }
}
