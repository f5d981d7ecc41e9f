//! Is everything cleaned up, whatever ends a run?

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::support::{end, eventually, finish, racesim, signal};

/// A race in which everybody pays for a minute, with a folder of its own for temporary files; it is
/// in its middle when this returns.
fn paying(strategy: &str, folder: &Path) -> Child {
    let database = folder.join("race.db");
    let mut command = racesim(&[strategy, "--users", "50", "--payment", "60s"]);
    command
        .arg("--database")
        .arg(&database)
        .env("TMPDIR", folder);
    super::support::begun(&mut command, &database)
}

/// The temporary files of a run that are still there.
pub(super) fn temporary(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with("race.db")).collect()
}

/// Whether a process runs whose command line holds this text.
pub(super) fn is_running(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|line| {
            String::from_utf8_lossy(&line)
                .replace('\0', " ")
                .contains(text)
        })
}

#[test]
fn ctrl_c_reports_what_happened_so_far() {
    let folder = tempfile::tempdir().unwrap();
    let child = paying("naive", folder.path());
    signal("INT", child.id());
    let ran = end(child);
    assert_eq!(ran.code, Some(130), "{}", ran.all());
    assert!(
        ran.stdout
            .contains("The race was stopped before every user had its try"),
        "{}",
        ran.stdout
    );
    // The database says that the race has begun, not that the first user has.
    let unsold = [
        "seat 10 was not sold before the race was stopped",
        "nobody tried for a seat",
    ];
    assert!(
        unsold.iter().any(|text| ran.stdout.contains(text)),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_termination_ends_like_ctrl_c_with_its_own_status() {
    let folder = tempfile::tempdir().unwrap();
    let child = paying("locked", folder.path());
    signal("TERM", child.id());
    assert_eq!(end(child).code, Some(143));
    assert_eq!(temporary(folder.path()), [""; 0]);
}

#[test]
fn nothing_is_left_after_a_normal_end_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code) in [
        (&["locked", "--users", "20"][..], 0),
        (&["locked", "--database", "/etc/hostname"], 4),
    ] {
        let mut command = racesim(arguments);
        command.env("TMPDIR", folder.path());
        assert_eq!(finish(command).code, Some(code));
        assert_eq!(temporary(folder.path()), [""; 0]);
        assert!(!is_running(folder.path().to_str().unwrap()));
    }
}

#[test]
fn nothing_is_left_after_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let child = paying("locked", folder.path());
    assert!(is_running(&format!(
        "redis-server unixsocket:{}",
        folder.path().display()
    )));
    signal("INT", child.id());
    assert_eq!(end(child).code, Some(130));
    assert_eq!(temporary(folder.path()), [""; 0]);
    assert!(!is_running(folder.path().to_str().unwrap()));
}

#[test]
fn nothing_is_left_after_a_kill_that_cannot_be_caught() {
    let folder = tempfile::tempdir().unwrap();
    let child = paying("locked", folder.path());
    assert_eq!(temporary(folder.path()).len(), 1);
    signal("KILL", child.id());
    assert_eq!(end(child).code, None);
    eventually("the folder is gone", || temporary(folder.path()).is_empty());
    eventually("the server is gone", || {
        !is_running(folder.path().to_str().unwrap())
    });
}

#[test]
fn nothing_is_left_after_kills_at_any_moment() {
    let runs: [&[&str]; 4] = [
        &["locked", "--users", "2000", "--rounds", "200"],
        &[
            "explore", "locked", "--users", "4", "--fault", "expire:2", "--fault", "crash:2",
        ],
        &["replay", "locked", "--all", "--users", "3"],
        &["matrix", "locked"],
    ];
    for number in 0..24_u32 {
        let folder = tempfile::tempdir().unwrap();
        let mut command = racesim(runs[usize::try_from(number % 4).unwrap()]);
        command.env("TMPDIR", folder.path());
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // A third of them in the first 20 ms.
        let last = if number % 3 == 0 { 20 } else { 400 };
        super::support::let_pass(std::time::Duration::from_millis(u64::from(
            number * 7919 % last,
        )));
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("nothing is left", || {
            temporary(folder.path()).is_empty() && !is_running(folder.path().to_str().unwrap())
        });
    }
}

#[test]
fn a_private_server_that_is_killed_is_said_and_nothing_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let child = paying("locked", folder.path());
    let server = Command::new("pkill")
        .args([
            "-KILL",
            "-f",
            &format!("redis-server unixsocket:{}", folder.path().display()),
        ])
        .status();
    assert!(server.unwrap().success());
    signal("INT", child.id());
    let ran = end(child);
    assert_eq!(ran.code, Some(130), "{}", ran.all());
    assert!(
        ran.stdout
            .contains("A service failed during the race: Redis:"),
        "{}",
        ran.stdout
    );
}

