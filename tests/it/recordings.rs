//! What is known of a recording whose run did not come to its end?

use std::process::Stdio;

use racesim::checker::VerdictKind;

use super::reports::{metric, total};
use super::support::{begun, eventually, history_file, racesim, run, text_of};

// A run that was killed left rounds that were each whole, and the check of them said that all held.
#[test]
fn of_a_run_that_was_killed_nothing_is_said_to_hold() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.jsonl");
    let mut command = racesim(&["locked", "-q", "--users", "20", "--rounds", "100000"]);
    command.arg("--history").arg(&file);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    eventually("a round is recorded", || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.contains("\"type\":\"footer\"")
    });
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = run(&["check", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    for told in ran.checked_race().verdicts {
        assert_eq!(told.verdict, VerdictKind::Unknown, "{told:?}");
    }
}

// It left an empty file, which no check could say anything of.
#[test]
fn a_run_that_is_killed_before_its_first_round_is_over_leaves_no_history() {
    let folder = tempfile::tempdir().unwrap();
    let (file, database) = (
        folder.path().join("killed.jsonl"),
        folder.path().join("race.db"),
    );
    let mut command = racesim(&["naive", "-q", "--users", "2", "--payment", "50s"]);
    command
        .arg("--history")
        .arg(&file)
        .arg("--database")
        .arg(&database);
    let mut child = begun(&mut command, &database);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!file.exists());
}

/// A recording of rounds with a double booking, of which these were stopped.
fn double_booked(are_stopped: &[bool]) -> String {
    let text = text_of(history_file("double-booking.jsonl"));
    let lines: Vec<&str> = text.lines().collect();
    let race = lines[..lines.len() - 1].join("\n");
    let rounds = are_stopped.len();
    let races = are_stopped.iter().enumerate().map(|(round, is_stopped)| {
        let number = format!("\"round\":{round},\"rounds\":{rounds},");
        let race = race.replace("\"round\":0,\"rounds\":1,", &number);
        race.replace(
            "\"interrupted\":false",
            &format!("\"interrupted\":{is_stopped}"),
        )
    });
    let races: Vec<String> = races.collect();
    let end = format!("{{\"type\":\"end\",\"races\":{rounds},\"interrupted\":false}}\n");
    format!("{}\n{end}", races.join("\n"))
}

// A round that was stopped counted as one that was raced: "2 of 3: 66.7 %". It is told apart, whatever it
// had come to.
#[test]
fn a_round_that_was_stopped_or_cannot_be_judged_is_in_no_rate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stopped.jsonl");
    let rates = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let ran = run(&["check", file.to_str().unwrap(), "--format", "json"]);
        let race = ran.checked_race();
        let (sold_twice, apart) = (race.rounds_double_booked, race.rounds_apart);
        [
            sold_twice.hits,
            sold_twice.of,
            apart.stopped,
            apart.stopped_double_booked,
            apart.unjudged,
        ]
    };
    let whole = double_booked(&[false, false, false]);
    assert_eq!(rates(&whole), [3, 3, 0, 0, 0]);
    assert_eq!(
        rates(&double_booked(&[false, false, true])),
        [2, 2, 0, 1, 0]
    );
    let last_row = whole.rfind("{\"type\":\"booking\"").unwrap();
    let after_it = last_row + whole[last_row..].find('\n').unwrap() + 1;
    let damaged = [&whole[..last_row], &whole[after_it..]].concat();
    assert_eq!(rates(&damaged), [2, 2, 0, 0, 1]);
}

// A round that lost a line was counted as it stood, in the sums of all rounds too.
#[test]
fn totals_are_the_sums_of_whole_rounds_and_unknown_when_one_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rounds.jsonl");
    let checked = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let ran = run(&["check", file.to_str().unwrap(), "--format", "json"]);
        // What is proven of the whole rounds stands.
        assert_eq!(ran.code, Some(1), "{}", ran.all());
        ran.checked_race()
    };
    let whole = double_booked(&[false, false, false]);
    let names = ["bookings", "double_bookings", "attempts", "seats_oversold"];
    let report = checked(&whole);
    for (name, sum) in names.into_iter().zip([6, 3, 6, 3]) {
        assert_eq!(total(&report, name), sum, "{name}");
        assert_eq!(metric(&report, name), sum / 3, "{name}");
    }
    // The second booking, and the second attempt, of the second round.
    for (kind, wanted) in [("booking", 4), ("attempt", 4)] {
        let mut met = 0;
        let is_kept = |line: &&str| {
            let is_it = line.starts_with(&format!("{{\"type\":\"{kind}\""));
            met += usize::from(is_it);
            !(is_it && met == wanted)
        };
        let damaged: Vec<&str> = whole.lines().filter(is_kept).collect();
        let report = checked(&damaged.join("\n"));
        for name in names {
            let figures = &report.figures;
            assert_eq!(figures.total(name), None, "{name}");
            assert_eq!(figures.median(name), None, "{name}");
            let [_, second, third] = figures.rounds() else {
                panic!("three rounds were recorded");
            };
            assert_eq!(second.metrics.value(name), None, "{name}");
            assert!(third.metrics.value(name).is_some(), "{name}");
        }
    }
}

/// Checks a recording that is like this one, but for some words of it.
fn checked(change: impl FnOnce(String) -> String) -> super::support::Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("changed.jsonl");
    std::fs::write(&file, change(text_of(history_file("one-booking.jsonl")))).unwrap();
    run(&["check", file.to_str().unwrap(), "--quiet"])
}

// A race that had ended with 4 was checked with 0: who records first and checks afterwards took an outage
// for success.
#[test]
fn a_race_whose_service_failed_is_not_checked_with_success() {
    let ran = checked(|text| text.replace("\"troubles\":[]", "\"troubles\":[\"Redis: gone\"]"));
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    assert!(ran.stderr.contains("Redis: gone"), "{}", ran.stderr);
}

// A recording of no race was checked with 0, in silence.
#[test]
fn of_no_race_nothing_is_known() {
    let last = |text: String| text.lines().last().unwrap().to_owned();
    for races in ["\"races\":1", "\"races\":0"] {
        let ran = checked(|text| last(text).replace("\"races\":1", races));
        assert_eq!(ran.code, Some(3), "{}", ran.all());
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("holds no race: "), "{}", ran.stderr);
    }
}

// A file without an end of its only line was read until there was no more memory.
#[test]
fn a_line_that_does_not_end_is_no_history() {
    run(&["check", "/dev/zero"]).assert_refused(2, "not a racesim history");
}
