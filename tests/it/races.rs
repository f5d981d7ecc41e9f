//! What happens when users race? The rows of the database say.

use super::reports::{in_each_round, metric, times_of};
use super::support::{Ran, run};
use racesim::checker::VerdictKind;
use racesim::history::Step;

pub(crate) fn raced(arguments: &[&str]) -> Ran {
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
    assert!(lock.to_string().contains("a private server at"), "{lock}");
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
        "locked", "--users", "20", "--rounds", "10", "--redis", "embedded",
    ]);
    assert!(
        ran.stdout.contains(
            "0 of 10: at most 25.9 %, as 1 − 0.05^(1/10) says (Wilson 95 % interval 0.0–27.8 %)"
        ),
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
            "locked", "--users", "300", "--seats", "12", "--seed", seed, "--redis", "embedded",
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

/// The story of a seat that nobody got told of somebody who was refused, and nothing of the crash.
#[test]
fn where_the_user_crashed_is_told_and_drawn() {
    let words = ["locked", "--users", "3", "--fault", "crash:check:1"];
    let json = run(&[&words[..], &["--format", "json"]].concat());
    let told = json.race().explanation.unwrap().lines;
    let crash = told.iter().find(|line| line.reply.is_none()).unwrap();
    assert_eq!(crash.step, "crash");
    let own: Vec<&str> = told
        .iter()
        .filter(|line| line.user == crash.user)
        .map(|line| line.step.as_str())
        .collect();
    assert_eq!(own, ["acquire", "check", "crash"]);
    let note = "it never moves again, and does not release what it holds";
    assert_eq!(crash.note, note);
    let table = run(&words);
    let row = table.stdout.lines().find(|line| line.contains(note));
    assert!(
        row.is_some_and(|row| row.contains("┆ crash")),
        "{}",
        table.stdout
    );
    let drawn = run(&[&words[..], &["--format", "mermaid"]].concat());
    let place = drawn.stdout.find(&format!(": crash: {note}"));
    assert!(place.is_some(), "{}", drawn.stdout);
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
        "embedded",
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
        "embedded",
        "--assert",
        "locked.double_bookings == 0",
        "--quiet",
    ]);
    assert_eq!((held.code, held.all().as_str()), (Some(0), ""));
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

#[test]
fn the_ten_worst_seats_are_listed_and_all_of_them_where_more_is_wanted() {
    let seats = |more: &[&str]| {
        let arguments = ["--users", "30", "--seats", "each", "--format", "json"];
        let ran = run(&[&["naive"], &arguments[..], more].concat());
        ran.race().seats.len()
    };
    assert_eq!(seats(&[]), 10);
    assert_eq!(seats(&["-v"]), 30);
}
