//! Is a private server ended with the run, whichever of its guardians is killed or stands still?

use super::servers::{
    assert_nothing_left, guardian_in, interrupt, paying, paying_for, pids_of, server_in,
};
use super::support::{end, eventually, finish, racesim, run, signal};
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whoever killed the guardian left a server for ever once racesim was killed too, and racesim did not
/// notice. Now another guardian takes its place.
#[test]
fn a_guardian_that_is_killed_is_replaced_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let child = paying(folder.path(), &[]);
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let guardian = guardian_in(folder.path()).unwrap();
        assert!(seen.insert(guardian));
        signal("KILL", guardian);
        eventually("there is another", || {
            guardian_in(folder.path()).is_some_and(|pid| !seen.contains(&pid))
        });
    }
    // The last of them must still know the server, when nobody else does.
    signal("KILL", child.id());
    end(child);
    assert_nothing_left(folder.path());
}

/// A guardian that was gone as soon as it was started was replaced for ever, without a pause and without
/// a word.
#[test]
fn guardians_that_end_as_soon_as_they_are_started_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    // Whoever pays goes on until that is over, and the next round does not begin.
    let mut child = paying_for("200ms", folder.path(), &["--rounds", "1000", "--quiet"]);
    eventually("racesim has given up", || {
        if let Some(guardian) = guardian_in(folder.path()) {
            // It may be gone since.
            let _ = Command::new("kill")
                .args(["-KILL", &guardian.to_string()])
                .stderr(Stdio::null())
                .status();
        }
        child.try_wait().unwrap().is_some()
    });
    let ran = end(child);
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    let why = "what cleans up after racesim is gone, and cannot be started again";
    assert!(ran.stderr.contains(why), "{}", ran.all());
    assert_nothing_left(folder.path());
}

/// With the guardian and racesim killed at once nobody is left who knows of the server. It dies with
/// racesim all the same, because `setpriv` asks the system for that.
#[cfg(target_os = "linux")]
#[test]
fn a_server_whose_guardian_and_racesim_are_both_killed_ends_by_itself() {
    let can = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "true"])
        .status();
    let is_there = can.is_ok_and(|status| status.success());
    assert!(is_there, "this test needs setpriv: install util-linux");
    let folder = tempfile::tempdir().unwrap();
    let child = paying(folder.path(), &[]);
    // Stopped first, so that it cannot replace the guardian.
    signal("STOP", child.id());
    signal("KILL", guardian_in(folder.path()).unwrap());
    signal("KILL", child.id());
    end(child);
    eventually("the server is gone", || server_in(folder.path()).is_none());
}

/// A guardian that stands still kept the end of a run waiting, and what it guarded alive.
#[test]
fn a_guardian_that_stands_still_is_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let child = paying(folder.path(), &[]);
    signal("STOP", guardian_in(folder.path()).unwrap());
    // It never goes on: whoever waits for it is ended by the limit of every test.
    let ran = interrupt(child, folder.path());
    assert_eq!(ran.code, Some(130), "{}", ran.all());
}

/// A run that was killed in its first milliseconds left its folder: it was there before its guardian.
#[test]
fn a_run_that_is_killed_at_its_very_beginning_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for half_ms in 0..60 {
        let mut command = racesim(&["locked", "--users", "5", "-q"]);
        command.env("TMPDIR", folder.path()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_micros(500 * half_ms);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        // It may have ended before.
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert_nothing_left(folder.path());
    eventually("nothing is left that was started", || {
        pids_of(folder.path().as_os_str().as_bytes()).is_empty()
    });
}

/// Nothing at all is started for a run that has no need of a server: it has a folder and a guardian.
#[test]
fn a_run_without_locks_has_a_guardian_before_it_has_a_folder() {
    let ran = run(&["naive", "--users", "20", "-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let odd = OsString::from_vec(b"/no/such/\xff".to_vec());
    let mut command = racesim(&["naive"]);
    command.env("TMPDIR", odd);
    finish(command).assert_refused(4, "cannot make a temporary folder in");
}
