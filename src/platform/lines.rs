//! Lines of text: of streams between a Durable Object and the Worker, made into other streams on their way out, and of
//! whatever else comes in chunks.

use wasm_bindgen::{JsCast, prelude::*};

use crate::{
    error::{Error, Result},
    platform::{fetch::Chunks, message_of},
};

/// A stream of lines of text.
pub(crate) struct Lines(web_sys::ReadableStream);

/// Bytes that come in chunks, line by line.
#[derive(Default)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    /// How much of them has been given as lines.
    given: usize,
    /// How much of them is known to have no line end after that.
    searched: usize,
}

impl Lines {
    /// The lines of `stream`, wherever its chunks are cut.
    pub(crate) fn of(stream: web_sys::ReadableStream) -> Lines {
        Lines(stream)
    }

    /// Has `hear` take each line, until the last.
    ///
    /// # Errors
    /// `Unavailable` when the stream breaks off.
    pub(crate) async fn for_each(self, mut hear: impl FnMut(&str)) -> Result<()> {
        let (mut chunks, mut buffer) = (Chunks::of(Some(self.0)), LineBuffer::default());
        while let Some(chunk) = chunks.next().await.map_err(|cause| Error::Unavailable(format!("stream: {cause}")))? {
            buffer.push(&chunk);
            while let Some(line) = buffer.next_line() {
                hear(String::from_utf8_lossy(&line).trim_end());
            }
        }
        Ok(())
    }

    /// A stream of what `encode` makes of each line, a chunk each, and of `None` at the end. It waits for its reader: a
    /// slow client holds back the source. What `encode` fails with breaks it off.
    ///
    /// # Errors
    /// `Internal` when the platform cannot make it.
    pub(crate) fn map(self, mut encode: impl FnMut(Option<&str>) -> Result<String> + 'static) -> Result<web_sys::ReadableStream> {
        let mut buffer = LineBuffer::default();
        let rewrite =
            Closure::<dyn FnMut(JsValue, JsValue) -> std::result::Result<(), JsValue>>::new(move |chunk: JsValue, out: JsValue| {
                // `transform` is given a chunk and the controller, `flush` the controller alone.
                let Some(chunk) = chunk.dyn_ref::<js_sys::Uint8Array>() else { return send(&chunk, encode(None)) };
                buffer.push(&chunk.to_vec());
                while let Some(line) = buffer.next_line() {
                    send(&out, encode(Some(String::from_utf8_lossy(&line).trim_end())))?;
                }
                Ok(())
            })
            .into_js_value();
        let failed = |exception: JsValue| Error::Internal(format!("stream: {}", message_of(&exception)));
        let transformer = js_sys::Object::new();
        for method in ["transform", "flush"] {
            js_sys::Reflect::set(&transformer, &JsValue::from_str(method), &rewrite).map_err(failed)?;
        }
        let through = web_sys::TransformStream::new_with_transformer(&transformer).map_err(failed)?;
        let pair: web_sys::ReadableWritablePair = through.unchecked_into();
        Ok(self.0.pipe_through(&pair))
    }
}

/// Sends what was made of a line; a failure breaks off the stream, its cause goes to the log.
fn send(out: &JsValue, encoded: Result<String>) -> std::result::Result<(), JsValue> {
    let encoded = encoded.map_err(|error| {
        worker::console_error!("a stream breaks off: {error:?}");
        JsValue::from_str("the stream broke off")
    })?;
    if encoded.is_empty() {
        return Ok(());
    }
    let out: &web_sys::TransformStreamDefaultController = out.unchecked_ref();
    out.enqueue_with_chunk(&js_sys::Uint8Array::from(encoded.as_bytes()))
}

impl LineBuffer {
    /// Takes a chunk.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.bytes.drain(..self.given);
        self.searched = self.searched.saturating_sub(self.given);
        self.given = 0;
        self.bytes.extend(chunk);
    }

    /// The next whole line, without its end.
    pub(crate) fn next_line(&mut self) -> Option<Vec<u8>> {
        let from = self.searched.max(self.given);
        let Some(length) = self.bytes.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = from.saturating_add(length);
        let line = self.bytes.get(self.given..end).map(<[u8]>::to_vec);
        self.given = end.saturating_add(1);
        line
    }

    /// How many bytes wait for the end of their line.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.bytes.len().saturating_sub(self.given)
    }

    /// What is left after the last line end.
    pub(crate) fn take_rest(&mut self) -> Vec<u8> {
        self.push(&[]);
        self.searched = 0;
        std::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_wherever_chunks_are_cut() {
        for size in 1..12 {
            let (mut buffer, mut lines) = (LineBuffer::default(), Vec::new());
            for chunk in "a\n\nüb\nrest".as_bytes().chunks(size) {
                buffer.push(chunk);
                while let Some(line) = buffer.next_line() {
                    lines.push(String::from_utf8(line).unwrap());
                }
            }
            assert_eq!(lines, ["a", "", "üb"], "{size}");
            assert_eq!((buffer.waiting_bytes(), buffer.take_rest()), (4, b"rest".to_vec()), "{size}");
        }
    }
}
