//! Which locks were left behind, and by whom?

use super::{Verdict, Witness};
use crate::history::History;

/// Whoever was told its outcome holds no lock any more.
pub(super) fn no_lock_left(history: &History) -> Verdict {
    let left = history.footer.locks_left.first();
    left.map_or(Verdict::Holds, |left| {
        Verdict::Violated(Witness {
            text: format!("seat {} was left locked", left.seat),
            seat: left.seat,
            users: Vec::new(),
        })
    })
}

/// Nobody leaves a lock behind that never ends.
pub(super) fn no_eternal_lock(history: &History) -> Verdict {
    let mut left = history.footer.locks_left.iter();
    let eternal = left.find(|left| left.left_ms.is_none());
    eternal.map_or(Verdict::Holds, |left| {
        Verdict::Violated(Witness {
            text: format!("the lock of seat {} has no time to live", left.seat),
            seat: left.seat,
            users: Vec::new(),
        })
    })
}
