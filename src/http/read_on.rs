//! Reading on in the history of a session until there is enough, whatever the dialect.

use crate::{
    domain::message::Message,
    error::Result,
    session::{PageRequest, client::SessionClient},
};

/// Most that is read for one answer, in bytes; then it ends early.
const READ_BYTES: usize = 8 * 1024 * 1024;
/// What a message counts besides what it says, so that there is an end to short ones, too.
const MESSAGE_BYTES: usize = 64;
/// Messages that are asked for at a time.
pub(super) const AT_ONCE: u32 = 1000;

/// Reads on from where `page` begins until there are `limit` messages that are `wanted`, or no more, or too much. Gives those,
/// and how many the session has in all.
///
/// # Errors
/// `NotFound` when there is no session.
pub(super) async fn read_on(
    session: &SessionClient<'_>,
    mut page: PageRequest,
    limit: usize,
    wanted: impl Fn(&Message) -> bool,
) -> Result<(Vec<Message>, u64)> {
    let (mut found, mut bytes) = (Vec::new(), 0_usize);
    loop {
        let read = session.messages(page).await?;
        let reached = read.messages.last().map(|last| last.sequence);
        let sizes = read.messages.iter().map(|message| message.body.size_bytes().saturating_add(MESSAGE_BYTES));
        bytes = sizes.fold(bytes, usize::saturating_add);
        let left = limit.saturating_sub(found.len());
        found.extend(read.messages.into_iter().filter(|message| wanted(message)).take(left));
        page = match reached {
            Some(reached) if found.len() < limit && bytes < READ_BYTES => match page.newest_first {
                true => PageRequest { before: Some(reached), offset: 0, limit: AT_ONCE, ..page },
                false => PageRequest { after: Some(reached), offset: 0, limit: AT_ONCE, ..page },
            },
            _ => return Ok((found, read.total)),
        };
    }
}
