//! Does the model say what the real stores do, also of strategies that nobody would write? Random steps
//! in a row, in every interleaving, and with everything that can go wrong.

use proptest::prelude::{Just, Strategy as Generator, any, prop, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRng, TestRunner};
use racesim::client::{
    AcquireBy, Begin, Client, Guard, Manner, Patience, ReleaseBy, Said, StepError, Ttl,
};
use racesim::engine::Engine;
use racesim::explore::{Search, interleavings, samples};
use racesim::history::Outcome;
use racesim::plan::Plan;
use racesim::replay::{Replayed, replay};
use racesim::schedule::Schedule;
use racesim::strategy::{Needs, Strategy};

use super::support::{engine, everything, on_a_runtime};

/// One step of a random strategy.
#[derive(Debug, Clone, Copy)]
enum Op {
    Acquire(Manner),
    SetTtl,
    Verify,
    Release(Manner),
    Wait,
    Check(Manner),
    Insert(Manner),
    Hold,
    Confirm,
    Begin(Begin),
    Commit,
    Rollback,
}

/// A random small strategy: its steps in a row, ending early where one is answered "no".
#[derive(Debug, Clone)]
struct Random {
    steps: Vec<Op>,
    goes_on: bool,
    /// Whether its locks have a value of each request, or the person's name.
    is_anonymous: bool,
}

const TTL: Ttl = Ttl::TEN_MINUTES;

async fn take(op: Op, client: &mut Client) -> Result<bool, StepError> {
    match op {
        Op::Acquire(manner) => {
            let said = client.acquire_by(TTL, manner).await?;
            Ok(said == Said::Yes)
        }
        Op::SetTtl => client.set_ttl(TTL).await,
        Op::Verify => client.verify().await,
        Op::Release(manner) => client.release_by(manner).await,
        Op::Wait => {
            client
                .wait(&mut Patience::new(std::time::Duration::MAX))
                .await
        }
        Op::Check(manner) => Ok(client.check_by(manner).await? == Said::Yes),
        Op::Insert(manner) => Ok(client.insert_by(manner).await? == Said::Yes),
        Op::Hold => Ok(client.hold(TTL).await? == Said::Yes),
        Op::Confirm => client.confirm().await,
        Op::Begin(begin) => client.begin_transaction(begin, TTL.as_duration()).await,
        Op::Commit => client.commit().await,
        Op::Rollback => client.rollback().await,
    }
}

