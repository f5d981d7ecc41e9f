//! Exit status: how the process ends.

use std::process::ExitCode;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked holds.
    Holds,
    /// A property was violated, or an assertion failed.
    Violated,
    /// The person's words are off.
    Usage,
    /// The verdict is unknown.
    Unknown,
    /// A service could not be used.
    Service,
    /// A signal with this number ended the run.
    Signal(u8),
}

impl Exit {
    pub(super) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Holds => 0,
            Self::Violated => 1,
            Self::Usage => 2,
            Self::Unknown => 3,
            Self::Service => 4,
            Self::Signal(number) => 128 + number,
        })
    }
}
