//! A schedule told again: what every move was answered, and what it changed.

use serde::{Deserialize, Serialize};

use super::model::bounds::unbounded;
use super::model::crowd::Crowd;
use super::model::entrants::Entrants;
use super::model::room::USERS_MAX;
use super::model::user::Next;
use super::model::{RaceModel, State};
use crate::checker::Property;
use crate::client::Held;
use crate::history::{LockEffect, Outcome, Reply, Step};
use crate::schedule::{Delivery, Move, Schedule};
use crate::seat::UserId;
use crate::strategy::Strategy;

/// A schedule with its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The moves.
    pub moves: Vec<Told>,
    /// What each user was told in the end; `None` for one that crashed or did not come to its end.
    pub outcomes: Vec<Option<Outcome>>,
    /// The users who have a row, in the order of their rows.
    pub rows: Vec<UserId>,
}

/// One move with what it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The move.
    pub step: Move,
    /// What the service said, if one was asked.
    pub reply: Option<Reply>,
    /// What changed, in words; empty for nothing.
    pub change: String,
    /// Who holds the lock then, on each of the lock services.
    pub locks: Vec<Option<Held>>,
}

/// A line of a trace for a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLine {
    /// The move as a schedule has it.
    pub step: String,
    /// What the service said.
    pub reply: Option<Reply>,
    /// What changed.
    pub change: String,
}

impl Told {
    /// The line for a machine.
    #[must_use]
    pub fn line(&self) -> TraceLine {
        TraceLine {
            step: self.step.to_string(),
            reply: self.reply,
            change: self.change.clone(),
        }
    }
}

/// Why a schedule cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// More users than the model has.
    #[error("the schedule names {0} users: a model has at most {USERS_MAX}")]
    Users(u32),
    /// A move that is not possible where it stands.
    #[error(
        "move {position} of the schedule, '{step}', cannot be followed: {why}; possible here: {possible}"
    )]
    Move {
        /// Which move, from 1.
        position: usize,
        /// The move.
        step: String,
        /// What stands against it.
        why: String,
        /// The moves that are possible.
        possible: String,
    },
}

/// Follows a schedule in the model.
///
/// # Errors
/// When a move of it is not possible.
pub fn follow<S: Strategy>(
    strategy: &S,
    schedule: &Schedule,
    entrants: impl Into<Entrants>,
) -> Result<Trace, FollowError> {
    let entrants = entrants.into();
    let users = entrants.number();
    let race = following(strategy, schedule, entrants).ok_or(FollowError::Users(users))?;
    let mut teller = TraceBuilder {
        users,
        state: race.start(),
        race: &race,
        moves: Vec::new(),
    };
    for (at, step) in schedule.0.iter().enumerate() {
        teller
            .take(*step)
            .map_err(|why| teller.refusal(at + 1, *step, why))?;
    }
    Ok(teller.trace())
}

/// The race of those who can follow this schedule.
fn following<S: Strategy>(
    strategy: &S,
    schedule: &Schedule,
    entrants: Entrants,
) -> Option<RaceModel<S>> {
    let crowd = Crowd::following(strategy, schedule, entrants)?;
    let asked = Property::NoDoubleBooking;
    Some(RaceModel::of_schedule(strategy, crowd, asked, unbounded()))
}

/// The moves that take every user who has started to its end, one after another; what is late arrives
/// at last, if it can.
#[must_use]
pub fn completion<S: Strategy>(
    strategy: &S,
    schedule: &Schedule,
    entrants: impl Into<Entrants>,
) -> Vec<Move> {
    let Some(race) = following(strategy, schedule, entrants.into()) else {
        return Vec::new();
    };
    let mut state = race.start();
    for step in &schedule.0 {
        state = race.step(&state, *step).0;
    }
    let mut rest = Vec::new();
    for at in 0..race.crowd.len() {
        while let (Next::Asks(pending), true) =
            (state.users[at].next, state.users[at].has_started())
        {
            let step = Move::Step {
                user: race.crowd.id(at),
                step: pending.step(),
                node: pending.node(),
                reply: Delivery::Arrives,
            };
            state = race.step(&state, step).0;
            rest.push(step);
        }
    }
    let mut arrivals = Vec::new();
    race.arrivals(&state, &mut arrivals);
    while let Some(step) = arrivals.first().copied() {
        state = race.step(&state, step).0;
        rest.push(step);
        arrivals.clear();
        race.arrivals(&state, &mut arrivals);
    }
    rest
}

