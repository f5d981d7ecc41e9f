//! What happens when users race? The rows of the database say.

use racesim::checker::VerdictKind;
use racesim::history::Step;

use super::reports::{
    compared_value, comparison, in_each_round, measures, metric, times_of, value_of,
};
use super::support::{Ran, run};

fn raced(arguments: &[&str]) -> Ran {
    let ran = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran
}

#[test]
fn naive_sells_one_seat_to_everybody_who_checks_before_anybody_inserts() {
    let race = raced(&["naive", "--users", "500"]).race();
    assert_eq!(
        (metric(&race, "bookings"), metric(&race, "double_bookings")),
        (500, 499)
    );
    assert_eq!(
        (metric(&race, "confirmed"), metric(&race, "paid_in_vain")),
        (500, 500)
    );
    assert_eq!(race.verdict, VerdictKind::Violated);
}

#[test]
fn locked_sells_the_seat_once_and_refuses_the_others_before_they_pay() {
    let race = raced(&["locked", "--users", "500"]).race();
    assert_eq!(
        (metric(&race, "bookings"), metric(&race, "double_bookings")),
        (1, 0)
    );
    assert_eq!(
        (
            metric(&race, "confirmed"),
            metric(&race, "refused_before_payment")
        ),
        (1, 499)
    );
    assert_eq!(
        (metric(&race, "paid_in_vain"), metric(&race, "locks_left")),
        (0, 0)
    );
    assert_eq!(race.verdict, VerdictKind::Holds);
    let lock = race.header.lock.as_ref().unwrap();
    assert!(lock.contains("a private server at"), "{lock}");
}

#[test]
fn d3_and_d6_the_database_refuses_the_losers_after_they_have_paid() {
    for strategy in ["unique", "conditional"] {
        for commit in ["group", "each"] {
            let race = raced(&[strategy, "--users", "300", "--commit", commit]).race();
            let numbers = [
                "bookings",
                "double_bookings",
                "confirmed",
                "refused_conflict",
                "paid_in_vain",
            ]
            .map(|name| metric(&race, name));
            assert_eq!(numbers, [1, 0, 1, 299, 299], "{strategy}, commit {commit}");
            assert_eq!(race.verdict, VerdictKind::Holds);
        }
    }
}

#[test]
fn a_hundred_rounds_of_locked_give_one_booking_each() {
    let ran = raced(&["locked", "--users", "500", "--rounds", "100"]);
    assert_eq!(in_each_round(&ran.race(), "bookings"), [1; 100]);
    let rate = ran.race().rounds_double_booked;
    assert_eq!((rate.hits, rate.of), (0, 100));
    assert!(rate.high < 0.04, "{rate:?}");
}

#[test]
fn a_hundred_rounds_of_naive_each_give_more_than_one_booking() {
    let ran = raced(&["naive", "--users", "500", "--rounds", "100"]);
    assert!(
        in_each_round(&ran.race(), "bookings")
            .iter()
            .all(|bookings| *bookings > 1)
    );
}

#[test]
fn a_rate_of_nothing_is_said_to_be_a_bound() {
    let ran = run(&[
        "locked",
        "--users",
        "20",
        "--rounds",
        "10",
        "--redis",
        "in-process",
    ]);
    assert!(
        ran.stdout
            .contains("0 of 10: at most 3/10 (Wilson 95 % interval 0.0–27.8 %)"),
        "{}",
        ran.stdout
    );
}

#[test]
fn one_user_in_flight_at_a_time_never_oversells() {
    for strategy in ["naive", "locked"] {
        let race = raced(&[strategy, "--users", "50", "--concurrency", "1"]).race();
        assert_eq!(
            (metric(&race, "bookings"), metric(&race, "refused_taken")),
            (1, 49),
            "{strategy}"
        );
    }
}

#[test]
fn no_more_users_than_the_width_can_oversell_a_seat() {
    let race = raced(&["naive", "--users", "200", "--concurrency", "8"]).race();
    let double_bookings = metric(&race, "double_bookings");
    assert!((1..8).contains(&double_bookings), "{double_bookings}");
}

#[test]
fn the_tallies_do_not_depend_on_how_statements_are_committed() {
    for strategy in ["naive", "locked"] {
        let [group, each] = ["group", "each"]
            .map(|commit| raced(&[strategy, "--users", "200", "--commit", commit]).race());
        for name in [
            "bookings",
            "double_bookings",
            "confirmed",
            "refused_locked",
            "refused_taken",
        ] {
            assert_eq!(
                metric(&group, name),
                metric(&each, name),
                "{strategy} {name}"
            );
        }
        assert!(each.header.database.contains("a commit per statement"));
    }
}

