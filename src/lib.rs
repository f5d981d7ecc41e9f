//! Can this booking endpoint sell the same seat twice?
//!
//! racesim lets simulated users race for a seat on a real SQLite database and a real Redis, counts
//! the bookings in the database's own rows, and judges what happened.
//!
//! A *strategy* is a plain async function over the steps of a [`client::Client`]; it knows no
//! runtime, no SQL and no Redis. The rooms, top to bottom; none imports one above it:
//!
//! | room | question it answers |
//! |---|---|
//! | [`app`] | what does each command do, what is the exit status? (the only indicatif) |
//! | [`cli`] | what was typed? (the only clap) |
//! | [`report`] | how is a result shown? (the only comfy-table and csv) |
//! | [`explore`] | does any interleaving break it, and do the real stores agree? (the only stateright) |
//! | [`stats`] | how much, how fast? |
//! | [`checker`] | is this history right, and why? |
//! | [`engine`] | how does a plan become a history? |
//! | [`strategy`] | the protocols, a file each |
//! | [`client`] | what may a strategy do? |
//! | [`services`] | what is raced on, and is it alive? (the only rusqlite and redis) |
//! | [`schedule`] | who moves when? |
//! | [`plan`] | what is to be run? |
//! | [`fault`] | what goes wrong, for whom, when? |
//! | [`history`] | what happened? |
//! | [`escape`] | how is a text shown that came from outside? |
//! | [`nearest`] | which name may have been meant? |
//! | [`memory`] | how much may this process still take? |
//! | [`duration`], [`seat`], [`seed`] | times, ids and chance |
//!
//! `tests/it/architecture.rs` holds the table of who may import whom.
//! `docs/design.md` follows one step through the rooms, and says what the model assumes and why.
//!
//! # Example
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use racesim::engine::Engine;
//! use racesim::services::{ServiceChoice, Services};
//! use racesim::plan::Plan;
//! use racesim::stats::Stats;
//! use racesim::strategy::{Naive, Strategy};
//!
//! let plan = Plan::new(50.try_into()?);
//! let services = Services::start(&ServiceChoice::default(), &plan, Naive.needs(), &[]).await?;
//! let history = Engine::new(services).race(&Naive, &plan, 0).await?;
//! assert!(Stats::of(&history).double_bookings() > Some(0));
//! # Ok(())
//! # }
//! ```

pub mod app;
pub mod checker;
pub mod cli;
pub mod client;
pub mod duration;
pub mod engine;
pub mod escape;
pub mod explore;
pub mod fault;
pub mod history;
pub mod memory;
pub mod nearest;
pub mod plan;
pub mod report;
pub mod schedule;
pub mod seat;
pub mod seed;
pub mod services;
pub mod stats;
pub mod strategy;
