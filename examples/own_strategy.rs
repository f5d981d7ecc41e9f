//! A strategy of one's own, raced beside the ones that racesim brings:
//! `cargo run --release --example own_strategy`
//!
//! It looks a second time right before it inserts. That feels safer, and is not: the gap is only
//! smaller.

use racesim::checker::{Property, Verdict, judge};
use racesim::client::{Client, StepError};
use racesim::engine::{Engine, ServiceChoice, Services};
use racesim::history::Outcome;
use racesim::plan::Plan;
use racesim::strategy::Strategy;

/// Check, pay, check again, insert.
#[derive(Clone)]
struct DoubleCheck;

impl Strategy for DoubleCheck {
    fn name(&self) -> &'static str {
        "double-check"
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        if !client.check().await? {
            return Ok(Outcome::Taken);
        }
        client.pay().await?;
        if !client.check().await? {
            return Ok(Outcome::Taken);
        }
        let is_inserted = client.insert().await?;
        Ok(if is_inserted {
            Outcome::Confirmed
        } else {
            Outcome::Conflict
        })
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example shows what it found")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plan = Plan::new(500.try_into()?);
    let services = Services::start(&ServiceChoice::default(), &plan, None).await?;
    let history = Engine::new(services).race(&DoubleCheck, &plan, 0).await?;

    for judgement in judge(&history) {
        if let (Property::NoDoubleBooking, Verdict::Violated(witness)) =
            (judgement.property, judgement.verdict)
        {
            println!("{}: {}", DoubleCheck.name(), witness.text);
        }
    }
    Ok(())
}
