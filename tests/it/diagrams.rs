//! Does a diagram send every step to the service that really carries it out?

use super::support::run;

/// The lines of the diagram of a schedule that is forced on the real stores.
fn diagram(strategy: &[&str], schedule: &str) -> Vec<String> {
    let forced = ["--schedule", schedule, "--format", "mermaid"];
    let ran = run(&[&["replay"], strategy, &forced].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran.stdout
        .lines()
        .map(|line| line.trim().to_owned())
        .collect()
}

#[track_caller]
fn assert_has(diagram: &[String], lines: &[&str]) {
    for line in lines {
        assert!(diagram.iter().any(|it| it == line), "{line}: {diagram:#?}");
    }
}

/// The participant was guessed from the first letters of a step's name: `set-ttl` and `verify`, which
/// ask Redis, were sent to SQLite. Now the step's type says whom it asks.
#[test]
fn a_lock_is_given_its_time_and_looked_at_in_redis() {
    let shown = diagram(
        &[
            "locked",
            "--acquire",
            "setnx-then-expire",
            "--release",
            "get-then-del",
        ],
        "A.acquire A.set-ttl A.check A.insert A.verify A.release",
    );
    assert_has(
        &shown,
        &[
            "A->>Redis: acquire",
            "A->>Redis: set-ttl",
            "Redis-->>A: time to live set",
            "A->>SQLite: check",
            "A->>Redis: verify",
            "A->>Redis: release",
        ],
    );
}

/// `validate` only looks at a clock, and was drawn as a question to SQLite; the steps at several
/// Redis were drawn as if there was one.
#[test]
fn a_look_at_the_clock_asks_nobody_and_every_node_is_named() {
    let schedule = "A.acquire A.acquire@2 A.acquire@3 A.validate A.check expire@2 restart@3";
    let shown = diagram(&["redlock", "--nodes", "3"], schedule);
    assert_has(
        &shown,
        &[
            "participant Redis 2",
            "participant Redis 3",
            "Note over A: validate, in time",
            "A->>SQLite: check",
        ],
    );
    let is_over = |node: &str, what: &str| {
        let start = format!("Note over {node}: {what}");
        shown.iter().any(|line| line.starts_with(&start))
    };
    assert!(
        is_over("Redis 2", "expire@2") && is_over("Redis 3", "restart@3"),
        "{shown:#?}"
    );
}

/// A claim is kept in the database, and its end was drawn over a Redis that nobody asks.
#[test]
fn a_claim_runs_out_in_the_database() {
    let shown = diagram(&["hold"], "A.hold expire B.hold B.confirm");
    assert!(
        shown
            .iter()
            .any(|line| line.starts_with("Note over SQLite: expire")),
        "{shown:#?}"
    );
    assert!(
        !shown.iter().any(|line| line.contains("Redis")),
        "{shown:#?}"
    );
}
