//! The database as the model sees it: one writer at a time, and readers who see what was committed
//! when they first looked, as `SQLite` under WAL (<https://www.sqlite.org/isolation.html>).

use super::world::{USERS_MAX, narrow};
use crate::client::{Asked, Begin, Guard, Manner};
use crate::exchange::Said;
use crate::history::Step;

/// The rows of one seat, and the transactions on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Database {
    /// The users who have a row, numbered from 1, in the order of their rows; then zeros.
    rows: [u8; USERS_MAX],
    /// Whether each of those rows was inserted by a user whose lease had not run out.
    in_lease: [bool; USERS_MAX],
    /// How many of them are under the UNIQUE constraint, which knows of no others.
    guarded: u8,
    version: u8,
    /// The latest token that was seen.
    fence: u8,
    /// Who has claimed the seat, and whether its time is over.
    claim: Option<(u8, bool)>,
    connections: [Connection; USERS_MAX],
    /// Whose transaction writes.
    writer: Option<u8>,
    /// How often something was committed.
    commits: u8,
}

/// A user's own connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Connection {
    /// There is none.
    #[default]
    None,
    /// No transaction is open on it.
    Idle,
    Open {
        /// The commits and the rows at its first look.
        snapshot: Option<(u8, u8)>,
        /// What it has inserted, under this guard.
        inserted: Option<Guard>,
    },
}

/// The answer to a step, `None` for one that failed; and a number that came with it.
type Response = (Option<Said>, Option<u8>);

impl Database {
    /// Carries out a step of this user (numbered from 0) who brings this number.
    pub(super) fn act(
        &mut self,
        user: usize,
        asked: Asked,
        number: u8,
        in_lease: bool,
    ) -> Response {
        let manner = asked.manner;
        let said = match asked.step {
            Step::Check if manner.open => self.check_inside(user, manner),
            Step::Check => return self.check(manner, number),
            Step::Insert if manner.open => self.insert_inside(user, manner),
            Step::Insert => self.insert(user, manner, number, in_lease),
            Step::Confirm => {
                let is_last = self.claim.is_some_and(|(holder, _)| holder == narrow(user));
                yes(is_last && self.push(user, in_lease, Guard::None))
            }
            Step::Begin => self.begin(user, manner.begin, Connection::None),
            Step::Commit => return (self.commit(user, in_lease), None),
            Step::Rollback => return (self.rollback(user), None),
            _ => return (None, None),
        };
        (Some(said), None)
    }

    fn check(&mut self, manner: Manner, number: u8) -> Response {
        if manner.fence && !self.passes(number) {
            return (Some(Said::Stale), None);
        }
        let brought = (manner.guard == Guard::Version && self.version > 0).then_some(self.version);
        (Some(yes(self.rows[0] == 0)), brought)
    }

    fn insert(&mut self, user: usize, manner: Manner, number: u8, in_lease: bool) -> Said {
        if manner.fence && !self.passes(number) {
            return Said::Stale;
        }
        if manner.guard == Guard::Version {
            if self.version != number {
                return Said::No;
            }
            self.version = self.version.saturating_add(1);
        }
        yes(!self.refuses(manner.guard) && self.push(user, in_lease, manner.guard))
    }

    /// Whether a row that is there stands against another under this guard.
    fn refuses(&self, guard: Guard) -> bool {
        match guard {
            Guard::None | Guard::Version => false,
            Guard::Unique => self.guarded > 0,
            Guard::NotExists => self.rows[0] != 0,
        }
    }

    /// Whether no later token was seen; this one is the latest then. A user without one is not asked.
    fn passes(&mut self, number: u8) -> bool {
        let is_latest = number == 0 || number >= self.fence;
        if is_latest {
            self.fence = self.fence.max(number);
        }
        is_latest
    }

    /// One row for each user: whether it is there now and was not before.
    fn push(&mut self, user: usize, in_lease: bool, guard: Guard) -> bool {
        let number = narrow(user + 1);
        if self.rows.contains(&number) {
            return false;
        }
        if let Some(free) = self.rows.iter().position(|row| *row == 0) {
            self.rows[free] = number;
            self.in_lease[free] = in_lease;
            self.guarded += u8::from(guard == Guard::Unique);
            self.commits = self.commits.saturating_add(1);
        }
        true
    }

