//! Does the search find the shortest interleaving that breaks a strategy, and only where there is
//! one? The lines of the strategies that are known to be true.

use racesim::checker::Property;
use racesim::client::Guard;
use racesim::explore::{Limit, Search, SearchProgress, SearchVerdict, search, search_until};
use racesim::fault::SearchFault;
use racesim::strategy::{Conditional, Locked, Naive, Redlock, Strategy, Unique};
use std::sync::Mutex;
use tokio_util::sync::CancellationToken;

fn searching(users: u32, faults: &[&str]) -> Search {
    let faults = faults
        .iter()
        .map(|fault| fault.parse::<SearchFault>().unwrap())
        .collect();
    Search {
        users,
        faults,
        ..Search::default()
    }
}

fn locked() -> Locked {
    Locked::default()
}

/// The shortest schedule that breaks the property.
#[track_caller]
fn broken<S: Strategy>(strategy: &S, property: Property, users: u32, faults: &[&str]) -> String {
    match search(strategy, property, &searching(users, faults)).answer {
        SearchVerdict::Violated(schedule) => schedule.to_string(),
        other => panic!("{property} of {} is {}", strategy.name(), other.name()),
    }
}

/// Asserts that nothing breaks the property.
#[track_caller]
fn assert_holds<S: Strategy>(strategy: &S, property: Property, users: u32, faults: &[&str]) {
    let found = search(strategy, property, &searching(users, faults));
    assert_eq!(
        found.answer,
        SearchVerdict::Holds,
        "{property} with {users} users and {faults:?}"
    );
    assert!(found.states > 1);
}

#[test]
fn n1_naive_sells_a_seat_twice_in_four_steps() {
    let schedule = broken(&Naive, Property::NoDoubleBooking, 2, &[]);
    assert_eq!(schedule, "A.check B.check A.insert B.insert");
}

#[test]
fn n2_naive_tells_a_user_who_checks_after_the_insert_that_the_seat_is_taken() {
    use racesim::explore::follow;
    use racesim::history::Outcome;
    let schedule = "A.check A.insert B.check".parse().unwrap();
    let trace = follow(&Naive, &schedule, 2).unwrap();
    assert_eq!(
        trace.outcomes,
        [Some(Outcome::Confirmed), Some(Outcome::Taken)]
    );
    assert_eq!(trace.rows.len(), 1);
}

#[test]
fn n3_naive_sells_a_seat_to_everybody_who_checks_first() {
    use racesim::explore::follow;
    let schedule = "A.check B.check C.check A.insert B.insert C.insert"
        .parse()
        .unwrap();
    let trace = follow(&Naive, &schedule, 3).unwrap();
    assert_eq!(trace.rows.len(), 3);
}

#[test]
fn naive_keeps_every_other_property_when_nothing_goes_wrong() {
    for property in Property::ALL.into_iter().skip(2) {
        assert_holds(&Naive, property, 3, &[]);
    }
}

#[test]
fn d3_and_d6_nothing_breaks_what_leaves_the_last_word_to_the_database() {
    for property in [
        Property::NoDoubleBooking,
        Property::NoPhantomSuccess,
        Property::NoStrayBooking,
    ] {
        let faults = ["crash:2", "lost-reply:2", "give-up"];
        assert_holds(&Unique, property, 3, &faults);
        assert_holds(&Conditional, property, 3, &faults);
    }
    assert_holds(&Unique, Property::SomeoneBooks, 4, &[]);
    assert_holds(&Conditional, Property::SomeoneBooks, 4, &[]);
}

/// `unique` or `conditional` without its guard, and so without its promise.
#[derive(Clone)]
struct Unguarded;

impl Strategy for Unguarded {
    fn name(&self) -> &'static str {
        "unguarded"
    }

    async fn attempt(
        &self,
        client: &mut racesim::client::Client,
    ) -> Result<racesim::history::Outcome, racesim::client::StepError> {
        client.pay().await?;
        client.insert_guarded(Guard::None).await?;
        Ok(racesim::history::Outcome::Confirmed)
    }
}

#[test]
fn without_its_guard_the_seat_is_sold_twice() {
    let schedule = broken(&Unguarded, Property::NoDoubleBooking, 2, &[]);
    assert_eq!(schedule, "A.insert B.insert");
}

