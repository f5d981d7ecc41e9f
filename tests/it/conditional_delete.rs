//! Is `--release ifeq` sent where the server has such a command, and refused where it has none?

use std::path::{Path, PathBuf};

use super::support::{Ran, finish, racesim, run};

/// A folder for PATH with one server in it, under its own name; `None` where it is not installed.
fn only(server: &str) -> Option<tempfile::TempDir> {
    let path = std::env::var_os("PATH").unwrap();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(server));
    let program: PathBuf = found.find(|program| program.is_file())?;
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(program, folder.path().join(server)).unwrap();
    Some(folder)
}

fn raced_with(path: &Path, arguments: &[&str]) -> Ran {
    let mut command = racesim(&[arguments, &["--format", "json"]].concat());
    command.env("PATH", path);
    finish(command)
}

/// Each server that is installed: raced if its version has the command, refused with its version if not.
#[test]
#[expect(clippy::print_stderr, reason = "tells the reader what was tested")]
fn a_server_is_raced_if_its_version_has_the_command_and_else_refused_with_it() {
    for (server, since) in [("redis-server", (8, 4)), ("valkey-server", (9, 0))] {
        let Some(path) = only(server) else {
            eprintln!("not tested: no {server} on PATH");
            continue;
        };
        let usual = raced_with(path.path(), &["locked", "--users", "20"]);
        let lock = &usual.json()["races"][0]["header"]["lock"];
        let version = lock["version"].as_str().unwrap();
        let mut numbers = version.split('.').map(|number| number.parse().unwrap());
        let version_of = (numbers.next().unwrap(), numbers.next().unwrap());
        let ran = raced_with(
            path.path(),
            &["locked", "--release", "ifeq", "--users", "20"],
        );
        if version_of >= since {
            assert_eq!(ran.code, Some(0), "{}", ran.all());
            assert_eq!(super::reports::metric(&ran.race(), "locks_left"), 0);
        } else {
            ran.assert_refused(4, version);
            ran.assert_refused(4, "it has neither DELIFEQ (Valkey 9 or later) nor DELEX");
        }
    }
}

#[test]
fn racesims_own_lock_server_frees_the_lock_of_its_holder_and_of_nobody_else() {
    let schedules = [
        "A.acquire A.check A.insert A.release B.acquire",
        "A.acquire expire B.acquire A.check A.insert A.release B.check B.release",
        "A.acquire A.check A.insert A.release:late B.acquire A.release arrives",
    ];
    for schedule in schedules {
        let words = ["--redis", "embedded", "--schedule", schedule];
        let ran = run(&[&["replay", "locked", "--release", "ifeq"], &words[..]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.all());
    }
    let line = "locked --release ifeq --redis embedded --users 50 --seats each --assert";
    let asserted = ["locks_left == 0"];
    let ran = run(&[&line.split(' ').collect::<Vec<_>>()[..], &asserted].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}

/// One command is no less than one script: what holds for the one holds for the other.
#[test]
fn the_search_takes_one_command_for_what_one_script_is() {
    let line =
        "--users 3 --fault expire --fault give-up --property no-foreign-release --format json";
    let searched = |release: &str| {
        let words = format!("explore locked --release {release} {line}");
        let ran = run(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        ran.json()["results"][0]["states"].clone()
    };
    assert_eq!(searched("ifeq"), searched("compare-and-delete"));
}
