//! Is racesim's own lock server a server as others are: killed, paused, full of users, gone with the run?

use std::process::Stdio;

use super::endings::temporary;
use super::faults::happened;
use super::reports::metric;
use super::support::{Ran, RedisServer, end, eventually, racesim, run, signal};

fn raced(line: &str) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    run(&[&words[..], &["--redis", "embedded", "--format", "json"]].concat())
}

/// A restart forgot the locks of a table in the process while every connection held, for there was none;
/// it breaks what is on its way, and what comes after it finds every lock free.
#[test]
fn a_restart_of_racesims_own_lock_server_forgets_every_lock() {
    let ran = raced("locked --users 40 --arrive-over 200ms --payment 40ms --fault restart:check");
    assert_eq!(happened(&ran), [("restart:check:1".to_owned(), 1)]);
    assert!(metric(&ran.race(), "double_bookings") > 0, "{}", ran.all());
    assert_eq!(ran.race().troubles, [""; 0]);
}

/// Locks in the process could not stand still, and the fault never happened.
#[test]
fn racesims_own_lock_server_stands_still_and_goes_on() {
    let ran = raced("locked --users 20 --fault pause-redis:150ms");
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(happened(&ran), [("pause-redis:150ms:1".to_owned(), 1)]);
    let waited_ms = ran.race().figures.median("duration").unwrap();
    assert!(waited_ms >= 150.0, "{waited_ms}");
}

#[test]
fn a_forced_restart_and_an_expiry_are_those_of_the_model() {
    for schedule in [
        "A.acquire restart B.acquire A.check B.check A.insert B.insert",
        "A.acquire expire B.acquire A.check B.check A.insert B.insert",
        "A.acquire:late B.acquire B.check A.acquire arrives B.insert",
    ] {
        let replay = [
            "replay",
            "locked",
            "--redis",
            "embedded",
            "--schedule",
            schedule,
        ];
        let ran = run(&replay);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
    }
    let three = [
        "redlock", "--nodes", "3", "--users", "20", "--redis", "embedded",
    ];
    assert_eq!(run(&three).code, Some(0));
}

/// What it was called before, when it was no server.
#[test]
fn the_earlier_name_of_racesims_own_lock_server_is_still_understood() {
    let ran = run(&["locked", "--users", "20", "--redis", "in-process"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.contains("--redis embedded"), "{}", ran.stdout);
}

/// It ends with racesim, busy or standing still, and nothing is left of it.
#[test]
fn a_race_on_racesims_own_lock_server_is_stopped_and_leaves_nothing() {
    let busy = "locked --users 200000 --rounds 100 --redis embedded";
    let still = "locked --users 20 --redis embedded --timeout 30s --fault pause-redis:20s";
    for (line, name, code) in [
        (busy, "INT", Some(130)),
        (still, "INT", Some(130)),
        (busy, "KILL", None),
        (still, "KILL", None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = racesim(&line.split(' ').collect::<Vec<_>>());
        command.env("TMPDIR", folder.path());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = child.spawn().unwrap();
        let has_socket = |name: &String| folder.path().join(name).join("server.sock").exists();
        eventually("it listens", || {
            temporary(folder.path()).iter().any(has_socket)
        });
        super::support::let_pass(std::time::Duration::from_millis(300));
        signal(name, child.id());
        let ran = end(child);
        assert_eq!(ran.code, code, "{line}: {}", ran.all());
        eventually("nothing is left", || temporary(folder.path()).is_empty());
    }
}

/// Which lock server was raced could only be read out of a sentence.
#[test]
fn a_report_says_whose_lock_server_was_raced_and_of_which_version() {
    let server = RedisServer::start("");
    let theirs = server.url();
    for (redis, kind, name) in [
        ("embedded", "embedded", "racesim"),
        ("private", "private", "redis"),
        (&theirs, "yours", "redis"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.jsonl");
        let history = history.to_str().unwrap();
        let words = ["--redis", redis, "--format", "json", "--history", history];
        let ran = run(&[&["locked", "--users", "3"], &words[..]].concat());
        let lock = &ran.json()["races"][0]["header"]["lock"];
        assert_eq!(
            (&lock["kind"], &lock["server"]),
            (&kind.into(), &name.into())
        );
        let version = lock["version"].as_str().unwrap();
        assert!(version.split('.').count() >= 3, "{lock}");
        // A history says the same, and so does what is told of it.
        let checked = run(&["check", history, "--format", "json"]);
        assert_eq!(&checked.json()["races"][0]["header"]["lock"], lock);
        let replayed = run(&[
            "replay", "locked", "--all", "--redis", redis, "--format", "json",
        ]);
        assert_eq!(&replayed.json()["lock"]["kind"], kind, "{}", replayed.all());
    }
}
