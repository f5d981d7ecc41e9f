//! Headers: what was raced, on what.

use serde::{Deserialize, Serialize};

use super::{LockRecord, RunKind, SettingsRecord};
use crate::plan::Plan;

/// What was raced, enough to race it again, and what it was raced on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the history's format.
    pub version: u32,
    /// The strategy's name.
    pub strategy: String,
    /// The strategy's options that differ from the usual ones.
    pub settings: SettingsRecord,
    /// What it is part of.
    pub run: RunKind,
    /// Which round this is, from 0.
    pub round: u32,
    /// What was to be run.
    pub plan: PlanRecord,
    /// How long a lock or a claim lives; `None` when nothing is held for a time.
    pub ttl_ms: Option<u64>,
    /// The database, its version and its settings.
    pub database: String,
    /// The lock service and its version; `None` when the strategy takes no lock.
    pub lock: Option<LockRecord>,
    /// What the strategy needs and does, as far as a checker must know it.
    pub conduct: Conduct,
    /// When the race began, in UTC.
    pub began: String,
}

/// The plan of a race, or what an earlier version of the format says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PlanRecord {
    /// The plan itself.
    Plan(Box<Plan>),
    /// In words: not enough to race it again.
    #[serde(skip_deserializing)]
    Words(Box<PlanWords>),
}

impl Default for PlanRecord {
    fn default() -> Self {
        Self::Words(Box::default())
    }
}

/// A plan in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PlanWords {
    /// How many rounds there were to be.
    pub rounds: u32,
    /// How many users were to race.
    pub users: u32,
    /// Which seats they wanted.
    pub wanted: String,
    /// How long a user paid.
    pub payment: String,
    /// At most this many users in flight; `None` for everyone at once.
    pub concurrency: Option<u32>,
    /// The time over which users arrived; `None` for all at once.
    pub arrive_over: Option<String>,
    /// The seed of the inputs.
    pub seed: u64,
}

impl From<&Plan> for PlanWords {
    fn from(plan: &Plan) -> Self {
        Self {
            rounds: plan.rounds.get(),
            users: plan.users.get(),
            wanted: plan.wanted.to_string(),
            payment: plan.payment.to_string(),
            concurrency: plan.concurrency.map(std::num::NonZeroU32::get),
            arrive_over: plan.arrivals_in_words(),
            seed: plan.seed.0,
        }
    }
}

/// A header in words: as reports tell it, and as version 2 of the format wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderWords {
    /// The version of the history's format.
    pub version: u32,
    /// The strategy's name.
    pub strategy: String,
    /// The strategy's options that differ from the usual ones.
    #[serde(default)]
    pub settings: String,
    /// Which round this is, from 0.
    pub round: u32,
    /// How many rounds there were to be.
    #[serde(default)]
    pub rounds: u32,
    /// How many users were to race.
    pub users: u32,
    /// Which seats they wanted.
    pub wanted: String,
    /// How long a user paid.
    pub payment: String,
    /// At most this many users in flight; `None` for everyone at once.
    pub concurrency: Option<u32>,
    /// The time over which users arrived; `None` for all at once.
    pub arrive_over: Option<String>,
    /// The seed of the inputs.
    pub seed: u64,
    /// How long a lock or a claim lives; `None` when nothing is held for a time.
    pub ttl_ms: Option<u64>,
    /// The database, its version and its settings.
    pub database: String,
    /// The lock service and its version; `None` when the strategy takes no lock.
    pub lock: Option<LockRecord>,
    /// Whether an earlier version of racesim kept the locks inside itself.
    #[serde(default, skip_serializing)]
    pub is_lock_simulated: bool,
    /// What the strategy needs and does, as far as a checker must know it.
    #[serde(default)]
    pub conduct: Conduct,
    /// When the race began, in UTC.
    pub began: String,
}

impl Header {
    /// The version of the format that this build writes.
    pub const VERSION: u32 = 4;

    /// The earlier versions that this build reads too, whose headers are in words.
    pub const EARLIER: [u32; 2] = [2, 3];

    /// Whether this build knows what stands below it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        match self.plan {
            PlanRecord::Plan(_) => self.version == Self::VERSION,
            PlanRecord::Words(_) => Self::EARLIER.contains(&self.version),
        }
    }

    /// How many users were to race.
    #[must_use]
    pub fn users(&self) -> u32 {
        match &self.plan {
            PlanRecord::Plan(plan) => plan.users.get(),
            PlanRecord::Words(words) => words.users,
        }
    }

    /// How many rounds there were to be.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        match &self.plan {
            PlanRecord::Plan(plan) => plan.rounds.get(),
            PlanRecord::Words(words) => words.rounds,
        }
    }

    /// The seed of the inputs.
    #[must_use]
    pub fn seed(&self) -> u64 {
        match &self.plan {
            PlanRecord::Plan(plan) => plan.seed.0,
            PlanRecord::Words(words) => words.seed,
        }
    }

    /// The header for a person.
    #[must_use]
    pub fn in_words(&self) -> HeaderWords {
        let header = self.clone();
        let PlanWords {
            rounds,
            users,
            wanted,
            payment,
            concurrency,
            arrive_over,
            seed,
        } = match header.plan {
            PlanRecord::Plan(plan) => PlanWords::from(&*plan),
            PlanRecord::Words(words) => *words,
        };
        HeaderWords {
            version: header.version,
            strategy: header.strategy,
            settings: header.settings.to_string(),
            round: header.round,
            rounds,
            users,
            wanted,
            payment,
            concurrency,
            arrive_over,
            seed,
            ttl_ms: header.ttl_ms,
            database: header.database,
            lock: header.lock,
            is_lock_simulated: false,
            conduct: header.conduct,
            began: header.began,
        }
    }
}

impl From<HeaderWords> for Header {
    fn from(words: HeaderWords) -> Self {
        Self {
            version: words.version,
            strategy: words.strategy,
            settings: SettingsRecord::Words(words.settings),
            run: RunKind::Race,
            round: words.round,
            plan: PlanRecord::Words(Box::new(PlanWords {
                rounds: words.rounds,
                users: words.users,
                wanted: words.wanted,
                payment: words.payment,
                concurrency: words.concurrency,
                arrive_over: words.arrive_over,
                seed: words.seed,
            })),
            ttl_ms: words.ttl_ms,
            database: words.database,
            lock: words.lock,
            conduct: words.conduct,
            began: words.began,
        }
    }
}

/// What a strategy needs and does, as far as a checker must know it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(default)]
pub struct Conduct {
    /// How many lock services it asks.
    pub locks: u8,
    /// Whether its inserts may stay in an open transaction.
    pub transactions: bool,
    /// Whether it may take a lock that another holds; `None` when nobody has said so.
    pub takes_over: Option<bool>,
    /// Whether it may free a lock that another holds; `None` when nobody has said so.
    pub frees_others: Option<bool>,
}
