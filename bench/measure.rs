//! How long things take, for every benchmark.
#![allow(dead_code, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "each benchmark uses a part; a tool")]

use std::time::{Duration, Instant};

/// The median of how long `count` runs of `work` take, one after the other.
pub(crate) fn median_of(count: usize, work: impl Fn()) -> Duration {
    let time = || {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    median((0..count).map(|_| time()).collect())
}

/// The middle of `times`.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// In milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
