//! Why is the status not 0? With `--quiet`, and where only a machine reads the report, a status of 1, 3
//! or 4 never comes without a line on stderr that says why, whichever command it is.

use std::process::Stdio;

use super::support::{Ran, end, eventually, history_file, racesim, run};

/// Runs quietly and as JSON: either way this status, and on stderr the lines that hold these words, one
/// for each.
#[track_caller]
fn assert_said(arguments: &str, code: i32, words: &[&str]) {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    for how in [
        &["--quiet"][..],
        &["--format", "json"],
        &["--format", "csv"],
    ] {
        let ran = run(&[&arguments[..], how].concat());
        assert_eq!(ran.code, Some(code), "{}", ran.all());
        assert_lines(&ran, words);
    }
}

#[track_caller]
fn assert_lines(ran: &Ran, words: &[&str]) {
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), words.len(), "{}", ran.stderr);
    for (line, words) in lines.iter().zip(words) {
        assert!(line.starts_with("racesim: "), "{line}");
        assert!(line.contains(words), "{line}");
    }
}

// A violated property ended a quiet race with 1 and not a word.
#[test]
fn a_race_names_the_property_that_is_violated() {
    let nobody = "locked --users 20 --fault crash:acquire:1";
    assert_said(nobody, 1, &["locked: someone-books is violated: "]);
    let compared = "compare conditional locked --users 20 --rounds 1 --fault crash:acquire:1";
    assert_said(compared, 1, &["locked: someone-books is violated: "]);
}

// The assertion on a figure that there is not was the only line, and it does not end with 1.
#[test]
fn a_proven_violation_stands_beside_an_assertion_that_is_unknown_and_both_are_said() {
    let lines = [
        "locked: someone-books is violated: ",
        "assertion unknown: waiting_p50 < 9ms",
    ];
    let race = "locked --users 20 --fault crash:acquire:1 --assert waiting_p50<9ms";
    assert_said(race, 1, &lines);
}

#[test]
fn a_race_that_shows_what_was_asked_for_says_nothing() {
    assert_said("naive --users 20", 0, &[]);
    assert_said("locked --users 20", 0, &[]);
}

#[test]
fn a_search_names_each_property_that_is_not_as_expected() {
    let one = "explore naive --property no-double-booking";
    let words = "naive: no-double-booking is violated: A.check B.check A.insert B.insert";
    assert_said(one, 1, &[words]);
    let expected = "explore unique --property no-double-booking --expect violated";
    let words = "unique: no property is violated, and --expect violated asks for one";
    assert_said(expected, 1, &[words]);
    let limited = "explore locked --release del --limit-states 3 --property someone-books";
    let words = "locked --release del: someone-books is unknown: --limit-states was reached";
    assert_said(limited, 3, &[words]);
}

#[test]
fn a_check_says_what_is_violated_and_what_is_unknown() {
    let check = |name: &str| format!("check {}", history_file(name).display());
    let words = [
        "naive: no-double-booking is violated: ",
        "naive: no-double-booking-in-lease is violated: ",
    ];
    assert_said(&check("double-booking.jsonl"), 1, &words);
    let told = check("cannot-be-told-twice.jsonl");
    assert_said(&told, 3, &["this user was told its outcome before"]);
}

// A damaged round hid why a property was unknown in a sound one.
#[test]
fn what_is_unknown_for_a_reason_of_its_own_is_said_beside_a_damage() {
    let whole = super::support::text_of(history_file("release-lost-and-never-read.jsonl"));
    let lines: Vec<&str> = whole.lines().collect();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.jsonl");
    // Its last line tells that it is whole.
    std::fs::write(&cut, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    let words = [
        "locked: its end is missing: the run was killed, or lines were lost",
        "no-lock-left is unknown: user 1 may have left seat 10 locked",
    ];
    assert_said(&format!("check {}", cut.display()), 3, &words);
}

// Rows that could not be read were taken for none: "the database has rows of nobody, the model of A B".
#[test]
fn a_replay_whose_rows_cannot_be_read_is_unknown_and_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("replay.db");
    let mut command = racesim(&["replay", "naive", "--all", "--users", "4", "--quiet"]);
    command.arg("--database").arg(&database);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    eventually("the first interleaving is forced", || {
        super::support::runs_in(&database) > 0
    });
    std::fs::remove_file(&database).unwrap();
    let ran = end(child);
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    assert_lines(
        &ran,
        &["after the forced schedule, the bookings could not be read: "],
    );
}

#[test]
fn a_table_that_has_said_it_is_not_repeated_on_stderr() {
    for arguments in [
        &["locked", "--users", "20", "--fault", "crash:acquire:1"][..],
        &["explore", "naive"],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(1), "{}", ran.all());
        assert_eq!(ran.stderr, "");
        assert!(ran.stdout.contains("violated"), "{}", ran.stdout);
    }
}
