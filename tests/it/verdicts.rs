//! What does the checker say about the cases at the edge? Hand-made histories, each of which racesim could
//! have written, and every verdict that is not *holds*.

use racesim::checker::{Property, judge, judge_by, objection_by};
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

// A release under way while another is granted counted as nobody's.
#[test]
fn a_release_is_foreign_certainly_or_perhaps_or_certainly_not() {
    let foreign = Property::NoForeignRelease;
    assert_verdict("release-after-anothers-grant", foreign, VIOLATED);
    assert_verdict("release-while-another-is-granted", foreign, UNKNOWN);
    assert_verdict("release-before-anothers-grant", foreign, "holds");
}

#[test]
fn a_release_that_lets_another_in_is_not_foreign_though_they_overlap() {
    assert_verdicts("release-that-lets-another-in", &[]);
}

#[test]
fn a_release_of_ones_own_lock_only_is_not_foreign_whoever_is_granted_it_meanwhile() {
    assert_verdicts("release-of-ones-own-while-another-is-granted", &[]);
    assert_verdict(
        "release-without-a-reply-of-ones-own",
        Property::NoForeignRelease,
        "holds",
    );
}

#[test]
fn a_release_that_freed_nothing_is_not_foreign_and_one_without_a_reply_may_be() {
    let foreign = Property::NoForeignRelease;
    assert_verdict("release-that-freed-nothing", foreign, "holds");
    assert_verdict("release-without-a-reply-of-anothers", foreign, UNKNOWN);
}

// A release without a reply was taken for carried out, or not, before its user gave it up: it may arrive later.
#[test]
fn a_release_that_may_arrive_late_may_free_whoever_is_granted_the_lock_later() {
    let name = "release-that-may-arrive-late";
    assert_verdict(name, Property::NoForeignRelease, UNKNOWN);
}

// Whoever frees a lock that it may never have been granted was said to free its own, unless the other had
// asked for it later: with DEL, it frees the lock of whoever has it.
#[test]
fn a_release_after_a_request_without_a_reply_frees_another_s_lock_or_ones_own() {
    let foreign = Property::NoForeignRelease;
    assert_verdict("release-after-a-request-without-a-reply", foreign, VIOLATED);
    assert_verdict(
        "release-after-a-request-that-may-have-been-granted",
        foreign,
        UNKNOWN,
    );
}

// A service that failed may have lost the lock before another freed it: that was a violation by somebody.
#[test]
fn a_release_is_not_certainly_foreign_where_the_service_may_have_lost_the_lock() {
    let text = text_of(history_file(
        "release-after-a-request-without-a-reply.jsonl",
    ));
    let failed = text.replace("\"troubles\":[]", "\"troubles\":[\"the server died\"]");
    assert!(verdicts(&failed).contains(&(Property::NoForeignRelease, UNKNOWN)));
}

// A lock that may have been taken over, or may have been free by then, was said to be nobody's loss.
#[test]
fn a_lock_is_taken_over_certainly_or_perhaps_or_certainly_not() {
    let foreign = Property::NoForeignRelease;
    assert_verdict("taken-while-held", foreign, VIOLATED);
    assert_verdict("taken-while-perhaps-held", foreign, UNKNOWN);
    assert_verdict("taken-after-it-was-freed", foreign, "holds");
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

// A use was over when its user gave up its last step: mutual exclusion held though that step landed inside the
// lock of another. It may be carried out until what is left is read, so that nobody knows.
#[test]
fn a_step_without_a_reply_may_land_inside_another_users_lock() {
    let name = "step-that-may-land-in-anothers-lock";
    let double = [
        (Property::NoDoubleBooking, VIOLATED),
        (Property::NoDoubleBookingInLease, VIOLATED),
    ];
    let exclusion = Property::MutualExclusion;
    let mut unknown = double.to_vec();
    unknown.push((exclusion, UNKNOWN));
    assert_verdicts(name, &unknown);
    let text = text_of(history_file(&format!("{name}.jsonl")));
    let never_read = text.replace(",\"locks_read_ns\":30000000", "");
    assert!(verdicts(&never_read).contains(&(exclusion, UNKNOWN)));
    let heard = text.replace("\"lost\"", "\"inserted\"");
    let heard = heard.replace("\"unknown\"", "\"confirmed\"");
    assert_eq!(verdicts(&heard), double);
}

// Only the last step of a use was asked whether it had a reply.
#[test]
fn a_step_without_a_reply_may_be_late_whatever_its_user_did_next() {
    let text = text_of(history_file("step-that-may-land-in-anothers-lock.jsonl"));
    let release = "{\"type\":\"step\",\"user\":1,\"seat\":10,\"step\":\"release\"";
    let check = release.replace("release", "check")
        + ",\"reply\":\"taken\",\"invoked_ns\":3000000,\"completed_ns\":3000000}\n";
    let text = text.replace(release, &(check + release));
    let text = text.replace("\"steps\":10", "\"steps\":11");
    assert_eq!(mutual_exclusion(&text), UNKNOWN);
}

#[test]
fn a_user_does_not_meet_itself_though_a_step_of_its_own_may_be_late() {
    let name = "own-lock-again-after-a-step-without-a-reply.jsonl";
    let text = text_of(history_file(name));
    assert_eq!(mutual_exclusion(&text), "holds");
    let of_two = text.replacen("\"user\":1", "\"user\":3", 3);
    let of_two = of_two.replace("\"users\":2", "\"users\":3");
    assert_eq!(mutual_exclusion(&of_two), UNKNOWN);
}

/// The verdict on a text that is of no strategy of ours.
fn mutual_exclusion(text: &str) -> &'static str {
    let recording = history::read(text.as_bytes()).unwrap();
    assert_eq!(recording.damage, None);
    let history = &recording.races[0].history;
    assert_eq!(history.damage, None);
    let judged = judge_by(&[Property::MutualExclusion], history);
    judged[0].verdict.name()
}

