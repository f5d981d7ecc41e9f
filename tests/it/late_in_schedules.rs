//! Late messages of a schedule: which can be, what is refused, and what a diagram shows of them.

use super::messages::{forced, named};
use super::support::run;
use racesim::explore::follow;
use racesim::history::Reply;

/// Why a schedule cannot be followed.
#[track_caller]
pub(crate) fn refused(words: &str, schedule: &str) -> String {
    let error = follow(&named(words), &schedule.parse().unwrap(), 2);
    error.unwrap_err().to_string()
}

#[test]
fn a_crashed_users_late_request_still_arrives_and_a_restart_takes_those_to_redis_along() {
    let naive = "A.check A.insert:late B.check B.insert A.insert arrives";
    assert_eq!(forced(&named("naive"), naive).rows.len(), 2);
    let crashed = "A.acquire A.check A.insert:late A.crash expire B.acquire B.check B.insert A.insert arrives";
    assert_eq!(forced(&named("locked"), crashed).rows.len(), 2);
    let cut = "A.acquire A.check A.insert A.release:late restart B.acquire";
    assert_eq!(
        forced(&named("locked"), cut).replies[5],
        Some(Reply::Granted)
    );
    let error = refused("locked", &format!("{cut} A.release arrives"));
    assert!(error.contains("nothing of A is on its way"), "{error}");
    let other = "A.acquire A.acquire@2:late A.acquire@3 restart A.acquire@2 arrives";
    assert_eq!(
        forced(&named("redlock --nodes 3"), other).replies[4],
        Some(Reply::Granted)
    );
}

#[test]
fn what_can_never_be_late_is_refused_with_a_sentence() {
    for (words, schedule, text) in [
        (
            "locked",
            "A.acquire A.check:late",
            "check is never late: it only looks, and nobody would see what it saw",
        ),
        (
            "transaction",
            "A.begin A.check A.insert:late",
            "insert is never late: it is part of an open transaction",
        ),
        (
            "transaction",
            "A.begin:late",
            "begin is never late: the steps of a transaction come in their order on one connection",
        ),
        (
            "redlock --nodes 3",
            "A.acquire A.acquire@2 A.acquire@3 A.validate:lost-request",
            "validate sends no request",
        ),
        (
            "redlock --nodes 3",
            "A.acquire:late A.acquire@2:late",
            "acquire of A is still on its way, and a user has one late request at a time",
        ),
        (
            "redlock --nodes 3",
            "A.acquire:late A.acquire@2 A.acquire@2 arrives",
            "what is on its way of A is acquire",
        ),
        (
            "naive",
            "A.check A.insert arrives",
            "nothing of A is on its way",
        ),
    ] {
        let error = refused(words, schedule);
        assert!(error.contains(text), "{schedule}: {error}");
    }
}

#[test]
fn bad_words_are_refused() {
    let refused = |fault: &str, text: &str| {
        run(&["locked", "--fault", fault]).assert_refused(2, text);
    };
    refused("late:insert", "'late' needs a duration: write late:200ms");
    refused(
        "late:50ms:check",
        "'late' cannot strike 'check': it only looks, and nobody would see what it saw; it strikes acquire, set-ttl, hold, insert, confirm, release",
    );
    refused(
        "lost-request:pay",
        "'lost-request' cannot strike 'pay': it sends no request",
    );
    run(&["replay", "naive", "--schedule", "A.check arrives arrives"])
        .assert_refused(2, "move 2 of the schedule, 'arrives', is not a move");
}

#[test]
fn a_diagram_shows_what_is_lost_and_what_is_late() {
    let schedule = "A.acquire:lost-request A.release:late B.acquire:lost-reply A.release arrives";
    let ran = run(&[
        "replay",
        "locked",
        "--schedule",
        schedule,
        "--format",
        "mermaid",
    ]);
    for line in [
        "    A-xRedis: acquire:lost-request\n",
        "    A-)Redis: release:late\n",
        "    A->>Redis: release arrives\n    Redis--xA: no longer held\n",
        "    B->>Redis: acquire:lost-reply\n    Redis--xB: granted\n",
    ] {
        assert!(ran.stdout.contains(line), "{line}{}", ran.all());
    }
}
