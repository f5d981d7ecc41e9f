//! The lock around check and insert, with each of its parts done as people do it: better or worse.
//!
//! 1. acquire: with `SET NX EX`, or with SETNX and a time to live afterwards, or without NX. Refused:
//!    be told so, or wait and try again. A watchdog may extend the lock while its holder lives.
//! 2. check; with a fence, the database refuses a token older than the latest that it has seen.
//! 3. pay, insert: with the fence again, or with UNIQUE beneath it, or into an open transaction.
//! 4. release and commit, in either order: with one script or one command that compares and deletes, with
//!    DEL, with a look and then DEL, or not at all.
//!
//! What breaks each is told where it is chosen, and found by `racesim matrix`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::options::{NamedValues, time_to_arg};
use crate::client::{
    Acquire, AcquireMode, Check, Client, Guard, Insert, Isolation, Patience, ReleaseCommand,
    StepError, Ttl, Watchdog,
};
use crate::duration::{DurationError, duration};
use crate::history::Outcome;
use crate::nearest::perhaps;
use crate::step::{Reply, Step};

/// How the lock is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReleaseMode {
    /// One script that compares the value and deletes the key.
    #[default]
    CompareAndDelete,
    /// One command that does the same, where the server has it: Valkey 9 and Redis 8.4 do.
    IfEqual,
    /// `DEL`, whoever holds it by now: another's lock is freed by a user that was too slow.
    Del,
    /// `GET`, and `DEL` if the value is one's own: the lock may change hands in between.
    GetThenDel,
    /// Not at all: it ends with its time to live.
    None,
}

/// What the lock is held with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LockValue {
    /// A value of its own for every request.
    #[default]
    Request,
    /// The person's name: one request of a person frees the lock of another.
    User,
}

/// What a user does that finds the lock held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBusy {
    /// It is told so.
    #[default]
    Refuse,
    /// It tries again and again, with random pauses, for so long.
    Wait(Duration),
}

/// The word for being told at once that the seat is locked.
const REFUSE: &str = "refuse";

impl fmt::Display for OnBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str(REFUSE),
            Self::Wait(limit) => write!(f, "wait:{}", time_to_arg(*limit)),
        }
    }
}

/// Why a text is nothing that a user does when the seat is locked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnBusyError {
    /// The time is none.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// How long it waits is not said.
    #[error("'wait' needs a time: write wait:2s")]
    NoTime,
    /// Neither word.
    #[error("there is no '{0}'{near}: write refuse, or wait:DUR such as wait:2s", near = perhaps(.0, [REFUSE, "wait"]))]
    Unknown(String),
}

impl FromStr for OnBusy {
    type Err = OnBusyError;

    fn from_str(text: &str) -> Result<Self, OnBusyError> {
        match text.strip_prefix("wait:") {
            Some(limit) => Ok(Self::Wait(duration(limit)?)),
            None if text == REFUSE => Ok(Self::Refuse),
            None if text == "wait" => Err(OnBusyError::NoTime),
            None => Err(OnBusyError::Unknown(text.to_owned())),
        }
    }
}

/// Where the token of the lock is compared with the latest that the database has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fence {
    /// Nowhere.
    #[default]
    None,
    /// At the insert only: whoever checks with a later token, and inserts later, is not known yet.
    Write,
    /// At the check and at the insert.
    CheckAndWrite,
}

/// Whether the lock is freed before what it protects is there for all to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOrder {
    /// Commit, then release.
    AfterCommit,
    /// Release, then commit: the next holder does not see the booking yet.
    BeforeCommit,
}

/// Ways to take a lock by name.
pub(super) const ACQUIRES: &NamedValues<AcquireMode> = &[
    (
        "set-nx-ex",
        AcquireMode::SetNxEx,
        "SET NX EX: one command takes it and sets its expiry",
    ),
    (
        "setnx-then-expire",
        AcquireMode::SetNx,
        "SETNX, then EXPIRE: a crash between the two leaves it without an expiry",
    ),
    (
        "set-ex",
        AcquireMode::SetEx,
        "SET EX without NX: it takes a lock that another holds (a mistake)",
    ),
];

