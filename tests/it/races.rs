//! What happens when users race? The rows of the database say.

use super::support::{Ran, metric, run};

fn raced(arguments: &[&str]) -> Ran {
    let ran = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran
}

/// A metric of every round of the first race.
fn rounds_of(ran: &Ran, name: &str) -> Vec<u64> {
    let report = ran.json();
    let rounds = report["races"][0]["per_round"].as_array().unwrap();
    rounds
        .iter()
        .map(|round| round[name].as_u64().unwrap())
        .collect()
}

#[test]
fn naive_sells_one_seat_to_everybody_who_checks_before_anybody_inserts() {
    let report = raced(&["naive", "--users", "500"]).json();
    assert_eq!(
        (
            metric(&report, "bookings"),
            metric(&report, "double_bookings")
        ),
        (500, 499)
    );
    assert_eq!(
        (
            metric(&report, "confirmed"),
            metric(&report, "paid_in_vain")
        ),
        (500, 500)
    );
    assert_eq!(report["races"][0]["verdict"], "violated");
}

#[test]
fn locked_sells_the_seat_once_and_refuses_the_others_before_they_pay() {
    let report = raced(&["locked", "--users", "500"]).json();
    assert_eq!(
        (
            metric(&report, "bookings"),
            metric(&report, "double_bookings")
        ),
        (1, 0)
    );
    assert_eq!(
        (
            metric(&report, "confirmed"),
            metric(&report, "refused_before_payment")
        ),
        (1, 499)
    );
    assert_eq!(
        (
            metric(&report, "paid_in_vain"),
            metric(&report, "locks_left")
        ),
        (0, 0)
    );
    assert_eq!(report["races"][0]["verdict"], "holds");
    let lock = report["races"][0]["header"]["lock"].as_str().unwrap();
    assert!(lock.contains("a private server at"), "{lock}");
}

#[test]
fn d3_and_d6_the_database_refuses_the_losers_after_they_have_paid() {
    for strategy in ["unique", "conditional"] {
        for commit in ["group", "each"] {
            let report = raced(&[strategy, "--users", "300", "--commit", commit]).json();
            let numbers = [
                "bookings",
                "double_bookings",
                "confirmed",
                "refused_conflict",
                "paid_in_vain",
            ]
            .map(|name| metric(&report, name));
            assert_eq!(numbers, [1, 0, 1, 299, 299], "{strategy}, commit {commit}");
            assert_eq!(report["races"][0]["verdict"], "holds");
        }
    }
}

#[test]
fn a_hundred_rounds_of_locked_give_one_booking_each() {
    let ran = raced(&["locked", "--users", "500", "--rounds", "100"]);
    assert_eq!(rounds_of(&ran, "bookings"), [1; 100]);
    let rate = &ran.json()["races"][0]["rounds_double_booked"];
    assert_eq!(
        (rate["hits"].as_u64(), rate["of"].as_u64()),
        (Some(0), Some(100))
    );
    assert!(rate["high"].as_f64().unwrap() < 0.04, "{rate}");
}

#[test]
fn a_hundred_rounds_of_naive_each_give_more_than_one_booking() {
    let ran = raced(&["naive", "--users", "500", "--rounds", "100"]);
    assert!(
        rounds_of(&ran, "bookings")
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
        let report = raced(&[strategy, "--users", "50", "--concurrency", "1"]).json();
        assert_eq!(
            (
                metric(&report, "bookings"),
                metric(&report, "refused_taken")
            ),
            (1, 49),
            "{strategy}"
        );
    }
}

#[test]
fn no_more_users_than_the_width_can_oversell_a_seat() {
    let report = raced(&["naive", "--users", "200", "--concurrency", "8"]).json();
    let double_bookings = metric(&report, "double_bookings");
    assert!((1..8).contains(&double_bookings), "{double_bookings}");
}

#[test]
fn the_tallies_do_not_depend_on_how_statements_are_committed() {
    for strategy in ["naive", "locked"] {
        let [group, each] = ["group", "each"]
            .map(|commit| raced(&[strategy, "--users", "200", "--commit", commit]).json());
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
        assert!(
            each["races"][0]["header"]["database"]
                .as_str()
                .unwrap()
                .contains("a commit per statement")
        );
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
        let seats = ran.json()["races"][0]["seats"].clone();
        let seats = seats.as_array().unwrap().clone();
        seats
            .into_iter()
            .map(|seat| (seat["seat"].as_u64(), seat["total_attempts"].as_u64()))
            .collect::<Vec<_>>()
    };
    assert_eq!(seats("7"), seats("7"));
    assert_ne!(seats("7"), seats("8"));
    assert_eq!(seats("7").len(), 10, "of twelve seats ten are listed");
}

#[test]
fn a_payment_is_made_between_check_and_insert_and_takes_its_time() {
    let report = raced(&["naive", "--users", "20", "--payment", "30ms..40ms"]).json();
    let pay = report["races"][0]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["kind"] == "pay")
        .unwrap()
        .clone();
    assert!(pay["p50_ms"].as_f64().unwrap() >= 30.0, "{pay}");
    assert_eq!(report["races"][0]["header"]["payment"], "30ms..40ms");
}

#[test]
fn losers_of_a_lock_are_refused_while_the_winner_still_pays() {
    let report = raced(&["locked", "--users", "50", "--payment", "200ms"]).json();
    let slowest_refusal = report["races"][0]["metrics"]["refusal_p99_ms"]
        .as_f64()
        .unwrap();
    let winner = report["races"][0]["metrics"]["confirmed_p50_ms"]
        .as_f64()
        .unwrap();
    assert!(
        slowest_refusal < winner,
        "{slowest_refusal} against {winner}"
    );
}

