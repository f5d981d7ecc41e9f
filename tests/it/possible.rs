//! Can racesim have written it? Every history that it writes, and none of those that cannot be.

use racesim::checker::{objection, objection_by};
use racesim::cli::strategy_of;
use racesim::explore::matrix::Expectations;
use racesim::fault::{Fault, RaceFault};
use racesim::history::{self, Recorded};
use racesim::plan::Plan;

use racesim::checker::VerdictKind;

use super::support::{engine, everything, history_file, on_a_runtime, run};

/// Hand-made histories that cannot be, and the words in which each is refused.
///
/// The checker said of every one of them that it held: two rows of one user, a reply that the step cannot
/// have, a line that was lost and another that stood for it; a fault of nobody, a step after a crash. Now it says which line cannot be, and why.
const IMPOSSIBLE: [(&str, &str); 24] = [
    (
        "two-rows-of-one-user",
        "line 9 cannot be: a user has one row for a seat at the most",
    ),
    (
        "told-twice",
        "line 8 cannot be: this user was told its outcome before",
    ),
    (
        "granted-twice",
        "line 7 cannot be: the lock was granted, and was still held",
    ),
    (
        "insert-after-the-end",
        "line 4 cannot be: its user had come to its end",
    ),
    (
        "confirmed-after-a-lost-insert",
        "line 6 cannot be: the strategy tells 'unknown' here",
    ),
    (
        "confirmed-after-a-refused-insert",
        "line 6 cannot be: the strategy tells 'conflict' here",
    ),
    (
        "confirmed-without-a-step",
        "line 3 cannot be: the strategy does something else here",
    ),
    (
        "inserted-and-no-row",
        "line 4 cannot be: the booking was made, and has no row",
    ),
    (
        "answered-before-asked",
        "line 4 cannot be: it was answered before it was asked",
    ),
    (
        "ended-before-started",
        "line 7 cannot be: it ended before it started",
    ),
    (
        "reply-of-another-step",
        "line 4 cannot be: this step has no such answer",
    ),
    (
        "fewer-users-than-stated",
        "line 9 cannot be: of 5 users 2 were told an outcome",
    ),
    (
        "one-line-lost-another-doubled",
        "line 3 cannot be: its user was not free for it yet",
    ),
    (
        "validate-of-anybody",
        "line 4 cannot be: the strategy does something else here",
    ),
    (
        "node-16",
        "line 2 names a lock service beyond the sixteenth",
    ),
    (
        "node-that-is-not-there",
        "line 2 cannot be: the strategy has no such lock service",
    ),
    (
        "another-seat",
        "line 4 cannot be: this user is after another seat",
    ),
    (
        "user-beyond-the-last",
        "line 5 cannot be: there is no such user",
    ),
    ("fault-of-nobody", "line 8 cannot be: there is no such user"),
    (
        "restart-of-a-user",
        "line 8 cannot be: a restart names no user",
    ),
    (
        "crash-of-everybody",
        "line 8 cannot be: a crash or a stall names its user",
    ),
    (
        "fault-of-a-node-that-is-not-there",
        "line 8 cannot be: the strategy has no such lock service",
    ),
    (
        "step-after-the-crash",
        "line 6 cannot be: its user had crashed",
    ),
    (
        "locks-read-before-the-end",
        "line 8 cannot be: the locks were read before the end",
    ),
];

#[test]
fn of_a_history_that_cannot_be_everything_is_unknown_and_the_line_is_named() {
    for (name, why) in IMPOSSIBLE {
        let file = history_file(&format!("cannot-be-{name}.jsonl"));
        let ran = run(&["check", file.to_str().unwrap(), "--format", "json"]);
        assert_eq!(ran.code, Some(3), "{name}: {}", ran.all());
        let race = ran.checked_race();
        for told in race.verdicts {
            assert_eq!(told.verdict, VerdictKind::Unknown, "{name}: {told:?}");
            let detail = told.detail;
            assert!(detail.contains(why), "{name}: {detail}");
        }
    }
}

#[test]
fn every_file_of_what_cannot_be_is_in_the_table() {
    let folder = history_file("");
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let impossible = names.filter(|name| name.starts_with("cannot-be-"));
    assert_eq!(impossible.count(), IMPOSSIBLE.len());
}

/// The history as `racesim check` reads it.
fn read_again(written: &history::History) -> Recorded {
    let mut file = Vec::new();
    history::write(written, &mut file).unwrap();
    history::write_end(1, false, &mut file).unwrap();
    let mut recording = history::read(file.as_slice()).unwrap();
    assert_eq!(recording.damage, None);
    recording.races.remove(0)
}

#[test]
fn every_history_that_racesim_writes_can_be() {
    // Of the faults that take time, a short one.
    let of = |fault: &Fault| {
        let plain = fault.name().parse::<RaceFault>();
        plain.or_else(|_| format!("{fault}:1ms").parse()).unwrap()
    };
    let faults = Fault::ALL.iter().map(|fault| vec![of(fault)]);
    let faults: Vec<Vec<RaceFault>> = faults.chain([Vec::new()]).collect();
    on_a_runtime(async {
        let mut plan = Plan::new(12.try_into().unwrap());
        let engine = engine(&plan, everything(5)).await;
        for row in Expectations::built_in().rows {
            let strategy = strategy_of(&format!("{} --ttl 10ms", row.strategy))
                .or_else(|_| strategy_of(&row.strategy))
                .unwrap();
            let words = strategy_of(&row.strategy).unwrap();
            for faults in &faults {
                plan.faults.clone_from(faults);
                let history = engine.race(&strategy, &plan, 0).await.unwrap();
                let race = read_again(&history);
                assert_eq!(race.history.damage, None);
                let why = objection_by(&race, &words).or_else(|| objection(&race));
                assert_eq!(
                    why, None,
                    "{} under {faults:?}:\n{history:#?}",
                    row.strategy
                );
            }
        }
    });
}
