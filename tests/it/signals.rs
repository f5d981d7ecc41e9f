//! Does a signal end every command soon, at every moment, with what is known so far?

use super::endings::{is_running, temporary};
use super::reports::{metric, race_of};
use super::support::{Ran, end, eventually, racesim, signal};
use racesim::checker::VerdictKind;
use racesim::explore::Limit;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// So many moments of each command's life are tried, more of them early.
const MOMENTS: u32 = 31;

/// The last of them.
const LAST: Duration = Duration::from_millis(1500);

/// The signals, and the status that each ends with.
const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

/// When a signal is sent.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after the command was started.
    Started(Duration),
    /// So long after it listens for signals.
    Listening(Duration),
}

/// Runs a command with a temporary folder of its own, and sends it a signal at a moment. One that goes
/// on all the same is ended by the limit of every test.
fn stopped_at(moment: Moment, arguments: &[&str], name: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut command = racesim(arguments);
    command.env("TMPDIR", folder.path());
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = output.spawn().unwrap();
    match moment {
        Moment::Started(time) => super::support::let_pass(time),
        Moment::Listening(time) => {
            listens(child.id());
            super::support::let_pass(time);
        }
    }
    signal(name, child.id());
    let ran = end(child);
    eventually("nothing is left", || {
        temporary(folder.path()).is_empty() && !is_running(folder.path().to_str().unwrap())
    });
    ran
}

/// They were told to have had an error.
#[test]
fn who_was_cut_by_a_stop_is_told_to_have_been() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("race.db");
    let words = ["naive", "--users", "3", "--payment", "50s", "--database"];
    let mut command = racesim(&words);
    let child = super::support::begun(command.arg(&database), &database);
    signal("INT", child.id());
    let ran = end(child);
    assert!(
        ran.stdout.contains("the race was stopped, or an error"),
        "{}",
        ran.all()
    );
}

/// The signals that a command of this process hears: one started by `nohup` leaves its hang-ups ignored, and
/// a script's background job its interrupts, until it listens for signals
/// (<https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>, `SigIgn`; SIGHUP is the first bit).
fn heard() -> Vec<(&'static str, i32)> {
    let status = super::support::text_of(Path::new("/proc/self/status"));
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap();
    // A status is 128 and the number of the signal.
    let is_heard = |(_, status): &(&str, i32)| mask & (1 << (status - 129)) == 0;
    SIGNALS.into_iter().filter(is_heard).collect()
}

