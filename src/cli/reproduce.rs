//! Which command line fixes the same inputs?

use std::num::NonZeroU32;

use crate::lock::Ttl;
use crate::plan::{Commit, Payment, Plan, Wanted};

/// What differs from the defaults, and the seed.
pub(super) fn line(
    words: &str,
    settings: impl Iterator<Item = String>,
    plan: &Plan,
    ttl: Ttl,
) -> String {
    let mut line = format!("racesim {words}");
    let mut said: Vec<String> = Vec::new();
    for setting in settings.filter(|setting| !setting.is_empty()) {
        // Two strategies may have one option in common.
        if !said.contains(&setting) {
            line.extend([" ", &setting]);
            said.push(setting);
        }
    }
    let mut add = |flag: &str, value: String| line.extend([" --", flag, " ", &value]);
    add("users", plan.users.to_string());
    match plan.wanted {
        Wanted::AnyOf(seats) => add("seats", seats.to_string()),
        Wanted::Seat(seat) => add("seat", seat.to_string()),
        Wanted::Own => {}
    }
    if plan.payment != Payment::default() {
        add("payment", plan.payment.to_string());
    }
    if let Some(width) = plan.concurrency {
        add("concurrency", width.to_string());
    }
    if let Some(time) = plan.arrivals_in_words() {
        add("arrive-over", time);
    }
    if plan.rounds > NonZeroU32::MIN {
        add("rounds", plan.rounds.to_string());
    }
    if plan.commit == Commit::Each {
        add("commit", "each".to_owned());
    }
    if ttl != Ttl::default() {
        add("ttl", ttl.to_string());
    }
    for fault in &plan.faults {
        add("fault", fault.to_string());
    }
    add("seed", plan.seed.to_string());
    line
}
