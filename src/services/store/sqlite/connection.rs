//! One connection to the database: its statements, and the run it is in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::{Connection, Statement, params};

use super::current_run::CurrentRun;
use super::schema;
use super::schema::BUSY_TIMEOUT;
use crate::plan::Isolation;
use crate::seat::{SeatId, UserId};
use crate::services::queue::ServiceReply;
use crate::services::store::request::{BeginOptions, StoreRequest};
use crate::services::store::{Check, Guard, StoreError};
use crate::step::Reply;

/// An open, warm connection and its journal mode.
pub(super) fn prepare(path: &Path) -> Result<(Connection, String), StoreError> {
    let connection = schema::open(path)?;
    let failed = |source| schema::failure(path, source);
    let journal_mode = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "normal")
        .map_err(failed)?;
    Ok((connection, journal_mode))
}

/// A connection with its statements and the run it is in.
pub(super) struct StoreConnection<'c> {
    pub(super) connection: &'c Connection,
    pub(super) path: &'c Path,
    pub(super) current: Arc<CurrentRun>,
    /// Whether a transaction was open on it at the last look.
    was_open: bool,
    begin: Statement<'c>,
    begin_reading: Statement<'c>,
    commit: Statement<'c>,
    pub(super) look: Statement<'c>,
    insert: Statement<'c>,
    insert_guarded: Statement<'c>,
    insert_not_exists: Statement<'c>,
    pub(super) run: i64,
}

