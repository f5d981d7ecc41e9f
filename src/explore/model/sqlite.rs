//! The database of the model: one writer at a time, and readers who see what was committed when they
//! first looked, as `SQLite` under WAL (<https://www.sqlite.org/isolation.html>).
//!
//! Every answer in here is held against the real one, step by step, in `tests/it/statements.rs`.

use std::hash::{Hash, Hasher};

use super::rows::{ModelRow, ModelRows, Seat};
use super::state::{USERS_MAX, narrow};
use crate::client::{Asked, Begin, Guard, Manner};
use crate::history::Step;
use crate::services::queue::Said;

/// The rows of all seats, and the transactions on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::explore) struct Database {
    /// What is committed.
    pub(in crate::explore) rows: ModelRows,
    transactions: [OpenTransaction; USERS_MAX],
    /// The user whose transaction writes, numbered from 1; 0 for none. It is one for all seats: the
    /// lock of `SQLite` is that of the file.
    writer: u8,
    /// What the writer has written, and nobody else sees yet.
    pending: Pending,
    /// How often something was committed, on whatever seat.
    commits: u8,
}

/// A user's own transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum OpenTransaction {
    /// None is open.
    #[default]
    None,
    /// It has not looked at anything yet.
    Begun,
    /// It sees what was there at its first look.
    Looked(Seen),
}

/// What was there at the first look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    commits: u8,
    is_sold: bool,
    version: u8,
}

/// What is written on the writer's seat, and not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Pending {
    has_row: bool,
    is_guarded: bool,
    version: u8,
    fence: u8,
    /// Whether anything was written.
    is_dirty: bool,
}

/// A few numbers instead of fifty fields: a search hashes every state it comes to.
impl Hash for Database {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let transactions = self.transactions.iter().fold(0_u128, |sum, transaction| {
            sum << 20
                | match transaction {
                    OpenTransaction::None => 0,
                    OpenTransaction::Begun => 1,
                    OpenTransaction::Looked(seen) => {
                        let read = u128::from(seen.version) << 3 | u128::from(seen.is_sold) << 2;
                        u128::from(seen.commits) << 11 | read | 2
                    }
                }
        });
        let it = self.pending;
        let flags =
            u64::from(it.has_row) | u64::from(it.is_guarded) << 1 | u64::from(it.is_dirty) << 2;
        let pending = u64::from(it.version) << 11 | u64::from(it.fence) << 3 | flags;
        self.rows.hash(state);
        let writing = pending << 16 | u64::from(self.writer) << 8 | u64::from(self.commits);
        state.write_u64(writing << 1 | u64::from(transactions != 0));
        if transactions != 0 {
            state.write_u128(transactions);
        }
    }
}

/// Who takes a step.
#[derive(Debug, Clone, Copy)]
pub(in crate::explore) struct By {
    /// Numbered from 0.
    pub(in crate::explore) user: usize,
    /// The seat that it wants, numbered from 0.
    pub(in crate::explore) seat: usize,
    /// The token or the version that it brings along; 0 for none.
    pub(in crate::explore) number: u8,
    pub(in crate::explore) is_in_lease: bool,
}

impl By {
    /// The user's number in a row.
    fn name(self) -> u8 {
        narrow(self.user + 1)
    }
}

/// The answer to a step, `None` for one that failed; and a number that came with it.
type DatabaseReply = (Option<Said>, Option<u8>);

impl Database {
    /// Carries out a step of this user.
    pub(in crate::explore) fn act(&mut self, by: By, asked: Asked) -> DatabaseReply {
        let manner = asked.manner;
        let said = match asked.step {
            Step::Check if manner.open => return self.check_inside(by, manner),
            Step::Insert if manner.open => Some(self.insert_inside(by, manner)),
            Step::Check => return self.check(by, manner),
            Step::Insert => self.write(by, |it, pending| it.insert(by, manner, pending)),
            Step::Hold => self.hold(by),
            Step::Confirm => self.write(by, |it, pending| it.confirm(by, pending)),
            Step::Begin => self.begin(by, manner.begin),
            Step::Commit => self.commit(by),
            Step::Rollback => self.roll_back(by),
            Step::Acquire
            | Step::SetTtl
            | Step::Validate
            | Step::Wait
            | Step::Pay
            | Step::Verify
            | Step::Release => None,
        };
        (said, None)
    }