/// What a lock is held with by name.
pub(super) const LOCK_VALUES: &NamedValues<LockValue> = &[
    (
        "request",
        LockValue::Request,
        "a value of its own for each request",
    ),
    (
        "user",
        LockValue::User,
        "the user's name: one request of a person frees the lock of another",
    ),
];

/// What a user does that finds the lock held, as help explains it.
pub(super) const ON_BUSY: &[(&str, &str)] = &[
    (REFUSE, "the user is told so at once"),
    (
        "wait:DUR",
        "it keeps retrying for DUR, with random pauses: wait:2s",
    ),
];

/// Where a token is compared by name.
pub(super) const FENCES: &NamedValues<Fence> = &[
    ("none", Fence::None, "nowhere"),
    (
        "write",
        Fence::Write,
        "at the insert: a token older than the latest is refused",
    ),
    (
        "check-and-write",
        Fence::CheckAndWrite,
        "at the check and at the insert",
    ),
];

/// Ways to free a lock by name.
pub(super) const RELEASES: &NamedValues<ReleaseMode> = &[
    (
        "compare-and-delete",
        ReleaseMode::CompareAndDelete,
        "one script deletes the lock if its value is still the user's own",
    ),
    (
        "ifeq",
        ReleaseMode::IfEqual,
        "the same in one command, DELIFEQ (Valkey 9) or DELEX (Redis 8.4)",
    ),
    (
        "del",
        ReleaseMode::Del,
        "DEL, even if another user holds it by then",
    ),
    (
        "get-then-del",
        ReleaseMode::GetThenDel,
        "GET, then DEL if the value is its own: it may change hands in between",
    ),
    (
        "none",
        ReleaseMode::None,
        "not at all: it ends with its time to live",
    ),
];

/// When a lock is freed by name.
pub(super) const RELEASE_ORDERS: &NamedValues<Option<ReleaseOrder>> = &[
    (
        "after-commit",
        Some(ReleaseOrder::AfterCommit),
        "commit, then release",
    ),
    (
        "before-commit",
        Some(ReleaseOrder::BeforeCommit),
        "release, then commit: the next holder does not see the booking yet",
    ),
];

/// What is done in another way than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LockOptions {
    /// How the lock is freed.
    pub release: ReleaseMode,
    /// What it is held with.
    pub value: LockValue,
    /// How it is taken.
    pub acquire: AcquireMode,
    /// What a user does that finds it held.
    pub on_busy: OnBusy,
    /// Whether a watchdog extends it while its holder lives.
    pub renew: bool,
    /// Where its token is compared.
    pub fence: Fence,
    /// Whether the database has a UNIQUE constraint beneath it.
    pub unique: bool,
    /// When it is freed, where the insert leaves a transaction open; `None` when the insert commits
    /// by itself.
    pub release_order: Option<ReleaseOrder>,
}

