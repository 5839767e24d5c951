//! Asking a model: the only place that does I/O for an answer.
//!
//! What is sent and what the bytes mean is `openai`'s business. Here are the limits of time and size, and who is asked
//! again: only before the first byte, and only when that can help.

use std::time::Duration;

use worker::Env;

use super::{
    Completion, Failed, Provider, Secret, Settings, Take, Timeouts, Upstream, offline,
    openai::{self, Quirks},
};
use crate::{
    domain::{
        context::words::known_in,
        message::{NewMessage, Role},
        turn::{Finish, ModelFailure},
    },
    limits,
    platform::{
        self, env,
        fetch::{self, Chunks, Request},
    },
};

/// Where the Workers AI binding is.
const AI_BINDING: &str = "AI";
/// How often a model is asked when it does not begin to answer.
const ATTEMPTS: u32 = 3;
/// How long to wait before asking again; each time twice as long, and up to twice that at random.
const BACKOFF: Duration = Duration::from_millis(200);
/// How long to wait for counts of tokens after the end of an answer.
const EPILOGUE: Duration = Duration::from_secs(2);
/// A server that wants to be left alone for longer is not asked again.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// Has `prompt` answered. The text goes to `take` bit by bit; dropping the future ends the request.
///
/// How long it may take altogether is for [`in_time`] to say.
///
/// # Errors
/// When the model fails; what was taken before is good all the same.
pub(crate) async fn ask(
    provider: &Provider,
    env: &Env,
    prompt: &[NewMessage],
    settings: &Settings,
    take: Take<'_>,
) -> Result<Completion, Failed> {
    match provider {
        Provider::Offline => Ok(ask_offline(prompt, take)),
        Provider::OpenAi(upstream) => ask_server(upstream, prompt, settings, take).await,
        Provider::WorkersAi(timeouts) => ask_binding(env, timeouts, prompt, settings, take).await,
    }
}

/// What `work`, which asks `provider` and perhaps more than once, comes to in the time for a whole answer.
///
/// # Errors
/// `Timeout`, and the errors of `work`.
pub(crate) async fn in_time<T>(provider: &Provider, work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    let total = match provider {
        Provider::Offline => return work.await,
        Provider::OpenAi(Upstream { timeouts, .. }) | Provider::WorkersAi(timeouts) => timeouts.total,
    };
    platform::within(total, work).await.unwrap_or_else(|| Err(too_slow("the whole answer")))
}

fn ask_offline(prompt: &[NewMessage], take: Take<'_>) -> Completion {
    let said = prompt.iter().filter(|message| message.role == Role::User).filter_map(|message| message.content.as_deref());
    let mut earlier: Vec<&str> = said.collect();
    let message = earlier.pop().unwrap_or_default();
    let instructions = prompt.iter().filter(|message| message.role == Role::System).filter_map(|message| message.content.as_deref());
    let known: Vec<(&str, &str)> = instructions.flat_map(known_in).collect();
    let answer = offline::answer(&known, &earlier, message);
    let is_broken_off = answer.split_inclusive(' ').any(|word| take(word).is_break());
    let finish = if is_broken_off { Finish::Length } else { Finish::Stop };
    Completion { finish, tool_calls: Vec::new(), usage: None }
}

/// Asks a server.
async fn ask_server(upstream: &Upstream, prompt: &[NewMessage], settings: &Settings, take: Take<'_>) -> Result<Completion, Failed> {
    let body = openai::encode_request(prompt, settings, Quirks::of(&upstream.base_url));
    let begun = begin(&upstream.timeouts, || request(upstream, &body)).await?;
    read(begun, &upstream.timeouts, take).await
}

/// Asks the Workers AI binding.
async fn ask_binding(
    env: &Env,
    timeouts: &Timeouts,
    prompt: &[NewMessage],
    settings: &Settings,
    take: Take<'_>,
) -> Result<Completion, Failed> {
    let body = openai::encode_request(prompt, settings, Quirks::WorkersAi);
    let run = async || env::run_model(env, AI_BINDING, &settings.model, &body).await.map_err(|said| openai::failure_of_binding(&said));
    let begun = begin(timeouts, async || Ok(Body { chunks: peeked(run().await?).await?, is_json: false, _source: None })).await?;
    read(begun, timeouts, take).await
}

/// An answer whose first byte is there, or its end.
struct Body {
    chunks: Chunks,
    is_json: bool,
    /// Ends the request when it is dropped.
    _source: Option<Request>,
}

/// The first byte of an answer, asked for again where that can help.
async fn begin(timeouts: &Timeouts, ask: impl AsyncFn() -> Result<Body, Failed>) -> Result<Body, Failed> {
    let mut attempt = 1_u32;
    loop {
        let failed = match platform::within(timeouts.first, ask()).await {
            None => return Err(too_slow("the first byte")),
            Some(Ok(body)) => return Ok(body),
            Some(Err(failed)) => failed,
        };
        match pause(&failed, attempt) {
            Some(pause) if attempt < ATTEMPTS => worker::Delay::from(pause).await,
            Some(_) | None => return Err(failed),
        }
        attempt = attempt.saturating_add(1);
    }
}

