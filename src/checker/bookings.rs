//! Bookings: whether rows and answers to users agree, and every seat is sold once.

use std::collections::BTreeSet;

use super::{Verdict, Witness};
use crate::history::index::{BySeat, ByUser};
use crate::history::{FaultEvent, History, Outcome, Reply};
use crate::seat::{Booking, SeatId, UserId};

/// The rows of a history, found by seat and by user.
pub(super) struct RowIndex<'h> {
    pub(super) history: &'h History,
    /// The first holder of each seat.
    holders: BySeat<UserId>,
    /// The first row for a seat that already had one.
    again: Option<Booking>,
    /// What each holder was told; `None` when its end is not recorded.
    told: ByUser<Option<Outcome>>,
}

impl<'h> RowIndex<'h> {
    pub(super) fn of(history: &'h History) -> Self {
        let many = history.bookings.len();
        let (mut holders, mut told) = (BySeat::for_about(many), ByUser::for_about(many));
        let mut again = None;
        for row in &history.bookings {
            let mut is_first = false;
            holders.entry(row.seat, || {
                is_first = true;
                row.user
            });
            if !is_first {
                again.get_or_insert(*row);
            }
            told.insert(row.seat, row.user, None);
        }
        for attempt in history.attempts.iter() {
            if let Some(told) = told.get_mut(attempt.seat, attempt.user) {
                *told = Some(attempt.outcome);
            }
        }
        Self {
            history,
            holders,
            again,
            told,
        }
    }
}

/// The first row for a seat that already had one is the witness, whoever they are of: a seat with two rows
/// was sold twice.
pub(super) fn no_double_booking(rows: &RowIndex<'_>) -> Verdict {
    let Some(Booking { seat, user }) = rows.again else {
        return Verdict::Holds;
    };
    let holder = rows.holders.get(seat).copied().unwrap_or(user);
    Verdict::Violated(Witness {
        text: format!("seat {seat} was sold to user {holder} and again to user {user}"),
        seat,
        users: vec![holder, user],
    })
}

/// A user that was told "confirmed" and has no row was lied to.
pub(super) fn no_phantom_success(rows: &RowIndex<'_>) -> Verdict {
    let phantom = rows.history.attempts.iter().find(|attempt| {
        attempt.outcome == Outcome::Confirmed && rows.told.get(attempt.seat, attempt.user).is_none()
    });
    phantom.map_or(Verdict::Holds, |attempt| {
        let (seat, user) = (attempt.seat, attempt.user);
        Verdict::Violated(Witness {
            text: format!("user {user} was told that seat {seat} is booked, and has no row"),
            seat,
            users: vec![user],
        })
    })
}

/// A row belongs to an attempt that was confirmed, or whose end nobody knows.
pub(super) fn no_stray_booking(rows: &RowIndex<'_>) -> Verdict {
    let stray = rows.history.bookings.iter().find_map(|row| {
        match rows.told.get(row.seat, row.user).copied().flatten() {
            Some(outcome) if outcome.may_be_booked() => None,
            // It was told nothing.
            None if has_crashed(rows.history, row.user) => None,
            told @ (Some(_) | None) => Some((row, told)),
        }
    });
    let Some((row, told)) = stray else {
        return Verdict::Holds;
    };
    let (seat, user) = (row.seat, row.user);
    let text = match told {
        Some(outcome) => format!("user {user} was told '{outcome}' and has a row for seat {seat}"),
        None if has_tried(rows.history, seat, user) => {
            return Verdict::Unknown(format!(
                "user {user} has a row for seat {seat}, and the end of its attempt is not recorded"
            ));
        }
        None => format!("seat {seat} has a row of user {user}, who never tried for it"),
    };
    Verdict::Violated(Witness {
        text,
        seat,
        users: vec![user],
    })
}

fn has_crashed(history: &History, user: UserId) -> bool {
    let is_its = |fault: &FaultEvent| fault.user == Some(user);
    let mut crashes = history.faults.iter().filter(|fault| is_its(fault));
    crashes.any(|fault| fault.fault.stops_its_user())
}

fn has_tried(history: &History, seat: SeatId, user: UserId) -> bool {
    history
        .events
        .iter()
        .any(|event| event.step.may_book() && event.seat == seat && event.user == user)
}

/// Safety alone is easy: whoever sells nothing sells nothing twice.
pub(super) fn someone_books(rows: &RowIndex<'_>) -> Verdict {
    let history = rows.history;
    let wanted = history
        .attempts
        .iter()
        .map(|attempt| (attempt.seat, attempt.user));
    let unfinished = history.events.iter().map(|event| (event.seat, event.user));
    let unsold = wanted
        .chain(unfinished)
        .find(|(seat, _)| rows.holders.get(*seat).is_none());
    match unsold {
        Some((seat, _)) if history.footer.interrupted => Verdict::Unknown(format!(
            "seat {seat} was not sold before the race was stopped"
        )),
        Some((seat, _)) if !history.footer.troubles.is_empty() => Verdict::Unknown(format!(
            "seat {seat} was not sold, and a service failed during the race"
        )),
        Some((seat, _)) if !are_all_done(history) => Verdict::Unknown(format!(
            "seat {seat} was not sold, and not everybody has come to its end"
        )),
        Some((seat, user)) => Verdict::Violated(Witness {
            text: format!("seat {seat} was wanted and nobody got it"),
            seat,
            users: crashed_on(history, seat)
                .filter(|crashed| *crashed != user)
                .into_iter()
                .chain([user])
                .collect(),
        }),
        None if history.attempts.is_empty() => {
            Verdict::Unknown("nobody tried for a seat".to_owned())
        }
        None => Verdict::Holds,
    }
}

/// The user that crashed on its way to the seat: one that was granted a lock or a claim, if there is one.
fn crashed_on(history: &History, seat: SeatId) -> Option<UserId> {
    let ends = history.faults.iter();
    let ends = ends.filter(|fault| fault.fault.stops_its_user());
    let crashed: BTreeSet<UserId> = ends.filter_map(|fault| fault.user).collect();
    let events = history.events.iter();
    let on_the_way = events.filter(|it| it.seat == seat && crashed.contains(&it.user));
    let found = on_the_way.max_by_key(|it| it.reply == Reply::Granted);
    found.map(|it| it.user)
}

/// Whether every user was told its outcome, or has crashed.
fn are_all_done(history: &History) -> bool {
    let is_crash = |fault: &&FaultEvent| fault.fault.stops_its_user();
    let crashed = history.faults.iter().filter(is_crash);
    let users = usize::try_from(history.header.users()).unwrap_or(usize::MAX);
    history.attempts.len() + crashed.count() >= users
}
