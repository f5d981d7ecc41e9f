//! Does a recorded plan race again, as it was?

use std::path::{Path, PathBuf};

use racesim::engine::Engine;
use racesim::history;
use racesim::plan::Plan;
use racesim::services::{ServiceChoice, Services};
use racesim::strategy::{Naive, Strategy};
use serde_json::Value;

use super::support::{history_file, run, text_of};

/// What is recorded of the race that these words ask for.
fn recorded(folder: &Path, name: &str, words: &[&str]) -> PathBuf {
    let file = folder.join(name);
    let path = file.to_str().unwrap();
    let ran = run(&[words, &["--quiet", "--history", path]].concat());
    assert!(file.exists(), "{}", ran.all());
    file
}

/// The parts of every header that a plan is.
fn plans(file: &Path) -> Vec<Value> {
    let text = text_of(file);
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let headers = lines.filter(|line: &Value| line["type"] == "header");
    let plans = headers.map(|mut header| {
        assert_eq!(header["version"], 4);
        for own in ["began", "database", "lock"] {
            header.as_object_mut().unwrap().remove(own);
        }
        header
    });
    plans.collect()
}

/// Every option of the plan and of the strategies comes back, and what is recorded then is the same.
#[test]
fn what_is_repeated_is_the_plan_that_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    for words in [
        "naive --users 5 --seed 3",
        "locked --release del --lock-value user --renew --ttl 1500ms --on-busy wait:50ms --users 9 --seats 3 \
         --payment 0.5ms..1.5ms --concurrency 4 --arrive-over 3ms --rounds 2 --commit each --timeout 4s \
         --fault crash:acquire:0.25 --fault slow:1ms:check:0.5 --seed 18446744073709551615 --redis embedded",
        "redlock --nodes 3 --retries 2 --users 4 --redis embedded",
        "hold --ttl 70ms --seats each --users 4",
        "transaction --begin immediate --busy-timeout 30ms --retries 3 --users 3",
        "compare optimistic transaction locked --retries 2 --unique --users 3 --rounds 2 --redis embedded",
        // The comparison of one is a comparison.
        "compare locked --release del --users 3 --rounds 2 --redis embedded",
        // The usual number of retries of one is not that of the others.
        "compare optimistic redlock transaction --users 3 --rounds 1 --redis embedded",
    ] {
        let words: Vec<&str> = words.split_whitespace().collect();
        let first = recorded(folder.path(), "first.jsonl", &words);
        let redis: &[&str] = if words.contains(&"--redis") {
            &["--redis", "embedded"]
        } else {
            &[]
        };
        let repeat = [&["repeat", first.to_str().unwrap()], redis].concat();
        let again = recorded(folder.path(), "again.jsonl", &repeat);
        assert!(!plans(&first).is_empty());
        assert_eq!(plans(&first), plans(&again), "{words:?}");
        for file in [first, again] {
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn a_repeated_race_is_reported_and_asserted_about_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["naive", "--users", "2", "--seed", "1"];
    let file = recorded(folder.path(), "race.jsonl", &words);
    let file = file.to_str().unwrap();
    let report = run(&["repeat", file, "--format", "json"]).json();
    assert_eq!(report["kind"], "race");
    assert_eq!(report["races"][0]["header"]["seed"], 1);
    let line = "racesim naive --users 2 --seat 10 --seed 1";
    assert_eq!(report["reproduce"], line);
    let failed = run(&["repeat", file, "--assert", "bookings == 0"]);
    assert_eq!(failed.code, Some(1), "{}", failed.all());
    run(&["repeat", file, "--redis", "private"]).assert_refused(2, "naive takes no lock");
    run(&["repeat", file, "--history", file])
        .assert_refused(2, "give each result a file of its own");
    run(&["repeat", file, "--export", &format!("json:{file}")])
        .assert_refused(2, "give each result a file of its own");
}

/// A file with one thing changed.
fn changed(file: &Path, from: &str, to: &str) -> String {
    let text = text_of(file);
    assert!(text.contains(from), "{from}: {text}");
    let path = file.with_extension("changed.jsonl");
    std::fs::write(&path, text.replace(from, to)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_lacks_a_plan_is_refused_with_the_next_move() {
    let folder = tempfile::tempdir().unwrap();
    let earlier = history_file("one-booking.jsonl");
    run(&["repeat", earlier.to_str().unwrap()]).assert_refused(
        2,
        "version 2 of the format, which does not hold the whole race: run the race again",
    );
    run(&["repeat", "README.md"]).assert_refused(2, "not a racesim history: record one");
    run(&["repeat", "/no/such/file"]).assert_refused(2, "cannot repeat '/no/such/file'");
    let words = ["naive", "--users", "2", "--seed", "1"];
    let file = recorded(folder.path(), "race.jsonl", &words);
    let own = changed(&file, "\"naive\"", "\"mine\"");
    run(&["repeat", &own]).assert_refused(2, "'mine' is no strategy that racesim brings");
    let newer = changed(&file, "\"version\":4", "\"version\":5");
    run(&["repeat", &newer]).assert_refused(2, "version 5 of the format");
    let killed = changed(
        &file,
        "{\"type\":\"end\",\"races\":1,\"interrupted\":false}\n",
        "",
    );
    run(&["repeat", &killed]).assert_refused(2, "its end is missing");
    let fault = changed(
        &file,
        "\"faults\":[],\"timeout\"",
        "\"faults\":[\"restart:1\"],\"timeout\"",
    );
    run(&["repeat", &fault]).assert_refused(2, "can never happen to naive");
}

/// Version 3 had the options in words, and did not say what a race was part of.
#[test]
fn a_recording_of_version_3_is_judged_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let words = "locked --unique --release del --users 3 --seed 3 --redis embedded";
    let words: Vec<&str> = words.split_whitespace().collect();
    let file = recorded(folder.path(), "race.jsonl", &words);
    let text = text_of(&file);
    let (header, rest) = text.split_once('\n').unwrap();
    let mut header: Value = serde_json::from_str(header).unwrap();
    header["version"] = 3.into();
    header["settings"] = "--unique --release del".into();
    header["lock"] = "simulated locks, in this process (no Redis)".into();
    header["is_lock_simulated"] = true.into();
    header.as_object_mut().unwrap().remove("run");
    std::fs::write(&file, format!("{header}\n{rest}")).unwrap();
    let checked = run(&["check", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(checked.code, Some(0), "{}", checked.all());
    let header = checked.checked_race().header;
    assert_eq!(header.settings, "--unique --release del");
    assert_eq!((header.users, header.seed), (3, 3));
    run(&["repeat", file.to_str().unwrap()]).assert_refused(
        2,
        "version 3 of the format, which does not hold the whole race",
    );
}

/// A run that was stopped said that it could not be repeated, and what it had not come to was unknown.
#[test]
fn a_run_that_was_stopped_is_repeated_whole_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "compare",
        "naive",
        "optimistic",
        "--users",
        "2",
        "--rounds",
        "2",
        "--seed",
        "1",
    ];
    let file = recorded(folder.path(), "race.jsonl", &words);
    let text = text_of(&file);
    let (first, _) = text.split_once("\n{\"type\":\"header\"").unwrap();
    let end = "{\"type\":\"end\",\"races\":1,\"interrupted\":true}";
    std::fs::write(&file, format!("{first}\n{end}\n")).unwrap();
    let again = run(&["repeat", file.to_str().unwrap(), "--format", "json"]);
    assert!(
        again.stderr.contains("its whole plan is raced now"),
        "{}",
        again.stderr
    );
    let report = again.json();
    assert_eq!(report["kind"], "comparison");
    let raced = report["races"].as_array().unwrap().iter();
    let raced: Vec<&Value> = raced.map(|race| &race["header"]["strategy"]).collect();
    assert_eq!(raced, ["naive", "optimistic"]);
    assert_eq!(report["races"][1]["rounds"], 2);
}

#[tokio::test]
async fn a_schedule_that_was_forced_is_replayed_not_repeated() {
    let plan = Plan::new(2.try_into().unwrap());
    let choice = ServiceChoice::default();
    let services = Services::start(&choice, &plan, Naive.needs(), &[])
        .await
        .unwrap();
    let moves = "A.check B.check A.insert B.insert";
    let schedule = moves.parse().unwrap();
    let forced = Engine::new(services).force(&Naive, &plan, &schedule).await;
    let history = forced.unwrap().history;
    let mut lines = Vec::new();
    history::write(&history, &mut lines).unwrap();
    history::write_end(1, false, &mut lines).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("forced.jsonl");
    std::fs::write(&file, lines).unwrap();
    let line = format!("run racesim replay naive --schedule '{moves}'");
    run(&["repeat", file.to_str().unwrap()]).assert_refused(2, &line);
    assert_eq!(run(&["check", file.to_str().unwrap()]).code, Some(1));
}

/// It was said that another racesim had to repeat it: the number of lock services was not recorded.
#[test]
fn a_recording_on_more_servers_than_are_given_now_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["redlock", "--users", "3", "--redis", "embedded"];
    let first = recorded(folder.path(), "five.jsonl", &words);
    let url = "redis://127.0.0.1:1";
    let again = run(&["repeat", first.to_str().unwrap(), "--redis", url]);
    assert_ne!(again.code, Some(0));
    assert!(
        !again.stderr.contains("otherwise than it was"),
        "{}",
        again.stderr
    );
}

/// A header that cannot be read was said to be missing.
#[test]
fn a_first_line_that_cannot_be_read_is_not_missing() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(
        folder.path(),
        "first.jsonl",
        &["naive", "--users", "3", "--seed", "3"],
    );
    let text = text_of(&first).replacen("\"seed\":3", "\"seed\":-1", 1);
    std::fs::write(&first, text).unwrap();
    let checked = run(&["check", first.to_str().unwrap()]);
    assert_eq!(checked.code, Some(3));
    assert!(
        checked.all().contains("line 1 is not a line of a history"),
        "{}",
        checked.all()
    );
}

// An edited header was raced without a word: nothing at all, or another strategy.
#[test]
fn a_comparison_that_lacks_what_was_raced_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "compare", "naive", "unique", "--users", "3", "--rounds", "1",
    ];
    let file = recorded(folder.path(), "race.jsonl", &words);
    let text = text_of(&file);
    let (header, rest) = text.split_once('\n').unwrap();
    let header: Value = serde_json::from_str(header).unwrap();
    let unique = header["run"]["compare"][1].clone();
    assert_eq!(unique["strategy"], "unique");
    for compared in [vec![], vec![unique]] {
        let mut header = header.clone();
        header["run"]["compare"] = compared.into();
        std::fs::write(&file, format!("{header}\n{rest}")).unwrap();
        run(&["repeat", file.to_str().unwrap()])
            .assert_refused(2, "part of a comparison without naive");
    }
}
