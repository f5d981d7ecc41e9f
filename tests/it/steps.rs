//! Every step that a strategy can take, and strategies that are steps in a row.

use std::time::Duration;

use racesim::client::{
    AcquireBy, Begin, Client, Guard, Manner, Patience, ReleaseCommand, Said, Since, StepError, Ttl,
};
use racesim::history::Outcome;
use racesim::strategy::{Needs, Strategy};

use super::support::everything;

pub(crate) const TTL: Ttl = Ttl::TEN_MINUTES;

/// One step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    NewRequest,
    Acquire(Manner),
    SetTtl,
    Verify,
    Release(Manner),
    Wait,
    /// Remember this moment, for the looks at the clock after it.
    Now,
    Validate,
    Check(Manner),
    Pay,
    Insert(Manner),
    Hold,
    Confirm,
    Begin(Begin),
    Commit,
    Rollback,
}

impl Op {
    async fn take(self, client: &mut Client, since: &mut Since) -> Result<bool, StepError> {
        match self {
            Self::NewRequest => client.new_request(),
            Self::Now => *since = client.now(),
            Self::Pay => client.pay().await?,
            Self::Acquire(manner) => return is_yes(client.acquire_by(TTL, manner).await),
            Self::SetTtl => return client.set_ttl(TTL).await,
            Self::Verify => return client.verify().await,
            Self::Release(manner) => return client.release_by(manner).await,
            Self::Wait => return client.wait(&mut Patience::new(Duration::MAX)).await,
            Self::Validate => return client.validate(*since, TTL.as_duration()).await,
            Self::Check(manner) => return is_yes(client.check_by(manner).await),
            Self::Insert(manner) => return is_yes(client.insert_by(manner).await),
            Self::Hold => return is_yes(client.hold(TTL).await),
            Self::Confirm => return client.confirm().await,
            Self::Begin(begin) => return client.begin_transaction(begin, TTL.as_duration()).await,
            Self::Commit => return client.commit().await,
            Self::Rollback => return client.rollback().await,
        }
        Ok(true)
    }
}

fn is_yes(said: Result<Said, StepError>) -> Result<bool, StepError> {
    said.map(|said| said == Said::Yes)
}

/// What a user does whose step was not answered "yes".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It ends its attempt.
    Ends,
    /// It takes the next step, unless there was no answer.
    GoesOn,
    /// It takes the next step, whatever happened.
    NeverMinds,
}

/// Steps in a row.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    pub(crate) ops: Vec<Op>,
    pub(crate) after: After,
    pub(crate) locks: u8,
}

impl Strategy for Steps {
    fn name(&self) -> &'static str {
        "steps"
    }

    fn ttl(&self) -> Option<Ttl> {
        Some(TTL)
    }

    fn needs(&self) -> Needs {
        everything(self.locks)
    }

    fn is_symmetric(&self) -> bool {
        let mut ops = self.ops.iter();
        ops.any(|op| matches!(op, Op::NewRequest))
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        let mut since = client.now();
        let mut has_booked = false;
        for op in &self.ops {
            let taken = op.take(client, &mut since).await;
            let is_done = match (taken, self.after) {
                (Err(StepError::Failed | StepError::Lost), After::NeverMinds) => continue,
                (taken, _) => taken?,
            };
            has_booked |= is_done && matches!(op, Op::Insert(_) | Op::Confirm);
            if !is_done && self.after == After::Ends {
                return Ok(Outcome::Locked);
            }
        }
        Ok(if has_booked {
            Outcome::Confirmed
        } else {
            Outcome::Taken
        })
    }
}

pub(crate) const GUARDS: [Guard; 4] =
    [Guard::None, Guard::Unique, Guard::NotExists, Guard::Version];

pub(crate) const BEGINS: [Begin; 3] = [Begin::Deferred, Begin::Immediate, Begin::Exclusive];

pub(crate) const ACQUIRES: [AcquireBy; 3] =
    [AcquireBy::SetNxEx, AcquireBy::SetNx, AcquireBy::SetEx];

pub(crate) const RELEASES: [ReleaseCommand; 2] =
    [ReleaseCommand::CompareAndDelete, ReleaseCommand::Delete];

/// Every statement that there is, in every manner.
pub(crate) fn statements() -> Vec<Op> {
    let mut all: Vec<Op> = BEGINS.map(Op::Begin).to_vec();
    all.extend([Op::Commit, Op::Rollback, Op::Hold, Op::Confirm]);
    for (open, fence) in [(false, false), (false, true), (true, false), (true, true)] {
        for guard in GUARDS {
            let manner = Manner {
                guard,
                fence,
                open,
                ..Manner::default()
            };
            all.push(Op::Insert(manner));
            if matches!(guard, Guard::None | Guard::Version) {
                all.push(Op::Check(manner));
            }
        }
    }
    // A transaction that its first step opens may begin in another way, too.
    let deferred = Manner {
        open: true,
        begin: Begin::Deferred,
        ..Manner::default()
    };
    all.extend([Op::Insert(deferred), Op::Check(deferred)]);
    all
}

/// A grant whose number is brought along to the database.
pub(crate) const FENCED: Op = Op::Acquire(Manner {
    guard: Guard::None,
    fence: true,
    open: false,
    begin: Begin::Immediate,
    acquire: AcquireBy::SetNxEx,
    release: ReleaseCommand::CompareAndDelete,
    node: 0,
});