/// How a race ended whose private server was killed this long after it had begun.
fn ended_after_a_kill(after: std::time::Duration) -> super::support::Ran {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("race.db");
    let mut command = racesim(&["locked", "--users", "400", "--arrive-over", "4s"]);
    command.args([
        "--assert",
        "bookings == 1",
        "--assert",
        "failed == 0",
        "--format",
        "json",
    ]);
    command
        .args(["--timeout", "1s"])
        .arg("--database")
        .arg(&database);
    command.env("TMPDIR", folder.path());
    let child = super::support::begun(&mut command, &database);
    super::support::let_pass(after);
    let server = Command::new("pkill")
        .args([
            "-KILL",
            "-f",
            &format!("redis-server unixsocket:{}", folder.path().display()),
        ])
        .status();
    assert!(server.unwrap().success());
    end(child)
}

/// A Redis that was killed in the middle of a race ended it with 1 or with 4, by chance: a seat that
/// was not sold, and an assertion that failed, because the service had died, counted against the
/// strategy. Whatever a service's failure leaves open is the service's now.
#[test]
fn a_private_server_that_is_killed_at_any_moment_ends_the_race_with_one_status() {
    let moments = (0..20u64).map(|at| std::time::Duration::from_millis(at * at * 2));
    let races: Vec<_> = moments
        .map(|after| std::thread::spawn(move || ended_after_a_kill(after)))
        .collect();
    for race in races {
        let ran = race.join().unwrap();
        assert_eq!(ran.code, Some(4), "{}", ran.all());
        assert!(
            ran.stderr.contains("assertion unknown: failed == 0"),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr
                .contains("a service failed during the race: Redis:"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("assertion failed"), "{}", ran.stderr);
    }
}

/// A full disk left seats unsold, which counted as the strategy's fault. The limit on the size of a
/// file stands for the disk here: the database meets it in its own log.
#[test]
fn a_full_disk_under_the_database_is_a_service_that_failed() {
    let ran = script(
        "trap '' XFSZ; ulimit -f 600; exec \"$1\" unique --users 30000 --seats 30000 \
         --format json --assert 'seats_unsold == 0' --assert 'double_bookings == 0'",
    );
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("a service failed during the race: SQLite:"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("assertion unknown: double_bookings == 0"),
        "{}",
        ran.stderr
    );
}

/// Whatever went wrong with a service, a seat that was sold twice was sold twice.
#[test]
fn what_was_proven_before_a_service_failed_stands() {
    let ran = script(
        "trap '' XFSZ; ulimit -f 600; exec \"$1\" naive --users 30000 --rounds 2 --quiet \
         --assert 'double_bookings == 0'",
    );
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("assertion failed: double_bookings == 0"),
        "{}",
        ran.stderr
    );
}

/// Runs a shell script with the binary as `$1`.
fn script(text: &str) -> super::support::Ran {
    let mut command = Command::new("/bin/bash");
    command.args(["-c", text, "sh", env!("CARGO_BIN_EXE_racesim")]);
    finish(command)
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let ran = script("\"$1\" naive --users 20 | head -n 1; exit ${PIPESTATUS[0]}");
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(0), ""),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stdout.lines().count(), 1);
    let ran = script(
        "\"$1\" naive --users 20000 --format json --rounds 20 | true; exit ${PIPESTATUS[0]}",
    );
    assert_eq!((ran.code, ran.all().as_str()), (Some(0), ""));
}

#[test]
fn a_full_disk_under_the_results_is_said() {
    let ran = script("\"$1\" naive --users 20 > /dev/full");
    assert_eq!(ran.code, Some(4));
    assert!(
        ran.stderr
            .contains("cannot write all of the result to stdout: No space left"),
        "{}",
        ran.stderr
    );
    let ran = script("\"$1\" naive --users 20 --export json:/dev/full");
    assert_eq!(ran.code, Some(4));
    assert!(
        ran.stdout.contains("Verdict: violated"),
        "the report is on stdout all the same"
    );
    assert!(
        ran.stderr
            .contains("cannot write all of the result to '/dev/full'"),
        "{}",
        ran.stderr
    );
    let ran = script("\"$1\" naive --users 20 --history /dev/full");
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    assert!(ran.stderr.contains("'/dev/full'"), "{}", ran.stderr);
}

#[test]
fn a_temporary_folder_with_an_odd_or_a_long_name_serves_as_well() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["with space and ü%20", &"long".repeat(40)] {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        let mut command = racesim(&["locked", "--users", "20", "--redis", "private"]);
        command.env("TMPDIR", &place);
        let ran = finish(command);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert_eq!(temporary(&place), [""; 0]);
    }
}
