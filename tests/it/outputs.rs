//! Does every result reach its place, and nothing else lose its own?

use super::support::{Ran, finish, history_file, racesim, text_of};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the binary in a folder.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = racesim(arguments);
    command.current_dir(folder);
    finish(command)
}

/// The names in a folder, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Outputs were compared as text, so that an export under another name of the database, such as
/// `./a.db` or a link, replaced every booking by a report, and the run ended with 0. Now they are
/// compared as files.
#[test]
fn no_result_takes_the_place_of_the_database_by_any_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::create_dir(place.join("sub")).unwrap();
    symlink(".", place.join("here")).unwrap();
    symlink("a.db", place.join("soft")).unwrap();
    let absolute = place.join("a.db").display().to_string();
    // At first the database is not there yet, then it is.
    for is_there in [false, true] {
        let mut others = vec![
            "a.db",
            "./a.db",
            "sub/../a.db",
            "here/a.db",
            "soft",
            &absolute,
        ];
        others.extend(["a.db-wal", "./a.db-shm", "here/a.db-journal"]);
        if is_there {
            std::fs::hard_link(place.join("a.db"), place.join("hard")).unwrap();
            others.push("hard");
        }
        let before = std::fs::read(place.join("a.db")).ok();
        let listed = names(place);
        for name in others {
            let export = format!("json:{name}");
            let race = ["naive", "--users", "20", "--database", "a.db"];
            let replay = ["replay", "naive", "--all", "--database", "a.db"];
            for arguments in [
                [&race[..], &["--export", &export]].concat(),
                [&race[..], &["--history", name]].concat(),
                [&replay[..], &["--export", &export]].concat(),
            ] {
                let ran = run_in(place, &arguments);
                ran.assert_refused(2, "give each result a file of its own");
                assert!(ran.stderr.contains("the database"), "{}", ran.stderr);
            }
            assert_eq!(std::fs::read(place.join("a.db")).ok(), before, "{name}");
            assert_eq!(names(place), listed, "{name}");
        }
        let ran = run_in(place, &["naive", "--users", "20", "--database", "a.db"]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
    }
}

/// As with the database: the recording that was checked was replaced by the report on it.
#[test]
fn no_result_takes_the_place_of_what_is_read_or_of_another_result() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::copy(history_file("one-booking.jsonl"), place.join("k.jsonl")).unwrap();
    std::fs::hard_link(place.join("k.jsonl"), place.join("hard")).unwrap();
    symlink("new.json", place.join("dangling")).unwrap();
    let explored = ["explore", "naive", "-q", "--expect", "violated"];
    let ran = run_in(
        place,
        &[&explored[..], &["--export", "json:found"]].concat(),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let before = names(place);
    for arguments in [
        &["check", "k.jsonl", "--export", "json:./k.jsonl"][..],
        &["check", "k.jsonl", "--export", "csv:hard"],
        &[
            "check",
            "hard",
            "--export",
            "json:new",
            "--export",
            "csv:./new",
        ],
        &["replay", "--from", "found", "--export", "json:./found"],
        &["replay", "--from", "found", "--database", "./found"],
        &[
            "naive",
            "--export",
            "json:dangling",
            "--export",
            "csv:new.json",
        ],
        &[
            "naive",
            "--history",
            "dangling",
            "--export",
            "csv:./new.json",
        ],
        &["matrix", "--export", "json:x", "--export", "csv:./x"],
    ] {
        run_in(place, arguments).assert_refused(2, "give each result a file of its own");
        assert_eq!(names(place), before, "{arguments:?}");
    }
    assert_eq!(
        text_of(place.join("k.jsonl")),
        text_of(history_file("one-booking.jsonl"))
    );
    serde_json::from_str::<serde_json::Value>(&text_of(place.join("found"))).unwrap();
}

