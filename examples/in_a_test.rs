//! A strategy in the tests of your own crate: `cargo test --example in_a_test`
//!
//! `cargo run --example in_a_test` shows what such a test says when it fails.

use racesim::checker::Property;
use racesim::client::{Client, Guard, StepError};
use racesim::history::Outcome;
use racesim::strategy::Strategy;

/// Check, pay, insert: with or without a UNIQUE constraint on the seat.
#[derive(Clone)]
struct Booking {
    is_unique: bool,
}

impl Strategy for Booking {
    fn name(&self) -> &'static str {
        "booking"
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        if !client.check().await? {
            return Ok(Outcome::Taken);
        }
        client.pay().await?;
        let is_inserted = if self.is_unique {
            client.insert_guarded(Guard::Unique).await?
        } else {
            client.insert().await?
        };
        Ok(if is_inserted {
            Outcome::Confirmed
        } else {
            Outcome::Conflict
        })
    }
}

fn main() {
    let booking = Booking { is_unique: false };
    racesim::explore(booking).assert_holds(Property::NoDoubleBooking);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn with_the_constraint_one_of_five_hundred_gets_the_seat()
    -> Result<(), racesim::BuilderError> {
        let booking = Booking { is_unique: true };
        let raced = racesim::race(booking).users(500).rounds(5).run().await?;
        raced.assert_one_booking();
        Ok(())
    }

    #[test]
    fn with_the_constraint_no_interleaving_of_three_sells_the_seat_twice() {
        racesim::explore(Booking { is_unique: true })
            .users(3)
            .fault("lost-reply")
            .fault("crash")
            .assert_holds(Property::NoDoubleBooking);
    }

    #[test]
    #[should_panic(expected = "A.check B.check A.insert B.insert")]
    fn without_it_two_who_check_before_either_inserts_break_it() {
        main();
    }

    #[tokio::test]
    async fn the_schedule_that_breaks_it_leaves_two_rows_in_a_real_database()
    -> Result<(), racesim::BuilderError> {
        let replayed = racesim::replay(Booking { is_unique: false })
            .schedule("A.check B.check A.insert B.insert")
            .run()
            .await?;
        assert_eq!((replayed.rows.len(), replayed.differences.len()), (2, 0));
        Ok(())
    }
}
