//! Options that several commands take.

pub(super) mod lock;
pub(super) mod output;
pub(super) mod strategy;
