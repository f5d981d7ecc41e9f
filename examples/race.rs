//! A race from the library: `cargo run --release --example race`

use racesim::engine::Engine;
use racesim::plan::Plan;
use racesim::services::{ServiceChoice, Services};
use racesim::stats::Stats;
use racesim::strategy::{Naive, Strategy};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example shows what it found")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plan = Plan::new(500.try_into()?);
    let services = Services::start(&ServiceChoice::default(), &plan, Naive.needs(), &[]).await?;
    let history = Engine::new(services).race(&Naive, &plan, 0).await?;

    let stats = Stats::of(&history);
    let counted = stats.bookings().zip(stats.double_bookings());
    let (bookings, double_bookings) = counted.ok_or("the rows could not be read")?;
    println!("{bookings} bookings of one seat, {double_bookings} of them double");
    Ok(())
}
