//! Impossible histories: which line racesim cannot have written, and why.
//!
//! Asked of files only: what racesim has just made needs no such proof. What a user was told and what the
//! database holds may contradict each other, which is for the properties to say; everything else that
//! racesim rules out makes a history one that nothing can be concluded from.

mod locks;
mod protocol;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{
    Attempt, Event, FaultEvent, FaultKind, History, Outcome, Recorded, Reply, Service, Step,
};
use crate::seat::{SeatId, UserId};
use crate::strategy::Strategy;

use steps::{RecordedStep, at, steps_by_user};

/// Why racesim cannot have written this history, with the number of the line; `None` when it can.
#[must_use]
pub fn objection(race: &Recorded) -> Option<String> {
    lines_alone(race)
        .or_else(|| attempts(race))
        .or_else(|| users(race))
        .or_else(|| reading(race))
        .or_else(|| rows(race))
        .or_else(|| locks::objection(race))
}

/// The same of a history of this strategy: every user's steps are what its own code asks for after
/// the answers that it had.
#[must_use]
pub fn objection_by<S: Strategy>(race: &Recorded, strategy: &S) -> Option<String> {
    objection(race).or_else(|| protocol::objection(race, strategy))
}

/// The steps and faults, each by itself.
fn lines_alone(race: &Recorded) -> Option<String> {
    let Recorded { history, lines } = race;
    let events = history.events.iter().zip(&lines.events);
    let step = events.clone().find_map(|(event, line)| {
        let why = step_alone(history, &event)?;
        Some(at(*line, why))
    });
    let mut faults = history.faults.iter().zip(&lines.faults);
    step.or_else(|| faults.find_map(|(fault, line)| Some(at(*line, fault_alone(history, fault)?))))
}

fn fault_alone(history: &History, fault: &FaultEvent) -> Option<&'static str> {
    let user_objection = match (fault.fault, fault.user) {
        (FaultKind::Crash | FaultKind::Stall, None) => Some("a crash or a stall names its user"),
        (FaultKind::Restart, Some(_)) => Some("a restart names no user"),
        (FaultKind::Crash | FaultKind::Stall, Some(_))
        | (FaultKind::Restart, None)
        | (FaultKind::Expire, _) => None,
    };
    if fault.completed_ns < fault.invoked_ns {
        Some("it was over before it began")
    } else if fault.node != 0 && fault.node >= history.header.conduct.locks {
        Some("the strategy has no such lock service")
    } else {
        user_objection.or_else(|| user_alone(history, fault.user?))
    }
}

fn step_alone(history: &History, event: &Event) -> Option<&'static str> {
    let is_lock = event.step.service() == Service::Lock;
    let is_asked = event.node < history.header.conduct.locks || event.reply == Reply::Failed;
    if event.completed_ns < event.invoked_ns {
        Some("it was answered before it was asked")
    } else if !event.step.may_be_answered(event.reply) {
        Some("this step has no such answer")
    } else if !is_lock && event.node != 0 {
        Some("this step is asked of no lock service")
    } else if is_lock && !is_asked {
        Some("the strategy has no such lock service")
    } else {
        user_alone(history, event.user)
    }
}

fn user_alone(history: &History, user: UserId) -> Option<&'static str> {
    let is_there = (1..=history.header.users()).contains(&user.0);
    (!is_there).then_some("there is no such user")
}

/// One attempt of every user.
fn attempts(race: &Recorded) -> Option<String> {
    let Recorded { history, lines } = race;
    let mut seen = BTreeSet::new();
    for (attempt, line) in history.attempts.iter().zip(&lines.attempts) {
        if attempt.ended_ns < attempt.started_ns {
            return Some(at(*line, "it ended before it started"));
        }
        if let Some(why) = user_alone(history, attempt.user) {
            return Some(at(*line, why));
        }
        if !seen.insert(attempt.user) {
            return Some(at(*line, "this user was told its outcome before"));
        }
    }
    let is_short = seen.len() < usize::try_from(history.header.users()).unwrap_or(usize::MAX);
    (is_short && !history.footer.interrupted).then(|| {
        let told = seen.len();
        let why = format!(
            "of {} users {told} were told an outcome",
            history.header.users()
        );
        at(lines.footer, &why)
    })
}

