//! The words that choose how a strategy does its parts.

use std::time::Duration;

use clap::Parser;

use super::values;
use crate::duration::duration;
use crate::services::lock::{AcquireMode, Ttl};
use crate::strategy::{
    ACQUIRES, BEGINS, BuiltIn, FENCES, Fence, Isolation, LOCK_VALUES, LockValue, Locked, OnBusy,
    Optimistic, Options, RELEASE_ORDERS, RELEASES, Redlock, ReleaseMode, ReleaseOrder,
    StrategyOptions, Transaction,
};

const STRATEGY: &str = "Strategy";

/// How long a lock or a claim lives.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct TtlArgs {
    /// Time to live of a lock (or a hold) that is not released
    #[arg(long, value_name = "DUR", default_value = "600s", help_heading = STRATEGY)]
    pub(super) ttl: Ttl,
}

/// The options of `locked`.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct LockOptionArgs {
    /// How the lock is acquired: set-nx-ex, setnx-then-expire, or set-ex (no NX: a mistake)
    #[arg(long, value_name = "HOW", value_parser = acquire, help_heading = STRATEGY)]
    acquire: Option<AcquireMode>,
    /// Value stored in the lock: request (unique for each), or user (the user's name)
    #[arg(long, value_name = "WHAT", value_parser = lock_value, help_heading = STRATEGY)]
    lock_value: Option<LockValue>,
    /// What a user does when the seat is locked: refuse, or wait:DUR (tries again with random pauses)
    #[arg(long, value_name = "WHAT", value_parser = on_busy, help_heading = STRATEGY)]
    on_busy: Option<OnBusy>,
    /// A watchdog extends the lock while its holder lives
    #[arg(long, help_heading = STRATEGY)]
    renew: bool,
    /// Where the database compares the lock's token: none, write or check-and-write
    #[arg(long, value_name = "WHERE", value_parser = fence, help_heading = STRATEGY)]
    fence: Option<Fence>,
    /// UNIQUE(seat) beneath the lock: belt and braces
    #[arg(long, help_heading = STRATEGY)]
    unique: bool,
    /// How the lock is released: compare-and-delete, del, get-then-del or none
    #[arg(long, value_name = "HOW", value_parser = release, help_heading = STRATEGY)]
    release: Option<ReleaseMode>,
    /// Leave the insert in an open transaction, and free the lock after-commit or before-commit
    #[arg(long, value_name = "WHEN", value_parser = release_order, help_heading = STRATEGY)]
    release_order: Option<ReleaseOrder>,
}

impl LockOptionArgs {
    fn options(self) -> Options {
        Options {
            release: self.release.unwrap_or_default(),
            value: self.lock_value.unwrap_or_default(),
            acquire: self.acquire.unwrap_or_default(),
            on_busy: self.on_busy.unwrap_or_default(),
            renew: self.renew,
            fence: self.fence.unwrap_or_default(),
            unique: self.unique,
            release_order: self.release_order,
        }
    }
}

/// The options of `transaction`.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
struct TransactionArgs {
    /// How the transaction begins: deferred, immediate or exclusive [default: immediate]
    #[arg(long, value_name = "HOW", value_parser = begin, help_heading = STRATEGY)]
    begin: Option<Isolation>,
    /// How long to wait for another transaction [default: 1s]
    #[arg(long, value_name = "DUR", value_parser = duration, help_heading = STRATEGY)]
    busy_timeout: Option<Duration>,
}

/// How often a user begins again.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct RetryArgs {
    /// How often a user that was overtaken or refused starts again [default: 0; redlock in a race: 3]
    #[arg(long, value_name = "N", value_parser = values::retries, allow_negative_numbers = true, help_heading = STRATEGY)]
    retries: Option<u32>,
}

/// The options of `redlock`.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
struct NodesArgs {
    /// Number of Redis nodes, 1 to 5 [default: 5, or as many as --redis are given]
    #[arg(long, value_name = "N", value_parser = values::nodes, help_heading = STRATEGY)]
    nodes: Option<u8>,
}

/// The options of `transaction`, with retries.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct RetriedTransactionArgs {
    #[command(flatten)]
    transaction: TransactionArgs,
    #[command(flatten)]
    retry: RetryArgs,
}

/// The options of `redlock`, with retries.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct RedlockArgs {
    #[command(flatten)]
    nodes: NodesArgs,
    #[command(flatten)]
    retry: RetryArgs,
}

/// The options of all strategies.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct TuningArgs {
    #[command(flatten)]
    lock_options: LockOptionArgs,
    #[command(flatten)]
    transaction: TransactionArgs,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    nodes: NodesArgs,
}

impl From<LockOptionArgs> for TuningArgs {
    fn from(lock_options: LockOptionArgs) -> Self {
        Self {
            lock_options,
            ..Self::default()
        }
    }
}

impl From<RetryArgs> for TuningArgs {
    fn from(retry: RetryArgs) -> Self {
        Self {
            retry,
            ..Self::default()
        }
    }
}

impl From<RetriedTransactionArgs> for TuningArgs {
    fn from(args: RetriedTransactionArgs) -> Self {
        Self {
            transaction: args.transaction,
            retry: args.retry,
            ..Self::default()
        }
    }
}

impl From<RedlockArgs> for TuningArgs {
    fn from(args: RedlockArgs) -> Self {
        Self {
            nodes: args.nodes,
            retry: args.retry,
            ..Self::default()
        }
    }
}

