//! A Redis that stops, dies, drops its connections or forgets in the middle of a race: is it told, and does nothing hang?

use super::reports::metric;
use super::support::{RedisServer, end, eventually, racesim, run, signal};
use std::process::{Child, Stdio};

/// A race of `locked` that has begun on this server.
fn race_on(server: &RedisServer, arguments: &[&str]) -> Child {
    let mut command = racesim(&["locked"]);
    command.args(arguments).args(["--redis", &server.url()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// A race with users who go on arriving for a while, and what it printed once `disturb` was done to
/// the server in its middle.
fn disturbed(server: &RedisServer, disturb: impl FnOnce(&RedisServer)) -> super::support::Ran {
    let child = race_on(
        server,
        &[
            "--users",
            "3000",
            "--arrive-over",
            "3s",
            "--timeout",
            "500ms",
            "--format",
            "json",
        ],
    );
    eventually("the race is under way", || server.sets() > 200);
    disturb(server);
    end(child)
}

#[test]
fn a_server_that_stops_answering_in_the_middle_leaves_attempts_unknown_and_nothing_hangs() {
    let server = RedisServer::start("");
    let ran = disturbed(&server, |server| signal("STOP", server.pid()));
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    let race = ran.race();
    assert!(metric(&race, "unknown") > 0);
    assert!(
        metric(&race, "failed") > 0,
        "whoever came later was told at once"
    );
    assert_eq!(metric(&race, "attempts"), 3000);
    assert!(metric(&race, "bookings") <= 1);
    let troubles = race.troubles.concat();
    assert!(
        troubles.contains("Redis: no answer for 500ms, given up"),
        "{troubles}"
    );
}

#[test]
fn a_server_that_is_killed_in_the_middle_fails_the_attempts_and_nothing_hangs() {
    let server = RedisServer::start("");
    let ran = disturbed(&server, |server| signal("KILL", server.pid()));
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    let race = ran.race();
    assert!(metric(&race, "failed") + metric(&race, "unknown") > 0);
    assert_eq!(metric(&race, "attempts"), 3000);
    assert!(!race.troubles.is_empty());
}

/// After one dropped connection everybody was *unknown*, and racesim's own keys stayed.
#[test]
fn a_connection_that_is_dropped_is_made_again_and_what_comes_after_is_known() {
    let server = RedisServer::start("");
    let drops = 8;
    let ran = disturbed(&server, |server| {
        for _ in 0..drops {
            let before = server.sets();
            server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            eventually("the race goes on", || server.sets() > before + 20);
        }
    });
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    let race = ran.race();
    assert_eq!(metric(&race, "attempts"), 3000);
    assert_eq!(metric(&race, "failed"), 0, "{}", ran.stdout);
    assert!(metric(&race, "bookings") <= 1);
    let unknown = metric(&race, "unknown");
    assert!(unknown < 1000, "{unknown} were on their way");
    let troubles = &race.troubles;
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    let trouble = &troubles[0];
    assert!(
        trouble.contains("its connection was dropped, and made again"),
        "{trouble}"
    );
    assert_eq!(server.cli(&["DBSIZE"]), "0", "nothing of ours is left");
}

/// A server may close what is idle for long: whoever pays meanwhile frees its lock all the same.
#[test]
fn a_connection_that_is_dropped_while_nobody_waits_loses_nothing() {
    let server = RedisServer::start("");
    let child = race_on(
        &server,
        &["--users", "3", "--payment", "2s", "--format", "json"],
    );
    eventually("the lock is held", || {
        server.cli(&["EXISTS", "lock:seat:10"]) == "1"
    });
    server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let ran = end(child);
    let race = ran.race();
    assert_eq!(
        (metric(&race, "unknown"), metric(&race, "bookings")),
        (0, 1)
    );
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

/// A server that comes back within the limit is raced on; it may have forgotten the lock.
#[test]
fn a_server_that_is_started_again_within_the_limit_serves_again() {
    let mut server = RedisServer::start("");
    let child = race_on(
        &server,
        &["--users", "2000", "--arrive-over", "2s", "--format", "json"],
    );
    eventually("the race is under way", || server.sets() > 200);
    server.kill_and_start_again();
    let ran = end(child);
    let race = ran.race();
    assert_eq!(metric(&race, "failed"), 0, "{}", ran.all());
    assert!(metric(&race, "unknown") < 1000, "{}", ran.all());
    assert!(server.sets() > 0, "it was raced on again");
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

#[test]
fn r2_a_lock_in_an_append_only_file_survives_a_kill_and_without_one_it_does_not() {
    for (configuration, survives) in [("appendonly yes\nappendfsync everysec", true), ("", false)] {
        let mut server = RedisServer::start(configuration);
        let set = ["SET", "lock:seat:10", "somebody", "NX", "EX", "600"];
        assert_eq!(server.cli(&set), "OK");
        server.kill_and_start_again();
        let ran = run(&["locked", "--users", "5", "--redis", &server.url()]);
        if survives {
            ran.assert_refused(4, "the lock 'lock:seat:10' is already held");
        } else {
            assert_eq!(ran.code, Some(0), "{}", ran.all());
        }
    }
}

#[test]
fn a_script_that_the_server_forgot_is_sent_again() {
    let server = RedisServer::start("");
    let ran = disturbed(&server, |server| {
        assert_eq!(server.cli(&["SCRIPT", "FLUSH"]), "OK");
    });
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(
        (metric(&ran.race(), "locks_left"), server.cli(&["DBSIZE"])),
        (0, "0".to_owned())
    );
}
