//! One connection to the database: its statements, and the run it is in.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, Statement, params};

use super::schema::BUSY_TIMEOUT;
use super::sqlite::{Batch, Control, Order, RunRecord};
use super::{Begin, Guard, StoreError, schema};
use crate::exchange::{Response, Said};
use crate::seat::{Booking, SeatId, UserId};

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
pub(super) struct Place {
    run: AtomicI64,
    position: AtomicI64,
}

/// A user's step on the database.
#[derive(Debug, Clone, Copy)]
pub enum Request {
    /// Is the seat free? With a fence, only for a token that none later has come after.
    Check {
        /// Which seat.
        seat: SeatId,
        /// Whether its version is asked for too.
        guard: Guard,
        /// The token of the lock that the user goes by.
        fence: Option<NonZeroU32>,
    },
    /// Book the seat.
    Insert {
        /// Which seat.
        seat: SeatId,
        /// For whom.
        user: UserId,
        /// What is held against it.
        guard: Guard,
        /// The version that the user has read.
        version: u32,
        /// The token of the lock that the user goes by.
        fence: Option<NonZeroU32>,
    },
    /// Claim the seat for so many milliseconds.
    Hold {
        /// Which seat.
        seat: SeatId,
        /// For whom.
        user: UserId,
        /// For how long.
        ms: u32,
    },
    /// Book the seat that the user has claimed, if nobody else has claimed it since.
    Confirm {
        /// Which seat.
        seat: SeatId,
        /// For whom.
        user: UserId,
    },
    /// Let the claim on a seat run out: this user's, or anybody's.
    RunOut {
        /// Which seat.
        seat: SeatId,
        /// Whose claim.
        user: Option<UserId>,
    },
}

impl Request {
    /// Whether it only looks.
    const fn only_reads(self) -> bool {
        matches!(self, Self::Check { fence: None, .. })
    }

    /// Whether it takes more than one statement.
    const fn is_compound(self) -> bool {
        match self {
            Self::Check { fence, .. } => fence.is_some(),
            Self::Insert { guard, fence, .. } => fence.is_some() || matches!(guard, Guard::Version),
            Self::Hold { .. } => true,
            Self::Confirm { .. } | Self::RunOut { .. } => false,
        }
    }
}

/// A connection with its statements and the run it is in.
pub(super) struct Session<'c> {
    connection: &'c Connection,
    path: &'c Path,
    place: Arc<Place>,
    begin: Statement<'c>,
    begin_reading: Statement<'c>,
    commit: Statement<'c>,
    check: Statement<'c>,
    insert: Statement<'c>,
    insert_guarded: Statement<'c>,
    insert_not_exists: Statement<'c>,
    run: i64,
}