/// One step after another, on one seat, between the start and the end.
fn users(race: &Recorded) -> Option<String> {
    let attempts: BTreeMap<UserId, Attempt> = race
        .history
        .attempts
        .iter()
        .map(|attempt| (attempt.user, attempt))
        .collect();
    let crashes = crashes(&race.history);
    let steps = steps_by_user(race);
    let mut users = steps.chunk_by(|one, next| one.event.user == next.event.user);
    users.find_map(|steps| {
        let user = steps[0].event.user;
        let last = steps[steps.len() - 1];
        let crashed_ns = crashes.get(&user).copied().unwrap_or(u64::MAX);
        in_turn(steps, attempts.get(&user)).or_else(|| {
            let goes_on = last.event.completed_ns > crashed_ns;
            goes_on.then(|| at(last.line, "its user had crashed"))
        })
    })
}

/// What is left is read when everybody has come to its end.
fn reading(race: &Recorded) -> Option<String> {
    let Recorded { history, lines } = race;
    let read_ns = history.footer.locks_read_ns?;
    let steps = history.events.iter().map(|event| event.completed_ns);
    let ends = history.attempts.iter().map(|attempt| attempt.ended_ns);
    let is_early = steps.chain(ends).any(|at_ns| at_ns > read_ns);
    is_early.then(|| at(lines.footer, "the locks were read before the end"))
}

/// When each user had stopped for ever that did.
fn crashes(history: &History) -> BTreeMap<UserId, u64> {
    let mut crashes = BTreeMap::new();
    for fault in &history.faults {
        if let Some(user) = fault.user.filter(|_| fault.fault.stops_its_user()) {
            let known = crashes.entry(user).or_insert(fault.completed_ns);
            *known = fault.completed_ns.min(*known);
        }
    }
    crashes
}

fn in_turn(steps: &[RecordedStep], attempt: Option<&Attempt>) -> Option<String> {
    let seat = attempt.map_or(steps[0].event.seat, |attempt| attempt.seat);
    let mut before: Option<Event> = None;
    let mut free_ns = attempt.map_or(0, |attempt| attempt.started_ns);
    for RecordedStep { event, line } in steps {
        let why = if event.seat != seat {
            Some("this user is after another seat")
        } else if before == Some(*event) {
            Some("it is the line before it once more")
        } else if event.invoked_ns < free_ns {
            Some("its user was not free for it yet")
        } else if attempt.is_some_and(|attempt| event.completed_ns > attempt.ended_ns) {
            Some("its user had come to its end")
        } else {
            None
        };
        if let Some(why) = why {
            return Some(at(*line, why));
        }
        free_ns = event.completed_ns;
        before = Some(*event);
    }
    None
}

/// One row of a user for a seat, and one for every booking that the database has said it made.
fn rows(race: &Recorded) -> Option<String> {
    let Recorded { history, lines } = race;
    let mut seen = BTreeSet::new();
    for (row, line) in history.bookings.iter().zip(&lines.bookings) {
        if !seen.insert((row.seat, row.user)) {
            return Some(at(*line, "a user has one row for a seat at the most"));
        }
    }
    // Who was told confirmed and has no row was lied to, whoever lied.
    let confirmed: BTreeSet<UserId> = history
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome == Outcome::Confirmed)
        .map(|attempt| attempt.user)
        .collect();
    let steps = steps_by_user(race);
    let users = steps.chunk_by(|one, next| one.event.user == next.event.user);
    let mut booked = users.filter_map(|steps| booked(history, steps));
    let (_, line) = booked
        .find(|((seat, user), _)| !seen.contains(&(*seat, *user)) && !confirmed.contains(user))?;
    Some(at(line, "the booking was made, and has no row"))
}

/// The booking that a user certainly has, and the line that says so.
fn booked(history: &History, steps: &[RecordedStep]) -> Option<((SeatId, UserId), u32)> {
    let mut is_inserted = false;
    for RecordedStep { event, line } in steps {
        let is_done = event.reply.is_done();
        let is_booked = match event.step {
            Step::Begin | Step::Rollback => {
                is_inserted = false;
                false
            }
            Step::Confirm => true,
            Step::Insert => {
                is_inserted |= is_done;
                !history.header.conduct.transactions
            }
            Step::Commit => is_inserted,
            Step::Acquire
            | Step::SetTtl
            | Step::Validate
            | Step::Wait
            | Step::Hold
            | Step::Check
            | Step::Pay
            | Step::Verify
            | Step::Release => false,
        };
        if is_booked && is_done {
            return Some(((event.seat, event.user), *line));
        }
    }
    None
}
