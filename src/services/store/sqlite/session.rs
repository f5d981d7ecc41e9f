//! One connection to the database: its statements, and the run it is in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Statement, params};

use super::schema;
use super::schema::BUSY_TIMEOUT;
use super::seats::EndedClaims;
use super::{Admin, Batch, QueuedRequest};
use crate::seat::{Booking, SeatId, UserId};
use crate::services::queue::{Response, Said};
use crate::services::store::record::RunRecord;
use crate::services::store::request::StoreRequest;
use crate::services::store::{Begin, Guard, StoreError};

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

/// The run that a database is in, shared by all its connections.
#[derive(Debug, Default)]
pub(super) struct CurrentRun {
    run: AtomicI64,
    position: AtomicI64,
    /// How many transactions are open while their users do something else.
    open: AtomicUsize,
    /// The claims whose time was made to be over.
    pub(super) ended: EndedClaims,
}

impl CurrentRun {
    /// Whether a user of this run may keep the others from writing.
    pub(super) fn has_open_transactions(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }
}

/// A connection with its statements and the run it is in.
pub(super) struct Session<'c> {
    pub(super) connection: &'c Connection,
    path: &'c Path,
    pub(super) place: Arc<CurrentRun>,
    /// Whether a transaction was open on it at the last look.
    was_open: bool,
    begin: Statement<'c>,
    begin_reading: Statement<'c>,
    commit: Statement<'c>,
    pub(super) check: Statement<'c>,
    insert: Statement<'c>,
    insert_guarded: Statement<'c>,
    insert_not_exists: Statement<'c>,
    pub(super) run: i64,
}

