//! What a run is entered as.

/// A row of the runs table: what the bookings after it belong to.
#[derive(Debug, Clone)]
pub(crate) struct RunRecord {
    /// When the race began, in UTC.
    pub(crate) began: String,
    /// The strategy's name.
    pub(crate) strategy: String,
    /// Which round it is, from 0.
    pub(crate) round: u32,
    /// How many users race.
    pub(crate) users: u32,
    /// The seed of the inputs.
    pub(crate) seed: u64,
}