/// Tells what happens, move by move.
struct TraceBuilder<'a, S> {
    race: &'a RaceModel<S>,
    /// How many users there are, some of whom may take no part.
    users: u32,
    state: State,
    moves: Vec<Told>,
}

impl<S: Strategy> TraceBuilder<'_, S> {
    fn take(&mut self, step: Move) -> Result<(), String> {
        if !self.race.can(&self.state, step) {
            return Err(self.objection(step));
        }
        let (after, reply) = self.race.step(&self.state, step);
        let change = self.change(step, reply, &after);
        self.moves.push(Told {
            step,
            reply,
            change,
            locks: self.race.locks(&after),
        });
        self.state = after;
        Ok(())
    }

    fn objection(&self, step: Move) -> String {
        let Some(user) = step.user() else {
            return self.race.objection_to_fault(&self.state, step).to_owned();
        };
        let letter = user.letter();
        let at = self.race.crowd.place(user);
        let Some(user) = self
            .state
            .users
            .get(at)
            .filter(|_| self.race.crowd.has(user))
        else {
            return format!("{letter} takes no part");
        };
        if let Some(objection) = self.race.objection_to_late(&self.state, step) {
            return objection;
        }
        match user.next {
            Next::Asks(_)
                if matches!(step, Move::Stall(_))
                    && self.state.services.locks.is_locked_for_ever_by(at) =>
            {
                format!("the lock of {letter} has no time to live, so it never runs out")
            }
            Next::Asks(_) if matches!(step, Move::Stall(_)) => {
                format!("{letter} holds nothing for a time")
            }
            Next::Asks(_) if !user.has_started() && !matches!(step, Move::Step { .. }) => {
                format!("{letter} has not taken a step yet")
            }
            Next::Asks(pending) => format!(
                "the next step of {letter} is {}",
                pending.step().at(pending.node())
            ),
            Next::Ended(outcome) => format!("{letter} was already told '{outcome}'"),
            Next::Crashed => format!("{letter} has crashed"),
            Next::Lost => format!("{letter} is beyond what the model can follow"),
        }
    }

    fn refusal(&self, position: usize, step: Move, why: String) -> FollowError {
        let mut possible = Vec::new();
        self.race.moves(&self.state, &mut possible);
        let names: Vec<String> = possible
            .iter()
            .filter(|step| !step.is_fault())
            .map(ToString::to_string)
            .collect();
        let possible = if names.is_empty() {
            "nothing, everybody is done".to_owned()
        } else {
            names.join(", ")
        };
        FollowError::Move {
            position,
            step: step.to_string(),
            why,
            possible,
        }
    }

    fn change(&self, step: Move, reply: Option<Reply>, after: &State) -> String {
        let (before, now) = (
            self.state.services.database.rows(),
            after.services.database.rows(),
        );
        let is_sold_now = now.users().count() > before.users().count();
        let is_foreign =
            after.services.locks.freed_foreign && !self.state.services.locks.freed_foreign;
        let effect = match step {
            _ if is_sold_now => match self.first_holder(step) {
                None => "the seat is sold",
                Some(holder) => &format!("the seat is sold AGAIN: {holder} has it"),
            },
            Move::Step { step, .. } | Move::Arrival { step, .. } => {
                of_reply(step, reply, is_foreign)
            }
            Move::Expire(_) if before.good_claims().next().is_some() => {
                "the claim may be taken over, and its holder does not know"
            }
            Move::Expire(_) => "the lock is free, and its holder does not know",
            Move::Restart(_) => "the lock is forgotten",
            Move::PauseRedis => "nobody is answered for a while",
            Move::Stall(_) => "what it holds for a time runs out meanwhile",
            Move::Crash(_) => "it never moves again",
            Move::GiveUp(_) => "it abandons its attempt",
        };
        let unheard = unheard(step).map(str::to_owned);
        let told = step.user().and_then(|user| {
            let place = self.race.crowd.place(user);
            let [before, after] = [&self.state, after].map(|state| state.users[place].outcome());
            after
                .filter(|_| before.is_none())
                .map(|outcome| format!("{} is told '{outcome}'", user.letter()))
        });
        let parts = [
            self.person(step),
            Some(effect.to_owned()).filter(|effect| !effect.is_empty()),
            unheard,
            told,
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// The user who has a row, which are numbered from 1.
    fn user_of(&self, row: u8) -> UserId {
        self.race.crowd.id(usize::from(row).saturating_sub(1))
    }

    /// Whether a user that takes its first lock is one person with somebody before it, where its locks
    /// are held with the person's name.
    fn person(&self, step: Move) -> Option<String> {
        let (
            Some(user),
            Move::Step {
                step: Step::Acquire,
                ..
            },
        ) = (step.user(), step)
        else {
            return None;
        };
        let begins = |at: usize| !self.state.users[at].has_started();
        let at = self.race.crowd.place(user);
        let is_named =
            matches!(self.state.users[at].next, Next::Asks(pending) if pending.lock_request == 0);
        if !is_named || !begins(at) {
            return None;
        }
        let ids = (0..self.race.crowd.len()).filter(|other| !begins(*other));
        let mut others = ids.map(|other| self.race.crowd.id(other)).peekable();
        others.peek()?;
        let same = others.find(|other| other.person() == user.person());
        Some(same.map_or_else(
            || format!("{} is another person", user.letter()),
            |same| format!("{} and {} are one person", same.letter(), user.letter()),
        ))
    }

    /// Who has the seat that the moving user wants.
    fn first_holder(&self, step: Move) -> Option<char> {
        let seat = self.race.room.seat_of(self.race.crowd.place(step.user()?));
        let rows = self.state.services.database.rows();
        let row = rows.on(seat).next()?;
        Some(self.user_of(row.user).letter())
    }

    fn trace(self) -> Trace {
        let crowd = self.race.crowd;
        let outcomes = (1..=self.users).map(UserId).map(|user| {
            let user = self.state.users.get(crowd.place(user))?;
            user.outcome()
        });
        let outcomes = outcomes.collect();
        let rows = self
            .state
            .services
            .database
            .rows()
            .users()
            .map(|row| self.user_of(row))
            .collect();
        Trace {
            moves: self.moves,
            outcomes,
            rows,
        }
    }
}

/// What a step changes that is answered so, but for a sale.
fn of_reply(step: Step, reply: Option<Reply>, is_foreign: bool) -> &'static str {
    let Some(reply) = reply.filter(|reply| reply.is_done()) else {
        return "";
    };
    match step.lock_effect() {
        LockEffect::Claims => "the seat is claimed",
        LockEffect::Takes | LockEffect::Frees if is_foreign => {
            "a lock is taken away that another holds"
        }
        LockEffect::Takes => "the lock is taken",
        LockEffect::Frees => "the lock is free",
        LockEffect::Nothing if reply == Reply::Inserted => "not committed yet",
        LockEffect::Times | LockEffect::Looks | LockEffect::Nothing => "",
    }
}

/// What is not heard of a move, if anything.
const fn unheard(step: Move) -> Option<&'static str> {
    match step {
        Move::Step { reply, .. } => match reply {
            Delivery::Arrives | Delivery::Slow => None,
            Delivery::Lost => Some("the reply is lost"),
            Delivery::LostRequest => Some("the request is lost"),
            Delivery::Late => Some("the request is on its way"),
        },
        Move::Arrival { .. } => Some("nobody hears the reply"),
        Move::Crash(_)
        | Move::GiveUp(_)
        | Move::Stall(_)
        | Move::Expire(_)
        | Move::Restart(_)
        | Move::PauseRedis => None,
    }
}
