//! Replies by step: which a step can have, and which of them say that it was done.

use super::{Reply, Step};

/// What a reply says of its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// The step was done, or what it asked is so.
    Done,
    /// The service has answered, and it is not so.
    Refused,
    /// The step was not carried out.
    Failed,
    /// Nobody knows whether it was, or will be.
    Lost,
}

impl Step {
    /// What it can be answered, that which says it was done first; apart from [`Reply::Failed`] and
    /// [`Reply::Lost`], which any step can be.
    #[must_use]
    pub const fn replies(self) -> &'static [Reply] {
        use Reply as R;
        match self {
            Self::Acquire => &[R::Granted, R::Held],
            Self::SetTtl => &[R::TtlSet, R::NotHeld],
            Self::Validate => &[R::InTime, R::Late],
            Self::Wait => &[R::Again, R::TimeUp],
            Self::Hold => &[R::Granted, R::Taken, R::Held],
            Self::Begin => &[R::Begun, R::Busy, R::Stale],
            Self::Check => &[R::Available, R::Taken, R::Busy, R::Stale],
            Self::Pay => &[R::Paid],
            Self::Insert | Self::Confirm => &[R::Inserted, R::Conflict, R::Busy, R::Stale],
            Self::Commit => &[R::Committed, R::Busy, R::Stale],
            Self::Rollback => &[R::RolledBack],
            Self::Verify => &[R::StillHeld, R::NotHeld],
            Self::Release => &[R::Released, R::NotHeld],
        }
    }

    /// Whether this is an answer to it.
    #[must_use]
    pub fn may_be_answered(self, reply: Reply) -> bool {
        match reply.kind() {
            ReplyKind::Failed | ReplyKind::Lost => true,
            ReplyKind::Done | ReplyKind::Refused => self.replies().contains(&reply),
        }
    }

    /// Whether it only looks: one whose reply is lost has failed, for nothing can have happened.
    #[must_use]
    pub const fn only_looks(self) -> bool {
        match self {
            Self::Check | Self::Verify | Self::Validate | Self::Wait => true,
            Self::Acquire
            | Self::SetTtl
            | Self::Hold
            | Self::Begin
            | Self::Pay
            | Self::Insert
            | Self::Confirm
            | Self::Commit
            | Self::Rollback
            | Self::Release => false,
        }
    }
}

impl Reply {
    /// What it says of its step.
    #[must_use]
    pub const fn kind(self) -> ReplyKind {
        match self {
            Self::Granted
            | Self::InTime
            | Self::TtlSet
            | Self::Again
            | Self::Begun
            | Self::Available
            | Self::Paid
            | Self::Inserted
            | Self::Committed
            | Self::RolledBack
            | Self::StillHeld
            | Self::Released => ReplyKind::Done,
            Self::Held
            | Self::Late
            | Self::TimeUp
            | Self::Busy
            | Self::Stale
            | Self::Taken
            | Self::Conflict
            | Self::NotHeld => ReplyKind::Refused,
            Self::Failed => ReplyKind::Failed,
            Self::Lost => ReplyKind::Lost,
        }
    }

    /// Whether the step was done, or what it asked is so.
    #[must_use]
    pub const fn is_done(self) -> bool {
        match self.kind() {
            ReplyKind::Done => true,
            ReplyKind::Refused | ReplyKind::Failed | ReplyKind::Lost => false,
        }
    }

    /// Whether the step was done, or may have been.
    #[must_use]
    pub const fn may_be_done(self) -> bool {
        match self.kind() {
            ReplyKind::Done | ReplyKind::Lost => true,
            ReplyKind::Refused | ReplyKind::Failed => false,
        }
    }

    /// Whether nobody but the service knows if the step was done, or will be.
    #[must_use]
    pub const fn is_lost(self) -> bool {
        match self.kind() {
            ReplyKind::Lost => true,
            ReplyKind::Done | ReplyKind::Refused | ReplyKind::Failed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reply_of_every_step_says_that_it_was_done_and_no_other_does() {
        for step in Step::ALL {
            let done = step.replies().iter().map(|reply| reply.is_done());
            let first_only = (0..step.replies().len()).map(|at| at == 0);
            assert!(done.eq(first_only), "{step}");
        }
    }
}