async fn request(upstream: &Upstream, body: &str) -> Result<Body, Failed> {
    let url = format!("{}/chat/completions", upstream.base_url.trim_end_matches('/'));
    let authorization = upstream.key.as_ref().map(|Secret(key)| ("authorization", format!("Bearer {key}")));
    let fixed = [("content-type", "application/json".to_owned()), ("accept", "text/event-stream".to_owned())];
    let own = upstream.headers.iter().map(|(name, Secret(value))| (name.as_str(), value.clone()));
    let headers: Vec<(&str, String)> = fixed.into_iter().chain(authorization).chain(own).collect();
    let fetched = fetch::post(&url, &headers, body).await.map_err(|_| failed(ModelFailure::Unavailable, "it cannot be reached"))?;
    if fetched.status != 200 {
        return Err(openai::failure_of_status(fetched.status, fetched.header("retry-after").as_deref()));
    }
    let is_json = fetched.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    Ok(Body { chunks: peeked(fetched.chunks).await?, is_json, _source: Some(fetched.request) })
}

async fn peeked(mut chunks: Chunks) -> Result<Chunks, Failed> {
    chunks.peek().await.map_err(|_| failed(ModelFailure::Unavailable, "it broke off before its first byte"))?;
    Ok(chunks)
}

/// How long to wait before the next attempt; `None` when it would not help.
fn pause(failed: &Failed, attempt: u32) -> Option<Duration> {
    let random = platform::random_bytes().map_or(0, |[byte, ..]| u32::from(byte));
    let backoff = BACKOFF.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    let jitter = backoff.saturating_mul(random).checked_div(255).unwrap_or_default();
    match failed.failure {
        ModelFailure::RateLimited { retry_after: Some(after) } => {
            (after <= RETRY_AFTER_MAX).then(|| after.max(backoff).saturating_add(jitter))
        }
        ModelFailure::RateLimited { retry_after: None } | ModelFailure::Unavailable | ModelFailure::Timeout => {
            Some(backoff.saturating_add(jitter))
        }
        ModelFailure::Refused => None,
    }
}

async fn read(body: Body, timeouts: &Timeouts, take: Take<'_>) -> Result<Completion, Failed> {
    if body.is_json { read_whole(body.chunks, timeouts, take).await } else { read_stream(body.chunks, timeouts, take).await }
}

async fn read_stream(mut chunks: Chunks, timeouts: &Timeouts, take: Take<'_>) -> Result<Completion, Failed> {
    let mut decoder = openai::Decoder::new();
    let mut read_bytes = 0_usize;
    while !decoder.is_over() {
        let patience = if decoder.is_finished() { timeouts.next.min(EPILOGUE) } else { timeouts.next };
        let bytes = match next(&mut chunks, patience).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => break,
            // Everything was said: however the connection ends, the answer is good.
            Err(_) if decoder.is_finished() => break,
            Err(failed) => return Err(failed),
        };
        read_bytes = read_bytes.saturating_add(bytes.len());
        if read_bytes > limits::MODEL_BYTES || decoder.feed(&bytes)?.iter().any(|text| take(text).is_break()) {
            return Ok(broken_off());
        }
    }
    if decoder.flush()?.iter().any(|text| take(text).is_break()) {
        return Ok(broken_off());
    }
    decoder.end()
}

/// Reads the answer of a server that does not stream.
async fn read_whole(mut chunks: Chunks, timeouts: &Timeouts, take: Take<'_>) -> Result<Completion, Failed> {
    let mut body = Vec::new();
    while let Some(bytes) = next(&mut chunks, timeouts.next).await? {
        body.extend(bytes);
        if body.len() > limits::MODEL_BYTES {
            return Err(failed(ModelFailure::Unavailable, "the answer is too large"));
        }
    }
    let (text, completion) = openai::decode_whole(&body)?;
    if take(&text).is_break() { Ok(broken_off()) } else { Ok(completion) }
}

async fn next(chunks: &mut Chunks, patience: Duration) -> Result<Option<Vec<u8>>, Failed> {
    let read = platform::within(patience, chunks.next()).await.ok_or_else(|| too_slow("the next byte"))?;
    read.map_err(|_| failed(ModelFailure::Unavailable, "it broke off"))
}

const fn broken_off() -> Completion {
    Completion { finish: Finish::Length, tool_calls: Vec::new(), usage: None }
}

fn too_slow(what: &str) -> Failed {
    failed(ModelFailure::Timeout, &format!("{what} did not come in time"))
}

fn failed(failure: ModelFailure, cause: &str) -> Failed {
    Failed { failure, cause: cause.to_owned() }
}
