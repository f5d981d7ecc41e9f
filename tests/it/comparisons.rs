//! What does a comparison measure, and what does it mark?

use super::races::raced;
use super::reports::{compared_value, comparison, measures, metric, value_of};

#[test]
fn a_comparison_measures_the_four_rows_of_each_strategy() {
    let report = raced(&["compare", "--users", "200"]).compared();
    let comparison = comparison(&report);
    let rows: Vec<&str> = comparison.rows.iter().map(|row| &*row.name).collect();
    assert_eq!(
        rows,
        ["Consistency", "Performance", "User experience", "Scaling"]
    );
    let double_bookings = |strategy| {
        let value = compared_value(comparison, ("Consistency", "double-bookings"), strategy);
        (value.value, value.best)
    };
    assert_eq!(double_bookings("naive"), (Some(199.0), false));
    assert_eq!(double_bookings("locked"), (Some(0.0), true));
    let cost = compared_value(comparison, ("Performance", "cost of the lock"), "locked");
    assert!(
        cost.value.unwrap() > 1.0,
        "a lock costs something: {cost:?}"
    );
    let growth = ("Scaling", "double-bookings, 20 → 200 users");
    assert_eq!(compared_value(comparison, growth, "naive").text, "19 → 199");
}

/// Without a Redis the locked path won every time, a lock had a negative price, and both were starred:
/// the locks of the comparison were none. A lock costs a round trip there too, and nothing is starred.
#[test]
fn speeds_on_racesims_own_lock_server_are_told_as_that_and_not_starred() {
    let report = raced(&["compare", "--users", "20", "--redis", "embedded"]).compared();
    let comparison = comparison(&report);
    let lines = measures(comparison, "Performance");
    assert_eq!(lines.len(), 4);
    for line in lines {
        let of = |strategy| value_of(comparison, line, strategy);
        let (naive, locked) = (of("naive"), of("locked"));
        let is_told = line.name.ends_with(" (racesim's own lock server)");
        assert!(is_told && locked.value.is_some(), "{line:?}");
        assert!(!naive.best && !locked.best, "{line:?}");
    }
    let cost = "cost of the lock (racesim's own lock server)";
    let cost = compared_value(comparison, ("Performance", cost), "locked");
    assert!(cost.value.unwrap() > 1.5, "a round trip costs: {cost:?}");
    // What is counted is true of them all the same.
    let counted = ("Consistency", "double-bookings");
    assert!(compared_value(comparison, counted, "locked").best);
}

/// A race of 500 inserts was compared with one of 499 refusals. What is compared for speed is the same
/// work now, a booking for every user, as `--seats each` races it.
#[test]
fn a_seat_for_every_user_is_the_same_work_for_every_strategy() {
    for strategy in ["naive", "locked"] {
        let race = raced(&[strategy, "--users", "40", "--seats", "each"]).race();
        let numbers = ["bookings", "double_bookings", "confirmed", "seats_unsold"]
            .map(|name| metric(&race, name));
        assert_eq!(numbers, [40, 0, 40, 0], "{strategy}");
        assert_eq!(race.header.wanted, "a seat of one's own each");
    }
    let compared = raced(&["compare", "--users", "40", "--rounds", "2"]).compared();
    let comparison = comparison(&compared);
    assert_eq!(comparison.repeated, 2);
    for probes in &comparison.probes {
        assert_eq!(probes.each.median("bookings"), Some(40.0));
        assert_eq!(probes.each_tenth.median("bookings"), Some(4.0));
    }
}

/// Once is not enough to say who is better, and two rounds are not either.
#[test]
fn a_comparison_of_too_few_rounds_marks_nothing() {
    let report = raced(&["compare", "--users", "40", "--rounds", "2"]).compared();
    let mut lines = comparison(&report)
        .rows
        .iter()
        .flat_map(|row| &row.measures);
    let marked = lines.find(|line| line.cells.iter().any(|value| value.best));
    assert!(marked.is_none(), "{marked:?}");
}
