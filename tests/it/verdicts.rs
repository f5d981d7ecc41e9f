//! What does the checker say about the cases at the edge? Hand-made histories, each of which racesim could
//! have written, and every verdict that is not *holds*.

use racesim::checker::{Property, judge, objection_by};
use racesim::cli::strategy_of;
use racesim::history;

use super::support::{history_file, text_of};

const VIOLATED: &str = "violated";
const UNKNOWN: &str = "unknown";

/// The verdicts on this text that are not *holds*.
#[track_caller]
fn verdicts(text: &str) -> Vec<(Property, &'static str)> {
    let recording = history::read(text.as_bytes()).unwrap();
    assert_eq!(recording.damage, None);
    let race = &recording.races[0];
    assert_eq!(race.history.damage, None);
    let header = &race.history.header;
    let strategy = strategy_of(&format!("{} {}", header.strategy, header.settings)).unwrap();
    assert_eq!(objection_by(race, &strategy), None);
    let judgements = judge(&race.history).into_iter();
    let verdicts = judgements.map(|it| (it.property, it.verdict.name()));
    verdicts
        .filter(|(_, verdict)| *verdict != "holds")
        .collect()
}

#[track_caller]
fn assert_verdicts(name: &str, expected: &[(Property, &'static str)]) {
    let text = text_of(history_file(&format!("{name}.jsonl")));
    assert_eq!(verdicts(&text), expected, "{name}");
}

/// Of one property only, where the history breaks others by the way.
#[track_caller]
fn assert_verdict(name: &str, property: Property, expected: &'static str) {
    let text = text_of(history_file(&format!("{name}.jsonl")));
    let verdicts = verdicts(&text);
    let found = verdicts.iter().find(|(other, _)| *other == property);
    assert_eq!(
        found.map_or("holds", |it| it.1),
        expected,
        "{name}: {property}"
    );
}

// Whose last step was under way when another was granted the lock counted as done with it.
#[test]
fn uses_of_a_lock_meet_certainly_or_perhaps_or_only_touch() {
    let exclusion = Property::MutualExclusion;
    assert_verdict("uses-that-touch", exclusion, "holds");
    assert_verdict("uses-that-may-meet", exclusion, UNKNOWN);
    assert_verdict("use-within-another", exclusion, VIOLATED);
    assert_verdict("uses-of-the-same-time", exclusion, VIOLATED);
}

// A use that took no time was none, though its user was granted the lock while another went by it.
#[test]
fn a_use_of_one_instant_is_one_and_a_grant_without_a_step_is_none() {
    assert_verdict("use-of-one-instant", Property::MutualExclusion, VIOLATED);
    assert_verdict("grant-and-no-use", Property::MutualExclusion, "holds");
}

#[test]
fn two_users_go_by_their_locks_at_once_when_most_nodes_forget() {
    let broken = [
        (Property::NoDoubleBooking, VIOLATED),
        (Property::NoDoubleBookingInLease, VIOLATED),
        (Property::MutualExclusion, VIOLATED),
    ];
    assert_verdicts("most-nodes-forget", &broken);
}
