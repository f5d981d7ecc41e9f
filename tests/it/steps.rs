//! Every step that a strategy can take, and strategies that are steps in a row.

use std::time::Duration;

use racesim::client::{
    Acquire, AcquireMode, Check, Client, Guard, Insert, Isolation, Patience, ReleaseCommand, Since,
    StepError, Ttl,
};
use racesim::history::{Outcome, Reply};
use racesim::strategy::{Needs, Strategy};

use super::support::everything;

pub(crate) const TTL: Ttl = Ttl::TEN_MINUTES;

/// One step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    NewRequest,
    /// On this lock service.
    Acquire(u8, Acquire),
    SetTtl,
    Verify,
    Release(u8, ReleaseCommand),
    Wait,
    /// Remember this moment, for the looks at the clock after it.
    Now,
    Validate,
    Check(Check),
    Pay,
    Insert(Insert),
    Hold,
    Confirm,
    Begin(Isolation),
    Commit,
    Rollback,
}

impl Op {
    async fn take(self, client: &mut Client, since: &mut Since) -> Result<bool, StepError> {
        match self {
            Self::NewRequest => client.new_request(),
            Self::Now => *since = client.now(),
            Self::Pay => client.pay().await?,
            Self::Acquire(node, how) => return client.acquire_on(node, how).await,
            Self::SetTtl => return client.set_ttl(TTL).await,
            Self::Verify => return client.verify().await,
            Self::Release(node, command) => return client.release_on(node, command).await,
            Self::Wait => return client.wait(&mut Patience::new(Duration::MAX)).await,
            Self::Validate => return client.validate(*since, TTL.as_duration()).await,
            Self::Check(how) => return is_done(client.check_with(how).await),
            Self::Insert(how) => return is_done(client.insert_with(how).await),
            Self::Hold => return is_done(client.hold(TTL).await),
            Self::Confirm => return client.confirm().await,
            Self::Begin(isolation) => {
                return client.begin_transaction(isolation, TTL.as_duration()).await;
            }
            Self::Commit => return client.commit().await,
            Self::Rollback => return client.rollback().await,
        }
        Ok(true)
    }
}

fn is_done(replied: Result<Reply, StepError>) -> Result<bool, StepError> {
    replied.map(Reply::is_done)
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

pub(crate) const ISOLATIONS: [Isolation; 3] = [
    Isolation::Snapshot,
    Isolation::SingleWriter,
    Isolation::Exclusive,
];

pub(crate) const ACQUIRES: [AcquireMode; 3] =
    [AcquireMode::SetNxEx, AcquireMode::SetNx, AcquireMode::SetEx];

pub(crate) const RELEASES: [ReleaseCommand; 2] =
    [ReleaseCommand::CompareAndDelete, ReleaseCommand::Delete];

/// Every statement that there is, in every manner.
pub(crate) fn statements() -> Vec<Op> {
    let mut all: Vec<Op> = ISOLATIONS.map(Op::Begin).to_vec();
    all.extend([Op::Commit, Op::Rollback, Op::Hold, Op::Confirm]);
    for transaction in [None, Some(Isolation::SingleWriter)] {
        for is_fenced in [false, true] {
            all.extend(GUARDS.map(|guard| {
                Op::Insert(Insert {
                    guard,
                    is_fenced,
                    transaction,
                })
            }));
            all.extend([false, true].map(|reads_version| {
                Op::Check(Check {
                    reads_version,
                    is_fenced,
                    transaction,
                })
            }));
        }
    }
    // A transaction that its first step opens may begin in another way, too.
    let transaction = Some(Isolation::Snapshot);
    all.push(Op::Insert(Insert {
        transaction,
        ..Insert::default()
    }));
    all.push(Op::Check(Check {
        transaction,
        ..Check::default()
    }));
    all
}

/// A grant whose number is brought along to the database.
pub(crate) const FENCED: Op = Op::Acquire(
    0,
    Acquire {
        ttl: TTL,
        mode: AcquireMode::SetNxEx,
        is_fenced: true,
    },
);