#[test]
fn users_of_many_seats_draw_the_same_ones_from_one_seed() {
    let seats = |seed| {
        let ran = raced(&[
            "locked",
            "--users",
            "300",
            "--seats",
            "12",
            "--seed",
            seed,
            "--redis",
            "in-process",
        ]);
        let seats = ran.race().seats.into_iter();
        seats
            .map(|seat| (seat.seat, seat.total_attempts))
            .collect::<Vec<_>>()
    };
    assert_eq!(seats("7"), seats("7"));
    assert_ne!(seats("7"), seats("8"));
    assert_eq!(seats("7").len(), 10, "of twelve seats ten are listed");
}

#[test]
fn a_payment_is_made_between_check_and_insert_and_takes_its_time() {
    let race = raced(&["naive", "--users", "20", "--payment", "30ms..40ms"]).race();
    let pay = times_of(&race, Step::Pay);
    assert!(pay.p50_ms >= 30.0, "{pay:?}");
    assert_eq!(race.header.payment, "30ms..40ms");
}

#[test]
fn losers_of_a_lock_are_refused_while_the_winner_still_pays() {
    let race = raced(&["locked", "--users", "50", "--payment", "200ms"]).race();
    let slowest_refusal = race.figures.median("refusal_p99").unwrap();
    let winner = race.figures.median("confirmed_p50").unwrap();
    assert!(
        slowest_refusal < winner,
        "{slowest_refusal} against {winner}"
    );
}

#[test]
fn users_who_arrive_over_time_find_the_seat_taken() {
    let race = raced(&["locked", "--users", "40", "--arrive-over", "100ms"]).race();
    assert_eq!(metric(&race, "bookings"), 1);
    assert_eq!(
        metric(&race, "refused_taken") + metric(&race, "refused_locked"),
        39
    );
    assert!(metric(&race, "refused_taken") > 0);
    assert_eq!(race.header.arrive_over.as_deref(), Some("100ms"));
}

#[test]
fn a_lock_that_expires_while_its_holder_pays_sells_the_seat_twice() {
    let arguments = [
        "locked",
        "--users",
        "3",
        "--ttl",
        "20ms",
        "--payment",
        "600ms",
        "--arrive-over",
        "90ms",
        "--seed",
        "3",
    ];
    let ran = run(&[&arguments[..], &["--format", "json"]].concat());
    let race = ran.race();
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(metric(&race, "double_bookings") > 0);
    let lines = race.explanation.unwrap().lines;
    let mut notes = lines.iter().map(|line| &line.note);
    assert!(
        notes.any(|note| note.contains("its lock had expired")),
        "{lines:?}"
    );
}

#[test]
fn the_interleaving_that_sold_the_seat_twice_is_told() {
    let ran = run(&["naive", "--users", "2", "--format", "json"]);
    let lines = ran.race().explanation.unwrap().lines;
    let steps: Vec<String> = lines
        .iter()
        .filter(|line| line.step != "pay")
        .map(|line| format!("{}.{}", line.user, line.step))
        .collect();
    assert_eq!(steps, ["1.check", "2.check", "1.insert", "2.insert"]);
    let last = lines.last().unwrap();
    assert_eq!(last.note, "seat 10 is sold AGAIN: user 1 has it");
}

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
/// the locks of the comparison were none. How fast they are is not told any more.
#[test]
fn nothing_about_speed_is_told_of_locks_that_are_only_simulated() {
    let report = raced(&["compare", "--users", "20", "--redis", "in-process"]).compared();
    let comparison = comparison(&report);
    let lines = measures(comparison, "Performance");
    assert_eq!(lines.len(), 4);
    for line in lines {
        let of = |strategy| value_of(comparison, line, strategy);
        let (naive, locked) = (of("naive"), of("locked"));
        assert_eq!(locked.text, "not measured: no Redis", "{line:?}");
        assert!(locked.value.is_none() && naive.value.is_some(), "{line:?}");
        assert!(!naive.best && !locked.best, "{line:?}");
    }
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

#[test]
fn assertions_decide_the_exit_status() {
    assert_eq!(
        run(&["naive", "--users", "20", "--assert", "double_bookings > 0"]).code,
        Some(0)
    );
    let failed = run(&[
        "compare",
        "--users",
        "20",
        "--redis",
        "in-process",
        "--assert",
        "naive.double_bookings == 0",
        "--quiet",
    ]);
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        failed.stderr,
        "racesim: assertion failed: naive.double_bookings == 0, found 19 in round 1\n"
    );
    let held = run(&[
        "compare",
        "--users",
        "20",
        "--redis",
        "in-process",
        "--assert",
        "locked.double_bookings == 0",
        "--quiet",
    ]);
    assert_eq!((held.code, held.all().as_str()), (Some(0), ""));
}

