//! One connection to the database: its statements, and the run it is in.

use std::path::Path;

use rusqlite::{Connection, Statement, params};

use super::schema::BUSY_TIMEOUT;
use super::sqlite::{Batch, Control, Request, RunRecord};
use super::{Guard, StoreError, schema};
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

/// A connection with its statements and the run it is in.
pub(super) struct Session<'c> {
    connection: &'c Connection,
    path: &'c Path,
    begin: Statement<'c>,
    commit: Statement<'c>,
    check: Statement<'c>,
    insert: Statement<'c>,
    insert_guarded: Statement<'c>,
    insert_not_exists: Statement<'c>,
    run: i64,
    position: i64,
}

impl<'c> Session<'c> {
    pub(super) fn new(connection: &'c Connection, path: &'c Path) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            path,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
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
            run: 0,
            position: 0,
        })
    }

    /// Carries out a group in one transaction; when it fails, none of it has happened.
    pub(super) fn commit(&mut self, group: Batch) -> rusqlite::Result<Vec<bool>> {
        if let [_] = group.as_slice() {
            return group
                .into_iter()
                .map(|(_, request)| self.act(request))
                .collect();
        }
        self.begin.execute([])?;
        let answers: rusqlite::Result<Vec<bool>> = group
            .into_iter()
            .map(|(_, request)| self.act(request))
            .collect();
        let committed = answers.and_then(|answers| self.commit.execute([]).map(|_| answers));
        if committed.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        committed
    }

    fn act(&mut self, request: Request) -> rusqlite::Result<bool> {
        match request {
            Request::Check(seat) => {
                let is_booked = self.check.exists(params![self.run, seat.number()])?;
                Ok(!is_booked)
            }
            Request::Insert(seat, user, guard) => self.insert(seat, user, guard),
            Request::Control(control) => Ok(self.control(*control)),
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
        self.position += 1;
        let statement = match guard {
            Guard::None => &mut self.insert,
            Guard::Unique => &mut self.insert_guarded,
            Guard::NotExists => &mut self.insert_not_exists,
        };
        match statement.execute(params![self.run, seat.number(), user.0, self.position]) {
            Ok(inserted) => Ok(inserted == 1),
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
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
        self.position = 0;
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