impl LockOptions {
    /// Why these options do not go together; `None` when they do.
    pub(super) fn contradiction(self) -> Option<&'static str> {
        let is_fenced = self.fence != Fence::None;
        (is_fenced && self.release_order.is_some()).then_some(
            "--fence writes at the check, which waits for the transaction that --release-order leaves open: leave one out",
        )
    }

    /// The steps that are taken with these options.
    pub(super) fn steps(self) -> Vec<Step> {
        let is_taken = |step: &Step| match step {
            Step::Acquire | Step::Check | Step::Pay | Step::Insert => true,
            Step::SetTtl => self.acquire == AcquireMode::SetNx,
            Step::Wait => self.on_busy != OnBusy::Refuse,
            Step::Commit | Step::Rollback => self.release_order.is_some(),
            Step::Verify => self.release == ReleaseMode::GetThenDel,
            Step::Release => self.release != ReleaseMode::None,
            Step::Validate | Step::Hold | Step::Begin | Step::Confirm => false,
        };
        Step::ALL.into_iter().filter(is_taken).collect()
    }

    pub(super) async fn attempt(self, ttl: Ttl, client: &mut Client) -> Result<Outcome, StepError> {
        let booked = match self.acquire(ttl, client).await {
            Ok(false) => return Ok(Outcome::Locked),
            Ok(true) => self.use_lock(ttl, client).await,
            // The reply was lost, and the lock may be there.
            Err(StepError::Lost) => Err(StepError::Lost),
            Err(error) => return Err(error),
        };
        if self.release_order == Some(ReleaseOrder::BeforeCommit) {
            self.release(client).await;
            return self.commit(booked, client).await;
        }
        let outcome = self.commit(booked, client).await;
        self.release(client).await;
        outcome
    }

    /// Takes the lock, as often as patience lasts: whether it did.
    async fn acquire(self, ttl: Ttl, client: &mut Client) -> Result<bool, StepError> {
        let how = Acquire {
            ttl,
            mode: self.acquire,
            is_fenced: self.fence != Fence::None,
        };
        let mut patience = Patience::new(match self.on_busy {
            OnBusy::Refuse => Duration::ZERO,
            OnBusy::Wait(limit) => limit,
        });
        loop {
            if self.value == LockValue::Request {
                client.new_request();
            }
            if client.acquire_on(0, how).await? {
                break;
            }
            if self.on_busy == OnBusy::Refuse || !client.wait(&mut patience).await? {
                return Ok(false);
            }
            client.try_again();
        }
        Ok(true)
    }

    /// Books the seat whose lock was granted, which is to be freed whatever comes of it.
    async fn use_lock(self, ttl: Ttl, client: &mut Client) -> Result<Outcome, StepError> {
        if self.acquire == AcquireMode::SetNx {
            client.set_ttl(ttl).await?;
        }
        let _watchdog: Option<Watchdog> = self.renew.then(|| client.watch(ttl));
        self.book(client).await
    }

    async fn book(self, client: &mut Client) -> Result<Outcome, StepError> {
        let looking = Check {
            is_fenced: self.fence == Fence::CheckAndWrite,
            ..Check::default()
        };
        let looked = client.check_with(looking).await?;
        if looked == Reply::Taken {
            return Ok(Outcome::Taken);
        }
        if !looked.is_done() {
            // Somebody with a later lock is at it.
            return Ok(Outcome::Locked);
        }
        client.pay().await?;
        let inserted = client.insert_with(self.insert()).await;
        let is_refused = !matches!(inserted, Ok(Reply::Inserted) | Err(StepError::Stopped));
        if is_refused && self.release_order.is_some() {
            // What was not committed must not stay open, whatever went wrong.
            let _ = client.rollback().await;
        }
        let inserted = inserted?;
        Ok(if inserted.is_done() {
            Outcome::Confirmed
        } else if inserted == Reply::Stale {
            // Somebody with a later lock is at it, and may not have booked.
            Outcome::Locked
        } else if inserted == Reply::Busy {
            Outcome::Failed
        } else {
            Outcome::Conflict
        })
    }

    /// How the booking is inserted.
    fn insert(self) -> Insert {
        Insert {
            is_fenced: self.fence != Fence::None,
            transaction: self.release_order.map(|_| Isolation::default()),
            guard: if self.unique {
                Guard::Unique
            } else {
                Guard::None
            },
        }
    }

    /// Commits what was booked, where the insert has not done so.
    async fn commit(
        self,
        booked: Result<Outcome, StepError>,
        client: &mut Client,
    ) -> Result<Outcome, StepError> {
        if booked != Ok(Outcome::Confirmed) || self.release_order.is_none() {
            return booked;
        }
        match client.commit().await {
            Ok(true) => Ok(Outcome::Confirmed),
            Ok(false) => {
                let _ = client.rollback().await;
                Ok(Outcome::Failed)
            }
            Err(error) => {
                let _ = client.rollback().await;
                Err(error)
            }
        }
    }

    /// Frees the lock. One that cannot be freed ends by itself.
    async fn release(self, client: &mut Client) {
        let _ = match self.release {
            ReleaseMode::CompareAndDelete => client.release().await,
            ReleaseMode::IfEqual => client.release_on(0, ReleaseCommand::DeleteIfEqual).await,
            ReleaseMode::Del => client.release_on(0, ReleaseCommand::Delete).await,
            ReleaseMode::GetThenDel => match client.verify().await {
                Ok(true) => client.release_on(0, ReleaseCommand::Delete).await,
                other => other,
            },
            ReleaseMode::None => Ok(false),
        };
    }
}
