//! Pace: whether others move while a step is carried out.

/// Whether others move while a step is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// They do.
    Racing,
    /// An interleaving is forced: a step never waits for what comes later in it.
    Forced,
}
