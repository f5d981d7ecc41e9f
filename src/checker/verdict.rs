//! Verdicts: a property holds, is violated with a witness, or is unknown.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::seat::{SeatId, UserId};

/// The answer to whether a property holds; the worst of several is the answer to all.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum VerdictKind {
    /// It does.
    Holds,
    /// Nobody can say.
    Unknown,
    /// It does not.
    Violated,
}

impl VerdictKind {
    /// The name that a person reads.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Whether a property holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds in this history.
    Holds,
    /// The history does not say enough.
    Unknown(String),
    /// It does not hold.
    Violated(Witness),
}

impl Verdict {
    /// Which of the three it is.
    #[must_use]
    pub const fn kind(&self) -> VerdictKind {
        match self {
            Self::Holds => VerdictKind::Holds,
            Self::Unknown(_) => VerdictKind::Unknown,
            Self::Violated(_) => VerdictKind::Violated,
        }
    }

    /// The verdict's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}

/// What shows that a property does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What happened, in a sentence.
    pub text: String,
    /// The seat it happened on.
    pub seat: SeatId,
    /// Those who took part, in the order of their bookings or grants.
    pub users: Vec<UserId>,
}
