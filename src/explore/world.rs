//! The stores as the model sees them: one seat, one lock, and who has what.

use crate::client::{Asked, Guard};
use crate::history::{Reply, Step};

/// The most users of a model.
pub const USERS_MAX: usize = 5;

/// The database and the lock service. Every step on them is one indivisible act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct World {
    holder: Option<Holder>,
    /// The users who have a row, in the order of their rows; then zeros.
    rows: [u8; USERS_MAX],
    /// Whether each of those rows was inserted by a user whose lease had not run out.
    in_lease: [bool; USERS_MAX],
    leases: [Lease; USERS_MAX],
    /// Whether anybody freed another's lock.
    pub(super) freed_foreign: bool,
}

/// Which request of which user holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Holder {
    user: u8,
    request: u8,
}

/// The time for which a user was given the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Lease {
    #[default]
    None,
    Running,
    Over,
}

impl World {
    /// Carries out a step of this user (numbered from 0): what it is answered.
    pub(super) fn act(&mut self, user: usize, asked: Asked) -> Reply {
        let token = Holder {
            user: narrow(user),
            request: u8::try_from(asked.request).unwrap_or(u8::MAX),
        };
        match asked.step {
            Step::Check if self.rows[0] == 0 => Reply::Available,
            Step::Check => Reply::Taken,
            Step::Insert => self.insert(user, asked.guard),
            Step::Acquire if self.holder.is_some() => Reply::Held,
            Step::Acquire => {
                self.holder = Some(token);
                self.leases[user] = Lease::Running;
                Reply::Granted
            }
            Step::Release => self.release(token),
            Step::Pay => Reply::Paid,
        }
    }

    /// One row for each user and seat; another user's row is an obstacle only under a guard. On
    /// `SQLite`, with its one writer, both guards are one indivisible act
    /// (<https://www.sqlite.org/isolation.html>).
    fn insert(&mut self, user: usize, guard: Guard) -> Reply {
        let number = narrow(user + 1);
        let is_refused = match guard {
            Guard::None => false,
            Guard::Unique | Guard::NotExists => self.rows[0] != 0,
        };
        if is_refused || self.rows.contains(&number) {
            return Reply::Conflict;
        }
        if let Some(free) = self.rows.iter().position(|row| *row == 0) {
            self.rows[free] = number;
            self.in_lease[free] = self.leases[user] != Lease::Over;
        }
        Reply::Inserted
    }

    /// Compare-and-delete: frees the lock only for the request that holds it.
    fn release(&mut self, token: Holder) -> Reply {
        self.leases[usize::from(token.user)] = Lease::None;
        if self.holder != Some(token) {
            return Reply::NotHeld;
        }
        self.free(token.user);
        Reply::Released
    }

    /// Takes the key away on behalf of this user.
    fn free(&mut self, by: u8) {
        self.freed_foreign |= self.holder.is_some_and(|holder| holder.user != by);
        self.holder = None;
    }

    /// The time to live of the held lock runs out; its holder does not notice.
    pub(super) fn expire(&mut self) {
        if let Some(holder) = self.holder.take() {
            self.leases[usize::from(holder.user)] = Lease::Over;
        }
    }

    /// The lock service forgets everything; nobody's time has run out.
    pub(super) fn restart(&mut self) {
        self.holder = None;
    }

    /// Whether anybody holds the lock.
    pub(super) fn is_locked(&self) -> bool {
        self.holder.is_some()
    }

    /// Whether the user was granted the lock and has not freed it since.
    pub(super) fn is_granted(&self, user: usize) -> bool {
        self.leases[user] != Lease::None
    }

    /// The users who have a row, numbered from 1, in the order of their rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = u8> + '_ {
        self.rows.iter().copied().take_while(|row| *row != 0)
    }

    /// How many rows were inserted by users whose lease had not run out.
    pub(super) fn rows_in_lease(&self) -> usize {
        self.in_lease.iter().filter(|in_lease| **in_lease).count()
    }
}

fn narrow(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
