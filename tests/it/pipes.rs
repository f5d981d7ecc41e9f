//! Are results written to pipes, and is one that nobody reads given up?

use super::outputs::{make_pipe, run_in};
use super::support::{finish, text_of};
use std::os::unix::fs::FileTypeExt;
use std::process::Command;

/// A pipe that nobody reads held racesim for ever, and neither INT nor TERM ended it.
#[test]
fn a_pipe_without_another_end_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    for (arguments, code, text) in [
        (
            &["naive", "--export", "json:pipe"][..],
            4,
            "nobody reads the pipe 'pipe'",
        ),
        (
            &["naive", "--history", "pipe"],
            4,
            "nobody reads the pipe 'pipe'",
        ),
        (
            &["replay", "naive", "--all", "--export", "json:pipe"],
            4,
            "nobody reads",
        ),
        (&["replay", "--from", "pipe"], 2, "nobody writes this pipe"),
        (&["naive", "--database", "pipe"], 4, "it is not a file"),
    ] {
        let limited = [arguments, &["--timeout", "300ms"]].concat();
        run_in(folder.path(), &limited).assert_refused(code, text);
    }
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
}

/// A reader that opens a pipe and never reads from it held racesim as well.
#[test]
fn a_pipe_whose_reader_stands_still_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    make_pipe(&folder.path().join("pipe"));
    let script =
        "exec 3<>pipe; \"$1\" naive -q --users 20000 --timeout 300ms --history pipe 2>&1 3<&-";
    let mut command = Command::new("/bin/bash");
    command
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_racesim")])
        .current_dir(folder.path());
    let ran = finish(command);
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    assert!(ran.stdout.contains("has stopped reading"), "{}", ran.stdout);
}

#[test]
fn pipes_carry_results_and_recordings_whole() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["events", "report"] {
        make_pipe(&folder.path().join(name));
    }
    let script = r#"
        cat report > report.json & cat events > copy.jsonl &
        "$1" naive -q --users 5000 --export json:report --history events || exit 9
        wait
        cat copy.jsonl > events & "$1" check events --format json > checked.json 2> why
        [ $? = 1 ] || exit 8
        "$1" check <(cat copy.jsonl) --format json 2> why | cmp - checked.json
    "#;
    let mut command = Command::new("/bin/bash");
    command
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_racesim")])
        .current_dir(folder.path());
    let ran = finish(command);
    assert_eq!((ran.code, ran.all().as_str()), (Some(0), ""));
    let report: racesim::report::Report =
        serde_json::from_str(&text_of(folder.path().join("report.json"))).unwrap();
    let race = super::reports::race_of(&report, "naive");
    assert_eq!(super::reports::metric(race, "bookings"), 5000);
}
