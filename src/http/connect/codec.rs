//! A call of the Connect protocol and its answer: <https://connectrpc.com/docs/protocol/#unary-request>.
//!
//! `Connect-Timeout-Ms` is not minded: what is asked for is done, whether anybody waits or not. Only `ClearUserMemory`, which asks
//! each of a user's sessions, can take long. Bodies are taken and sent uncompressed.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    domain::id::Repeatable,
    http::{
        problem::Problem,
        request::{Request, body::parse_json},
        response::Reply,
    },
};

/// How messages are written: what `Content-Type` says, for a call and its answer alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    Json,
    Proto,
}

const PROTO: &str = "application/proto";
const JSON: &str = "application/json";
/// What can be sent, as a header tells it.
const ACCEPT_POST: &str = "application/json, application/proto";

/// Reads a call, has `answer` answer it, and writes that in the same way.
///
/// # Errors
/// Those of `answer`; when the call cannot be read, a problem that tells why.
pub(super) async fn unary<Asks, Answers>(
    request: &Request<'_>,
    answer: impl AsyncFn(&Request<'_>, Asks, Option<Repeatable>) -> Result<Answers, Problem>,
) -> Result<Reply, Problem>
where
    Asks: prost::Message + Default + DeserializeOwned,
    Answers: prost::Message + Serialize,
{
    let codec = Codec::of(request)?;
    let (message, asked) = request.repeatable_body(|body| codec.decode(body)).await?;
    let answered = answer(request, message, asked.repeatable(None)?).await?;
    Ok(codec.reply(&answered))
}

impl Codec {
    /// The one that the request names.
    fn of(request: &Request<'_>) -> Result<Codec, Problem> {
        if request.header("connect-protocol-version").is_some_and(|version| version != "1") {
            return Err(Problem::new(400, "VALIDATION_ERROR", "Connect-Protocol-Version must be 1."));
        }
        if request.header("content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            let problem = Problem::new(501, "UNSUPPORTED_ENCODING", "Send the body uncompressed: Content-Encoding must be identity.");
            return Err(problem.with_header("accept-encoding", "identity".to_owned()));
        }
        let content_type = request.header("content-type").unwrap_or_default();
        match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            JSON => Ok(Codec::Json),
            PROTO => Ok(Codec::Proto),
            _ => {
                let detail = format!("Content-Type must be one of {ACCEPT_POST}: unary calls of the Connect protocol.");
                Err(Problem::new(415, "UNSUPPORTED_MEDIA_TYPE", detail).with_header("accept-post", ACCEPT_POST.to_owned()))
            }
        }
    }

    fn decode<T: prost::Message + Default + DeserializeOwned>(self, body: &[u8]) -> Result<T, Problem> {
        match self {
            Codec::Json => parse_json(body),
            // What is wrong is told by names of ours, tags and lengths.
            Codec::Proto => T::decode(body).map_err(|error| Problem::new(400, "INVALID_PROTOBUF", format!("body: {error}."))),
        }
    }

    fn reply<T: prost::Message + Serialize>(self, message: &T) -> Reply {
        match self {
            Codec::Json => Reply::json(200, message),
            Codec::Proto => Reply::bytes(200, PROTO, message.encode_to_vec()),
        }
    }
}