/// A result went to the file that stdout goes to, and both were mixed up.
#[test]
fn no_result_takes_the_place_of_stdout_or_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    for arguments in [
        ["--export", "json:./out"],
        ["--history", "out"],
        ["--database", "out"],
    ] {
        for is_error in [false, true] {
            let file = std::fs::File::create(&path).unwrap();
            let mut command = racesim(&["naive", "--users", "20"]);
            command.args(arguments).current_dir(folder.path());
            if is_error {
                command.stdout(Stdio::null()).stderr(file);
            } else {
                command.stdout(file).stderr(Stdio::null());
            }
            assert_eq!(command.status().unwrap().code(), Some(2), "{arguments:?}");
        }
    }
    let file = std::fs::File::create(&path).unwrap();
    let mut command = racesim(&["naive", "--users", "20", "--export", "csv:/dev/stdout"]);
    assert!(command.stdout(file).status().unwrap().success());
    let text = text_of(&path);
    assert!(text.starts_with("racesim "), "{text}");
    assert_eq!(
        text.lines().rev().nth(1).unwrap().split(',').next(),
        Some("strategy")
    );
}

/// `--export` means that a file may be replaced; a database is never meant.
#[test]
fn a_database_is_never_replaced_by_a_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let shop = rusqlite::Connection::open(&path).unwrap();
    shop.execute_batch("CREATE TABLE orders (id); INSERT INTO orders VALUES (1)")
        .unwrap();
    drop(shop);
    let before = std::fs::read(&path).unwrap();
    for arguments in [["--export", "json:shop.db"], ["--history", "shop.db"]] {
        let ran = run_in(folder.path(), &[&["naive", "-q"], &arguments[..]].concat());
        ran.assert_refused(2, "it is an SQLite database, which no result replaces");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

/// A link of the index of a log, elsewhere, was replaced, and a recording beside a database was taken for
/// its log by whoever opened that next.
#[test]
fn no_result_takes_the_place_of_what_another_database_keeps_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::create_dir(place.join("sub")).unwrap();
    symlink("shop.db-wal", place.join("soft")).unwrap();
    let shop = rusqlite::Connection::open(place.join("shop.db")).unwrap();
    shop.pragma_update(None, "journal_mode", "wal").unwrap();
    shop.execute_batch("CREATE TABLE orders (id); INSERT INTO orders VALUES (1)")
        .unwrap();
    let text = "it is an SQLite database, which no result replaces";
    for ending in ["", "-wal", "-shm"] {
        let name = format!("shop.db{ending}");
        let other = format!("sub/link{ending}-elsewhere");
        std::fs::hard_link(place.join(&name), place.join(&other)).unwrap();
        refused_as_a_result(place, &other, text);
    }
    drop(shop);
    let text = "is where SQLite keeps a log of the database";
    for name in ["shop.db-wal", "./shop.db-shm", "shop.db-journal", "soft"] {
        refused_as_a_result(place, name, text);
        let ran = run_in(place, &["naive", "--database", name]);
        ran.assert_refused(2, text);
    }
    // Nothing is beside these.
    for name in ["new.db-wal", "sub/shop.db-wal"] {
        let ran = run_in(place, &["naive", "-q", "--users", "5", "--history", name]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
    }
}

#[track_caller]
fn refused_as_a_result(folder: &Path, name: &str, text: &str) {
    let before = std::fs::read(folder.join(name)).ok();
    let export = format!("json:{name}");
    for arguments in [["--export", &export], ["--history", name]] {
        run_in(folder, &[&["naive", "-q"], &arguments[..]].concat()).assert_refused(2, text);
        assert_eq!(std::fs::read(folder.join(name)).ok(), before, "{name}");
    }
}

#[test]
fn a_result_goes_where_a_link_leads_and_keeps_the_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::write(place.join("kept"), "earlier").unwrap();
    std::fs::set_permissions(place.join("kept"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink("kept", place.join("link")).unwrap();
    symlink("new", place.join("dangling")).unwrap();
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            "umask 027; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_racesim"),
        ])
        .args([
            "naive",
            "-q",
            "--export",
            "json:link",
            "--export",
            "csv:dangling",
        ])
        .args(["--history", "events"])
        .current_dir(place);
    let ran = finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(names(place), ["dangling", "events", "kept", "link", "new"]);
    for link in ["link", "dangling"] {
        assert!(place.join(link).symlink_metadata().unwrap().is_symlink());
    }
    assert!(text_of(place.join("kept")).starts_with('{'));
    assert!(text_of(place.join("new")).starts_with("strategy,"));
    for name in ["kept", "new", "events"] {
        assert_eq!(
            place.join(name).metadata().unwrap().mode() & 0o777,
            0o640,
            "{name}"
        );
    }
}