/// Sends a signal at every moment; whatever is printed is whole, and the status is the signal's.
fn ends_at_every_moment(arguments: &[&str]) {
    let signals = heard();
    let mut by_handler = 0;
    for number in 0..MOMENTS {
        let time = LAST * number * number / (MOMENTS * MOMENTS);
        // Early ones also hit what is not there yet; the others cannot be too early.
        let moment = if number % 2 == 0 {
            Moment::Started(time)
        } else {
            Moment::Listening(time)
        };
        let (name, status) = signals[usize::try_from(number).unwrap() % signals.len()];
        let ran = stopped_at(moment, arguments, name);
        match ran.code {
            // Before it listens for signals it dies as any other program does.
            None => assert_eq!(ran.all(), "", "{moment:?}"),
            code => {
                let is_over = code.is_some_and(|code| code < 128);
                assert!(
                    code == Some(status) || is_over,
                    "{moment:?}: {code:?} {}",
                    ran.all()
                );
                by_handler += u32::from(code == Some(status));
                // Where time was too short for a report, it is said.
                if ran.stdout.is_empty() {
                    assert!(ran.stderr.contains("stopped"), "{moment:?}: {}", ran.all());
                } else {
                    ran.json();
                }
            }
        }
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    // Where the machine is quick, some are over before.
    assert!(by_handler > 4, "only {by_handler} were heard");
}

// A signal did nothing while services were started and users were made; a search, a replay and a matrix
// died of it without a word, and a hang-up ended a race without its report.

#[test]
fn a_signal_ends_a_race_at_every_moment() {
    ends_at_every_moment(&[
        "locked", "--users", "5000", "--rounds", "500", "--format", "json",
    ]);
}

#[test]
fn a_signal_ends_a_comparison_at_every_moment() {
    ends_at_every_moment(&[
        "compare", "--users", "2000", "--rounds", "500", "--format", "json",
    ]);
}

#[test]
fn a_signal_ends_a_search_at_every_moment() {
    ends_at_every_moment(&[
        "explore",
        "locked",
        "--users",
        "5",
        "--fault",
        "expire:3",
        "--fault",
        "crash:3",
        "--property",
        "no-foreign-release",
        "--format",
        "json",
    ]);
}

#[test]
fn a_signal_ends_a_replay_of_all_at_every_moment() {
    ends_at_every_moment(&[
        "replay",
        "transaction",
        "--all",
        "--users",
        "3",
        "--format",
        "json",
    ]);
}

#[test]
fn a_signal_ends_a_matrix_at_every_moment() {
    ends_at_every_moment(&["matrix", "--format", "json"]);
}

// Whatever came while a server was started again waited for one that nobody starts any more, and the
// report was lost with it.
#[test]
fn a_matrix_that_is_stopped_while_a_server_is_started_again_tells_what_it_has_found() {
    let mut heard = 0;
    for number in 0..17 {
        let mut command = racesim(&["matrix", "--fault", "restart", "--format", "json"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = child.spawn().unwrap();
        listens(child.id());
        let moment = Duration::from_millis(40) * number;
        super::support::let_pass(moment);
        signal("INT", child.id());
        let ran = end(child);
        let report = ran.json();
        if ran.code == Some(130) {
            heard += 1;
            assert_eq!(report["stopped"], true, "{moment:?}: {}", ran.all());
        }
    }
    assert!(heard > 4, "only {heard} were heard");
}

#[test]
fn a_signal_ends_a_check_and_a_list() {
    for number in 0..10 {
        let moment = Moment::Started(Duration::from_millis(3) * number);
        let history = super::support::history_file("one-booking.jsonl");
        stopped_at(moment, &["check", history.to_str().unwrap()], "INT");
        stopped_at(moment, &["strategies"], "TERM");
    }
}

#[test]
fn a_signal_ends_a_check_of_a_pipe_that_nobody_writes() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let mut command = racesim(&["check", pipe.to_str().unwrap()]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    listens(child.id());
    signal("TERM", child.id());
    assert_eq!(end(child).code, Some(143));
}

/// Waits until the process listens for signals.
fn listens(pid: u32) {
    let status = format!("/proc/{pid}/status");
    eventually("it listens for signals", || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask >> 14 & 1 == 1)
    });
}

#[test]
fn a_search_that_is_stopped_tells_the_properties_that_it_has_answered() {
    let mut command = racesim(&[
        "explore",
        "locked",
        "--users",
        "5",
        "--fault",
        "expire:3",
        "--fault",
        "crash:3",
        "--property",
        "mutual-exclusion",
        "--property",
        "no-foreign-release",
        "--format",
        "json",
    ]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first is broken after a few states, the second takes seconds of the processor's time.
    eventually("it searches for the second", || {
        processor_ticks(child.id()) >= 30
    });
    signal("INT", child.id());
    let ran = end(child);
    assert_eq!(ran.code, Some(130), "{}", ran.all());
    let [first, second] = &ran.explored().properties[..] else {
        panic!("two were asked");
    };
    assert_eq!(first.verdict, VerdictKind::Violated);
    assert_eq!(
        (second.verdict, second.limit),
        (VerdictKind::Unknown, Some(Limit::Stopped))
    );
}

/// How long a process has had a processor, in hundredths of a second
/// (<https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>, `utime`).
fn processor_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name of the program, in brackets, may hold spaces; it is the second field of all.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let utime = fields.split(' ').nth(11);
    utime.and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

#[test]
fn rounds_that_were_over_before_a_signal_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("rounds.jsonl");
    let mut command = racesim(&[
        "naive", "--users", "50", "--rounds", "100000", "--format", "json",
    ]);
    command.arg("--history").arg(&history);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let database = |pid| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten();
        let files = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        files.into_iter().find(|file| file.ends_with("race.db"))
    };
    eventually("a few rounds are over", || {
        let database = database(child.id());
        database.is_some_and(|file| super::support::runs_in(&file) > 3)
    });
    signal("HUP", child.id());
    let ran = end(child);
    assert_eq!(ran.code, Some(129), "{}", ran.all());
    let report = ran.raced();
    assert!(report.stopped);
    assert!(race_of(&report, "naive").rounds >= 3);
}

#[test]
fn a_hang_up_that_nohup_ignores_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("nohup");
    command
        .arg(env!("CARGO_BIN_EXE_racesim"))
        .args([
            "naive",
            "--users",
            "5",
            "--payment",
            "300ms",
            "--format",
            "json",
        ])
        .env("TMPDIR", folder.path());
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    listens(child.id());
    signal("HUP", child.id());
    let ran = end(child);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(metric(&ran.race(), "attempts"), 5);
}
