//! Do the rows of the database and the answers to the users agree, and is every seat sold once?

use ahash::{AHashMap as HashMap, AHashSet as HashSet};

use super::{Verdict, Witness};
use crate::history::{History, Outcome, Step};
use crate::seat::{SeatId, UserId};

/// The first row for a seat that already had one is the witness.
pub(super) fn no_double_booking(history: &History) -> Verdict {
    let mut holders: HashMap<SeatId, UserId> = HashMap::default();
    for booking in &history.bookings {
        let holder = *holders.entry(booking.seat).or_insert(booking.user);
        if holder != booking.user {
            let (seat, user) = (booking.seat, booking.user);
            return Verdict::Violated(Witness {
                text: format!("seat {seat} was sold to user {holder} and again to user {user}"),
                seat,
                users: vec![holder, user],
            });
        }
    }
    Verdict::Holds
}

/// A user that was told "confirmed" and has no row was lied to.
pub(super) fn no_phantom_success(history: &History) -> Verdict {
    let rows: HashSet<(SeatId, UserId)> = history
        .bookings
        .iter()
        .map(|row| (row.seat, row.user))
        .collect();
    let phantom = history.attempts.iter().find(|attempt| {
        attempt.outcome == Outcome::Confirmed && !rows.contains(&(attempt.seat, attempt.user))
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
pub(super) fn no_stray_booking(history: &History) -> Verdict {
    let told: HashMap<(SeatId, UserId), Outcome> = history
        .attempts
        .iter()
        .map(|attempt| ((attempt.seat, attempt.user), attempt.outcome))
        .collect();
    let stray = history
        .bookings
        .iter()
        .find_map(|row| match told.get(&(row.seat, row.user)) {
            Some(Outcome::Confirmed | Outcome::Unknown) => None,
            told => Some((row, told)),
        });
    let Some((row, told)) = stray else {
        return Verdict::Holds;
    };
    let (seat, user) = (row.seat, row.user);
    let text = match told {
        Some(outcome) => format!("user {user} was told '{outcome}' and has a row for seat {seat}"),
        None if has_tried(history, seat, user) => {
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

fn has_tried(history: &History, seat: SeatId, user: UserId) -> bool {
    history
        .events
        .iter()
        .any(|event| event.step == Step::Insert && event.seat == seat && event.user == user)
}

/// Safety alone is easy: whoever sells nothing sells nothing twice.
pub(super) fn someone_books(history: &History) -> Verdict {
    let sold: HashSet<SeatId> = history.bookings.iter().map(|row| row.seat).collect();
    let wanted = history
        .attempts
        .iter()
        .map(|attempt| (attempt.seat, attempt.user));
    let unfinished = history.events.iter().map(|event| (event.seat, event.user));
    let unsold = wanted
        .chain(unfinished)
        .find(|(seat, _)| !sold.contains(seat));
    match unsold {
        Some((seat, _)) if history.footer.interrupted => Verdict::Unknown(format!(
            "seat {seat} was not sold before the race was stopped"
        )),
        Some((seat, user)) => Verdict::Violated(Witness {
            text: format!("seat {seat} was wanted and nobody got it"),
            seat,
            users: vec![user],
        }),
        None if history.attempts.is_empty() => {
            Verdict::Unknown("nobody tried for a seat".to_owned())
        }
        None => Verdict::Holds,
    }
}
