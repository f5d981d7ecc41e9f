//! Faults that could not happen, or would harm a person's server: are they refused?

use super::faults::{happened, raced};
use super::support::run;

#[test]
fn what_could_not_happen_is_said() {
    let renewed = [
        "locked",
        "--renew",
        "--users",
        "5",
        "--fault",
        "expire:check",
    ];
    let ran = raced(&renewed);
    assert_eq!(happened(&ran), [("expire:check:1".to_owned(), 0)]);
    let ran = run(&renewed);
    let text = "expire:check:1 never fired";
    assert!(ran.stdout.contains(text), "{}", ran.stdout);
    // What one of several strategies can have is no mistake.
    let compared = ["compare", "naive", "hold", "--users", "5", "--rounds", "1"];
    let ran = run(&[&compared[..], &["--ttl", "50ms", "--fault", "expire:hold"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}

/// Faults that nothing could ever strike were taken without a word, and the race called fit.
#[test]
fn a_fault_that_can_never_happen_to_any_of_the_strategies_is_refused() {
    let no_lease = "it holds nothing for a time; leave it out, or use locked, hold or redlock";
    let no_redis = "it asks no Redis; leave it out, or use locked";
    let in_order = "it inserts in a transaction, whose steps come in their order";
    for (words, text) in [
        ("naive --fault stall", no_lease),
        ("unique --fault expire:check:0.5", no_lease),
        ("naive --fault restart", no_redis),
        ("hold --fault pause-redis:50ms", no_redis),
        ("transaction --fault restart", no_redis),
        ("transaction --fault late:50ms", in_order),
        (
            "locked --release-order after-commit --fault late:50ms:insert",
            in_order,
        ),
        (
            "naive --fault crash:acquire",
            "it has no step 'acquire' (it has check, pay, insert); leave it out",
        ),
        (
            "conditional --fault lost-reply:check",
            "it has no step 'check' (it has pay, insert); leave it out, or use naive",
        ),
        (
            "locked --fault slow:5ms:verify",
            "it has no step 'verify' (",
        ),
        (
            "locked --release none --fault lost-request:release",
            "it has no step 'release' (with these options it has acquire, check, pay, insert); \
             leave out --release none, or the fault, or use redlock",
        ),
        (
            "locked --unique --release none --fault lost-reply:release",
            "; leave out --release none, or the fault, or use redlock",
        ),
        (
            "redlock --retries 0 --fault give-up:wait",
            "it has no step 'wait' (",
        ),
        (
            "compare naive unique --fault expire",
            "never happen to naive, unique",
        ),
        (
            "compare naive transaction --fault crash:hold",
            "never happen to naive, transaction: naive has no step 'hold' (it has check, pay, insert); transaction has no",
        ),
        (
            "compare hold transaction --fault late:50ms:insert",
            "hold has no step 'insert' (it has hold, check, pay, confirm); transaction inserts in a transaction, whose",
        ),
        ("explore naive --fault expire", no_lease),
        ("explore optimistic --fault restart:2", no_redis),
        ("explore hold --fault pause-redis:50ms", no_redis),
        ("explore transaction --fault late", in_order),
    ] {
        let arguments: Vec<&str> = words.split(' ').collect();
        run(&arguments).assert_refused(2, text);
    }
}

#[test]
fn bad_faults_are_refused() {
    let naive = |fault: &str| run(&["naive", "--fault", fault]);
    naive("explode").assert_refused(
        2,
        "unknown fault 'explode', perhaps 'expire': write expire, crash,",
    );
    naive("crash:chek").assert_refused(
        2,
        "'chek' in 'crash:chek' is no step, share or time, perhaps 'check'",
    );
    naive("slow").assert_refused(2, "'slow' needs a duration: write slow:200ms");
    naive("crash:2").assert_refused(2, "'2' in 'crash:2' is no step, share or time");
    naive("stall:20ms").assert_refused(2, "'stall' has no duration of its own");
}

#[test]
fn somebody_elses_server_is_never_stopped() {
    let server = super::support::RedisServer::start("");
    for fault in ["restart", "pause-redis:10ms"] {
        let ran = run(&["locked", "--redis", &server.url(), "--fault", fault]);
        ran.assert_refused(2, "this one is not ours");
    }
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

#[test]
fn the_counter_of_a_fence_is_not_left_on_somebody_elses_server() {
    let server = super::support::RedisServer::start("");
    let fence = ["locked", "--fence", "check-and-write", "--users", "20"];
    let ran = run(&[&fence[..], &["--redis", &server.url()]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}