#[test]
fn without_any_redis_the_locks_are_kept_inside_and_it_is_said() {
    let empty = tempfile::tempdir().unwrap();
    let mut command = super::support::racesim(&["locked", "--users", "100"]);
    command.env("PATH", empty.path());
    let ran = super::support::finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stdout
            .contains("simulated locks, in this process (no Redis)"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("this does not test Redis; install one"),
        "{}",
        ran.stderr
    );

    let mut insisting = super::support::racesim(&["locked", "--redis", "private"]);
    insisting.env("PATH", empty.path());
    super::support::finish(insisting)
        .assert_refused(4, "neither redis-server nor valkey-server is on PATH");
}

/// A build without any Redis was green in silence: the assertion was judged by locks that racesim
/// keeps itself, and `--quiet` kept the warning too. Now it is refused before anything is raced.
#[test]
fn an_assertion_about_locks_is_refused_where_there_is_no_redis() {
    let empty = tempfile::tempdir().unwrap();
    let without_redis = |arguments: &[&str]| {
        let mut command = super::support::racesim(arguments);
        command.env("PATH", empty.path());
        super::support::finish(command)
    };
    let single = [
        "locked",
        "--users",
        "20",
        "--assert",
        "double_bookings == 0",
        "-q",
    ];
    let compared = [
        "compare",
        "--users",
        "20",
        "--assert",
        "locked.bookings == 1",
        "-q",
    ];
    for arguments in [&single, &compared] {
        without_redis(arguments).assert_refused(4, "or say --redis in-process to assert about");
    }
    let asked_for = without_redis(&[&single[..], &["--redis", "in-process"]].concat());
    assert_eq!((asked_for.code, asked_for.all().as_str()), (Some(0), ""));
    // What is asserted needs no lock.
    let naive = [
        "compare",
        "--users",
        "20",
        "--assert",
        "naive.double_bookings == 19",
        "-q",
    ];
    let ran = without_redis(&naive);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), ""),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("this does not test Redis; install one"),
        "a warning is never quiet"
    );
    let ran = without_redis(&["locked", "--users", "20", "--quiet"]);
    assert_eq!(ran.code, Some(0));
    assert!(
        ran.stderr.contains("this does not test Redis; install one"),
        "{}",
        ran.stderr
    );
}

/// It said that no redis-server is on PATH, to somebody who has one and asked for the other.
#[test]
fn in_process_locks_that_were_asked_for_are_told_as_that() {
    let ran = run(&["locked", "--users", "20", "--redis", "in-process"]);
    assert_eq!(
        ran.stderr,
        "racesim: using simulated locks, as --redis in-process asks: this does not test Redis\n"
    );
}

#[test]
fn ten_thousand_users_need_no_more_than_the_usual_1024_files() {
    for strategy in ["naive", "locked"] {
        let binary = env!("CARGO_BIN_EXE_racesim");
        let mut command = std::process::Command::new("/bin/sh");
        command.args([
            "-c",
            &format!("ulimit -n 1024; exec {binary} {strategy} --users 10000 --format json"),
        ]);
        let race = super::support::finish(command).race();
        assert_eq!(metric(&race, "attempts"), 10_000, "{strategy}");
        assert_eq!(
            metric(&race, "failed") + metric(&race, "unknown"),
            0,
            "{strategy}"
        );
    }
}

#[test]
fn a_hundred_thousand_users_of_naive_are_all_counted() {
    let race = raced(&["naive", "--users", "100000"]).race();
    assert_eq!(
        (metric(&race, "bookings"), metric(&race, "confirmed")),
        (100_000, 100_000)
    );
}

/// Panics once the seat is known to be free.
#[derive(Clone)]
struct Panicking;

impl racesim::strategy::Strategy for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    async fn attempt(
        &self,
        client: &mut racesim::client::Client,
    ) -> Result<racesim::history::Outcome, racesim::client::StepError> {
        assert!(!client.check().await?, "the strategy has a fault");
        Ok(racesim::history::Outcome::Taken)
    }
}

#[test]
fn a_user_that_panics_fails_the_race() {
    use racesim::engine::{Engine, EngineError};
    use racesim::services::{ServiceChoice, Services};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let plan = racesim::plan::Plan::new(5.try_into().unwrap());
        let choice = ServiceChoice::default();
        let services = Services::start(&choice, &plan, racesim::strategy::Needs::default(), &[])
            .await
            .unwrap();
        let raced = Engine::new(services).race(&Panicking, &plan, 0).await;
        assert!(matches!(raced, Err(EngineError::Panicked(5))), "{raced:?}");
    });
}