impl<'c> StoreConnection<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        path: &'c Path,
        current: Arc<CurrentRun>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            path,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            begin_reading: connection.prepare("BEGIN DEFERRED")?,
            commit: connection.prepare("COMMIT")?,
            look: connection
                .prepare("SELECT 1 FROM bookings WHERE run = ?1 AND seat = ?2 LIMIT 1")?,
            insert: connection.prepare(
                "INSERT INTO bookings (run, seat, user, position) VALUES (?1, ?2, ?3, ?4)",
            )?,
            insert_guarded: connection.prepare(
                "INSERT INTO bookings (run, seat, user, position, guarded) VALUES (?1, ?2, ?3, ?4, 1)",
            )?,
            insert_not_exists: connection.prepare(
                "INSERT INTO bookings (run, seat, user, position) SELECT ?1, ?2, ?3, ?4 \
                 WHERE NOT EXISTS (SELECT 1 FROM bookings WHERE run = ?1 AND seat = ?2)",
            )?,
            run: current.run.load(Ordering::Relaxed),
            current,
            was_open: false,
        })
    }

    /// Carries out a group in one transaction; when it fails, none of it has happened.
    pub(super) fn commit(&mut self, group: &[StoreRequest]) -> rusqlite::Result<Vec<ServiceReply>> {
        if let [request] = group
            && !request.is_compound()
        {
            return Ok(vec![self.answer(*request)?]);
        }
        // A group that only looks does not wait for a writer.
        if group.iter().all(|request| request.only_reads()) {
            self.begin_reading.execute([])?;
        } else {
            self.begin.execute([])?;
        }
        let answers: rusqlite::Result<Vec<ServiceReply>> =
            group.iter().map(|request| self.answer(*request)).collect();
        let committed = answers.and_then(|answers| self.commit.execute([]).map(|_| answers));
        if committed.is_err() {
            self.roll_back()?;
        }
        committed
    }

    /// Carries out one user's step that was sent before, by itself; its row has its place where it has
    /// come to at last.
    pub(super) fn alone_and_late(
        &mut self,
        request: StoreRequest,
    ) -> rusqlite::Result<ServiceReply> {
        let is_compound = request.is_compound();
        if is_compound {
            self.begin.execute([])?;
        }
        let answer = self.answer(request).and_then(|answer| {
            if let (true, Some((seat, user))) = (answer.reply.is_done(), request.books()) {
                let moved = self.move_to_the_end(seat, user);
                // A row that is committed stays, in the place it was sent with: the answer is yes.
                if is_compound {
                    moved?;
                }
            }
            if is_compound {
                self.commit.execute([])?;
            }
            Ok(answer)
        });
        if answer.is_err() {
            self.roll_back()?;
        }
        answer
    }

    fn move_to_the_end(&self, seat: SeatId, user: UserId) -> rusqlite::Result<()> {
        let mut update = self.connection.prepare_cached(
            "UPDATE bookings SET position = ?4 WHERE run = ?1 AND seat = ?2 AND user = ?3",
        )?;
        let position = self.next_position();
        update.execute(params![self.run, seat.number(), user.0, position])?;
        Ok(())
    }

    /// Carries out a user's step.
    pub(super) fn answer(&mut self, request: StoreRequest) -> rusqlite::Result<ServiceReply> {
        match request {
            StoreRequest::Check { seat, how, stamp } => self.check(seat, how, stamp),
            StoreRequest::Insert {
                seat, how, stamp, ..
            } if how.is_fenced && !self.passes(seat, stamp)? => Ok(Reply::Stale.into()),
            StoreRequest::Insert {
                seat,
                user,
                how,
                stamp,
            } => {
                let is_current = how.guard != Guard::Version || self.renew_version(seat, stamp)?;
                let is_inserted = is_current && self.insert(seat, user, how.guard)?;
                Ok(booked(is_inserted).into())
            }
            StoreRequest::Hold { seat, user, ttl } => self.hold(seat, user, ttl).map(Into::into),
            StoreRequest::Confirm { seat, user } => {
                self.confirm(seat, user).map(|it| booked(it).into())
            }
        }
    }

    fn check(&mut self, seat: SeatId, how: Check, token: u32) -> rusqlite::Result<ServiceReply> {
        if how.is_fenced && !self.passes(seat, token)? {
            return Ok(Reply::Stale.into());
        }
        let is_booked = self.look.exists(params![self.run, seat.number()])?;
        let stamp = if how.reads_version {
            self.version(seat)?
        } else {
            0
        };
        let reply = if is_booked {
            Reply::Taken
        } else {
            Reply::Available
        };
        Ok(ServiceReply { reply, stamp })
    }

    /// Carries out a user's step where nobody moves meanwhile: one that has to wait for an open
    /// transaction of the same run would wait in vain, and is refused at once.
    pub(super) fn answer_forced(
        &mut self,
        request: StoreRequest,
    ) -> Result<ServiceReply, StoreError> {
        match self.try_forced(request) {
            Err(error) if is_busy(&error) => Ok(Reply::Failed.into()),
            answered => answered.map_err(|source| schema::failure(self.path, source)),
        }
    }

    fn try_forced(&mut self, request: StoreRequest) -> rusqlite::Result<ServiceReply> {
        let busy = if self.current.has_open_transactions() {
            Duration::ZERO
        } else {
            BUSY_TIMEOUT
        };
        self.connection.busy_timeout(busy)?;
        let answered = self.in_its_own_commit(request);
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        answered
    }

    fn in_its_own_commit(&mut self, request: StoreRequest) -> rusqlite::Result<ServiceReply> {
        if !request.is_compound() || self.is_open() {
            return self.answer(request);
        }
        self.begin.execute([])?;
        let answer = self.answer(request);
        let committed = answer.and_then(|answer| self.commit.execute([]).map(|_| answer));
        if committed.is_err() {
            self.roll_back()?;
        }
        committed
    }

    fn insert(&mut self, seat: SeatId, user: UserId, guard: Guard) -> rusqlite::Result<bool> {
        let position = self.next_position();
        let statement = match guard {
            Guard::None | Guard::Version => &mut self.insert,
            Guard::Unique => &mut self.insert_guarded,
            Guard::NotExists => &mut self.insert_not_exists,
        };
        let inserted = statement.execute(params![self.run, seat.number(), user.0, position]);
        is_done(inserted)
    }

    pub(super) fn next_position(&self) -> i64 {
        self.current.position.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Begins a transaction that may wait this long for another's; in the run as it is now.
    pub(super) fn open(&mut self, begin: BeginOptions) -> rusqlite::Result<()> {
        // SQLite counts in an int: 24 days are as good as no end.
        let most = i32::MAX.unsigned_abs();
        let busy = Duration::from_millis(begin.busy_timeout_ms.min(most).into());
        self.run = self.current.run.load(Ordering::Relaxed);
        self.connection.busy_timeout(busy)?;
        self.connection.execute_batch(statement(begin.isolation))
    }

    /// Ends the transaction that was opened.
    pub(super) fn close(&mut self) -> rusqlite::Result<()> {
        self.commit.execute([]).map(drop)
    }

    /// Undoes the open transaction, if there is one.
    pub(super) fn roll_back(&self) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("ROLLBACK")
    }

    /// Whether a transaction is open.
    pub(super) fn is_open(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Whether a transaction of a user is open now, which everybody is to know.
    pub(super) fn note_whether_open(&mut self) -> bool {
        let is_open = self.is_open();
        match (self.was_open, is_open) {
            (false, true) => drop(self.current.open.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.current.open.fetch_sub(1, Ordering::Relaxed)),
            (true, true) | (false, false) => {}
        }
        self.was_open = is_open;
        is_open
    }
}

/// The statement that begins a transaction (<https://www.sqlite.org/lang_transaction.html>). EXCLUSIVE is
/// IMMEDIATE under WAL; without it nobody reads either.
const fn statement(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Snapshot => "BEGIN DEFERRED",
        Isolation::SingleWriter => "BEGIN IMMEDIATE",
        Isolation::Exclusive => "BEGIN EXCLUSIVE",
    }
}

const fn booked(is_inserted: bool) -> Reply {
    if is_inserted {
        Reply::Inserted
    } else {
        Reply::Conflict
    }
}

/// Whether a row was inserted; a constraint that refuses it is an answer too.
pub(super) fn is_done(inserted: rusqlite::Result<usize>) -> rusqlite::Result<bool> {
    match inserted {
        Ok(rows) => Ok(rows == 1),
        Err(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Whether another writes, and did not come to its end in time.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}

pub(super) fn seat_of(number: u32) -> rusqlite::Result<SeatId> {
    let range = rusqlite::Error::IntegralValueOutOfRange(0, i64::from(number));
    SeatId::new(number).ok_or(range)
}
