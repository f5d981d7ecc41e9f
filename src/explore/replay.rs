//! Replay: an interleaving is forced on the real stores and compared with the model.

use std::num::NonZeroU32;

use crate::engine::{Engine, EngineError, Forced};
use crate::explore::{Entrants, FollowError, Told, Trace, completion, follow, interleavings};
use crate::history::{History, Reply};
use crate::plan::Plan;
use crate::schedule::Schedule;
use crate::seat::{SeatId, UserId};
use crate::strategy::Strategy;

/// The most interleavings that are all forced: a few seconds' worth.
pub const INTERLEAVINGS_MAX: usize = 20_000;

/// Why an interleaving could not be forced.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The strategy cannot move like that.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The real stores could not be used, or the users diverged from the schedule.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// More interleavings than anybody wants to wait for.
    #[error("{users} users have more than {INTERLEAVINGS_MAX} interleavings: give fewer --users")]
    TooMany {
        /// How many users.
        users: u32,
    },
}

/// An interleaving that was forced on the real stores.
#[derive(Debug)]
pub struct Replayed {
    /// What was asked for.
    pub schedule: Schedule,
    /// What the model says to it, and to the moves after it that took everybody to the end.
    pub model: Trace,
    /// What the real stores said to each move.
    pub replies: Vec<Option<Reply>>,
    /// The users with a row in the real database, in the order of their rows.
    pub rows: Vec<UserId>,
    /// What really happened, for the checker.
    pub history: History,
    /// Where the model and the real stores differ, a line each.
    pub differences: Vec<String>,
}

/// Forces a schedule on the real stores, then lets those who took part go to their ends, one after
/// another. Everything is compared with what the model says.
///
/// # Errors
/// When the model cannot follow the schedule, or a service fails.
pub async fn replay<S: Strategy>(
    engine: &Engine,
    strategy: &S,
    plan: &Plan,
    schedule: Schedule,
) -> Result<Replayed, ReplayError> {
    // A schedule may leave out users, so that it names more than take part.
    let users = NonZeroU32::new(schedule.users()).map_or(plan.users, |users| users.max(plan.users));
    let plan = &Plan {
        users,
        ..plan.clone()
    };
    let entrants = entrants(plan);
    follow(strategy, &schedule, entrants)?;
    let mut whole = schedule.clone();
    let rest = completion(strategy, &schedule, entrants);
    whole.0.extend(rest);
    let model = follow(strategy, &whole, entrants)?;
    let forced = engine.force(strategy, plan, &whole).await?;
    let rows: Vec<UserId> = forced.history.bookings.iter().map(|row| row.user).collect();
    Ok(Replayed {
        differences: differences(&model, &forced, &rows),
        history: forced.history,
        schedule,
        model,
        replies: forced.replies,
        rows,
    })
}

/// Forces every interleaving in which nothing goes wrong, until the engine is told to stop.
///
/// # Errors
/// As [`replay`], or when there are too many.
pub async fn replay_all<S: Strategy>(
    engine: &Engine,
    strategy: &S,
    plan: &Plan,
) -> Result<Vec<Replayed>, ReplayError> {
    let users = plan.users.get();
    let all = interleavings(strategy, entrants(plan), INTERLEAVINGS_MAX);
    let mut replayed = Vec::new();
    for schedule in all.ok_or(ReplayError::TooMany { users })? {
        match replay(engine, strategy, plan, schedule).await {
            Ok(one) => replayed.push(one),
            Err(ReplayError::Engine(EngineError::Stopped)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(replayed)
}

/// The users of the plan, and what each of them wants.
fn entrants(plan: &Plan) -> Entrants {
    let wishes: Vec<SeatId> = plan.user_ids().map(|user| plan.seat_of(0, user)).collect();
    Entrants::after(&wishes)
}

fn differences(model: &Trace, forced: &Forced, rows: &[UserId]) -> Vec<String> {
    let replies = model
        .moves
        .iter()
        .zip(&forced.replies)
        .enumerate()
        .filter_map(|(at, (told, real))| {
            let Told { step, reply, .. } = told;
            let [said, was] = [reply, real]
                .map(|reply| reply.map_or_else(|| "nothing".to_owned(), |reply| reply.to_string()));
            (reply != real).then(|| {
                format!(
                    "move {}, {step}: the model says '{said}', the real stores '{was}'",
                    at + 1
                )
            })
        });
    let mut differences: Vec<String> = replies.collect();
    let outcomes = model.outcomes.iter().zip(&forced.outcomes);
    for (user, (said, was)) in (1..).map(UserId).zip(outcomes) {
        let [told, was_told] = [said, was].map(|outcome| {
            outcome.map_or_else(|| "nothing".to_owned(), |outcome| format!("'{outcome}'"))
        });
        if said != was {
            let letter = user.letter();
            differences.push(format!("{letter} was told {was_told}, in the model {told}"));
        }
    }
    differences.extend(differences_of_locks(model, forced));
    differences.extend(forced.diverged.clone());
    if model.rows != rows {
        let [real, said] = [rows, &model.rows].map(|rows| {
            let letters: Vec<String> = rows.iter().map(|user| user.letter().to_string()).collect();
            if letters.is_empty() {
                "nobody".to_owned()
            } else {
                letters.join(" ")
            }
        });
        differences.push(format!(
            "the database has rows of {real}, the model of {said}"
        ));
    }
    differences
}

/// Where a lock is held by somebody else than in the model, or with another life: the first move after
/// which it is.
fn differences_of_locks(model: &Trace, forced: &Forced) -> Option<String> {
    let moves = model.moves.iter().zip(&forced.locks).enumerate();
    let held = moves.flat_map(|(at, (told, locks))| {
        let both = told.locks.iter().zip(locks).enumerate();
        both.map(move |(node, (said, was))| (at, told, node, said, was))
    });
    let mut differing = held.filter(|(_, _, _, said, was)| said != was);
    let (at, Told { step, .. }, node, said, was) = differing.next()?;
    let [said, was] =
        [said, was].map(|held| held.map_or_else(|| "free".to_owned(), |held| held.to_string()));
    let node = if model.moves[at].locks.len() > 1 {
        format!(" on Redis {}", node + 1)
    } else {
        String::new()
    };
    let at = at + 1;
    Some(format!(
        "after move {at}, {step}, the lock{node} is {was}; in the model it is {said}"
    ))
}