    /// A look outside a transaction. One that writes down a token waits for the writer, in vain: what
    /// it would wait for is another's move, or its own user's.
    fn check(&mut self, by: By, manner: Manner) -> DatabaseReply {
        if manner.fence {
            let passed = self.write(by, |_, pending| passes(by, manner, pending));
            if passed != Some(Said::Yes) {
                return (passed, None);
            }
        }
        let seat = self.rows.seat(by.seat);
        looked(self.rows.is_sold(by.seat), manner, seat.version)
    }

    /// Writes by itself, which fails while a transaction writes, also one of the same user.
    fn write(&mut self, by: By, work: impl FnOnce(&Self, &mut Pending) -> Said) -> Option<Said> {
        if self.writer != 0 {
            return None;
        }
        let mut pending = self.pending_on(by.seat);
        let said = work(self, &mut pending);
        self.apply(by, pending);
        Some(said)
    }

    fn insert(&self, by: By, manner: Manner, pending: &mut Pending) -> Said {
        let passed = passes(by, manner, pending);
        if passed != Said::Yes {
            return passed;
        }
        if manner.guard == Guard::Version {
            if pending.version != by.number {
                return Said::No;
            }
            pending.version = pending.version.saturating_add(1);
            pending.is_dirty = true;
        }
        let is_refused = match manner.guard {
            Guard::None | Guard::Version => false,
            Guard::Unique => self.rows.on(by.seat).any(|row| row.is_guarded),
            Guard::NotExists => self.rows.is_sold(by.seat),
        };
        if is_refused || self.has_row(by) || pending.has_row {
            return Said::No;
        }
        pending.has_row = true;
        pending.is_guarded = manner.guard == Guard::Unique;
        pending.is_dirty = true;
        Said::Yes
    }

    /// Books the seat if the user is the last who claimed it.
    fn confirm(&self, by: By, pending: &mut Pending) -> Said {
        if !self.rows.seat(by.seat).is_claimed_by(by.name()) || self.has_row(by) {
            return Said::No;
        }
        pending.has_row = true;
        pending.is_dirty = true;
        Said::Yes
    }

    /// Claims a seat that has no row and no claim that is still good.
    fn hold(&mut self, by: By) -> Option<Said> {
        if self.writer != 0 {
            return None;
        }
        if self.rows.is_sold(by.seat) {
            return Some(Said::No);
        }
        let seat = self.rows.seat_mut(by.seat);
        if seat.has_good_claim() {
            return Some(Said::Busy);
        }
        seat.claim(by.name());
        self.commits = self.commits.saturating_add(1);
        Some(Said::Yes)
    }

    /// Begins a transaction. Within another it fails, and that one stays open; but not before it has
    /// become the writer, if it is to.
    fn begin(&mut self, by: By, begin: Begin) -> Option<Said> {
        let was_open = self.is_open(by.user);
        let said = if begin == Begin::Deferred {
            Said::Yes
        } else {
            self.become_writer(by)
        };
        match (said, was_open) {
            (Said::Yes, true) => return None,
            (Said::Yes, false) if begin == Begin::Deferred => {
                self.transactions[by.user] = OpenTransaction::Begun;
            }
            (Said::Yes | Said::No | Said::Busy | Said::Stale, _) => {}
        }
        Some(said)
    }

    /// Whether anybody's transaction writes.
    pub(in crate::explore) const fn has_writer(&self) -> bool {
        self.writer != 0
    }

    /// Makes the user's transaction the one that writes, if there is no other and nothing was
    /// committed since it first looked.
    fn become_writer(&mut self, by: By) -> Said {
        if self.is_writer(by.user) {
            return Said::Yes;
        }
        if self.writer != 0 {
            return Said::Busy;
        }
        if let OpenTransaction::Looked(seen) = self.transactions[by.user]
            && seen.commits != self.commits
        {
            return Said::Stale;
        }
        self.writer = by.name();
        self.pending = self.pending_on(by.seat);
        self.transactions[by.user] = OpenTransaction::Looked(self.now(by.seat));
        Said::Yes
    }

