//! Is a history judged right? Accepting and rejecting ones, in files a person can read.

use racesim::checker::{Property, Verdict, judge};
use racesim::history;

use racesim::report::{Metrics, RaceReport};

use super::reports::race_of;
use super::support::{Ran, history_file, run, text_of};

const VIOLATED: &str = "violated";
const HOLDS: &str = "holds";
const UNKNOWN: &str = "unknown";

/// The verdict on every property that does not hold in this text.
fn verdicts(text: &str) -> Vec<(Property, &'static str)> {
    let recording = history::read(text.as_bytes()).unwrap();
    assert_eq!(recording.races.len(), 1);
    let judgements = judge(&recording.races[0].history).into_iter();
    let verdicts = judgements.map(|judgement| (judgement.property, judgement.verdict.name()));
    verdicts.filter(|(_, verdict)| *verdict != HOLDS).collect()
}

fn verdicts_on(name: &str) -> Vec<(Property, &'static str)> {
    verdicts(&text_of(history_file(&format!("{name}.jsonl"))))
}

/// The sentence that shows the first violation.
fn witness(name: &str) -> String {
    let text = text_of(history_file(&format!("{name}.jsonl")));
    let recording = history::read(text.as_bytes()).unwrap();
    let violated = judge(&recording.races[0].history)
        .into_iter()
        .find_map(|judgement| match judgement.verdict {
            Verdict::Violated(witness) => Some(witness.text),
            _ => None,
        });
    violated.expect("something is violated")
}

#[test]
fn a_seat_sold_once_is_right() {
    assert_eq!(verdicts_on("one-booking"), []);
}

#[test]
fn a_seat_with_two_rows_is_sold_twice_whatever_the_users_were_told() {
    assert_eq!(
        verdicts_on("double-booking"),
        [
            (Property::NoDoubleBooking, VIOLATED),
            (Property::NoDoubleBookingInLease, VIOLATED)
        ]
    );
    assert_eq!(
        witness("double-booking"),
        "seat 10 was sold to user 1 and again to user 2"
    );
}

#[test]
fn a_confirmed_user_without_a_row_is_a_phantom_success() {
    assert_eq!(
        verdicts_on("phantom-success"),
        [(Property::NoPhantomSuccess, VIOLATED)]
    );
    assert_eq!(
        witness("phantom-success"),
        "user 2 was told that seat 10 is booked, and has no row"
    );
}

#[test]
fn a_row_that_nobody_tried_for_is_stray() {
    let verdicts = verdicts_on("row-nobody-tried-for");
    assert!(
        verdicts.contains(&(Property::NoStrayBooking, VIOLATED)),
        "{verdicts:?}"
    );
}

#[test]
fn a_row_of_a_user_who_was_told_taken_is_stray() {
    let verdicts = verdicts_on("told-taken-but-booked");
    assert!(
        verdicts.contains(&(Property::NoStrayBooking, VIOLATED)),
        "{verdicts:?}"
    );
}

#[test]
fn a_row_of_a_user_whose_end_is_not_recorded_is_unknown() {
    assert_eq!(
        verdicts_on("row-without-an-end"),
        [(Property::NoStrayBooking, UNKNOWN)]
    );
}

#[test]
fn a_lost_reply_is_right_with_a_row_and_without_one() {
    assert_eq!(verdicts_on("lost-reply-booked"), []);
    assert_eq!(verdicts_on("lost-reply-not-booked"), []);
}

#[test]
fn leases_one_after_another_are_right() {
    assert_eq!(verdicts_on("locks-in-turn"), []);
}

#[test]
fn two_users_who_go_by_one_lock_at_once_break_mutual_exclusion() {
    assert_eq!(
        verdicts_on("two-leases-at-once"),
        [(Property::MutualExclusion, VIOLATED)]
    );
    let text = "user 2 was granted the lock of seat 10 while user 1 still believed it held it";
    assert_eq!(witness("two-leases-at-once"), text);
}

