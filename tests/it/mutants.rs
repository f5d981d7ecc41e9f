//! Is every step that protects a strategy needed? Each is taken away in turn, and some cell of the
//! matrix must fail.

use racesim::client::{Acquire, AcquireMode, Check, Client, ReleaseCommand, StepError, Ttl};
use racesim::engine::Engine;
use racesim::explore::matrix::{Expectations, MatrixColumn, cell};
use racesim::history::{Outcome, Reply};
use racesim::plan::Plan;
use racesim::strategy::{
    Fence, LockOptions, LockValue, Locked, Needs, Redlock, ReleaseMode, ReleaseOrder, Strategy,
};

use super::ladder::OnlyCommit;
use super::support::on_a_runtime;

/// A strategy without one of its steps.
#[derive(Debug, Clone, Copy)]
enum Mutant {
    /// `unique` without UNIQUE.
    UnguardedInsert,
    /// `conditional` without WHERE NOT EXISTS.
    BlindInsert,
    /// `optimistic` that reads the version and inserts whatever it is now.
    IgnoredVersion,
    /// `hold` that pays and inserts without a claim.
    NoClaim,
    /// `hold` that inserts without asking whether its claim is still the last.
    UncheckedConfirm,
    /// `transaction` without a transaction.
    NoTransaction,
    /// `transaction` that ignores what the insert was answered, and looks only at the commit.
    IgnoredInsert,
    /// `locked` without a lock.
    NoLock,
    /// `locked` whose lock never gets a time to live.
    NoTtl,
    /// `locked --fence` with the fence at the check only.
    FencedCheckOnly,
    /// `redlock` for which one node is enough.
    NoMajority,
    /// `redlock` that frees the first node only.
    FirstNodeFreed,
}

fn told(is_inserted: bool) -> Outcome {
    if is_inserted {
        Outcome::Confirmed
    } else {
        Outcome::Conflict
    }
}

async fn check_and_insert(client: &mut Client) -> Result<Outcome, StepError> {
    if !client.check().await? {
        return Ok(Outcome::Taken);
    }
    client.pay().await?;
    Ok(told(client.insert().await?))
}

async fn redlock(client: &mut Client, needed: u8, freed: u8) -> Result<Outcome, StepError> {
    client.new_request();
    let mut granted = 0;
    for node in 0..3 {
        let acquired = client.acquire_on(node, Acquire::default()).await;
        granted += u8::from(acquired == Ok(true));
    }
    let outcome = if granted >= needed {
        let since = client.now();
        client.validate(since, std::time::Duration::MAX).await?;
        check_and_insert(client).await
    } else {
        Ok(Outcome::Locked)
    };
    for node in 0..freed {
        let _ = client
            .release_on(node, ReleaseCommand::CompareAndDelete)
            .await;
    }
    outcome
}

async fn fenced_check_only(client: &mut Client) -> Result<Outcome, StepError> {
    client.new_request();
    let fenced = Acquire {
        is_fenced: true,
        ..Acquire::default()
    };
    if !client.acquire_on(0, fenced).await? {
        return Ok(Outcome::Locked);
    }
    let checking = Check {
        is_fenced: true,
        ..Check::default()
    };
    let outcome = match client.check_with(checking).await? {
        Reply::Available => {
            client.pay().await?;
            told(client.insert().await?)
        }
        Reply::Taken => Outcome::Taken,
        _ => Outcome::Locked,
    };
    let _ = client.release().await;
    Ok(outcome)
}

impl Strategy for Mutant {
    fn name(&self) -> &'static str {
        "mutant"
    }

    fn needs(&self) -> Needs {
        Needs {
            locks: match self {
                Self::NoMajority | Self::FirstNodeFreed => 3,
                Self::NoTtl | Self::FencedCheckOnly => 1,
                _ => 0,
            },
            ..Needs::default()
        }
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        match self {
            Self::UnguardedInsert | Self::NoTransaction | Self::NoLock => {
                check_and_insert(client).await
            }
            Self::BlindInsert | Self::NoClaim => {
                client.pay().await?;
                Ok(told(client.insert().await?))
            }
            Self::IgnoredVersion => {
                let reading = Check {
                    reads_version: true,
                    ..Check::default()
                };
                if !client.check_with(reading).await?.is_done() {
                    return Ok(Outcome::Taken);
                }
                client.pay().await?;
                Ok(told(client.insert().await?))
            }
            Self::UncheckedConfirm => match client.hold(Ttl::default()).await? {
                Reply::Granted => {
                    client.pay().await?;
                    Ok(told(client.insert().await?))
                }
                Reply::Taken => Ok(Outcome::Taken),
                _ => Ok(Outcome::Locked),
            },
            Self::IgnoredInsert => OnlyCommit.attempt(client).await,
            Self::NoTtl => {
                client.new_request();
                let without_ttl = Acquire {
                    mode: AcquireMode::SetNx,
                    ..Acquire::default()
                };
                if !client.acquire_on(0, without_ttl).await? {
                    return Ok(Outcome::Locked);
                }
                let outcome = check_and_insert(client).await;
                let _ = client.release().await;
                outcome
            }
            Self::FencedCheckOnly => fenced_check_only(client).await,
            Self::NoMajority => redlock(client, 1, 3).await,
            Self::FirstNodeFreed => redlock(client, 2, 1).await,
        }
    }
}