    /// Claims a seat that has no row and no claim that is still good.
    pub(super) fn hold(&mut self, user: usize) -> Said {
        match self.claim {
            _ if self.rows[0] != 0 => Said::No,
            Some((_, false)) => Said::Busy,
            _ => {
                self.claim = Some((narrow(user), false));
                Said::Yes
            }
        }
    }

    /// Who has a claim on the unsold seat that is still good.
    pub(super) fn claimed_by(&self) -> Option<usize> {
        let good = self
            .claim
            .filter(|(_, is_over)| !is_over && self.rows[0] == 0);
        good.map(|(holder, _)| usize::from(holder))
    }

    /// A claim runs out, this user's or anybody's: whose.
    pub(super) fn run_out(&mut self, user: Option<usize>) -> Option<usize> {
        let (holder, is_over) = self.claim.as_mut()?;
        let holder = usize::from(*holder);
        let is_meant = user.is_none_or(|user| user == holder) && !*is_over;
        *is_over |= is_meant;
        is_meant.then_some(holder)
    }

    /// Begins a transaction on a connection that is left like this when it cannot.
    fn begin(&mut self, user: usize, begin: Begin, otherwise: Connection) -> Said {
        let mut snapshot = None;
        if begin != Begin::Deferred {
            if self.writer.is_some() {
                self.connections[user] = otherwise;
                return Said::Busy;
            }
            self.writer = Some(narrow(user));
            snapshot = Some(self.now());
        }
        self.connections[user] = Connection::Open {
            snapshot,
            inserted: None,
        };
        Said::Yes
    }

    fn check_inside(&mut self, user: usize, manner: Manner) -> Said {
        if let Some(busy) = self.begin_if_needed(user, manner) {
            return busy;
        }
        let now = self.now();
        match &mut self.connections[user] {
            Connection::Open { snapshot, inserted } => {
                yes(snapshot.get_or_insert(now).1 == 0 && inserted.is_none())
            }
            _ => Said::Busy,
        }
    }

    fn insert_inside(&mut self, user: usize, manner: Manner) -> Said {
        if let Some(busy) = self.begin_if_needed(user, manner) {
            return busy;
        }
        let (now, is_refused) = (self.now(), self.refuses(manner.guard));
        let has_row = self.rows.contains(&narrow(user + 1));
        let Connection::Open { snapshot, inserted } = &mut self.connections[user] else {
            return Said::Busy;
        };
        match self.writer {
            Some(other) if usize::from(other) != user => return Said::Busy,
            Some(_) => {}
            None if snapshot.is_some_and(|seen| seen.0 != now.0) => return Said::Stale,
            None => self.writer = Some(narrow(user)),
        }
        snapshot.get_or_insert(now);
        if inserted.is_some() || has_row || is_refused {
            return Said::No;
        }
        *inserted = Some(manner.guard);
        Said::Yes
    }

    /// Opens a transaction that is missing; what stands against it.
    fn begin_if_needed(&mut self, user: usize, manner: Manner) -> Option<Said> {
        if matches!(self.connections[user], Connection::Open { .. }) {
            return None;
        }
        let begun = self.begin(user, manner.begin, Connection::Idle);
        (begun != Said::Yes).then_some(begun)
    }

    fn commit(&mut self, user: usize, in_lease: bool) -> Option<Said> {
        let Connection::Open { inserted, .. } = self.connections[user] else {
            return None;
        };
        if let Some(guard) = inserted {
            self.push(user, in_lease, guard);
        }
        self.disconnect(user);
        Some(Said::Yes)
    }

    fn rollback(&mut self, user: usize) -> Option<Said> {
        let is_there = self.connections[user] != Connection::None;
        self.disconnect(user);
        is_there.then_some(Said::Yes)
    }

    /// Whether anybody's transaction writes.
    pub(super) const fn has_writer(&self) -> bool {
        self.writer.is_some()
    }

    /// The user's connection ends; what it has not committed is undone.
    pub(super) fn disconnect(&mut self, user: usize) {
        self.connections[user] = Connection::None;
        if self.writer == Some(narrow(user)) {
            self.writer = None;
        }
    }

    /// The commits so far, and the rows.
    fn now(&self) -> (u8, u8) {
        (self.commits, narrow(self.rows().count()))
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

const fn yes(is_so: bool) -> Said {
    if is_so { Said::Yes } else { Said::No }
}