impl TuningArgs {
    /// The options that were given, each with the strategies that have it.
    fn given(&self) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        const LOCKED: &[&str] = &[Locked::NAME];
        const TRANSACTION: &[&str] = &[Transaction::NAME];
        let (lock_options, transaction) = (self.lock_options, self.transaction);
        let options = [
            ("--acquire", lock_options.acquire.is_some(), LOCKED),
            ("--lock-value", lock_options.lock_value.is_some(), LOCKED),
            ("--on-busy", lock_options.on_busy.is_some(), LOCKED),
            ("--renew", lock_options.renew, LOCKED),
            ("--fence", lock_options.fence.is_some(), LOCKED),
            ("--unique", lock_options.unique, LOCKED),
            ("--release", lock_options.release.is_some(), LOCKED),
            (
                "--release-order",
                lock_options.release_order.is_some(),
                LOCKED,
            ),
            ("--begin", transaction.begin.is_some(), TRANSACTION),
            (
                "--busy-timeout",
                transaction.busy_timeout.is_some(),
                TRANSACTION,
            ),
            (
                "--retries",
                self.retry.retries.is_some(),
                &[Optimistic::NAME, Transaction::NAME, Redlock::NAME],
            ),
            ("--nodes", self.nodes.nodes.is_some(), &[Redlock::NAME]),
        ];
        let given = options.into_iter().filter(|(_, is_given, _)| *is_given);
        given.map(|(option, _, owners)| (option, owners))
    }

    /// What these strategies are to be like; `servers` are the Redis that were named.
    pub(super) fn tuning(
        self,
        names: &[&str],
        ttl: Ttl,
        servers: usize,
    ) -> Result<StrategyOptions, String> {
        let options = self.lock_options.options();
        let is_named = |owners: &[&str]| names.iter().any(|name| owners.contains(name));
        for (option, owners) in self.given() {
            if !is_named(owners) {
                return Err(format!(
                    "{option} is an option of {}, not of {}: leave it out",
                    owners.join(", "),
                    names.join(", ")
                ));
            }
        }
        if options.release_order.is_some() && options.fence != Fence::None {
            return Err(
                "--fence writes at the check, which waits for the transaction that --release-order leaves open: leave one out"
                    .to_owned(),
            );
        }
        Ok(StrategyOptions {
            ttl,
            options,
            begin: self.transaction.begin.unwrap_or_default(),
            busy_timeout: self.transaction.busy_timeout,
            retries: self.retry.retries,
            nodes: self.nodes.nodes.or(nodes_of(names, servers)?),
        })
    }

    /// A search, or an interleaving that is forced, has no need of another try.
    pub(super) fn without_retries(mut self, names: &[&str]) -> Self {
        if names.contains(&Redlock::NAME) {
            self.retry.retries.get_or_insert(0);
        }
        self
    }
}

/// As many nodes as servers were named.
fn nodes_of(names: &[&str], servers: usize) -> Result<Option<u8>, String> {
    let is_redlock = names.contains(&Redlock::NAME);
    match u8::try_from(servers) {
        Ok(0) => Ok(None),
        Ok(1) if !is_redlock => Ok(None),
        Ok(some @ 1..=5) if is_redlock => Ok(Some(some)),
        _ if is_redlock => {
            Err("redlock locks on 5 servers at the most: give fewer --redis".to_owned())
        }
        _ => Err("only redlock locks on several servers: give one --redis".to_owned()),
    }
}

/// A strategy with its options, as one text.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct StrategyWords {
    #[arg(value_parser = values::strategy_name)]
    name: &'static str,
    #[command(flatten)]
    tuning: TuningArgs,
    #[command(flatten)]
    ttl: TtlArgs,
}

/// The strategy that is written like this: `locked --release del`.
///
/// # Errors
/// When there is none.
pub fn strategy_of(words: &str) -> Result<BuiltIn, String> {
    let refused = |why: String| format!("'{words}' is no strategy with its options: {why}");
    let parsed = StrategyWords::try_parse_from(words.split_whitespace());
    let StrategyWords { name, tuning, ttl } = parsed.map_err(|error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        refused(line.trim_start_matches("error: ").to_owned())
    })?;
    let tuning = tuning.without_retries(&[name]);
    let tuning = tuning.tuning(&[name], ttl.ttl, 0).map_err(refused)?;
    BuiltIn::named(name, &tuning).ok_or_else(|| refused("see racesim strategies".to_owned()))
}

/// What the word stands for.
fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!(
            "'{text}' is none of {}{}",
            names.join(", "),
            crate::nearest::perhaps(text, names.iter().copied())
        )
    })
}

fn acquire(text: &str) -> Result<AcquireMode, String> {
    one_of(text, &ACQUIRES)
}

fn lock_value(text: &str) -> Result<LockValue, String> {
    one_of(text, &LOCK_VALUES)
}

fn on_busy(text: &str) -> Result<OnBusy, String> {
    match text.strip_prefix("wait:") {
        Some(limit) => duration(limit)
            .map(OnBusy::Wait)
            .map_err(|error| error.to_string()),
        None if text == "refuse" => Ok(OnBusy::Refuse),
        None => Err(format!(
            "'{text}' is neither refuse nor wait:DUR, such as wait:2s"
        )),
    }
}

fn fence(text: &str) -> Result<Fence, String> {
    one_of(text, &FENCES)
}

fn release(text: &str) -> Result<ReleaseMode, String> {
    one_of(text, &RELEASES)
}

fn release_order(text: &str) -> Result<ReleaseOrder, String> {
    one_of(text, &RELEASE_ORDERS)
}

fn begin(text: &str) -> Result<Isolation, String> {
    one_of(text, &BEGINS)
}
