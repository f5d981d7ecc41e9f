//! Memory that a race needs, and whether this machine has it.

use super::EngineError;
use crate::memory::available_bytes;
use crate::plan::{Plan, Wanted};

/// What a user takes while it is in flight, beyond what is kept of it: its task, its place in a
/// service's inbox and a slot for the reply. 370 bytes were measured with a million users at once.
const IN_FLIGHT_BYTES: u64 = 400;

/// What is kept of a user's steps, and what judging them takes, when all want one seat: 50 bytes
/// were measured with a million users, 4096 in flight.
const KEPT_BYTES: u64 = 100;

/// The same when every user may book: more steps, more rows, and seats to count. 480 to 720 bytes
/// were measured with a million users of locked and seats drawn at random.
const KEPT_WITH_SEATS_BYTES: u64 = 750;

/// What is free is never twice the same: under a limit of the address space it differs by what the C
/// library reserves for a thread or two, 64 MiB each. An advice leaves so much, or an eighth.
const LEFT_OVER_BYTES: u64 = 96 << 20;

/// Refuses a race that would not fit, with the size that would.
///
/// # Errors
/// [`EngineError::TooLarge`] before anything was started.
pub(super) fn refuse_what_does_not_fit(plan: &Plan) -> Result<(), EngineError> {
    available_bytes().map_or(Ok(()), |available| fits(plan, available))
}

fn fits(plan: &Plan, available: u64) -> Result<(), EngineError> {
    let users = u64::from(plan.users.get());
    let kept = match plan.wanted {
        Wanted::Seat(_) => KEPT_BYTES,
        Wanted::AnyOf(_) | Wanted::Own => KEPT_WITH_SEATS_BYTES,
    };
    let needed = users * kept + u64::from(plan.width()) * IN_FLIGHT_BYTES;
    if needed <= available {
        return Ok(());
    }
    let left_over = (available / 8).max(LEFT_OVER_BYTES).min(available / 4 * 3);
    Err(EngineError::TooLarge {
        users,
        needed_mib: needed >> 20,
        available_mib: available >> 20,
        all_at_once: (available - left_over) / (IN_FLIGHT_BYTES + kept),
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn plan(users: u32, width: Option<u32>) -> Plan {
        Plan {
            concurrency: width.and_then(NonZeroU32::new),
            ..Plan::new(NonZeroU32::new(users).unwrap())
        }
    }

    #[test]
    fn a_million_users_fit_into_a_gibibyte_and_ten_million_do_not() {
        assert!(fits(&plan(1_000_000, None), GIB).is_ok());
        let refused = fits(&plan(10_000_000, None), GIB);
        assert!(
            matches!(
                refused,
                Err(EngineError::TooLarge {
                    all_at_once: 1_879_048,
                    ..
                })
            ),
            "{refused:?}"
        );
    }

    #[test]
    fn five_million_fit_when_few_are_in_flight() {
        assert!(fits(&plan(5_000_000, Some(4096)), GIB).is_ok());
        assert!(fits(&plan(5_000_000, None), GIB).is_err());
    }
}
