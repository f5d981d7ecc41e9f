//! For how long a user of the model was given a lock or the seat, and whether that time is over.

/// The time for which a user was given a lock, or the seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::explore) enum Lease {
    #[default]
    None,
    /// It has some of several locks, and has not looked whether that is enough.
    Begun,
    /// The time of those was over before it looked: it never went by them.
    Late,
    Running,
    Over,
    /// It has claimed the seat in the database, and holds no lock.
    Claimed,
    ClaimOver,
}

impl Lease {
    /// The same when its time is over.
    pub(in crate::explore) const fn over(self) -> Self {
        match self {
            Self::Claimed | Self::ClaimOver => Self::ClaimOver,
            Self::None | Self::Begun | Self::Late => Self::Late,
            Self::Running | Self::Over => Self::Over,
        }
    }
}