/// The lock with one part of it done in another way.
fn locked(change: impl FnOnce(&mut LockOptions)) -> Locked {
    let mut options = LockOptions::default();
    change(&mut options);
    Locked {
        ttl: Ttl::default(),
        options,
    }
}

/// The cells of the original's row that fail for what stands in its place.
async fn caught_by<S: Strategy>(engine: &Engine, original: &str, mutant: &S) -> Vec<String> {
    let known = Expectations::built_in();
    let mut caught = Vec::new();
    for column in &known.columns {
        let expected = known.of(original, &column.name).cloned();
        assert!(expected.is_some(), "{original} is a row of the matrix");
        let found = cell(engine, mutant, column, expected).await.unwrap();
        if found.objection().is_some() {
            caught.push(column.name.clone());
        }
    }
    caught
}

/// Services for everything that a mutant may use.
async fn engine() -> Engine {
    let plan = Plan::new(5.try_into().unwrap());
    super::support::engine(&plan, super::support::everything(3)).await
}

/// Steps that only a strategy of one's own can leave out.
fn made() -> Vec<(&'static str, Mutant)> {
    use Mutant::{
        BlindInsert, FencedCheckOnly, FirstNodeFreed, IgnoredInsert, IgnoredVersion, NoClaim,
        NoLock, NoMajority, NoTransaction, NoTtl, UncheckedConfirm, UnguardedInsert,
    };
    vec![
        ("unique", UnguardedInsert),
        ("conditional", BlindInsert),
        ("optimistic", IgnoredVersion),
        ("hold", NoClaim),
        ("hold", UncheckedConfirm),
        ("transaction", NoTransaction),
        ("transaction --begin deferred", IgnoredInsert),
        ("locked", NoLock),
        ("locked", NoTtl),
        ("locked --fence check-and-write", FencedCheckOnly),
        ("redlock --nodes 3", NoMajority),
        ("redlock --nodes 3", FirstNodeFreed),
    ]
}

/// Steps that an option exchanges for something worse.
fn chosen() -> Vec<(&'static str, &'static str, Locked)> {
    vec![
        ("locked", "NX", locked(|it| it.acquire = AcquireMode::SetEx)),
        (
            "locked",
            "the comparison of the value",
            locked(|it| it.release = ReleaseMode::Del),
        ),
        (
            "locked",
            "a value of each request",
            locked(|it| it.value = LockValue::User),
        ),
        (
            "locked",
            "the release",
            locked(|it| it.release = ReleaseMode::None),
        ),
        ("locked --unique", "UNIQUE", locked(|_| {})),
        ("locked --renew", "the watchdog", locked(|_| {})),
        (
            "locked --fence check-and-write",
            "the fence at the check",
            locked(|it| it.fence = Fence::Write),
        ),
        (
            "locked --release-order after-commit",
            "the commit before the release",
            locked(|it| it.release_order = Some(ReleaseOrder::BeforeCommit)),
        ),
    ]
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the list of the mutants is for a reader"
)]
fn every_step_that_protects_is_missed_when_it_is_taken_away() {
    on_a_runtime(async {
        let engine = engine().await;
        let mut survivors = Vec::new();
        let mut note = |original: &str, without: String, caught: Vec<String>| {
            println!(
                "{original}, without {without}: caught by {}",
                caught.join(", ")
            );
            if caught.is_empty() {
                survivors.push(format!("{original} without {without}"));
            }
        };
        for (original, mutant) in made() {
            let caught = caught_by(&engine, original, &mutant).await;
            note(original, format!("{mutant:?}"), caught);
        }
        for (original, without, mutant) in chosen() {
            let caught = caught_by(&engine, original, &mutant).await;
            note(original, without.to_owned(), caught);
        }
        assert!(survivors.is_empty(), "nothing noticed: {survivors:?}");
    });
}

#[test]
fn the_originals_survive_what_their_mutants_do_not() {
    on_a_runtime(async {
        let engine = engine().await;
        let redlock = Redlock {
            ttl: Ttl::default(),
            nodes: 3,
            retries: 0,
        };
        assert_eq!(
            caught_by(&engine, "redlock --nodes 3", &redlock).await,
            [""; 0]
        );
        let plain = Locked::default();
        assert_eq!(caught_by(&engine, "locked", &plain).await, [""; 0]);
    });
}

#[test]
fn a_cell_that_was_to_break_and_does_not_fails_too() {
    on_a_runtime(async {
        let known = Expectations::built_in();
        let expected = known.of("locked", "expire").cloned();
        let column: &MatrixColumn = known.column("expire").unwrap();
        let belted = locked(|it| it.unique = true);
        let found = cell(&engine().await, &belted, column, expected).await;
        let objection = found.unwrap().objection().unwrap();
        assert_eq!(
            objection,
            "it was to be broken in 7 moves, and nothing breaks it"
        );
    });
}