#[test]
fn a_release_that_frees_a_later_holders_lock_is_foreign() {
    let verdicts = verdicts_on("foreign-release");
    assert!(
        verdicts.contains(&(Property::NoForeignRelease, VIOLATED)),
        "{verdicts:?}"
    );
}

#[test]
fn a_release_after_ones_lease_that_frees_nothing_is_not_foreign() {
    let verdicts = verdicts_on("two-leases-at-once");
    assert!(
        !verdicts.contains(&(Property::NoForeignRelease, VIOLATED)),
        "{verdicts:?}"
    );
}

#[test]
fn a_wanted_seat_that_nobody_got_is_a_violation_and_no_pass() {
    assert_eq!(
        verdicts_on("nobody-booked"),
        [(Property::SomeoneBooks, VIOLATED)]
    );
}

#[test]
fn a_wanted_seat_is_unknown_when_the_race_was_stopped() {
    assert_eq!(
        verdicts_on("stopped-early"),
        [(Property::SomeoneBooks, UNKNOWN)]
    );
}

/// What `racesim check` says of this text: its exit status, and the verdict on each property.
fn checked(text: &str) -> (Option<i32>, Vec<(String, String, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.jsonl");
    std::fs::write(&file, text).unwrap();
    let ran = run(&["check", file.to_str().unwrap(), "--format", "json"]);
    let races = ran.checked().races.into_iter();
    let verdicts = races.flat_map(|race| race.verdicts);
    let verdicts = verdicts.map(|told| {
        (
            told.property.to_string(),
            told.verdict.to_string(),
            told.detail,
        )
    });
    (ran.code, verdicts.collect())
}

#[track_caller]
fn assert_all_unknown(text: &str, what: &str) {
    let (code, verdicts) = checked(text);
    assert!(verdicts.len() >= 6, "{what}");
    for (property, verdict, detail) in verdicts {
        assert_eq!(verdict, UNKNOWN, "{what}: {property}, {detail}");
    }
    assert_eq!(code, Some(3), "{what}");
}

/// A recording of this many rounds of naive and locked, raced for real.
fn recorded(rounds: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("race.jsonl");
    let ran = run(&[
        "compare",
        "--users",
        "4",
        "--rounds",
        rounds,
        "--redis",
        "embedded",
        "--concurrency",
        "1",
        "-q",
        "--history",
        file.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    text_of(&file)
}

// A round that was cut out of the middle, or a run that was killed after some rounds, left a file whose
// rounds were each whole: it was said to hold. The file says how many there were to be, and where it ends.
#[test]
fn a_recording_that_lost_whole_rounds_is_unknown_in_everything() {
    let whole = recorded("3");
    let (code, verdicts) = checked(&whole);
    assert_eq!(code, Some(0), "{verdicts:?}");
    let lines: Vec<&str> = whole.lines().collect();
    let is_header = |at: &usize| lines[*at].starts_with("{\"type\":\"header\"");
    let mut starts: Vec<usize> = (0..lines.len()).filter(is_header).collect();
    assert_eq!(starts.len(), 6);
    starts.push(lines.len() - 1);
    for cut in starts.windows(2) {
        let rest = [&lines[..cut[0]], &lines[cut[1]..]].concat();
        assert_all_unknown(&rest.join("\n"), &format!("without lines {cut:?}"));
        // Whoever cuts a round out may count the rest.
        let counted = rest.join("\n").replace("\"races\":6", "\"races\":5");
        assert_all_unknown(&counted, &format!("without lines {cut:?}, counted"));
        let killed = lines[..cut[1]].join("\n");
        assert_all_unknown(&killed, &format!("killed before line {}", cut[1]));
    }
}

#[test]
fn a_violation_in_a_whole_round_stands_whatever_else_is_lost() {
    let text = text_of(history_file("double-booking.jsonl"));
    let lines: Vec<&str> = text.lines().collect();
    let (code, verdicts) = checked(&lines[..lines.len() - 1].join("\n"));
    assert_eq!(code, Some(1));
    assert!(verdicts.iter().any(|verdict| verdict.1 == VIOLATED));
    assert!(
        verdicts.iter().all(|verdict| verdict.1 != HOLDS),
        "{verdicts:?}"
    );
}

#[test]
fn a_recording_of_another_version_is_unknown_and_says_so() {
    let text = text_of(history_file("one-booking.jsonl"));
    for version in [1, 4] {
        let other = text.replace("\"version\":2", &format!("\"version\":{version}"));
        assert_all_unknown(&other, "another version");
        let why = &checked(&other).1[0].2;
        assert!(
            why.contains(&format!("version {version} of the format")),
            "{why}"
        );
    }
}

// One user's two rows were no double booking to the verdict, and one to the table.
#[test]
fn a_seat_with_two_rows_was_sold_twice_also_when_both_are_of_one_user() {
    let text = text_of(history_file("one-booking.jsonl"));
    let row = text
        .lines()
        .find(|line| line.contains("\"booking\""))
        .unwrap();
    let twice = text.replace(row, &format!("{row}\n{row}"));
    let twice = twice.replace("\"bookings\":1", "\"bookings\":2");
    let verdicts = verdicts(&twice);
    assert!(
        verdicts.contains(&(Property::NoDoubleBooking, VIOLATED)),
        "{verdicts:?}"
    );
}

#[test]
fn a_history_that_lost_any_one_line_is_unknown_in_everything() {
    let whole = text_of(history_file("locks-in-turn.jsonl"));
    let lines: Vec<&str> = whole.lines().collect();
    for lost in 0..lines.len() {
        let rest: Vec<&str> = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != lost)
            .map(|(_, line)| *line)
            .collect();
        assert_all_unknown(&rest.join("\n"), &format!("without line {}", lost + 1));
    }
}

#[test]
fn a_history_with_a_line_too_many_or_a_broken_one_is_unknown() {
    let whole = text_of(history_file("one-booking.jsonl"));
    let twice = whole.replacen(
        "{\"type\":\"booking\"",
        "{\"type\":\"booking\",\"seat\":10,\"user\":2}\n{\"type\":\"booking\"",
        1,
    );
    let broken = whole.replacen("\"step\":\"check\"", "\"step\":\"chec", 1);
    for text in [twice, broken] {
        assert!(
            verdicts(&text)
                .iter()
                .all(|(_, verdict)| *verdict == UNKNOWN),
            "{text}"
        );
        assert_eq!(verdicts(&text).len(), Property::ALL.len());
    }
}

fn check(name: &str) -> Ran {
    run(&["check", history_file(name).to_str().unwrap()])
}

#[test]
fn the_exit_status_of_check_is_the_verdict() {
    assert_eq!(check("one-booking.jsonl").code, Some(0));
    assert_eq!(check("double-booking.jsonl").code, Some(1));
    assert_eq!(check("stopped-early.jsonl").code, Some(3));
    run(&["check", "Cargo.toml"]).assert_refused(2, "not a racesim history");
    run(&["check", "no-such-file"]).assert_refused(2, "cannot read the history 'no-such-file'");
}

#[test]
fn a_recorded_race_is_judged_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("race.jsonl");
    let file = file.to_str().unwrap();
    let raced = run(&[
        "compare",
        "--users",
        "50",
        "--rounds",
        "3",
        "--format",
        "json",
        "--redis",
        "embedded",
        "--history",
        file,
    ]);
    let checked = run(&["check", file, "--format", "json"]);
    assert_eq!(
        (raced.code, checked.code),
        (Some(0), Some(1)),
        "{}",
        checked.all()
    );
    let (raced, checked) = (raced.compared(), checked.checked());
    for strategy in ["naive", "locked"] {
        let (raced, checked) = (race_of(&raced, strategy), race_of(&checked, strategy));
        for told in &raced.verdicts {
            assert!(checked.verdicts.contains(told), "{told:?}");
        }
        let metrics = |race: &RaceReport| -> Vec<Metrics> {
            let rounds = race.figures.rounds().iter();
            rounds.map(|round| round.metrics.clone()).collect()
        };
        assert_eq!(metrics(raced), metrics(checked));
    }
}
