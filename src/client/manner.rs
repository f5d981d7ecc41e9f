//! How a step is to be taken, beyond its name.

use crate::services::lock::{AcquireBy, ReleaseCommand, Ttl};
use crate::services::store::{Begin, Guard};

/// How a step is to be taken, beyond its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Manner {
    /// What the database is to hold against a second booking.
    pub guard: Guard,
    /// Whether the database compares the token of the lock with the latest that it has seen.
    pub fence: bool,
    /// Whether it is part of an open transaction; an insert opens one that is missing.
    pub open: bool,
    /// How a transaction begins.
    pub begin: Begin,
    /// How the lock is taken.
    pub acquire: AcquireBy,
    /// How the lock is freed.
    pub release: ReleaseCommand,
    /// Which of several lock services, from 0.
    pub node: u8,
}

impl Manner {
    /// Whether a race can hand the step in without further ado.
    pub(super) const fn is_direct(self) -> bool {
        !self.open
    }
}

/// A manner and a time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct How {
    pub(crate) manner: Manner,
    /// How long a lock or a hold is to live.
    pub(crate) ttl: Ttl,
}

impl How {
    /// As part of an open transaction.
    pub(super) fn open() -> Self {
        Self::from(Manner {
            open: true,
            ..Manner::default()
        })
    }
}

impl From<Manner> for How {
    fn from(manner: Manner) -> Self {
        Self {
            manner,
            ttl: Ttl::default(),
        }
    }
}
