//! A history that comes from elsewhere, message by message: calls and results are paired as everywhere, or made so.

use crate::{
    domain::{history::pairing::OpenCalls, message::Message},
    error::{Error, Result},
};

/// The largest sequence number that is taken: half of what fits beside a session's number in a user's index of texts. The
/// other half is for what is said later.
const LAST_SEQUENCE: u64 = 1 << 27;

/// What has been taken in so far. Calls may be open at the end, as in any session.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    open: OpenCalls,
    /// Drop results without a call, put stubs where results are missing?
    repairs: bool,
    /// From which number on, as it was, numbers are how much higher now: stubs have moved them.
    moved: Vec<(u64, u64)>,
    /// The newest message's number, as it was.
    last: u64,
    /// How many messages there are.
    pub(crate) count: u64,
    /// How many results were dropped.
    pub(crate) dropped: u64,
    /// How many stubs were put in.
    pub(crate) stubs: u64,
}

/// Why a message does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is a result, and its call is not open.
    ResultWithoutCall,
    /// It is none, and calls before it are still open.
    CallWithoutResult,
    /// Its place breaks a rule.
    Place(Error),
}

impl Intake {
    /// Nothing yet.
    pub(crate) fn new(repairs: bool) -> Intake {
        Intake { repairs, ..Intake::default() }
    }

    /// Takes a message that has passed its own rules; gives what is to be stored.
    ///
    /// # Errors
    /// Why it does not fit. Then nothing has changed.
    pub(crate) fn take(&mut self, message: Message) -> std::result::Result<Vec<Message>, Misfit> {
        self.check_place(&message).map_err(Misfit::Place)?;
        let mut open = self.open.clone();
        let Some(stubs) = open.stubs_before(&message.body) else {
            if !self.repairs {
                return Err(Misfit::ResultWithoutCall);
            }
            self.dropped = self.dropped.saturating_add(1);
            return Ok(Vec::new());
        };
        if !stubs.is_empty() && !self.repairs {
            return Err(Misfit::CallWithoutResult);
        }
        (self.open, self.last) = (open, message.sequence);
        let mut taken = Vec::with_capacity(stubs.len().saturating_add(1));
        for body in stubs {
            let sequence = self.moved(message.sequence);
            self.moved.push((message.sequence, sequence.saturating_sub(message.sequence).saturating_add(1)));
            taken.push(Message { sequence, created_at: message.created_at, replaces: None, removed_at: None, body });
            self.stubs = self.stubs.saturating_add(1);
        }
        let replaces = message.replaces.map(|replaced| self.moved(replaced));
        taken.push(Message { sequence: self.moved(message.sequence), replaces, ..message });
        self.count = self.count.saturating_add(u64::try_from(taken.len()).unwrap_or(u64::MAX));
        Ok(taken)
    }

    /// The number that message `sequence` has now.
    pub(crate) fn moved(&self, sequence: u64) -> u64 {
        let later = self.moved.partition_point(|(from, _)| *from <= sequence);
        let by = later.checked_sub(1).and_then(|index| self.moved.get(index)).map_or(0, |(_, by)| *by);
        sequence.saturating_add(by)
    }

    /// The number, as it was, of a message that has none of its own.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.last.saturating_add(1)
    }

    fn check_place(&self, message: &Message) -> Result<()> {
        if message.sequence <= self.last || message.sequence > LAST_SEQUENCE {
            let rule = format!("must be a positive number that grows from message to message, {LAST_SEQUENCE} at most");
            return Err(Error::invalid("sequence", rule));
        }
        check_replaces(message)
    }
}

/// A message takes the place of an earlier one.
///
/// # Errors
/// `Invalid`, naming `replaces`.
pub(crate) fn check_replaces(message: &Message) -> Result<()> {
    if message.replaces.is_some_and(|replaced| replaced >= message.sequence) {
        return Err(Error::invalid("replaces", "must be less than sequence"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        history::pairing::tests::{code, message},
        time::Timestamp,
    };

    /// `codes` are those of `pairing`, numbered from 1; what comes is code and number.
    fn take_all(codes: &str, repairs: bool) -> std::result::Result<String, (usize, Misfit)> {
        let (mut intake, mut taken) = (Intake::new(repairs), Vec::new());
        for (index, word) in codes.split_whitespace().enumerate() {
            let (body, sequence) = (message(word), u64::try_from(index).unwrap() + 1);
            let message = Message { sequence, created_at: Timestamp::from_millis(0), replaces: None, removed_at: None, body };
            taken.extend(intake.take(message).map_err(|misfit| (index, misfit))?);
        }
        assert_eq!(intake.count, u64::try_from(taken.len()).unwrap());
        Ok(taken.iter().map(|message| format!("{}:{}", code(&message.body), message.sequence)).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_is_broken_is_refused_in_its_place_or_repaired() {
        use Misfit::{CallWithoutResult, ResultWithoutCall};
        let cases = [
            ("u c1 r1 a", Ok("u:1 c1:2 r1:3 a:4"), "u:1 c1:2 r1:3 a:4"),
            // As in a session that waits for the result.
            ("u c1", Ok("u:1 c1:2"), "u:1 c1:2"),
            ("u r1 a", Err((1, ResultWithoutCall)), "u:1 a:3"),
            ("c1 r1 r1 a", Err((2, ResultWithoutCall)), "c1:1 r1:2 a:4"),
            ("c12 r2 u a", Err((2, CallWithoutResult)), "c12:1 r2:2 s1:3 u:4 a:5"),
            ("c12 c1 u", Err((1, CallWithoutResult)), "c12:1 s1:2 s2:3 c1:4 s1:5 u:6"),
        ];
        for (codes, strict, repaired) in cases {
            assert_eq!(take_all(codes, false), strict.map(str::to_owned), "{codes}");
            assert_eq!(take_all(codes, true).as_deref(), Ok(repaired), "{codes}");
        }
    }

    #[test]
    fn numbers_that_others_name_move_with_their_messages() {
        let mut intake = Intake::new(true);
        let numbered = |word: &str, sequence, replaces| Message {
            sequence,
            created_at: Timestamp::from_millis(0),
            replaces,
            removed_at: None,
            body: message(word),
        };
        intake.take(numbered("c12", 5, Some(3))).unwrap();
        let taken = intake.take(numbered("u", 9, Some(5))).unwrap();
        assert_eq!(taken.iter().map(|message| message.sequence).collect::<Vec<_>>(), [9, 10, 11]);
        assert_eq!((intake.moved(3), intake.moved(8), intake.moved(9), taken[2].replaces), (3, 8, 11, Some(5)));
        for (sequence, replaces) in [(9, None), (LAST_SEQUENCE + 1, None), (10, Some(10))] {
            assert!(matches!(intake.take(numbered("a", sequence, replaces)), Err(Misfit::Place(_))), "{sequence} {replaces:?}");
        }
    }
}
