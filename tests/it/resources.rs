//! What does a run do that is given few files, little memory, or no turn?

use super::endings::temporary;
use super::reports::answer_to;
use super::support::{Ran, eventually, finish, racesim};
use racesim::checker::Property;
use racesim::explore::Limit;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs the binary under limits that a shell sets.
fn under(limits: &str, arguments: &str) -> Ran {
    let mut command = Command::new("/bin/bash");
    let line = format!("{limits}; exec \"$1\" {arguments}");
    command.args(["-c", &line, "sh", env!("CARGO_BIN_EXE_racesim")]);
    command.env_remove("RACESIM_REDIS");
    finish(command)
}

/// Asserts that a run whose rows could not be read says why, in its report and in one line beside it.
fn says_why_its_bookings_are_not_known(ran: &Ran, text: &str) {
    let race = ran.race();
    assert_eq!(race.figures.median("bookings"), None, "{text}");
    let why = race.damage.unwrap_or_else(|| panic!("{text}"));
    assert!(why.contains("its bookings could not be read"), "{text}");
    assert_eq!(ran.stderr.lines().count(), 1, "{text}");
    assert!(ran.stderr.contains(&why), "{text}");
}

// With few descriptors racesim panicked. Where they are enough for the race and not for the look at its
// rows afterwards, the bookings were null and nothing said why.
#[test]
fn too_few_descriptors_are_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for count in [3, 5, 8, 10, 12, 14, 15, 16, 17, 18, 20] {
        let place = format!(
            "export TMPDIR='{}'; ulimit -n {count}",
            folder.path().display()
        );
        for arguments in [
            "naive --users 20",
            "locked --users 20",
            "transaction --users 20",
        ] {
            let ran = under(&place, &format!("{arguments} --format json"));
            let text = format!("{count}, {arguments}: {}", ran.all());
            assert!(!ran.stderr.contains("panicked"), "{text}");
            match ran.code {
                Some(0) => drop(ran.json()),
                Some(3) => says_why_its_bookings_are_not_known(&ran, &text),
                // Where not even a shared library can be opened, racesim has not begun.
                Some(127) => assert!(ran.stderr.contains("shared librar"), "{text}"),
                code => {
                    assert_eq!(code, Some(4), "{text}");
                    assert_eq!(ran.stderr.lines().count(), 1, "{text}");
                }
            }
        }
    }
    eventually("nothing is left", || temporary(folder.path()).is_empty());
}

// Only the memory of the machine was looked at: under a limit of its own the process was killed.
#[test]
fn a_race_that_does_not_fit_into_the_limit_of_its_process_is_refused_and_what_is_advised_runs() {
    let arguments = "naive --users 3000000 --format json";
    let ran = under("ulimit -v 500000", arguments);
    ran.assert_refused(2, "3000000 users need about ");
    let advised = ran.stderr.split("--users ").nth(1).and_then(|text| {
        let digits = text.split(|letter: char| !letter.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok()
    });
    let advised = advised.unwrap();
    assert!(advised > 10_000, "{}", ran.stderr);
    let ran = under(
        "ulimit -v 500000",
        &format!("naive --users {advised} --format json"),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn a_search_ends_as_unknown_before_the_memory_of_its_process_is_used_up() {
    let search = "explore locked --users 5 --fault expire:3 --fault crash:3 \
                  --property no-foreign-release --format json";
    let ran = under("ulimit -v 330000", search);
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    let found = answer_to(&ran.explored(), Property::NoForeignRelease).limit;
    assert_eq!(found, Some(Limit::Memory));
}

// The server was found, and not started: who starts it stands in another folder.
#[test]
fn a_server_in_a_relative_folder_of_path_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let real = run_text("command -v redis-server");
    for place in ["bin", "."] {
        let inside = folder.path().join(place);
        std::fs::create_dir_all(&inside).unwrap();
        std::os::unix::fs::symlink(real.trim(), inside.join("redis-server")).unwrap();
        for path in [place, if place == "." { "" } else { "./bin" }] {
            let mut command = racesim(&["locked", "--users", "5", "--redis", "private"]);
            command
                .current_dir(folder.path())
                .env("PATH", format!("{path}:/nowhere"));
            let ran = finish(command);
            assert_eq!(ran.code, Some(0), "PATH={path}: {}", ran.all());
        }
    }
}

fn run_text(line: &str) -> String {
    let output = Command::new("/bin/sh").args(["-c", line]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Somebody keeps the runtime to itself for longer than the patience, as while users are made.
#[derive(Clone, Default)]
struct KeepingTheRuntime(std::sync::Arc<std::sync::atomic::AtomicU32>);

impl racesim::strategy::Strategy for KeepingTheRuntime {
    fn name(&self) -> &'static str {
        "keeping the runtime"
    }

    async fn attempt(
        &self,
        client: &mut racesim::client::Client,
    ) -> Result<racesim::history::Outcome, racesim::client::StepError> {
        if self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 19 {
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(1500) {
                super::support::let_pass(Duration::from_millis(100));
            }
        }
        client.check().await?;
        Ok(racesim::history::Outcome::Taken)
    }
}

// Making five million users gives nobody else a turn for seconds; the looks that were missed meanwhile
// came at once, and a healthy database was called silent.
#[test]
fn a_service_is_not_called_silent_for_a_time_in_which_nobody_could_fetch_its_replies() {
    use racesim::strategy::{Needs, Strategy};
    super::support::on_a_runtime(async {
        let plan = racesim::plan::Plan {
            timeout: Duration::from_secs(1),
            ..racesim::plan::Plan::new(20.try_into().unwrap())
        };
        let strategy = KeepingTheRuntime::default();
        assert_eq!(strategy.needs(), Needs::default());
        let engine = super::support::engine(&plan, Needs::default()).await;
        let history = engine.race(&strategy, &plan, 0).await.unwrap();
        assert_eq!(history.footer.troubles, [""; 0]);
        let told = history.attempts.iter().map(|attempt| attempt.outcome);
        assert!(
            told.into_iter()
                .all(|outcome| outcome == racesim::history::Outcome::Taken)
        );
    });
}
