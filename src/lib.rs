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
//! | [`app`] | which rooms does each command join, what is the exit status? |
//! | [`cli`] | what did the person ask for? (the only clap) |
//! | [`progress`] | how is a run watched? (the only indicatif) |
//! | [`report`] | how is a result shown? (the only comfy-table and csv) |
//! | [`matrix`] | which strategy withstands which fault? |
//! | [`replay`] | do the real stores do what the model says? |
//! | [`explain`] | why did this happen? |
//! | [`stats`] | how much, how fast? |
//! | [`explore`] | does any interleaving break it? (the only stateright) |
//! | [`checker`] | is this history right? |
//! | [`engine`] | how does a plan become a history? |
//! | [`strategy`] | the protocols, a file each |
//! | [`client`] | what may a strategy do? |
//! | [`store`] | who holds which seat? (the only rusqlite) |
//! | [`lock`] | who may enter? (the only redis) |
//! | [`escape`] | how is a text shown that came from outside? |
//! | [`queue`] | how do many users wait for one service? |
//! | [`memory`] | how much may this process still take? |
//! | [`folder`] | where does a run keep its files, and who removes them? |
//! | [`schedule`] | who moves when? |
//! | [`plan`] | what is to be run? |
//! | [`fault`] | what goes wrong, for whom, when? |
//! | [`history`] | what happened? |
//! | [`index`] | what belongs to which seat, or to which user? |
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
//! use racesim::engine::{Engine, ServiceChoice, Services};
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
pub mod explain;
pub mod explore;
pub mod fault;
pub mod folder;
pub mod history;
pub mod index;
pub mod lock;
pub mod matrix;
pub mod memory;
pub mod plan;
pub mod progress;
pub mod queue;
pub mod replay;
pub mod report;
pub mod schedule;
pub mod seat;
pub mod seed;
pub mod stats;
pub mod store;
pub mod strategy;
