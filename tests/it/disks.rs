//! What happens on a disk that is full, a folder that cannot be written, a file that may not grow?

use super::reports::metric;
use super::support::{finish, run};
use std::path::Path;
use std::process::Command;

/// The binary where a user without rights can run it too, and how to become one when we are root.
fn without_rights(folder: &Path, arguments: &[&str]) -> Command {
    use std::os::unix::fs::PermissionsExt;
    let binary = folder.join("racesim");
    std::fs::copy(env!("CARGO_BIN_EXE_racesim"), &binary).unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| {
        use std::os::unix::fs::MetadataExt;
        process.uid() == 0
    });
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(binary);
        command
    } else {
        Command::new(binary)
    };
    command.args(arguments);
    command
}

#[test]
fn a_read_only_database_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    let file = path.to_str().unwrap();
    assert_eq!(
        run(&["naive", "--users", "5", "--database", file]).code,
        Some(0)
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let ran = finish(without_rights(
        folder.path(),
        &["naive", "--database", file],
    ));
    ran.assert_refused(4, "kept.db' is read-only: make it writable");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// Whether this machine lets us mount a small disk of our own.
fn may_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["--mount", "--map-root-user", "true"])
        .output();
    tried.is_ok_and(|output| output.status.success())
}

/// Runs a script in which `$1` is the binary and `$2` a folder on a disk of so many KiB. Where no disk
/// may be mounted, no file may grow beyond that size instead.
fn on_a_disk_of(kib: u32, script: &str) -> super::support::Ran {
    let folder = tempfile::tempdir().unwrap();
    let (mut command, limited) = if may_mount() {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "/bin/bash"]);
        (
            command,
            format!("mount -t tmpfs -o size={kib}k none \"$2\" && {script}"),
        )
    } else {
        (
            Command::new("/bin/bash"),
            format!("ulimit -f {kib}; {script}"),
        )
    };
    command
        .args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_racesim")])
        .arg(folder.path());
    finish(command)
}

#[test]
fn a_disk_that_fills_up_in_the_race_fails_the_attempts_and_nothing_hangs() {
    let ran = on_a_disk_of(
        300,
        "\"$1\" naive --users 20000 --database \"$2/race.db\" --format json",
    );
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    let race = ran.race();
    assert!(metric(&race, "failed") > 0);
    assert_eq!(metric(&race, "attempts"), 20_000);
    assert_eq!(
        metric(&race, "confirmed"),
        metric(&race, "bookings"),
        "what was confirmed is there"
    );
    let trouble = &race.troubles[0];
    let text = if may_mount() {
        "database or disk is full"
    } else {
        "disk I/O error"
    };
    assert!(trouble.contains(text), "{trouble}");
}

#[test]
fn a_disk_that_is_full_from_the_start_is_refused() {
    let ran = on_a_disk_of(8, "\"$1\" naive --database \"$2/race.db\"");
    ran.assert_refused(4, "race.db");
    assert!(
        ran.stderr.contains("full") || ran.stderr.contains("I/O"),
        "{}",
        ran.stderr
    );
}

/// Runs the binary where no file may grow beyond so many KiB, in a folder of its own.
fn with_files_of_at_most(kib: u32, arguments: &str) -> super::support::Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("/bin/bash");
    let line = format!("ulimit -f {kib}; exec \"$1\" {arguments}");
    command
        .args(["-c", &line, "sh", env!("CARGO_BIN_EXE_racesim")])
        .env_remove("RACESIM_REDIS")
        .current_dir(folder.path());
    finish(command)
}

// SIGXFSZ ended it with 153 and not a word.
#[test]
fn a_file_that_grows_beyond_the_limit_of_the_process_is_said_in_one_line() {
    for (kib, arguments, text) in [
        (
            200,
            "naive -q --users 3000 --history h.jsonl",
            "File too large",
        ),
        (
            10,
            "naive -q --users 3000 --history h.jsonl",
            "disk I/O error",
        ),
        (10, "locked --users 20 --database race.db", "disk I/O error"),
        (10, "replay transaction --all", "disk I/O error"),
        (
            1,
            "explore naive --expect violated -q --export json:x",
            "File too large",
        ),
        (0, "--help > help", "File too large"),
        (0, "strategies > names", "File too large"),
    ] {
        with_files_of_at_most(kib, arguments).assert_refused(4, text);
    }
    let ran = with_files_of_at_most(2000, "locked -q --users 20");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_server_of_the_runs_own_is_ended_by_a_file_too_long_as_any_other() {
    // An ignored signal would be handed on to it, one that is caught is not.
    let folder = tempfile::tempdir().unwrap();
    let server = folder.path().join("redis-server");
    std::fs::write(
        &server,
        "#!/bin/sh\ngrep SigIgn /proc/self/status\nexit 1\n",
    )
    .unwrap();
    std::fs::set_permissions(&server, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = super::support::racesim(&["locked"]);
    command.env("PATH", folder.path());
    let ran = finish(command);
    let (_, mask) = ran.stderr.rsplit_once("SigIgn:").unwrap();
    let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
    // SIGXFSZ is the 25th.
    assert_eq!(mask >> 24 & 1, 0, "{}", ran.stderr);
}

// It said "cannot make an empty path absolute".
#[test]
fn an_empty_tmpdir_is_as_one_that_is_not_set() {
    for arguments in [["naive", "--users", "5"], ["locked", "--users", "5"]] {
        let mut command = super::support::racesim(&arguments);
        command.env("TMPDIR", "");
        let ran = finish(command);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        if arguments[0] == "locked" {
            assert!(ran.stdout.contains(" at /tmp/racesim-"), "{}", ran.stdout);
        }
    }
}

#[test]
fn a_temporary_folder_that_cannot_be_made_is_named() {
    let mut command = super::support::racesim(&["naive"]);
    command.env("TMPDIR", "/no/such/folder");
    finish(command).assert_refused(4, "cannot make a temporary folder in '/no/such/folder'");
}
