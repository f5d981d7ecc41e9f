//! A plan as options of a race: what differs from the usual, and what every line should say.

use std::num::NonZeroU32;

use super::values;
use crate::duration::Millis;
use crate::plan::{Commit, Payment, Plan, Wanted};

/// An option's name and its value.
pub(super) type OptionWords = (&'static str, String);

/// What is to be raced, but for the seed and the limit of the services.
pub(super) fn race(plan: &Plan, says_rounds: bool) -> Vec<OptionWords> {
    let Plan {
        users,
        wanted,
        payment,
        concurrency,
        arrive_over: _,
        rounds,
        seed: _,
        commit,
        faults,
        timeout: _,
    } = plan;
    let mut words = vec![("users", users.to_string())];
    words.push(match wanted {
        Wanted::AnyOf(seats) => ("seats", seats.to_string()),
        Wanted::Seat(seat) => ("seat", seat.to_string()),
        Wanted::Own => ("seats", values::EACH.to_owned()),
    });
    if *payment != Payment::default() {
        words.push(("payment", payment.to_string()));
    }
    words.extend(concurrency.map(|width| ("concurrency", width.to_string())));
    words.extend(plan.arrivals_in_words().map(|time| ("arrive-over", time)));
    if says_rounds {
        words.push(("rounds", rounds.to_string()));
    }
    if *commit != Commit::Group {
        words.push(("commit", commit.name().to_owned()));
    }
    words.extend(faults.iter().map(|fault| ("fault", fault.to_string())));
    words
}

/// How long a service may be silent, where that is not the usual time.
pub(super) fn timeout(plan: &Plan) -> Option<OptionWords> {
    let usual = Plan::new(NonZeroU32::MIN).timeout;
    (plan.timeout != usual).then(|| ("timeout", Millis(plan.timeout).to_string()))
}
