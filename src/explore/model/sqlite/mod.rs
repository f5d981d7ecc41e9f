//! The database of the model: one writer at a time, and readers who see what was committed when they
//! first looked, as `SQLite` under WAL (<https://www.sqlite.org/isolation.html>).
//!
//! Every answer in here is held against the real one, step by step, in `tests/it/statements.rs`.

mod transactions;

use std::hash::{Hash, Hasher};

use super::room::{USERS_MAX, narrow};
use super::rows::{By, Looked, ModelRow, ModelRows, Seat};
use crate::client::{Check, Guard, Insert, Isolation};
use crate::history::Reply;
use transactions::{OpenTransaction, Pending, Seen};

/// The rows of all seats, and the transactions on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::explore) struct SqliteModel {
    /// What is committed.
    rows: ModelRows,
    transactions: [OpenTransaction; USERS_MAX],
    /// The user whose transaction writes, numbered from 1; 0 for none. It is one for all seats: the
    /// lock of `SQLite` is that of the file.
    writer: u8,
    /// What the writer has written, and nobody else sees yet.
    pending: Pending,
    /// How often something was committed, on whatever seat.
    commits: u8,
}

/// A few numbers instead of fifty fields: a search hashes every state it comes to.
impl Hash for SqliteModel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            rows,
            transactions,
            writer,
            pending,
            commits,
        } = self;
        rows.hash(state);
        let transactions = transactions.map(OpenTransaction::packed);
        let are_open = transactions != [0; USERS_MAX];
        let writing = pending.packed() << 16 | u64::from(*writer) << 8 | u64::from(*commits);
        state.write_u64(writing << 1 | u64::from(are_open));
        if are_open {
            transactions.hash(state);
        }
    }
}

impl SqliteModel {
    pub(in crate::explore) const fn rows(&self) -> &ModelRows {
        &self.rows
    }

    pub(in crate::explore) const fn rows_mut(&mut self) -> &mut ModelRows {
        &mut self.rows
    }

    pub(in crate::explore) fn check(&mut self, by: By, how: Check) -> Looked {
        match how.transaction {
            Some(isolation) => self.check_inside(by, how, isolation),
            None => self.check_alone(by, how),
        }
    }

    pub(in crate::explore) fn insert(&mut self, by: By, how: Insert) -> Reply {
        match how.transaction {
            Some(isolation) => self.insert_inside(by, how, isolation),
            None => self.write(by, |it, pending| it.insert_into(by, how, pending)),
        }
    }

    pub(in crate::explore) fn confirm(&mut self, by: By) -> Reply {
        self.write(by, |it, pending| it.confirm_into(by, pending))
    }

    pub(in crate::explore) fn hold(&mut self, by: By) -> Reply {
        if self.writer != 0 {
            return Reply::Failed;
        }
        if self.rows.is_sold(by.seat) {
            return Reply::Taken;
        }
        let seat = self.rows.seat_mut(by.seat);
        if seat.has_good_claim() {
            return Reply::Held;
        }
        seat.claim(by.name());
        self.commits = self.commits.saturating_add(1);
        Reply::Granted
    }

    /// Begins a transaction. Within another it fails, and that one stays open; but not before it has
    /// become the writer, if it is to.
    pub(in crate::explore) fn begin(&mut self, by: By, isolation: Isolation) -> Reply {
        let was_open = self.is_open(by.user);
        match isolation {
            Isolation::Snapshot if !was_open => {
                self.transactions[by.user] = OpenTransaction::Begun;
            }
            Isolation::Snapshot => {}
            Isolation::SingleWriter | Isolation::Exclusive => {
                if let Err(refusal) = self.become_writer(by) {
                    return refusal;
                }
            }
        }
        if was_open {
            Reply::Failed
        } else {
            Reply::Begun
        }
    }

    pub(in crate::explore) fn commit(&mut self, by: By) -> Reply {
        if !self.is_open(by.user) {
            return Reply::Failed;
        }
        if self.is_writer(by.user) {
            self.apply(by, self.pending);
        }
        self.disconnect(by.user);
        Reply::Committed
    }

    pub(in crate::explore) fn roll_back(&mut self, by: By) -> Reply {
        let is_open = self.is_open(by.user);
        self.disconnect(by.user);
        if is_open {
            Reply::RolledBack
        } else {
            Reply::Failed
        }
    }

    /// A look outside a transaction. One that writes down a token waits for the writer, in vain: what
    /// it would wait for is another's move, or its own user's.
    fn check_alone(&mut self, by: By, how: Check) -> Looked {
        if how.is_fenced {
            if self.writer != 0 {
                return (Reply::Failed, None);
            }
            let mut pending = self.pending_on(by.seat);
            let passed = pass_fence(by, &mut pending);
            self.apply(by, pending);
            if let Err(refusal) = passed {
                return (refusal, None);
            }
        }
        let seat = self.rows.seat(by.seat);
        looked(self.rows.is_sold(by.seat), how, seat.version)
    }

