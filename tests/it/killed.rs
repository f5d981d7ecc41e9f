//! What does a run that is killed or stopped leave of its results, and of earlier ones?

use super::outputs::{names, run_in};
use super::support::{end, eventually, racesim, signal, text_of};
use std::path::Path;
use std::process::{Child, Stdio};

/// A race in which everybody pays for a minute, with results that would replace `old.json` and
/// `old.jsonl`; it is in its middle when this returns.
fn paying(folder: &Path, history: &str) -> Child {
    let mut command = racesim(&["naive", "--users", "20", "--payment", "60s"]);
    command
        .args([
            "--export",
            "json:old.json",
            "--database",
            "race.db",
            "--history",
            history,
        ])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let database = folder.join("race.db");
    eventually("the race has begun", || {
        super::support::runs_in(&database) == 1
    });
    child
}

/// A run that was killed left half a file where a whole one had been.
#[test]
fn a_run_that_is_killed_leaves_the_earlier_results() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    for name in ["old.json", "old.jsonl"] {
        std::fs::write(place.join(name), "earlier").unwrap();
    }
    let child = paying(place, "old.jsonl");
    signal("KILL", child.id());
    assert_eq!(end(child).code, None);
    for name in ["old.json", "old.jsonl"] {
        assert_eq!(text_of(place.join(name)), "earlier");
    }
    // What the killed run recorded stands beside it under a name that says so.
    let rest: Vec<String> = names(place)
        .into_iter()
        .filter(|name| !name.starts_with("race.db"))
        .collect();
    assert_eq!(rest.len(), 3, "{rest:?}");
    assert!(
        rest[2].starts_with("old.jsonl.") && rest[2].contains(".part"),
        "{rest:?}"
    );
}

#[test]
fn nothing_stands_beside_the_results_after_ctrl_c_or_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    for name in ["old.json", "old.jsonl"] {
        std::fs::write(place.join(name), "earlier").unwrap();
    }
    let child = paying(place, "old.jsonl");
    signal("INT", child.id());
    assert_eq!(end(child).code, Some(130));
    // What happened so far is a whole report.
    assert!(text_of(place.join("old.json")).starts_with('{'));
    let rest = ["old.json", "old.jsonl", "race.db"];
    assert_eq!(names(place), rest);
    std::fs::write(place.join("old.jsonl"), "earlier").unwrap();
    let refused = ["naive", "--history", "old.jsonl", "--database", "old.json"];
    let ran = run_in(
        place,
        &[&refused[..], &["--export", "csv:new.csv"]].concat(),
    );
    ran.assert_refused(4, "is not an SQLite database");
    assert_eq!(names(place), rest);
    assert_eq!(text_of(place.join("old.jsonl")), "earlier");
}

/// A new history grows where it is to be, so that a run that is killed can be judged.
#[test]
fn a_killed_run_leaves_the_history_of_its_rounds() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = racesim(&["naive", "-q", "--users", "20", "--rounds", "100000"]);
    command
        .args(["--history", "k.jsonl"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let path = folder.path().join("k.jsonl");
    eventually("a round is recorded", || {
        path.metadata().is_ok_and(|found| found.len() > 100_000)
    });
    signal("KILL", child.id());
    assert_eq!(end(child).code, None);
    assert!(text_of(&path).contains("footer"));
}