#[test]
fn a_row_is_stray_of_whoever_was_told_that_there_is_none() {
    let text = text_of(history_file("told-taken-but-booked.jsonl"));
    for (outcome, is_stray) in [
        ("confirmed", false),
        ("locked", true),
        ("taken", true),
        ("conflict", true),
        ("failed", true),
        ("unknown", false),
    ] {
        let told = text.replace(
            "\"outcome\":\"taken\"",
            &format!("\"outcome\":\"{outcome}\""),
        );
        let recording = history::read(told.as_bytes()).unwrap();
        let judged = judge(&recording.races[0].history);
        let stray = judged
            .iter()
            .find(|it| it.property == Property::NoStrayBooking);
        let is_violated = stray.unwrap().verdict.name() == VIOLATED;
        assert_eq!(is_violated, is_stray, "{outcome}");
    }
}

// A user whose lock another took over later was said to have left none when it was told its outcome.
#[test]
fn a_lock_was_left_also_when_another_took_it_over_later() {
    assert_verdict("left-until-another-took-it", Property::NoLockLeft, VIOLATED);
}

// Of two who may have left the lock that was found, neither was sure: but one of them has.
#[test]
fn a_lock_that_was_found_is_left_whichever_of_those_who_were_told_has_left_it() {
    assert_verdict("left-by-one-of-two", Property::NoLockLeft, VIOLATED);
}

// Each seat is judged by itself: one whose holder crashed hides nothing of the next.
#[test]
fn a_lock_that_was_left_is_found_beside_one_of_a_user_who_crashed() {
    assert_verdicts(
        "left-beside-a-lock-of-one-who-crashed",
        &[
            (Property::SomeoneBooks, VIOLATED),
            (Property::NoLockLeft, VIOLATED),
        ],
    );
}

// A release without a reply was taken for done when no lock was found afterwards, also when the lock's time
// to live was over by then.
#[test]
fn a_lock_was_freed_when_it_was_found_free_before_its_time_was_over() {
    let left = Property::NoLockLeft;
    assert_verdict("release-lost-and-found-free", left, "holds");
    assert_verdict("release-lost-and-read-too-late", left, UNKNOWN);
    assert_verdict("release-lost-and-never-read", left, UNKNOWN);
}

// A fault that may have struck another's lock made it unknown whether a time to live was over that was.
#[test]
fn a_lease_that_is_over_is_over_whatever_else_may_have_gone_wrong() {
    let name = "late-whatever-else-went-wrong";
    assert_verdict(name, Property::NoDoubleBooking, VIOLATED);
    assert_verdict(name, Property::NoDoubleBookingInLease, "holds");
}

// A booking whose reply was lost counted as made before the last user came to its end: its request may have
// been carried out later, when the lease was over.
#[test]
fn a_booking_without_a_reply_may_come_after_everybody_is_done() {
    let name = "booked-after-the-last-end";
    assert_verdict(name, Property::NoDoubleBookingInLease, UNKNOWN);
    let text = text_of(history_file(&format!("{name}.jsonl")));
    let early = text.replace("\"locks_read_ns\":30000000", "\"locks_read_ns\":9500000");
    assert!(verdicts(&early).contains(&(Property::NoDoubleBookingInLease, VIOLATED)));
}

#[test]
fn a_lease_that_a_watchdog_may_have_extended_may_not_be_over() {
    let text = text_of(history_file("lease-over-double-booking.jsonl"));
    let in_lease = Property::NoDoubleBookingInLease;
    assert!(
        !verdicts(&text)
            .iter()
            .any(|(property, _)| *property == in_lease)
    );
    let renewed = text.replace(
        "\"strategy\":\"locked\",",
        "\"strategy\":\"locked\",\"settings\":\"--renew\",",
    );
    let renewed = renewed.replace("\"troubles\":[]", "\"troubles\":[],\"has_renewed\":true");
    assert!(verdicts(&renewed).contains(&(in_lease, UNKNOWN)));
    // Both were inside their time to live anyhow.
    let longer = renewed.replace("\"ttl_ms\":2,", "\"ttl_ms\":600000,");
    let longer = longer.replace("\"takes_over\":false", "\"takes_over\":true");
    assert!(verdicts(&longer).contains(&(in_lease, VIOLATED)));
}

#[test]
fn a_lock_without_a_time_to_live_is_left_for_ever_unless_nobody_could_read_it() {
    let eternal = Property::NoEternalLock;
    assert_verdict("lock-left-for-ever", eternal, VIOLATED);
    assert_verdict("locks-never-read", eternal, UNKNOWN);
    assert_verdict("one-booking", eternal, "holds");
}

#[test]
fn a_row_of_a_user_who_was_stopped_before_it_was_told_is_unknown() {
    let name = "stopped-before-its-user-was-told";
    assert_verdict(name, Property::NoStrayBooking, UNKNOWN);
}

#[test]
fn a_node_that_forgets_its_locks_harms_nobody_while_most_stand() {
    assert_verdicts("node-forgets-and-most-stand", &[]);
    assert_verdicts("node-forgets-and-nobody-comes", &[]);
}

#[test]
fn a_release_on_a_node_that_forgot_the_lock_frees_whoever_was_granted_it_since() {
    let foreign = [(Property::NoForeignRelease, VIOLATED)];
    assert_verdicts("node-forgets-and-anothers-is-freed", &foreign);
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
