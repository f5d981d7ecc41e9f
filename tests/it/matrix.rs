//! Strategies against faults: is every cell as it is stated, and is it told when one is not?

use std::sync::OnceLock;
use std::time::Duration;

use racesim::cli::strategy_of;
use racesim::explore::matrix::{Expectations, Expected};
use racesim::report::MatrixReport;

use super::support::{finish_within, racesim, run, text_of};

/// Every strategy under every fault, in two of its forms.
pub(super) struct WholeMatrix {
    report: MatrixReport,
    pub(super) markdown: String,
}

/// The whole matrix, found once for all tests that look at it: it takes most of a minute in a debug
/// build, and several where others run beside it.
pub(super) fn whole_matrix() -> &'static WholeMatrix {
    static WHOLE: OnceLock<WholeMatrix> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("matrix.md");
        let export = format!("markdown:{}", page.display());
        let command = racesim(&["matrix", "--format", "json", "--export", &export]);
        let ran = finish_within(command, Duration::from_mins(15));
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        WholeMatrix {
            report: ran.matrix(),
            markdown: text_of(&page),
        }
    })
}

#[test]
fn every_cell_of_the_whole_matrix_is_as_stated() {
    let report = &whole_matrix().report;
    let cells = report.rows.iter().map(|row| row.cells.len());
    assert_eq!(report.judged, cells.sum::<usize>());
    assert_eq!(report.disagreeing, 0);
}

#[test]
fn everything_that_is_stated_has_a_source_and_no_source_is_idle() {
    let known = Expectations::built_in();
    let mut used = std::collections::BTreeSet::new();
    for row in &known.rows {
        assert!(strategy_of(&row.strategy).is_ok(), "{}", row.strategy);
        for column in &known.columns {
            let line = known.of(&row.strategy, &column.name);
            let line = line.unwrap_or_else(|| panic!("{} under {}", row.strategy, column.name));
            assert!(known.sources.contains_key(&line.source), "{}", line.source);
            used.insert(line.source.clone());
        }
    }
    assert!(known.sources.keys().all(|source| used.contains(source)));
}

#[test]
fn every_strategy_has_a_row_and_some_fault_that_it_withstands_and_every_fault_breaks_somebody() {
    let known = Expectations::built_in();
    for entry in racesim::strategy::CATALOGUE {
        let row = known
            .rows
            .iter()
            .find(|row| row.strategy.starts_with(entry.name));
        assert!(row.is_some(), "{}", entry.name);
    }
    for column in &known.columns {
        let breaks = |row: &racesim::explore::matrix::ExpectedRow| {
            matches!(row.cells[&column.name].expected, Expected::Breaks(_))
        };
        assert!(
            known.rows.iter().any(breaks) || column.name == "truth",
            "a column that nobody fails proves nothing: {}",
            column.name
        );
    }
}

#[test]
fn a_matrix_of_ones_own_has_the_rows_and_columns_that_were_named() {
    let ran = run(&[
        "matrix",
        "unique",
        "locked --unique --release del",
        "--fault",
        "stall",
        "--fault",
        "expire+crash",
        "--format",
        "csv",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let lines: Vec<&str> = ran.stdout.lines().skip(1).collect();
    let starts: Vec<String> = lines
        .iter()
        .map(|line| line.split(',').take(4).collect::<Vec<_>>().join(","))
        .collect();
    assert_eq!(
        starts,
        [
            "unique,stall,no-double-booking,holds",
            "unique,expire+crash,no-double-booking,holds",
            "locked --unique --release del,stall,no-double-booking,holds",
            "locked --unique --release del,expire+crash,no-double-booking,holds",
        ]
    );
}

#[test]
fn the_markdown_of_a_matrix() {
    let ran = run(&["matrix", "naive", "hold", "--format", "markdown"]);
    let steady: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| !line.starts_with("- ") || line.starts_with("- none"))
        .collect();
    insta::assert_snapshot!(steady.join("\n"));
}

#[test]
fn bad_words_are_refused() {
    run(&["matrix", "naif"]).assert_refused(2, "there is no strategy 'naif', perhaps 'naive'");
    run(&["matrix", "naive --release del"])
        .assert_refused(2, "--release is an option of locked, not of naive");
    run(&["matrix", "locked --release dell"])
        .assert_refused(2, "'locked --release dell' is not a valid strategy");
    run(&["matrix", "--fault", "expire+explode"]).assert_refused(2, "unknown fault 'explode'");
}

/// "1 cells: … and 0 are as expected" read as a failure.
#[test]
fn a_cell_without_an_expectation_says_so() {
    let ran = super::support::run(&[
        "matrix",
        "locked --release del --unique",
        "--fault",
        "expire",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let text =
        "1 cell: the search and the real stores agree in it, and no expectation is on file for it.";
    assert!(ran.stdout.contains(text), "{}", ran.stdout);
}
