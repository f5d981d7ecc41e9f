//! What a run is entered as.

/// A row of the runs table: what the bookings after it belong to.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// When the race began, in UTC.
    pub began: String,
    /// The strategy's name.
    pub strategy: String,
    /// Which round it is, from 0.
    pub round: u32,
    /// How many users race.
    pub users: u32,
    /// The seed of the inputs.
    pub seed: u64,
}
