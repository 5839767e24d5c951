//! Waiting for something that another call of the same object does.
//!
//! It carries nothing: who waits names a condition and looks for itself. So nobody can miss what happened before.

use std::{
    cell::RefCell,
    future::poll_fn,
    mem,
    task::{Poll, Waker},
};

/// Rings for everybody who waits.
#[derive(Default)]
pub(crate) struct Bell(RefCell<Vec<Waker>>);

impl Bell {
    /// Has everybody who waits look again.
    pub(crate) fn ring(&self) {
        // Taken out first: who is woken may wait again at once.
        let wakers = mem::take(&mut *self.0.borrow_mut());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until `condition` holds; it is looked at now and whenever the bell rings.
    pub(crate) async fn until(&self, condition: impl Fn() -> bool) {
        poll_fn(|task| {
            if condition() {
                return Poll::Ready(());
            }
            let mut wakers = self.0.borrow_mut();
            if !wakers.iter().any(|waker| waker.will_wake(task.waker())) {
                wakers.push(task.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}