    /// Writes by itself, which fails while a transaction writes, also one of the same user.
    fn write(&mut self, by: By, work: impl FnOnce(&Self, &mut Pending) -> Reply) -> Reply {
        if self.writer != 0 {
            return Reply::Failed;
        }
        let mut pending = self.pending_on(by.seat);
        let reply = work(self, &mut pending);
        self.apply(by, pending);
        reply
    }

    fn insert_into(&self, by: By, how: Insert, pending: &mut Pending) -> Reply {
        if how.is_fenced
            && let Err(refusal) = pass_fence(by, pending)
        {
            return refusal;
        }
        let is_refused = match how.guard {
            Guard::None => false,
            Guard::Unique => self.rows.on(by.seat).any(|row| row.is_guarded),
            Guard::NotExists => self.rows.is_sold(by.seat),
            Guard::Version => !pending.renew_version(by.stamp),
        };
        if is_refused || self.has_row(by) || pending.has_row {
            return Reply::Conflict;
        }
        pending.has_row = true;
        pending.is_guarded = how.guard == Guard::Unique;
        pending.is_dirty = true;
        Reply::Inserted
    }

    fn confirm_into(&self, by: By, pending: &mut Pending) -> Reply {
        if !self.rows.seat(by.seat).is_claimed_by(by.name()) || self.has_row(by) {
            return Reply::Conflict;
        }
        pending.has_row = true;
        pending.is_dirty = true;
        Reply::Inserted
    }

    /// Whether anybody's transaction writes.
    pub(in crate::explore) const fn has_writer(&self) -> bool {
        self.writer != 0
    }

    /// Makes the user's transaction the one that writes, if there is no other and nothing was
    /// committed since it first looked.
    fn become_writer(&mut self, by: By) -> Result<(), Reply> {
        if self.is_writer(by.user) {
            return Ok(());
        }
        if self.writer != 0 {
            return Err(Reply::Busy);
        }
        if let OpenTransaction::Looked(seen) = self.transactions[by.user]
            && seen.commits != self.commits
        {
            return Err(Reply::Stale);
        }
        self.writer = narrow(by.user + 1);
        self.pending = self.pending_on(by.seat);
        self.transactions[by.user] = OpenTransaction::Looked(self.now(by.seat));
        Ok(())
    }

    fn check_inside(&mut self, by: By, how: Check, isolation: Isolation) -> Looked {
        if let Err(refusal) = self.begin_if_needed(by, isolation) {
            return (refusal, None);
        }
        if how.is_fenced && by.stamp > 0 {
            let mut passed = self.become_writer(by);
            if passed.is_ok() {
                passed = pass_fence(by, &mut self.pending);
            }
            if let Err(refusal) = passed {
                return (refusal, None);
            }
        }
        if self.is_writer(by.user) {
            let is_sold = self.rows.is_sold(by.seat) || self.pending.has_row;
            return looked(is_sold, how, self.pending.version);
        }
        let seen = match self.transactions[by.user] {
            OpenTransaction::Looked(seen) => seen,
            OpenTransaction::None | OpenTransaction::Begun => self.now(by.seat),
        };
        self.transactions[by.user] = OpenTransaction::Looked(seen);
        looked(seen.is_sold, how, seen.version)
    }

    fn insert_inside(&mut self, by: By, how: Insert, isolation: Isolation) -> Reply {
        let ready = self.begin_if_needed(by, isolation);
        if let Err(refusal) = ready.and_then(|()| self.become_writer(by)) {
            return refusal;
        }
        let mut pending = self.pending;
        let reply = self.insert_into(by, how, &mut pending);
        self.pending = pending;
        reply
    }

    /// Opens a transaction that is missing.
    fn begin_if_needed(&mut self, by: By, isolation: Isolation) -> Result<(), Reply> {
        if self.is_open(by.user) {
            return Ok(());
        }
        let reply = self.begin(by, isolation);
        if reply.is_done() { Ok(()) } else { Err(reply) }
    }

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

/// Lets a request pass if no later token was seen; its own is the latest then. A user without one is not
/// asked.
fn pass_fence(by: By, pending: &mut Pending) -> Result<(), Reply> {
    if by.stamp == 0 {
        return Ok(());
    }
    if by.stamp < pending.fence {
        return Err(Reply::Stale);
    }
    pending.fence = by.stamp;
    pending.is_dirty = true;
    Ok(())
}

/// The reply to a look, and the version that comes with it.
fn looked(is_sold: bool, how: Check, version: u8) -> Looked {
    let reply = if is_sold {
        Reply::Taken
    } else {
        Reply::Available
    };
    let is_brought = how.reads_version && version > 0;
    (reply, is_brought.then_some(version))
}