#[test]
fn l0_a_lock_keeps_every_property_when_nothing_goes_wrong() {
    for users in [1, 2, 3, 4] {
        for property in Property::ALL {
            assert_holds(&locked(), property, users, &[]);
        }
    }
}

#[test]
fn l1_a_lock_that_expires_sells_the_seat_twice_in_seven_steps() {
    let schedule = broken(&locked(), Property::NoDoubleBooking, 2, &["expire"]);
    assert_eq!(schedule.split(' ').count(), 7, "{schedule}");
    assert!(
        schedule.starts_with("A.acquire A.check expire B.acquire B.check"),
        "{schedule}"
    );
    let overlap = broken(&locked(), Property::MutualExclusion, 2, &["expire"]);
    assert_eq!(overlap, "A.acquire expire B.acquire");
}

#[test]
fn l2_compare_and_delete_never_harms_two_users_inside_their_leases() {
    for property in [Property::NoDoubleBookingInLease, Property::NoForeignRelease] {
        assert_holds(&locked(), property, 3, &["expire:2", "give-up:2"]);
    }
}

#[test]
fn l8_a_holder_that_crashes_leaves_the_seat_unsold_in_three_steps() {
    let schedule = broken(&locked(), Property::SomeoneBooks, 2, &["crash"]);
    assert_eq!(schedule, "A.acquire A.crash B.acquire");
    assert_holds(&locked(), Property::NoDoubleBooking, 3, &["crash:2"]);
}

#[test]
fn l11_and_l12_a_lost_reply_books_nobody_twice_and_lies_to_nobody() {
    for property in [
        Property::NoDoubleBooking,
        Property::NoPhantomSuccess,
        Property::NoStrayBooking,
    ] {
        assert_holds(&locked(), property, 3, &["lost-reply:2"]);
        assert_holds(&Naive, Property::NoPhantomSuccess, 3, &["lost-reply:2"]);
    }
}

#[test]
fn r1_a_restart_that_forgets_the_lock_sells_the_seat_twice_in_seven_steps_to_the_innocent() {
    for property in [Property::NoDoubleBooking, Property::NoDoubleBookingInLease] {
        let schedule = broken(&locked(), property, 2, &["restart"]);
        assert_eq!(schedule.split(' ').count(), 7, "{schedule}");
        assert!(schedule.contains("restart"), "{schedule}");
    }
}

#[test]
fn a_search_that_reaches_a_limit_is_unknown() {
    // A limit of 1,000 states gave a report of 2,149, and one of 5 s took 7.9: what waited was looked at.
    for limit_states in [0, 1, 10, 1000] {
        let few = Search {
            limit_states,
            ..searching(4, &["expire:3", "crash"])
        };
        let found = search(&locked(), Property::NoForeignRelease, &few);
        assert_eq!(found.states, limit_states);
        assert_eq!(found.answer, SearchVerdict::Unknown(Limit::States));
    }
    let few = Search {
        limit_states: 10,
        ..searching(4, &["expire:3", "crash"])
    };
    assert_eq!(
        search(&locked(), Property::NoForeignRelease, &few).answer,
        SearchVerdict::Unknown(Limit::States)
    );
    let quick = Search {
        limit_time: std::time::Duration::ZERO,
        ..few
    };
    let quick = Search {
        limit_states: u64::MAX,
        ..quick
    };
    assert_eq!(
        search(&locked(), Property::NoForeignRelease, &quick).answer,
        SearchVerdict::Unknown(Limit::Time)
    );
}

#[test]
fn a_search_tells_how_far_it_is_while_it_goes_on() {
    // Nothing was told before its end, which may be a minute away. Here it ends when it tells that it has
    // left the start.
    let stop = CancellationToken::new();
    let told = Mutex::new(Vec::new());
    let watch = |now: SearchProgress| {
        told.lock().unwrap().push(now);
        if now.depth > 0 {
            stop.cancel();
        }
    };
    let long = Search {
        limit_states: u64::MAX,
        ..searching(4, &["stall:2", "expire:3", "crash:2"])
    };
    let property = Property::NoPhantomSuccess;
    let found = search_until(&Redlock::default(), property, &long, &stop, Some(&watch));
    assert_eq!(found.answer, SearchVerdict::Unknown(Limit::Stopped));
    let told = told.into_inner().unwrap();
    assert!(
        told.is_sorted_by_key(|now| (now.states, now.depth)),
        "{told:?}"
    );
    let last = told.last().unwrap();
    assert!(
        last.states <= found.states && last.depth <= found.depth,
        "{last:?}"
    );
}