impl Strategy for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn ttl(&self) -> Option<Ttl> {
        Some(TTL)
    }

    fn needs(&self) -> Needs {
        everything(1)
    }

    fn are_users_alike(&self) -> bool {
        !self.is_anonymous
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        let mut has_booked = false;
        for op in &self.steps {
            if matches!(op, Op::Acquire(_)) && !self.is_anonymous {
                client.new_request();
            }
            let is_yes = take(*op, client).await?;
            has_booked |= is_yes && matches!(op, Op::Insert(_) | Op::Confirm);
            if !is_yes && !self.goes_on {
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

fn locking() -> impl Generator<Value = Op> {
    let by = prop_oneof![
        Just(AcquireBy::SetNxEx),
        Just(AcquireBy::SetNx),
        Just(AcquireBy::SetEx),
    ];
    let acquire = (by, any::<bool>()).prop_map(|(acquire, fence)| {
        // Grants are counted only where a lock is taken with one command.
        let fence = fence && acquire == AcquireBy::SetNxEx;
        Op::Acquire(Manner {
            acquire,
            fence,
            ..Manner::default()
        })
    });
    let by = prop_oneof![Just(ReleaseBy::CompareAndDelete), Just(ReleaseBy::Delete)];
    let release = by.prop_map(|release| {
        Op::Release(Manner {
            release,
            ..Manner::default()
        })
    });
    prop_oneof![
        3 => acquire,
        2 => release,
        1 => Just(Op::SetTtl),
        1 => Just(Op::Verify),
        1 => Just(Op::Wait),
    ]
}

/// Steps that commit by themselves.
fn committed() -> impl Generator<Value = Op> {
    let guard = prop_oneof![
        Just(Guard::None),
        Just(Guard::Unique),
        Just(Guard::NotExists),
        Just(Guard::Version),
    ];
    let manner = (guard, any::<bool>()).prop_map(|(guard, fence)| Manner {
        guard,
        fence,
        ..Manner::default()
    });
    let manner = manner.boxed();
    prop_oneof![
        2 => manner.clone().prop_map(Op::Check),
        3 => manner.prop_map(Op::Insert),
        1 => Just(Op::Hold),
        1 => Just(Op::Confirm),
    ]
}

/// Steps on a transaction, which no other writer may disturb.
fn transacting() -> impl Generator<Value = Op> {
    let begin = prop_oneof![
        Just(Begin::Deferred),
        Just(Begin::Immediate),
        Just(Begin::Exclusive),
    ];
    let inside = Manner {
        open: true,
        ..Manner::default()
    };
    prop_oneof![
        2 => begin.prop_map(Op::Begin),
        2 => Just(Op::Check(inside)),
        1 => Just(Op::Check(Manner::default())),
        3 => Just(Op::Insert(inside)),
        2 => Just(Op::Commit),
        1 => Just(Op::Rollback),
    ]
}

fn random_strategy() -> impl Generator<Value = Random> {
    let plain = prop::collection::vec(prop_oneof![locking(), committed()], 1..5);
    let open = prop::collection::vec(prop_oneof![1 => locking(), 3 => transacting()], 1..6);
    let steps = prop_oneof![plain, open];
    (steps, any::<bool>(), any::<bool>()).prop_map(|(steps, goes_on, is_anonymous)| Random {
        // A second transaction inside the first is an error of its own.
        steps: without_nesting(steps),
        goes_on,
        is_anonymous,
    })
}

fn without_nesting(steps: Vec<Op>) -> Vec<Op> {
    let mut is_open = false;
    let mut kept = Vec::new();
    for op in steps {
        let opens = match op {
            Op::Begin(_) => true,
            Op::Insert(manner) | Op::Check(manner) => manner.open,
            _ => false,
        };
        if is_open && matches!(op, Op::Begin(_)) {
            continue;
        }
        is_open = (is_open || opens) && !matches!(op, Op::Commit | Op::Rollback);
        kept.push(op);
    }
    kept
}

fn runner() -> TestRunner {
    let chance = TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(Config::default(), chance)
}

async fn assert_agreement(engine: &Engine, plan: &Plan, strategy: &Random, schedule: Schedule) {
    let Replayed {
        differences,
        schedule,
        ..
    } = replay(engine, strategy, plan, schedule).await.unwrap();
    assert_eq!(differences, [""; 0], "{strategy:?}: {schedule}");
}

#[test]
fn random_strategies_do_on_the_real_stores_what_the_model_says_in_every_interleaving() {
    on_a_runtime(async {
        let plan = Plan::new(2.try_into().unwrap());
        let engine = engine(&plan, everything(1)).await;
        let mut runner = runner();
        let mut forced = 0;
        for _ in 0..150 {
            let strategy = random_strategy().new_tree(&mut runner).unwrap().current();
            let all = interleavings(&strategy, 2, 300).unwrap_or_default();
            for schedule in all {
                assert_agreement(&engine, &plan, &strategy, schedule).await;
                forced += 1;
            }
        }
        assert!(forced > 1000, "{forced} interleavings say too little");
    });
}

#[test]
fn random_strategies_do_what_the_model_says_whatever_goes_wrong() {
    on_a_runtime(async {
        let plan = Plan::new(3.try_into().unwrap());
        let engine = engine(&plan, everything(1)).await;
        let mut runner = runner();
        let faults = [
            "expire:2",
            "stall:2",
            "crash",
            "give-up",
            "lost-reply",
            "restart",
        ];
        let search = searching(&faults);
        let mut forced = 0;
        for _ in 0..100 {
            let strategy = random_strategy().new_tree(&mut runner).unwrap().current();
            for schedule in samples(&strategy, &search, 5) {
                assert_agreement(&engine, &plan, &strategy, schedule).await;
                forced += 1;
            }
        }
        assert!(forced > 300, "{forced} interleavings say too little");
    });
}

fn searching(faults: &[&str]) -> Search {
    Search {
        users: 3,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..Search::default()
    }
}

/// A message was never late and never lost on its way, in the model and on the stores. Now it is, and
/// what arrives late is answered as the model says, after whatever the others did meanwhile.
#[test]
fn random_strategies_do_what_the_model_says_when_requests_are_late_or_lost() {
    on_a_runtime(async {
        let plan = Plan::new(3.try_into().unwrap());
        let engine = engine(&plan, everything(1)).await;
        let mut runner = runner();
        let faults = [
            "late:3",
            "lost-request",
            "expire",
            "crash",
            "stall",
            "restart",
        ];
        let search = searching(&faults);
        let (mut forced, mut arrived) = (0, 0);
        for _ in 0..100 {
            let strategy = random_strategy().new_tree(&mut runner).unwrap().current();
            for schedule in samples(&strategy, &search, 6) {
                arrived += schedule.to_string().matches("arrives").count();
                assert_agreement(&engine, &plan, &strategy, schedule).await;
                forced += 1;
            }
        }
        assert!(forced > 300, "{forced} interleavings say too little");
        assert!(arrived > 100, "{arrived} arrivals say too little");
    });
}
