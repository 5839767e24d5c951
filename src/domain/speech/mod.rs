//! How people write: reading their prose, the style of answers that they ask for, and how they like to be talked to.
//!
//! What they say of themselves is `memory`'s business.

pub(crate) mod profile;
pub(crate) mod prose;
pub(crate) mod style;
