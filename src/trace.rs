//! What is noted of a request on its way, for the line that it leaves in the log.
//!
//! The notes follow the request's future, not its calls: whoever works for a request adds to them by [`note`], and nothing
//! in between has to hand them on. Inside Durable Objects there are none, for their work may be anybody's. No text of
//! anybody's is noted; of a session a digest of its id, which cannot be used to read it.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    rc::Rc,
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::domain::{
    id::SessionId,
    turn::{ModelFailure, Turn, tokens::Usage},
};

thread_local! {
    /// Of the request whose future is being polled.
    static CURRENT: RefCell<Option<Rc<Trace>>> = const { RefCell::new(None) };
}

/// The notes of one request.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// The pattern that its path fits.
    pub route: Cell<Option<&'static str>>,
    /// See [`digest_of`].
    pub session: RefCell<Option<String>>,
    /// What came of the turn that it asked for.
    pub turn: RefCell<Option<TurnNote>>,
    /// How long it waited for objects, if it called any.
    pub waited: Cell<Option<Duration>>,
}

/// What the edge knows of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TurnNote {
    /// Who answered, where that is known.
    pub model: Option<String>,
    /// What it took, where that is known.
    pub usage: Option<Usage>,
    /// See [`Turn::outcome`]; `streaming` before the end.
    pub outcome: String,
}

impl Trace {
    /// Does `work`, whose notes go here.
    pub(crate) async fn follow<T>(self: &Rc<Self>, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let outer = CURRENT.replace(Some(Rc::clone(self)));
            let polled = work.as_mut().poll(context);
            CURRENT.set(outer);
            polled
        })
        .await
    }

    /// Notes that an object was waited for.
    pub(crate) fn add_wait(&self, wait: Duration) {
        self.waited.set(Some(self.waited.get().unwrap_or_default().saturating_add(wait)));
    }
}

impl TurnNote {
    /// A turn whose events are on their way.
    pub(crate) fn streaming() -> TurnNote {
        TurnNote { model: None, usage: None, outcome: "streaming".to_owned() }
    }

    /// A turn that the model has failed.
    pub(crate) fn failed(failure: ModelFailure) -> TurnNote {
        TurnNote { model: None, usage: None, outcome: failure.outcome() }
    }
}

impl From<&Turn> for TurnNote {
    fn from(turn: &Turn) -> TurnNote {
        TurnNote { model: Some(turn.model.clone()), usage: turn.usage, outcome: turn.outcome() }
    }
}

/// Adds to the notes of the request that this is done for, if it is done for one.
pub(crate) fn note(add: impl FnOnce(&Trace)) {
    CURRENT.with_borrow(|current| {
        if let Some(trace) = current {
            add(trace);
        }
    });
}

/// What stands for a session in logs: the first 16 hexadecimal digits of the SHA-256 of its id. It has no key, so who can
/// guess an id can tell its lines.
pub(crate) fn digest_of(id: &SessionId) -> String {
    let digest = Sha256::digest(id.as_str());
    let first = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{first:016x}")
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    async fn pause() {
        let mut is_over = false;
        poll_fn(|_| if std::mem::replace(&mut is_over, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    #[test]
    fn notes_go_to_the_request_that_they_are_of() {
        let (one, two) = (Rc::<Trace>::default(), Rc::<Trace>::default());
        let work = async |route| {
            note(|trace| trace.route.set(Some(route)));
            for _ in 0..2 {
                pause().await;
                note(|trace| trace.add_wait(Duration::from_millis(5)));
            }
        };
        let (mut first, mut second) = (Box::pin(one.follow(work("/one"))), Box::pin(two.follow(work("/two"))));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            assert!(first.as_mut().poll(&mut context).is_pending() && second.as_mut().poll(&mut context).is_pending());
        }
        assert!(second.as_mut().poll(&mut context).is_ready());
        assert_eq!((one.route.get(), one.waited.get()), (Some("/one"), Some(Duration::from_millis(5))));
        assert_eq!((two.route.get(), two.waited.get()), (Some("/two"), Some(Duration::from_millis(10))));
        // Between two polls nothing is anybody's.
        note(|_| panic!("a note of nobody's"));
    }

    #[test]
    fn a_digest_is_16_digits_of_sha_256() {
        assert_eq!(digest_of(&SessionId::parse("", "abc").unwrap()), "ba7816bf8f01cfea");
    }
}