    fn check_inside(&mut self, by: By, manner: Manner) -> DatabaseReply {
        let begun = self.begin_if_needed(by, manner);
        if begun != Said::Yes {
            return (Some(begun), None);
        }
        if manner.fence && by.number > 0 {
            let said = self.write_inside(by, |_, pending| passes(by, manner, pending));
            if said != Said::Yes {
                return (Some(said), None);
            }
        }
        if self.is_writer(by.user) {
            let is_sold = self.rows.is_sold(by.seat) || self.pending.has_row;
            return looked(is_sold, manner, self.pending.version);
        }
        let seen = match self.transactions[by.user] {
            OpenTransaction::Looked(seen) => seen,
            OpenTransaction::None | OpenTransaction::Begun => self.now(by.seat),
        };
        self.transactions[by.user] = OpenTransaction::Looked(seen);
        looked(seen.is_sold, manner, seen.version)
    }

    fn insert_inside(&mut self, by: By, manner: Manner) -> Said {
        match self.begin_if_needed(by, manner) {
            Said::Yes => self.write_inside(by, |it, pending| it.insert(by, manner, pending)),
            busy => busy,
        }
    }

    /// Writes into the user's own transaction.
    fn write_inside(&mut self, by: By, work: impl FnOnce(&Self, &mut Pending) -> Said) -> Said {
        let is_writer = self.become_writer(by);
        if is_writer != Said::Yes {
            return is_writer;
        }
        let mut pending = self.pending;
        let said = work(self, &mut pending);
        self.pending = pending;
        said
    }

    /// Opens a transaction that is missing.
    fn begin_if_needed(&mut self, by: By, manner: Manner) -> Said {
        if self.is_open(by.user) {
            return Said::Yes;
        }
        self.begin(by, manner.begin).unwrap_or(Said::Yes)
    }

    fn commit(&mut self, by: By) -> Option<Said> {
        if !self.is_open(by.user) {
            return None;
        }
        if self.is_writer(by.user) {
            self.apply(by, self.pending);
        }
        self.disconnect(by.user);
        Some(Said::Yes)
    }

    fn roll_back(&mut self, by: By) -> Option<Said> {
        let is_open = self.is_open(by.user);
        self.disconnect(by.user);
        is_open.then_some(Said::Yes)
    }

    /// The user's connection goes back; what is not committed is undone.
    pub(in crate::explore) fn disconnect(&mut self, user: usize) {
        self.transactions[user] = OpenTransaction::None;
        if self.is_writer(user) {
            self.writer = 0;
            self.pending = Pending::default();
        }
    }

    /// Puts what was written there for all to see.
    fn apply(&mut self, by: By, pending: Pending) {
        if !pending.is_dirty {
            return;
        }
        self.commits = self.commits.saturating_add(1);
        let seat = self.rows.seat_mut(by.seat);
        seat.version = pending.version;
        seat.fence = pending.fence;
        if pending.has_row {
            self.rows.push(ModelRow {
                user: by.name(),
                seat: narrow(by.seat),
                is_in_lease: by.is_in_lease,
                is_guarded: pending.is_guarded,
            });
        }
    }

    fn pending_on(&self, seat: usize) -> Pending {
        let Seat { version, fence, .. } = self.rows.seat(seat);
        Pending {
            version,
            fence,
            ..Pending::default()
        }
    }

    fn now(&self, seat: usize) -> Seen {
        Seen {
            commits: self.commits,
            is_sold: self.rows.is_sold(seat),
            version: self.rows.seat(seat).version,
        }
    }

    fn is_open(&self, user: usize) -> bool {
        self.transactions[user] != OpenTransaction::None
    }

    fn is_writer(&self, user: usize) -> bool {
        self.writer == narrow(user + 1)
    }

    fn has_row(&self, by: By) -> bool {
        self.rows.users().any(|user| user == by.name())
    }
}

/// Whether no later token was seen; this one is the latest then. A user without one is not asked.
fn passes(by: By, manner: Manner, pending: &mut Pending) -> Said {
    if !manner.fence || by.number == 0 {
        return Said::Yes;
    }
    if by.number < pending.fence {
        return Said::Stale;
    }
    pending.fence = by.number;
    pending.is_dirty = true;
    Said::Yes
}

/// What a look is answered, and the version that comes with it.
fn looked(is_sold: bool, manner: Manner, version: u8) -> DatabaseReply {
    let said = if is_sold { Said::No } else { Said::Yes };
    let is_brought = manner.guard == Guard::Version && version > 0;
    (Some(said), is_brought.then_some(version))
}