#[test]
fn what_no_result_can_be_written_to_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let _socket = std::os::unix::net::UnixListener::bind(place.join("socket")).unwrap();
    std::fs::create_dir(place.join("folder")).unwrap();
    for name in [
        "socket",
        "folder",
        ".",
        "folder/",
        "missing/race.json",
        "folder/..",
    ] {
        let export = format!("json:{name}");
        for arguments in [["--export", &export], ["--history", name]] {
            let ran = run_in(place, &[&["naive"], &arguments[..]].concat());
            ran.assert_refused(2, &format!("cannot write '{name}'"));
        }
    }
    assert_eq!(names(place), ["folder", "socket"]);
}

/// `--database :memory:` and `file:…` were taken as SQLite's own words: the run said that its bookings
/// were in that file, and kept nothing.
/// Each wrote a file of that name.
#[test]
fn a_dash_is_no_file_of_a_result() {
    let folder = tempfile::tempdir().unwrap();
    for (words, next) in [
        (["--export", "json:-"], "for stdout write --format json"),
        (["--history", "-"], "write history.jsonl"),
    ] {
        let ran = run_in(
            folder.path(),
            &[&["naive", "--users", "2"][..], &words].concat(),
        );
        ran.assert_refused(2, next);
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

#[test]
fn a_database_is_the_file_of_that_name_whatever_the_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        ":memory:",
        "file:race.db",
        "file:x?mode=memory",
        "a?b%20#c.db",
        "-race.db",
        "file::memory:",
    ] {
        let option = format!("--database={name}");
        for users in [3, 5] {
            let ran = run_in(
                folder.path(),
                &["naive", "--users", &users.to_string(), &option],
            );
            assert_eq!(ran.code, Some(0), "{name}: {}", ran.all());
        }
        let database = rusqlite::Connection::open(folder.path().join(name)).unwrap();
        let rows: u32 = database
            .query_row("SELECT count(*) FROM bookings", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 8, "{name}");
        drop(database);
        std::fs::remove_file(folder.path().join(name)).unwrap();
        assert_eq!(names(folder.path()), [""; 0], "{name}");
    }
    run_in(folder.path(), &["naive", "--database", ""]).assert_refused(2, "--database");
    run_in(folder.path(), &["naive", "--database", "."]).assert_refused(4, "it is not a file");
}

#[test]
fn names_that_are_not_text_serve_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let odd = |name: &[u8]| std::ffi::OsStr::from_bytes(name).to_owned();
    let mut command = racesim(&["naive", "-q", "--users", "5"]);
    command
        .arg("--database")
        .arg(odd(b"race\xff.db"))
        .arg("--history")
        .arg(odd(b"\xfe.jsonl"))
        .current_dir(folder.path());
    let ran = finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    for name in [&b"race\xff.db"[..], b"\xfe.jsonl"] {
        assert!(folder.path().join(odd(name)).is_file());
    }
    let mut command = racesim(&["check", "-q"]);
    command.arg(odd(b"\xfe.jsonl")).current_dir(folder.path());
    assert_eq!(finish(command).code, Some(1));
}
