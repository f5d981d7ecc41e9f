//! Is a database file used, kept, or left alone?

use super::reports::metric;
use super::support::run;
use rusqlite::Connection;
use std::path::Path;

fn rows(path: &Path, query: &str) -> Vec<i64> {
    let connection = Connection::open(path).unwrap();
    let mut select = connection.prepare(query).unwrap();
    select
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn a_file_keeps_every_run_beside_the_earlier_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bookings.db");
    let file = path.to_str().unwrap();
    assert_eq!(
        run(&["naive", "--users", "30", "--database", file]).code,
        Some(0)
    );
    assert_eq!(
        run(&[
            "locked",
            "--users",
            "30",
            "--rounds",
            "2",
            "--database",
            file
        ])
        .code,
        Some(0)
    );
    assert_eq!(
        rows(
            &path,
            "SELECT count(*) FROM bookings GROUP BY run ORDER BY run"
        ),
        [30, 1, 1]
    );
    assert_eq!(
        rows(
            &path,
            "SELECT count(*) FROM runs WHERE strategy = 'locked' AND users = 30"
        ),
        [2]
    );
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["bookings.db"], "a log was left beside the database");
}

#[test]
fn several_racesims_that_start_at_once_share_one_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bookings.db");
    let start = || {
        let mut command = super::support::racesim(&["naive", "--users", "50", "--rounds", "3"]);
        command.arg("--database").arg(&path);
        let piped = std::process::Stdio::piped;
        command.stdout(piped()).stderr(piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..6).map(|_| start()).collect();
    for child in children {
        let ran = super::support::end(child);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
    }
    assert_eq!(
        rows(&path, "SELECT count(*) FROM bookings GROUP BY run"),
        [50; 18]
    );
}

#[test]
fn the_report_counts_what_a_query_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bookings.db");
    let race = run(&[
        "naive",
        "--users",
        "200",
        "--seats",
        "7",
        "--database",
        path.to_str().unwrap(),
        "--format",
        "json",
    ])
    .race();
    let booked = rows(&path, "SELECT count(*) FROM bookings");
    let seats = rows(&path, "SELECT count(DISTINCT seat) FROM bookings");
    assert_eq!(metric(&race, "bookings"), u64::try_from(booked[0]).unwrap());
    assert_eq!(
        metric(&race, "double_bookings"),
        u64::try_from(booked[0] - seats[0]).unwrap()
    );
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for content in [
        "some notes",
        &"a longer text than any header has. ".repeat(20),
    ] {
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, content).unwrap();
        run(&["naive", "--database", path.to_str().unwrap()])
            .assert_refused(4, "notes.txt' is not an SQLite database");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
    run(&["naive", "--database", folder.path().to_str().unwrap()])
        .assert_refused(4, "it is not a file");
    run(&["naive", "--database", "/no/such/folder/race.db"])
        .assert_refused(4, "/no/such/folder/race.db");
}

#[test]
fn another_programs_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let shop = Connection::open(&path).unwrap();
    shop.execute_batch(
        "CREATE TABLE bookings (run, seat, user, position); CREATE TABLE runs (id);",
    )
    .unwrap();
    drop(shop);
    let before = std::fs::read(&path).unwrap();
    run(&["naive", "--database", path.to_str().unwrap()])
        .assert_refused(4, "is another program's database and was left alone");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "something was left beside it"
    );
}

#[test]
fn transactions_leave_nothing_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("race.db");
    let file = path.to_str().unwrap();
    for fault in ["slow:1ms", "crash:insert:0.5"] {
        let arguments = ["transaction", "--users", "20", "--fault", fault];
        run(&[&arguments[..], &["--database", file]].concat());
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["race.db"], "after {fault}");
    }
}

#[test]
fn a_database_of_a_later_racesim_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later.db");
    let file = path.to_str().unwrap();
    assert_eq!(
        run(&["naive", "--users", "5", "--database", file]).code,
        Some(0)
    );
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    run(&["naive", "--database", file])
        .assert_refused(4, "was written by a later racesim (schema 99)");
}

#[test]
fn a_database_of_an_earlier_schema_gains_what_is_missing_and_keeps_its_rows() {
    let second = "DROP TABLE seats; PRAGMA user_version = 2;";
    let first = "DROP TABLE seats; DROP INDEX one_booking_for_a_guarded_seat;
        ALTER TABLE bookings DROP COLUMN guarded; PRAGMA user_version = 1;";
    for earlier in [first, second] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("earlier.db");
        let file = path.to_str().unwrap();
        let naive = run(&["naive", "--users", "5", "--database", file]);
        assert_eq!(naive.code, Some(0), "{}", naive.all());
        let database = Connection::open(&path).unwrap();
        database.execute_batch(earlier).unwrap();
        drop(database);
        for strategy in ["unique", "hold"] {
            let ran = run(&[strategy, "--users", "20", "--database", file]);
            assert_eq!(ran.code, Some(0), "{}", ran.all());
        }
        let database = Connection::open(&path).unwrap();
        let rows = |run: u32| -> u32 {
            let count = "SELECT count(*) FROM bookings WHERE run = ?1";
            database.query_row(count, [run], |row| row.get(0)).unwrap()
        };
        assert_eq!((rows(1), rows(2), rows(3)), (5, 1, 1));
    }
}

/// Races on a database whose files are removed once its race is entered.
fn on_a_database_that_is_removed(arguments: &[&str]) -> super::support::Ran {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("race.db");
    let mut command = super::support::racesim(arguments);
    command.arg("--database").arg(&database);
    let child = super::support::begun(&mut command, &database);
    for ending in ["", "-wal", "-shm"] {
        let name = format!("{}{ending}", database.display());
        // A log that is not there yet needs no removal.
        let _ = std::fs::remove_file(name);
    }
    let ran = super::support::end(child);
    assert!(!database.exists(), "it was made again");
    ran
}

// The bookings were null and the status was 3, and neither stderr nor the report said why.
#[test]
fn why_rows_could_not_be_read_stands_in_the_report_and_on_stderr() {
    let words = ["naive", "--users", "50", "--arrive-over", "500ms"];
    let why = "its bookings could not be read: ";
    let ran = on_a_database_that_is_removed(&[&words[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    let race = ran.race();
    assert_eq!(race.figures.median("bookings"), None);
    let damage = race.damage.as_ref().unwrap();
    assert!(damage.starts_with(why), "{damage}");
    assert_eq!(damage.matches("race.db").count(), 1, "{damage}");
    let cause = "No such file or directory";
    assert!(damage.contains(cause), "{damage}");
    assert_eq!(ran.stderr, format!("racesim: naive: {damage}\n"));
    for how in [&["--quiet"][..], &["--format", "csv"]] {
        let ran = on_a_database_that_is_removed(&[&words[..], how].concat());
        assert_eq!(ran.code, Some(3), "{}", ran.all());
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
    // A table tells it itself.
    let ran = on_a_database_that_is_removed(&words);
    assert!(ran.stdout.contains(why), "{}", ran.all());
    assert_eq!(ran.stderr, "");
}
