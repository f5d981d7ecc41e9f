//! How the events of a million users are kept: a third less room than as they are used.

use std::fmt;

use super::{Attempt, Event, Outcome, Reply, Step};
use crate::seat::{SeatId, UserId};

/// A record that is kept in fewer bytes than it is used with.
pub trait Compact: Copy {
    /// The bytes it is kept in.
    type Packed: Copy;

    /// The record as it is kept. An instant beyond [`INSTANT_MAX_NS`] is kept as that, a lock service
    /// beyond the last as the last.
    fn pack(self) -> Self::Packed;

    /// The record as it is used.
    fn unpack(packed: Self::Packed) -> Self;
}

/// The last instant that can be kept: 78 hours after the start of a race.
pub const INSTANT_MAX_NS: u64 = (1 << 48) - 1;

/// Records in the order they were added.
#[derive(Clone)]
pub struct Rows<T: Compact>(Vec<T::Packed>);

impl<T: Compact> Rows<T> {
    /// No records, and room for so many.
    #[must_use]
    pub fn with_room_for(many: usize) -> Self {
        Self(Vec::with_capacity(many))
    }

    /// Adds a record at the end.
    pub fn push(&mut self, record: T) {
        self.0.push(record.pack());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every record, in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + DoubleEndedIterator + Clone + '_ {
        self.0.iter().map(|packed| T::unpack(*packed))
    }
}

impl<T: Compact> Default for Rows<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Compact + PartialEq> PartialEq for Rows<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Compact + fmt::Debug> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Compact> FromIterator<T> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        Self(records.into_iter().map(T::pack).collect())
    }
}

impl<T: Compact> From<Vec<T>> for Rows<T> {
    fn from(records: Vec<T>) -> Self {
        records.into_iter().collect()
    }
}

/// Nanoseconds from the start of a race, in six bytes.
#[derive(Debug, Clone, Copy)]
struct Instant([u8; 6]);

impl Instant {
    fn pack(ns: u64) -> Self {
        let bytes = ns.min(INSTANT_MAX_NS).to_le_bytes();
        Self(std::array::from_fn(|at| bytes[at]))
    }

    fn unpack(self) -> u64 {
        let mut bytes = [0; 8];
        bytes[..6].copy_from_slice(&self.0);
        u64::from_le_bytes(bytes)
    }
}

/// So many lock services can be told apart.
pub const NODES_MAX: u8 = 1 << (u8::BITS - STEP_BITS);

/// Half a byte says which step it was.
const STEP_BITS: u32 = 4;
const STEP_MASK: u8 = (1 << STEP_BITS) - 1;

/// 22 bytes of an [`Event`]'s 32.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed)]
pub struct PackedEvent {
    user: UserId,
    seat: SeatId,
    /// The step in the lower half, the node in the upper.
    what: u8,
    reply: Reply,
    invoked: Instant,
    completed: Instant,
}

impl Compact for Event {
    type Packed = PackedEvent;

    fn pack(self) -> PackedEvent {
        PackedEvent {
            user: self.user,
            seat: self.seat,
            what: self.step as u8 | self.node.min(NODES_MAX - 1) << STEP_BITS,
            reply: self.reply,
            invoked: Instant::pack(self.invoked_ns),
            completed: Instant::pack(self.completed_ns),
        }
    }

    fn unpack(packed: PackedEvent) -> Self {
        Self {
            user: packed.user,
            seat: packed.seat,
            step: Step::ALL[usize::from(packed.what & STEP_MASK)],
            node: packed.what >> STEP_BITS,
            reply: packed.reply,
            invoked_ns: packed.invoked.unpack(),
            completed_ns: packed.completed.unpack(),
        }
    }
}

/// 21 bytes of an [`Attempt`]'s 32.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed)]
pub struct PackedAttempt {
    user: UserId,
    seat: SeatId,
    outcome: Outcome,
    started: Instant,
    ended: Instant,
}

impl Compact for Attempt {
    type Packed = PackedAttempt;

    fn pack(self) -> PackedAttempt {
        PackedAttempt {
            user: self.user,
            seat: self.seat,
            outcome: self.outcome,
            started: Instant::pack(self.started_ns),
            ended: Instant::pack(self.ended_ns),
        }
    }

    fn unpack(packed: PackedAttempt) -> Self {
        Self {
            user: packed.user,
            seat: packed.seat,
            outcome: packed.outcome,
            started_ns: packed.started.unpack(),
            ended_ns: packed.ended.unpack(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_kept_in_22_bytes_and_comes_back_whole() {
        let event = Event {
            user: UserId(u32::MAX),
            seat: SeatId::new(u32::MAX).unwrap(),
            step: Step::Release,
            node: 4,
            reply: Reply::Lost,
            invoked_ns: 1,
            completed_ns: INSTANT_MAX_NS,
        };
        assert_eq!(size_of::<PackedEvent>(), 22);
        assert_eq!(Rows::from(vec![event]).iter().collect::<Vec<_>>(), [event]);
    }

    #[test]
    fn every_step_fits_into_its_bits_and_has_its_place() {
        assert!(Step::ALL.len() <= usize::from(STEP_MASK) + 1);
        for (place, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(place, step as usize);
        }
    }

    #[test]
    fn an_instant_past_the_last_is_kept_as_the_last() {
        let attempt = Attempt {
            user: UserId(1),
            seat: SeatId::new(1).unwrap(),
            outcome: Outcome::Taken,
            started_ns: 7,
            ended_ns: u64::MAX,
        };
        assert_eq!(size_of::<PackedAttempt>(), 21);
        let kept: Vec<Attempt> = Rows::from(vec![attempt]).iter().collect();
        assert_eq!((kept[0].started_ns, kept[0].ended_ns), (7, INSTANT_MAX_NS));
    }
}
