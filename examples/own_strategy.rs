//! Your own strategy, raced on the real stores and explored with the same code:
//! `cargo run --release --example own_strategy`
//!
//! It looks a second time right before it inserts. That feels safer, and a race may even look fine:
//! the gap is only smaller. Explore finds the interleaving that slips through it, and replay forces
//! that one on the real stores.

use racesim::checker::Property;
use racesim::client::{Client, StepError};
use racesim::engine::Engine;
use racesim::explore::replay::replay;
use racesim::explore::{Search, SearchVerdict, search};
use racesim::history::Outcome;
use racesim::plan::Plan;
use racesim::services::{ServiceChoice, Services};
use racesim::stats::Stats;
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
    // Raced: two at a time, so that not every gap is hit.
    let plan = Plan {
        concurrency: Some(2.try_into()?),
        ..Plan::new(500.try_into()?)
    };
    let services =
        Services::start(&ServiceChoice::default(), &plan, DoubleCheck.needs(), &[]).await?;
    let engine = Engine::new(services);
    let stats = Stats::of(&engine.race(&DoubleCheck, &plan, 0).await?);
    let double_bookings = stats
        .double_bookings()
        .ok_or("the rows could not be read")?;
    println!("raced:    {double_bookings} double bookings");

    // Explored: every interleaving of two users.
    let found = search(&DoubleCheck, Property::NoDoubleBooking, &Search::default());
    let SearchVerdict::Violated(schedule) = found.answer else {
        println!("explored: no interleaving breaks it");
        return Ok(());
    };
    println!("explored: broken by {schedule}");

    // Replayed: that interleaving, on the real database.
    let plan = Plan::new(schedule.users().try_into()?);
    let replayed = replay(&engine, &DoubleCheck, &plan, schedule).await?;
    println!(
        "replayed: rows of {:?}, {} differences",
        replayed.rows,
        replayed.differences.len()
    );
    Ok(())
}
