//! What do the limits of the process, and of SQLite, leave behind?

use std::process::Command;

use super::support::{finish, run};

/// Connections for transactions that could not be opened were left to themselves, and with them the log of
/// a database that is kept. Now they are closed before the refusal.
#[test]
fn a_transaction_that_finds_no_descriptors_leaves_no_log_beside_the_database() {
    for limit in [18, 20, 22, 24] {
        let folder = tempfile::tempdir().unwrap();
        let script =
            format!("ulimit -n {limit}; exec \"$1\" transaction --users 5 --database kept.db");
        let mut command = Command::new("/bin/bash");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_racesim")]);
        command.current_dir(folder.path());
        let ran = finish(command);
        assert_ne!(ran.code, Some(1), "{}", ran.stderr);
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "kept.db")
            .collect();
        assert_eq!(left, [""; 0], "ulimit -n {limit}: {}", ran.stderr);
    }
}

/// SQLite counts the busy timeout in an int: 26 days were a panic.
#[test]
fn a_busy_timeout_of_a_month_is_as_good_as_none() {
    let words = "transaction --users 3 --busy-timeout 26d --timeout 27d --quiet";
    let ran = run(&words.split(' ').collect::<Vec<_>>());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}
