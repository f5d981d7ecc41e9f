//! What is done on the database that is no user's step: a run begun, its rows read.

use std::sync::atomic::Ordering;

use rusqlite::{Connection, OpenFlags, params};

use super::connection::{StoreConnection, is_busy, seat_of};
use super::schema::{self, BUSY_TIMEOUT};
use crate::seat::{Booking, UserId};
use crate::services::store::{Admin, RunRecord};

impl StoreConnection<'_> {
    /// Does what is no user's step. The receiver may be gone.
    pub(super) fn administer(&mut self, admin: Admin) {
        let failed = |source| schema::failure(self.path, source);
        match admin {
            Admin::Begin(record, reply) => {
                let _ = reply.send(self.begin_run(&record).map_err(failed));
            }
            Admin::Bookings(reply) => drop(reply.send(self.bookings().map_err(failed))),
            Admin::Claims(reply) => drop(reply.send(self.claims().map_err(failed))),
            Admin::Expire((seat, user), reply) => {
                let is_over = match self.expire(seat, user) {
                    // What waits in vain for another user's transaction is no fault of the database.
                    Err(error) if is_busy(&error) && self.current.has_open_transactions() => {
                        Ok(false)
                    }
                    is_over => is_over.map_err(failed),
                };
                let _ = reply.send(is_over);
            }
            Admin::Forced(request, reply) => drop(reply.send(self.answer_forced(request))),
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
        self.current.run.store(self.run, Ordering::Relaxed);
        self.current.position.store(0, Ordering::Relaxed);
        self.current.ended.clear();
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
