//! The wire that almost every model provider speaks: OpenAI's chat completions, as OpenAI, Groq, OpenRouter, Ollama,
//! vLLM, LM Studio, llama.cpp, LiteLLM, Mistral, Gemini and Workers AI send it, each with its own liberties.
//!
//! Pure: text and bytes in, values out. It does no I/O, knows no keys, addresses or timeouts, and never repeats what a
//! provider says of an error, for that may quote the user.
//!
//! `request` writes what is sent; `stream` reads what comes back, out of the `events` it is cut into; `answer` gathers
//! what they say, and `calls` the tool calls in it; `failure` sorts what goes wrong.

mod request;
mod stream;
mod events;
mod answer;
mod calls;
mod failure;
#[cfg(test)]
mod recorded;

pub(crate) use failure::{failure_of_binding, failure_of_status};
pub(crate) use request::{Quirks, encode_request};
pub(crate) use stream::{Decoder, decode_whole};
