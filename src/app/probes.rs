//! What a comparison measures beside the races: the same work for every strategy, again and again until
//! it is clear who is faster.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::AppError;
use crate::cli::Repeats;
use crate::engine::{Engine, EngineError};
use crate::plan::{Plan, Wanted};
use crate::report::{Figures, Metrics, Probes, Round, are_clear};
use crate::stats::Stats;
use crate::strategy::{BuiltIn, with_strategy};

/// How many users go one after another to see what an attempt costs when nobody waits.
const ALONE: NonZeroU32 = NonZeroU32::new(50).expect("fifty is not zero");

/// Which part of the users the small races have.
const TENTH: u32 = 10;

/// So long it may take for two strategies until it is clear which is faster, and in proportion for more.
const TIME: Duration = Duration::from_secs(1);

/// Fewer tell nothing (see [`crate::stats::Estimate`]): for so many it may take twice as long.
const FEWEST: u32 = 8;

/// The most often that anything is repeated.
const MOST: u32 = 200;

/// The plans of what is measured beside a race.
struct Plans {
    each: Plan,
    each_tenth: Plan,
    alone: Plan,
    tenth: Plan,
}

impl Plans {
    fn beside(plan: &Plan) -> Self {
        let small = NonZeroU32::new(plan.users.get() / TENTH).unwrap_or(NonZeroU32::MIN);
        let each = |users| Plan {
            wanted: Wanted::Own,
            concurrency: plan.concurrency,
            ..Plan::new(users).with_inputs_of(plan)
        };
        Self {
            each: each(plan.users),
            each_tenth: each(small),
            alone: Plan {
                concurrency: Some(NonZeroU32::MIN),
                ..each(ALONE)
            },
            tenth: Plan {
                users: small,
                rounds: NonZeroU32::MIN,
                ..plan.clone()
            },
        }
    }
}

/// The plan whose seats are all that any of these races wants.
pub(super) fn widest(plan: &Plan) -> Plan {
    let each = Plans::beside(plan).each;
    Plan {
        users: each.users.max(ALONE),
        ..each
    }
}

/// Measures all strategies, in turn, so that what disturbs the machine for a while disturbs all alike.
pub(super) async fn measure(
    engine: &Engine,
    strategies: &[BuiltIn],
    plan: &Plan,
    repeats: Repeats,
) -> Result<Vec<Probes>, AppError> {
    let plans = Plans::beside(plan);
    let mut probes: Vec<Probes> = strategies.iter().map(|_| Probes::default()).collect();
    let pairs = u32::try_from(strategies.len().div_ceil(2)).unwrap_or(u32::MAX);
    let (begun, time) = (Instant::now(), TIME.saturating_mul(pairs));
    let (least, most) = match repeats {
        Repeats::Exactly(rounds) => (rounds.get(), rounds.get()),
        Repeats::UntilClear => (1, MOST),
    };
    for round in 0..most {
        let limit = if round < FEWEST { 2 * time } else { time };
        let is_over = || begun.elapsed() > limit || (round >= FEWEST && are_clear(&probes));
        if engine.is_stopped() || (round >= least && is_over()) {
            break;
        }
        for (strategy, probes) in strategies.iter().zip(&mut probes) {
            for (plan, figures) in [
                (&plans.each, &mut probes.each),
                (&plans.each_tenth, &mut probes.each_tenth),
                (&plans.alone, &mut probes.alone),
            ] {
                add(engine, strategy, (plan, round), figures).await?;
            }
            // What arrives over a second is not repeated for longer than that.
            if round == 0 || begun.elapsed() < time {
                add(engine, strategy, (&plans.tenth, round), &mut probes.tenth).await?;
            }
        }
    }
    Ok(probes)
}

async fn add(
    engine: &Engine,
    strategy: &BuiltIn,
    (plan, round): (&Plan, u32),
    figures: &mut Figures,
) -> Result<(), AppError> {
    let history = with_strategy!(strategy, it => engine.race(it, plan, round).await?);
    // A part of a race measures nothing.
    if engine.is_stopped() {
        return Err(EngineError::Stopped.into());
    }
    let steps = history.events.len();
    let counted = engine.off_the_runtime(steps, move || Metrics::of(&Stats::of(&history)));
    let metrics = counted.await.ok_or(EngineError::Stopped)?;
    figures.push(Round {
        metrics,
        disturbed: None,
    });
    Ok(())
}