#[test]
fn users_who_arrive_over_time_find_the_seat_taken() {
    let report = raced(&["locked", "--users", "40", "--arrive-over", "100ms"]).json();
    assert_eq!(metric(&report, "bookings"), 1);
    assert_eq!(
        metric(&report, "refused_taken") + metric(&report, "refused_locked"),
        39
    );
    assert!(metric(&report, "refused_taken") > 0);
    assert_eq!(report["races"][0]["header"]["arrive_over"], "100ms");
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
    let report = ran.json();
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(metric(&report, "double_bookings") > 0);
    let note = report["races"][0]["explanation"]["lines"].to_string();
    assert!(note.contains("its lock had expired"), "{note}");
}

#[test]
fn the_interleaving_that_sold_the_seat_twice_is_told() {
    let ran = run(&["naive", "--users", "2", "--format", "json"]);
    let explanation = ran.json()["races"][0]["explanation"].clone();
    let lines = explanation["lines"].as_array().unwrap();
    let steps: Vec<String> = lines
        .iter()
        .filter(|line| line["step"] != "pay")
        .map(|line| format!("{}.{}", line["user"], line["step"].as_str().unwrap()))
        .collect();
    assert_eq!(steps, ["1.check", "2.check", "1.insert", "2.insert"]);
    assert_eq!(
        lines.last().unwrap()["note"],
        "seat 10 is sold AGAIN: user 1 has it"
    );
}

#[test]
fn a_comparison_measures_the_four_rows_of_each_strategy() {
    let report = raced(&["compare", "--users", "200"]).json();
    let rows: Vec<&str> = report["comparison"]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        rows,
        ["Consistency", "Performance", "User experience", "Scaling"]
    );
    let double_bookings = &report["comparison"]["rows"][0]["measures"][0]["cells"];
    assert_eq!(
        (
            double_bookings[0]["value"].as_f64(),
            double_bookings[1]["value"].as_f64()
        ),
        (Some(199.0), Some(0.0))
    );
    assert_eq!(
        (
            double_bookings[0]["best"].as_bool(),
            double_bookings[1]["best"].as_bool()
        ),
        (Some(false), Some(true))
    );
    let costs = &report["comparison"]["rows"][1]["measures"][3]["cells"];
    assert!(
        costs[1]["value"].as_f64().unwrap() > 1.0,
        "a lock costs something: {costs}"
    );
    let growth = &report["comparison"]["rows"][3]["measures"][0];
    assert_eq!(growth["name"], "double-bookings, 20 → 200 users");
    assert_eq!(growth["cells"][0]["text"], "19 → 199");
}

/// Without a Redis the locked path won every time, a lock had a negative price, and both were starred:
/// the locks of the comparison were none. How fast they are is not told any more.
#[test]
fn nothing_about_speed_is_told_of_locks_that_are_only_simulated() {
    let report = raced(&["compare", "--users", "20", "--redis", "in-process"]).json();
    let rows = &report["comparison"]["rows"];
    let measures = rows[1]["measures"].as_array().unwrap();
    assert_eq!(measures.len(), 4);
    for measure in measures {
        let (naive, locked) = (&measure["cells"][0], &measure["cells"][1]);
        assert_eq!(locked["text"], "not measured: no Redis", "{measure}");
        assert!(
            locked["value"].is_null() && !naive["value"].is_null(),
            "{measure}"
        );
        assert_eq!(
            (&naive["best"], &locked["best"]),
            (&false.into(), &false.into()),
            "{measure}"
        );
    }
    // What is counted is true of them all the same.
    assert_eq!(rows[0]["measures"][0]["cells"][1]["best"], true);
}

/// A race of 500 inserts was compared with one of 499 refusals. What is compared for speed is the same
/// work now, a booking for every user, as `--seats each` races it.
#[test]
fn a_seat_for_every_user_is_the_same_work_for_every_strategy() {
    for strategy in ["naive", "locked"] {
        let report = raced(&[strategy, "--users", "40", "--seats", "each"]).json();
        let race = &report["races"][0];
        let numbers = ["bookings", "double_bookings", "confirmed", "seats_unsold"]
            .map(|name| metric(&report, name));
        assert_eq!(numbers, [40, 0, 40, 0], "{strategy}");
        assert_eq!(race["header"]["wanted"], "a seat of one's own each");
    }
    let compared = raced(&["compare", "--users", "40", "--rounds", "2"]).json();
    assert_eq!(compared["comparison"]["repeated"], 2);
    for probes in compared["comparison"]["probes"].as_array().unwrap() {
        assert_eq!(probes["each"]["bookings"], 40);
        assert_eq!(probes["each_tenth"]["bookings"], 4);
    }
}

/// Once is not enough to say who is better, and two rounds are not either.
#[test]
fn a_comparison_of_too_few_rounds_marks_nothing() {
    let report = raced(&["compare", "--users", "40", "--rounds", "2"]).json();
    let rows = report["comparison"]["rows"].to_string();
    assert!(!rows.contains("\"best\":true"), "{rows}");
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
        let report = super::support::finish(command).json();
        assert_eq!(metric(&report, "attempts"), 10_000, "{strategy}");
        assert_eq!(
            metric(&report, "failed") + metric(&report, "unknown"),
            0,
            "{strategy}"
        );
    }
}

#[test]
fn a_hundred_thousand_users_of_naive_are_all_counted() {
    let report = raced(&["naive", "--users", "100000"]).json();
    assert_eq!(
        (metric(&report, "bookings"), metric(&report, "confirmed")),
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