impl<'c> Session<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        path: &'c Path,
        place: Arc<CurrentRun>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            path,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            begin_reading: connection.prepare("BEGIN DEFERRED")?,
            commit: connection.prepare("COMMIT")?,
            check: connection
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
            run: place.run.load(Ordering::Relaxed),
            place,
            was_open: false,
        })
    }

    /// Carries out a group in one transaction; when it fails, none of it has happened.
    pub(super) fn commit(&mut self, group: Batch) -> rusqlite::Result<Vec<Response>> {
        let is_simple = match group.as_slice() {
            [(_, QueuedRequest::User(request))] => !request.is_compound(),
            [_] => true,
            _ => false,
        };
        if is_simple {
            return group
                .into_iter()
                .map(|(_, request)| self.act(request))
                .collect();
        }
        let only_reads = group.iter().all(
            |(_, order)| matches!(order, QueuedRequest::User(request) if request.only_reads()),
        );
        // Whoever only looks does not wait for a writer.
        if only_reads {
            self.begin_reading.execute([])?;
        } else {
            self.begin.execute([])?;
        }
        let answers: rusqlite::Result<Vec<Response>> = group
            .into_iter()
            .map(|(_, request)| self.act(request))
            .collect();
        let committed = answers.and_then(|answers| self.commit.execute([]).map(|_| answers));
        if committed.is_err() {
            self.roll_back()?;
        }
        committed
    }

    /// Carries out one user's step that was sent before, by itself; its row has its place where it has
    /// come to at last.
    pub(super) fn alone_and_late(&mut self, request: StoreRequest) -> rusqlite::Result<Response> {
        let is_compound = request.is_compound();
        if is_compound {
            self.begin.execute([])?;
        }
        let answer = self.answer(request).and_then(|answer| {
            if let (Said::Yes, Some((seat, user))) = (answer.said, request.books()) {
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

    fn act(&mut self, order: QueuedRequest) -> rusqlite::Result<Response> {
        match order {
            QueuedRequest::User(request) => self.answer(request),
            QueuedRequest::Admin(control) => Ok(self.control(*control).into()),
        }
    }

    /// Carries out a user's step.
    pub(super) fn answer(&mut self, request: StoreRequest) -> rusqlite::Result<Response> {
        match request {
            StoreRequest::Check {
                fence: true,
                seat,
                number,
                ..
            }
            | StoreRequest::Insert {
                fence: true,
                seat,
                number,
                ..
            } if !self.passes(seat, number)? => Ok(Said::Stale.into()),
            StoreRequest::Check { seat, guard, .. } => {
                let is_booked = self.check.exists(params![self.run, seat.number()])?;
                let number = match guard {
                    Guard::Version => self.version(seat)?,
                    _ => 0,
                };
                let said = Response::from(!is_booked).said;
                Ok(Response { said, number })
            }
            StoreRequest::Insert {
                seat,
                user,
                guard: Guard::Version,
                number,
                ..
            } => {
                let is_current = self.renew_version(seat, number)?;
                Ok((is_current && self.insert(seat, user, Guard::None)?).into())
            }
            StoreRequest::Insert {
                seat, user, guard, ..
            } => self.insert(seat, user, guard).map(Response::from),
            StoreRequest::Hold { seat, user, ms } => self.hold(seat, user, ms),
            StoreRequest::Confirm { seat, user } => self.confirm(seat, user).map(Response::from),
            StoreRequest::RunOut { seat, user } => self.run_out(seat, user).map(Response::from),
        }
    }

    /// Does what is no user's step: whether anybody still waits for it.
    fn control(&mut self, control: Admin) -> bool {
        match control {
            Admin::Begin(record, reply) => reply.send(self.begin_run(&record)).is_ok(),
            Admin::Bookings(reply) => reply.send(self.bookings()).is_ok(),
            Admin::Claims(reply) => reply.send(self.claims()).is_ok(),
            Admin::Forced(request, reply) => reply.send(self.answer_forced(request)).is_ok(),
        }
    }

    /// Carries out a user's step where nobody moves meanwhile: one that has to wait for an open
    /// transaction of the same run would wait in vain, and is refused at once.
    fn answer_forced(&mut self, request: StoreRequest) -> rusqlite::Result<Response> {
        let busy = if self.place.has_open_transactions() {
            Duration::ZERO
        } else {
            BUSY_TIMEOUT
        };
        self.connection.busy_timeout(busy)?;
        let answered = self.in_its_own_commit(request);
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        answered
    }

    fn in_its_own_commit(&mut self, request: StoreRequest) -> rusqlite::Result<Response> {
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
        self.place.position.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Begins a transaction that may wait this long for another's; in the run as it is now.
    pub(super) fn open(&mut self, begin: Begin, busy: Duration) -> rusqlite::Result<()> {
        self.run = self.place.run.load(Ordering::Relaxed);
        self.connection.busy_timeout(busy)?;
        self.connection.execute_batch(begin.statement())
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
            (false, true) => drop(self.place.open.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.place.open.fetch_sub(1, Ordering::Relaxed)),
            (true, true) | (false, false) => {}
        }
        self.was_open = is_open;
        is_open
    }

    fn begin_run(&mut self, record: &RunRecord) -> rusqlite::Result<()> {
        let RunRecord {
            began,
            strategy,
            round,
            users,
            seed,
        } = record;
        self.connection.execute(
            "INSERT INTO runs (began, strategy, round, users, seed) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![began, strategy, round, users, seed.cast_signed()],
        )?;
        self.run = self.connection.last_insert_rowid();
        self.place.run.store(self.run, Ordering::Relaxed);
        self.place.position.store(0, Ordering::Relaxed);
        self.place.ended.clear();
        Ok(())
    }

    fn bookings(&self) -> rusqlite::Result<Vec<Booking>> {
        // A database that somebody has removed is not made again.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(schema::literal(self.path), flags)?;
        reader.busy_timeout(BUSY_TIMEOUT)?;
        let mut select =
            reader.prepare("SELECT seat, user FROM bookings WHERE run = ?1 ORDER BY position")?;
        let mut rows = select.query(params![self.run])?;
        let mut bookings = Vec::new();
        while let Some(row) = rows.next()? {
            bookings.push(Booking {
                seat: seat_of(row.get(0)?)?,
                user: UserId(row.get(1)?),
            });
        }
        Ok(bookings)
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