/// Waits for real time, which no model has.
#[derive(Clone)]
struct Dozing;

impl Strategy for Dozing {
    fn name(&self) -> &'static str {
        "dozing"
    }

    async fn attempt(
        &self,
        client: &mut racesim::client::Client,
    ) -> Result<racesim::history::Outcome, racesim::client::StepError> {
        client.check().await?;
        std::future::pending::<()>().await;
        Ok(racesim::history::Outcome::Confirmed)
    }
}

#[test]
fn a_strategy_that_waits_for_what_is_no_step_is_unknown() {
    let found = search(&Dozing, Property::NoDoubleBooking, &searching(2, &[]));
    assert_eq!(found.answer, SearchVerdict::Unknown(Limit::Steps));
}

#[test]
fn a_strategy_with_more_servers_than_the_model_has_is_unknown() {
    let redlock = racesim::strategy::Redlock {
        ttl: racesim::client::Ttl::default(),
        nodes: 9,
        retries: 0,
    };
    let found = search(&redlock, Property::NoDoubleBooking, &searching(2, &[]));
    assert_eq!(found.answer, SearchVerdict::Unknown(Limit::Steps));
}

/// What `racesim explore` says.
fn explored(arguments: &[&str]) -> super::support::Ran {
    super::support::run(&[&["explore"], arguments].concat())
}

#[test]
fn the_exit_status_is_the_answer_and_can_be_turned_round() {
    assert_eq!(explored(&["locked", "--users", "3"]).code, Some(0));
    assert_eq!(explored(&["naive"]).code, Some(1));
    assert_eq!(explored(&["naive", "--expect", "violated"]).code, Some(0));
    assert_eq!(explored(&["locked", "--expect", "violated"]).code, Some(1));
    let limited = [
        "locked",
        "--users",
        "4",
        "--fault",
        "expire:3",
        "--limit-states",
        "50",
        "--property",
        "no-foreign-release",
    ];
    let ran = explored(&limited);
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    assert!(
        ran.stdout.contains("unknown: --limit-states was reached"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        explored(&[&limited[..], &["--expect", "violated"]].concat()).code,
        Some(3)
    );
}

#[test]
fn bad_words_are_refused() {
    explored(&["naif"]).assert_refused(2, "there is no strategy 'naif', perhaps 'naive'");
    explored(&["naive", "--users", "6"])
        .assert_refused(2, "'6' is too many, at most 5 here: write 1 to 5");
    explored(&["naive", "--users", "0"]).assert_refused(2, "write 1 to 5");
    explored(&["naive", "--fault", "explode"]).assert_refused(
        2,
        "unknown fault 'explode', perhaps 'expire': write expire, crash, lost-reply, lost-request, late, restart, give-up,",
    );
    explored(&["naive", "--property", "fairness"]).assert_refused(
        2,
        "unknown property 'fairness'; there are: no-double-booking,",
    );
}

#[test]
fn the_schedule_is_told_with_the_line_that_forces_it() {
    let ran = explored(&["naive", "--property", "no-double-booking"]);
    assert!(
        ran.stdout
            .contains("racesim replay naive --schedule 'A.check B.check A.insert B.insert'"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("the seat is sold AGAIN: A has it"),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_diagram_of_a_schedule() {
    let arguments = [
        "locked",
        "--fault",
        "expire",
        "--property",
        "no-double-booking",
        "--format",
        "mermaid",
    ];
    insta::assert_snapshot!(explored(&arguments).stdout);
}

#[test]
fn the_table_of_an_exploration() {
    let ran = explored(&[
        "locked", "--users", "3", "--fault", "restart", "--fault", "crash",
    ]);
    let steady: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| {
            // The last column is the time that it took.
            match line
                .rfind('┆')
                .filter(|_| line.contains("holds") || line.contains("violated"))
            {
                Some(at) => line[..at].to_owned(),
                None => line.to_owned(),
            }
        })
        .collect();
    let steady: Vec<&str> = steady
        .iter()
        .map(String::as_str)
        .filter(|line| !line.contains(['╞', '┌', '└']) && !line.contains("┆ States ┆"))
        .collect();
    insta::assert_snapshot!(steady.join("\n"));
}
