//! What is raced on where there is no Redis, and is it said?

use super::support::run;

#[test]
fn without_any_redis_racesims_own_lock_server_is_raced_and_it_is_said() {
    let empty = tempfile::tempdir().unwrap();
    let mut command = super::support::racesim(&["locked", "--users", "100"]);
    command.env("PATH", empty.path());
    let ran = super::support::finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stdout
            .contains("racesim's own lock server (no Redis installed)"),
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
        without_redis(arguments).assert_refused(4, "or say --redis embedded to assert about");
    }
    let asked_for = without_redis(&[&single[..], &["--redis", "embedded"]].concat());
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
fn a_lock_server_of_racesims_own_that_was_asked_for_is_told_as_that() {
    let ran = run(&["locked", "--users", "20", "--redis", "embedded"]);
    assert_eq!(
        ran.stderr,
        "racesim: using racesim's own lock server, as --redis embedded asks: this does not test Redis\n"
    );
}
