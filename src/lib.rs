//! Can this booking endpoint sell the same seat twice?
//!
//! racesim lets simulated users race for a seat on a real SQLite database and a real Redis, counts
//! the bookings in the database's own rows, and judges what happened.
//!
//! A *strategy* is a plain async function over the steps of a [`client::Client`]; it knows no
//! runtime, no SQL and no Redis.
//!
//! # In your own tests
//!
//! [`race`] races a strategy on real services, [`explore`](explore()) looks at every interleaving of its users on a
//! model, and [`replay`] forces one interleaving on the real services. `examples/in_a_test.rs` has a whole
//! test; `examples/own_strategy.rs` does the same by the rooms beneath. Races and replays need tokio, and
//! those of a strategy that takes locks need a `redis-server` on PATH, or the URL of one; a search needs neither.
//!
//! ```
//! use racesim::checker::Property;
//! use racesim::strategy::Unique;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), racesim::BuilderError> {
//! racesim::explore(Unique).users(3).fault("crash").assert_holds(Property::NoDoubleBooking);
//! racesim::race(Unique).users(50).rounds(2).run().await?.assert_one_booking();
//! # Ok(())
//! # }
//! ```
//!
//! # The rooms
//!
//! From top to bottom; none imports one above it:
//!
//! | room | question it answers |
//! |---|---|
//! | `app` | what does each command do, what is the exit status? (the only indicatif) |
//! | `cli` | what was typed? (the only clap) |
//! | `builder` | how does a race, a search or a replay read in a test? |
//! | `report` | how is a result shown? (the only comfy-table and csv) |
//! | [`explore`](mod@explore) | does any interleaving break it, and do the real stores agree? (the only stateright) |
//! | [`stats`] | how much, how fast? |
//! | [`checker`] | is this history right, and why? |
//! | [`engine`] | how does a plan become a history? |
//! | [`strategy`] | the protocols, a file each |
//! | [`client`] | what may a strategy do? |
//! | [`services`] | what is raced on, and is it alive? (the only rusqlite and redis) |
//! | [`history`] | what happened? |
//! | [`schedule`] | who moves when? |
//! | [`plan`] | what is to be run? |
//! | [`fault`] | what goes wrong, for whom, when? |
//! | [`step`] | what may a user do, and be answered? |
//! | `escape` | how is a text shown that came from outside? |
//! | `nearest` | which name may have been meant? |
//! | `memory` | how much may this process still take? |
//! | `duration`, [`seat`], `seed` | times, ids and chance |
//!
//! `tests/it/architecture.rs` holds the table of who may import whom.
//! `docs/design.md` follows one step through the rooms, and says what the model assumes and why.
//!
//! # Features
//!
//! `cli`, which is on, is the command: `app`, `cli` and `report`, with what only they need. A crate
//! that races strategies in its tests does without: `racesim = { version = "0.1", default-features = false }`.
//!
//! Rooms that these pages do not show are public for the command and for the tests of this crate alone.

/// From a kind whose names strum derives: all of its values in their order, and the name of each; with a
/// third argument also the value of a name.
macro_rules! all_by_name {
    ($Kind:ident, $all:literal) => {
        impl $Kind {
            #[doc = $all]
            pub const ALL: [Self; <Self as strum::EnumCount>::COUNT] =
                *<Self as strum::VariantArray>::VARIANTS
                    .first_chunk()
                    .expect("as many as counted");

            /// The name that a person types and reads.
            #[must_use]
            pub fn name(self) -> &'static str {
                self.into()
            }
        }
    };
    ($Kind:ident, $all:literal, $named:literal) => {
        all_by_name!($Kind, $all);

        impl $Kind {
            #[doc = $named]
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                name.parse().ok()
            }
        }
    };
}

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod app;
mod builder;
pub mod checker;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod client;
#[doc(hidden)]
pub mod duration;
pub mod engine;
#[doc(hidden)]
pub mod escape;
pub mod explore;
pub mod fault;
pub mod history;
#[doc(hidden)]
pub mod memory;
#[doc(hidden)]
pub mod nearest;
pub mod plan;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod report;
pub mod schedule;
pub mod seat;
#[doc(hidden)]
pub mod seed;
pub mod services;
pub mod stats;
pub mod step;
pub mod strategy;

pub use builder::{
    BuilderError, ExploreBuilder, ExploreResult, RaceBuilder, RaceResult, ReplayBuilder, explore,
    race, replay,
};
