//! Errors of steps: why a step has no reply that its strategy could go by.

use crate::history::Outcome;
use crate::step::{Reply, Step};

/// Why a step has no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It was not carried out.
    #[error("the step failed")]
    Failed,
    /// It may have been carried out, or not.
    #[error("the reply was lost")]
    Lost,
    /// The race was stopped before it.
    #[error("the race was stopped")]
    Stopped,
}

/// What a user is told when its strategy ends like this.
#[must_use]
pub(crate) const fn outcome_of(end: Result<Outcome, StepError>) -> Outcome {
    match end {
        Ok(outcome) => outcome,
        Err(StepError::Failed | StepError::Stopped) => Outcome::Failed,
        Err(StepError::Lost) => Outcome::Unknown,
    }
}

/// What a reply tells the user. Looking changes nothing, so a lost look is a failed one.
pub(super) const fn result_for_user(step: Step, reply: Reply) -> Result<Reply, StepError> {
    match reply {
        Reply::Failed => Err(StepError::Failed),
        Reply::Lost if step.only_looks() => Err(StepError::Failed),
        Reply::Lost => Err(StepError::Lost),
        Reply::Granted
        | Reply::Held
        | Reply::InTime
        | Reply::Late
        | Reply::TtlSet
        | Reply::Again
        | Reply::TimeUp
        | Reply::Begun
        | Reply::Busy
        | Reply::Stale
        | Reply::Available
        | Reply::Taken
        | Reply::Paid
        | Reply::Inserted
        | Reply::Conflict
        | Reply::Committed
        | Reply::RolledBack
        | Reply::StillHeld
        | Reply::Released
        | Reply::NotHeld => Ok(reply),
    }
}
