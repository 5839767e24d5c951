//! Who answers. For now the offline model alone: built in, deterministic, without a key or a network.

pub(crate) mod offline;
