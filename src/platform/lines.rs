//! Streams of lines between a Durable Object and the Worker, made into other streams on their way out.

use wasm_bindgen::{JsCast, prelude::*};

use crate::{
    error::{Error, Result},
    platform::message_of,
};

/// A stream of lines of text.
pub(crate) struct Lines(web_sys::ReadableStream);

impl Lines {
    /// The lines of `stream`, wherever its chunks are cut.
    pub(crate) fn of(stream: web_sys::ReadableStream) -> Lines {
        Lines(stream)
    }

    /// A stream with a chunk for each line: what `encode` makes of it.
    ///
    /// # Errors
    /// `Internal` when the platform cannot make it.
    pub(crate) fn map(self, mut encode: impl FnMut(&str) -> String + 'static) -> Result<web_sys::ReadableStream> {
        let mut rest = Vec::new();
        let transform = Closure::<
            dyn FnMut(js_sys::Uint8Array, web_sys::TransformStreamDefaultController) -> std::result::Result<(), JsValue>,
        >::new(move |chunk: js_sys::Uint8Array, out: web_sys::TransformStreamDefaultController| {
            rest.extend(chunk.to_vec());
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let encoded = encode(String::from_utf8_lossy(&line).trim_end());
                out.enqueue_with_chunk(&js_sys::Uint8Array::from(encoded.as_bytes()))?;
            }
            Ok(())
        });
        let failed = |exception: JsValue| Error::Internal(format!("stream: {}", message_of(&exception)));
        let transformer = js_sys::Object::new();
        js_sys::Reflect::set(&transformer, &JsValue::from_str("transform"), &transform.into_js_value()).map_err(failed)?;
        let through = web_sys::TransformStream::new_with_transformer(&transformer).map_err(failed)?;
        let pair: web_sys::ReadableWritablePair = through.unchecked_into();
        Ok(self.0.pipe_through(&pair))
    }
}