impl<'c> Session<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        path: &'c Path,
        place: Arc<Place>,
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
        })
    }

    /// Carries out a group in one transaction; when it fails, none of it has happened.
    pub(super) fn commit(&mut self, group: Batch) -> rusqlite::Result<Vec<Response>> {
        let is_simple = match group.as_slice() {
            [(_, Order::User(request))] => !request.is_compound(),
            [_] => true,
            _ => false,
        };
        if is_simple {
            return group
                .into_iter()
                .map(|(_, request)| self.act(request))
                .collect();
        }
        let only_reads = group
            .iter()
            .all(|(_, order)| matches!(order, Order::User(request) if request.only_reads()));
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

    fn act(&mut self, order: Order) -> rusqlite::Result<Response> {
        match order {
            Order::User(request) => self.answer(request),
            Order::Control(control) => Ok(self.control(*control).into()),
        }
    }

    /// Carries out a user's step.
    pub(super) fn answer(&mut self, request: Request) -> rusqlite::Result<Response> {
        match request {
            Request::Check {
                fence: Some(token),
                seat,
                ..
            } if !self.passes(seat, token)? => Ok(Said::Stale.into()),
            Request::Check { seat, guard, .. } => {
                let is_booked = self.check.exists(params![self.run, seat.number()])?;
                let number = match guard {
                    Guard::Version => self.version(seat)?,
                    _ => 0,
                };
                let said = Response::from(!is_booked).said;
                Ok(Response { said, number })
            }
            Request::Insert {
                fence: Some(token),
                seat,
                ..
            } if !self.passes(seat, token)? => Ok(Said::Stale.into()),
            Request::Insert {
                seat,
                user,
                guard: Guard::Version,
                version,
                ..
            } => {
                let is_current = self.renew_version(seat, version)?;
                Ok((is_current && self.insert(seat, user, Guard::None)?).into())
            }
            Request::Insert {
                seat, user, guard, ..
            } => self.insert(seat, user, guard).map(Response::from),
            Request::Hold { seat, user, ms } => self.hold(seat, user, ms),
            Request::Confirm { seat, user } => self.confirm(seat, user).map(Response::from),
            Request::RunOut { seat, user } => self.run_out(seat, user).map(Response::from),
        }
    }

    /// Does what is no user's step: whether anybody still waits for it.
    fn control(&mut self, control: Control) -> bool {
        match control {
            Control::Begin(record, reply) => reply.send(self.begin_run(&record)).is_ok(),
            Control::Bookings(reply) => reply.send(self.bookings()).is_ok(),
        }
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

    fn next_position(&self) -> i64 {
        self.place.position.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn version(&self, seat: SeatId) -> rusqlite::Result<u32> {
        let mut select = self.connection.prepare_cached(
            "SELECT coalesce((SELECT version FROM seats WHERE run = ?1 AND seat = ?2), 0)",
        )?;
        select.query_row(params![self.run, seat.number()], |row| row.get(0))
    }

    /// Makes the seat's version a new one if it is still this.
    fn renew_version(&self, seat: SeatId, version: u32) -> rusqlite::Result<bool> {
        let mut update = self.connection.prepare_cached(
            "INSERT INTO seats (run, seat, version) SELECT ?1, ?2, 1 WHERE ?3 = 0 OR EXISTS \
             (SELECT 1 FROM seats WHERE run = ?1 AND seat = ?2) ON CONFLICT (run, seat) \
             DO UPDATE SET version = version + 1 WHERE version = ?3",
        )?;
        Ok(update.execute(params![self.run, seat.number(), version])? == 1)
    }

    /// Whether no later token was seen on this seat; this one is the latest then.
    fn passes(&self, seat: SeatId, token: NonZeroU32) -> rusqlite::Result<bool> {
        let mut update = self.connection.prepare_cached(
            "INSERT INTO seats (run, seat, fence) VALUES (?1, ?2, ?3) ON CONFLICT (run, seat) \
             DO UPDATE SET fence = ?3 WHERE fence <= ?3",
        )?;
        Ok(update.execute(params![self.run, seat.number(), token])? == 1)
    }

    /// Claims a seat that has no booking and no claim that is still good.
    fn hold(&mut self, seat: SeatId, user: UserId, ms: u32) -> rusqlite::Result<Response> {
        if self.check.exists(params![self.run, seat.number()])? {
            return Ok(Said::No.into());
        }
        let mut claim = self.connection.prepare_cached(
            "INSERT INTO seats (run, seat, holder, until_ms) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (run, seat) DO UPDATE SET holder = ?3, until_ms = ?4 \
             WHERE holder IS NULL OR until_ms <= ?5",
        )?;
        let now = now_ms();
        let until = now.saturating_add(i64::from(ms));
        let claimed = claim.execute(params![self.run, seat.number(), user.0, until, now])?;
        let said = if claimed == 1 { Said::Yes } else { Said::Busy };
        Ok(said.into())
    }

    /// Books the seat if the user is the last who claimed it.
    fn confirm(&self, seat: SeatId, user: UserId) -> rusqlite::Result<bool> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO bookings (run, seat, user, position) SELECT ?1, ?2, ?3, ?4 \
             WHERE EXISTS (SELECT 1 FROM seats WHERE run = ?1 AND seat = ?2 AND holder = ?3)",
        )?;
        let position = self.next_position();
        is_done(insert.execute(params![self.run, seat.number(), user.0, position]))
    }

    fn run_out(&self, seat: SeatId, user: Option<UserId>) -> rusqlite::Result<bool> {
        let mut update = self.connection.prepare_cached(
            "UPDATE seats SET until_ms = 0 WHERE run = ?1 AND seat = ?2 AND until_ms > 0 \
             AND (?3 IS NULL OR holder = ?3)",
        )?;
        let user = user.map(|user| user.0);
        Ok(update.execute(params![self.run, seat.number(), user])? == 1)
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
        Ok(())
    }

    fn bookings(&self) -> rusqlite::Result<Vec<Booking>> {
        let reader = Connection::open(self.path)?;
        reader.busy_timeout(BUSY_TIMEOUT)?;
        let mut select =
            reader.prepare("SELECT seat, user FROM bookings WHERE run = ?1 ORDER BY position")?;
        let mut rows = select.query(params![self.run])?;
        let mut bookings = Vec::new();
        while let Some(row) = rows.next()? {
            let number: u32 = row.get(0)?;
            let seat = SeatId::new(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(
                0,
                i64::from(number),
            ))?;
            bookings.push(Booking {
                seat,
                user: UserId(row.get(1)?),
            });
        }
        Ok(bookings)
    }
}

/// Whether a row was inserted; a constraint that refuses it is an answer too.
fn is_done(inserted: rusqlite::Result<usize>) -> rusqlite::Result<bool> {
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

/// The time of day, in milliseconds: all claims of a run are made and judged by one clock.
fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
