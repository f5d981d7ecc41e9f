//! What is written on a seat itself: its version, the latest token, who has claimed it and until when.

use std::time::{Duration, SystemTime};

use rusqlite::params;

use super::connection::{StoreConnection, is_done, seat_of};
use crate::seat::{SeatId, UserId};
use crate::services::lock::Ttl;
use crate::services::store::Claim;
use crate::step::Reply;

impl StoreConnection<'_> {
    pub(super) fn version(&self, seat: SeatId) -> rusqlite::Result<u32> {
        let mut select = self.connection.prepare_cached(
            "SELECT coalesce((SELECT version FROM seats WHERE run = ?1 AND seat = ?2), 0)",
        )?;
        select.query_row(params![self.run, seat.number()], |row| row.get(0))
    }

    /// Makes the seat's version a new one if it is still this.
    pub(super) fn renew_version(&self, seat: SeatId, version: u32) -> rusqlite::Result<bool> {
        let mut update = self.connection.prepare_cached(
            "INSERT INTO seats (run, seat, version) SELECT ?1, ?2, 1 WHERE ?3 = 0 OR EXISTS \
             (SELECT 1 FROM seats WHERE run = ?1 AND seat = ?2) ON CONFLICT (run, seat) \
             DO UPDATE SET version = version + 1 WHERE version = ?3",
        )?;
        Ok(update.execute(params![self.run, seat.number(), version])? == 1)
    }

    /// Whether no later token was seen on this seat; this one is the latest then. A user without one
    /// is not asked.
    pub(super) fn passes(&self, seat: SeatId, token: u32) -> rusqlite::Result<bool> {
        if token == 0 {
            return Ok(true);
        }
        let mut update = self.connection.prepare_cached(
            "INSERT INTO seats (run, seat, fence) VALUES (?1, ?2, ?3) ON CONFLICT (run, seat) \
             DO UPDATE SET fence = ?3 WHERE fence <= ?3",
        )?;
        Ok(update.execute(params![self.run, seat.number(), token])? == 1)
    }

    /// Claims a seat that has no booking and no claim that is still good.
    pub(super) fn hold(&mut self, seat: SeatId, user: UserId, ttl: Ttl) -> rusqlite::Result<Reply> {
        if self.look.exists(params![self.run, seat.number()])? {
            return Ok(Reply::Taken);
        }
        let mut claim = self.connection.prepare_cached(
            "INSERT INTO seats (run, seat, holder, until_ms) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (run, seat) DO UPDATE SET holder = ?3, until_ms = ?4 \
             WHERE holder IS NULL OR until_ms <= ?5",
        )?;
        let now = now_ms();
        let until = now.saturating_add(ttl.as_millis().cast_signed());
        let over = self.current.ended.end_of(seat).max(now);
        if claim.execute(params![self.run, seat.number(), user.0, until, over])? == 0 {
            return Ok(Reply::Held);
        }
        self.current.ended.forget(seat);
        Ok(Reply::Granted)
    }

    /// Books the seat if the user is the last who claimed it.
    pub(super) fn confirm(&self, seat: SeatId, user: UserId) -> rusqlite::Result<bool> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO bookings (run, seat, user, position) SELECT ?1, ?2, ?3, ?4 \
             WHERE EXISTS (SELECT 1 FROM seats WHERE run = ?1 AND seat = ?2 AND holder = ?3)",
        )?;
        let position = self.next_position();
        is_done(insert.execute(params![self.run, seat.number(), user.0, position]))
    }

    /// Lets the time of a claim be over, this user's or anybody's: whether there is one that is good.
    /// Nothing is written, as nothing is when time passes by itself.
    pub(super) fn expire(&self, seat: SeatId, user: Option<UserId>) -> rusqlite::Result<bool> {
        let mut select = self.connection.prepare_cached(
            "SELECT max(until_ms) FROM seats WHERE run = ?1 AND seat = ?2 AND until_ms > ?4 \
             AND (?3 IS NULL OR holder = ?3)",
        )?;
        let over = self.current.ended.end_of(seat).max(now_ms());
        let user = user.map(|user| user.0);
        let parameters = params![self.run, seat.number(), user, over];
        let until: Option<i64> = select.query_row(parameters, |row| row.get(0))?;
        if let Some(until) = until {
            self.current.ended.end(seat, until);
        }
        Ok(until.is_some())
    }

    pub(super) fn claims(&self) -> rusqlite::Result<Vec<Claim>> {
        let mut select = self.connection.prepare(
            "SELECT seat, until_ms FROM seats WHERE run = ?1 AND holder IS NOT NULL \
             AND until_ms > ?2 AND NOT EXISTS (SELECT 1 FROM bookings \
             WHERE bookings.run = seats.run AND bookings.seat = seats.seat)",
        )?;
        let now = now_ms();
        let claims = select.query_map(params![self.run, now], |row| {
            let until: i64 = row.get(1)?;
            let left = Duration::from_millis((until - now).unsigned_abs());
            Ok((seat_of(row.get(0)?)?, left, until))
        })?;
        let is_good = |seat, until| until > self.current.ended.end_of(seat);
        let good = claims.filter_map(|claim| match claim {
            Ok((seat, left, until)) => is_good(seat, until).then_some(Ok((seat, left))),
            Err(error) => Some(Err(error)),
        });
        good.collect()
    }
}

/// The time of day, in milliseconds: all claims of a run are made and judged by one clock.
fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
