//! Is every kind of report read back as it was written? And what the tests ask of a report, by name.

use racesim::checker::{Property, VerdictKind};
use racesim::history::Step;
use racesim::report::{
    AnyReport, ComparedValue, Comparison, ExploreReport, Format, Look, MatrixReport, Measure,
    PropertyReport, RaceReport, ReplayReport, Report, ReportKind, TimingReport, VerdictReport,
    write,
};
use serde::de::DeserializeOwned;

use super::support::{Ran, history_file, run};

impl Ran {
    /// The document, of a run with `--format json`.
    #[track_caller]
    fn document<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }

    #[track_caller]
    fn races_of(&self, kind: ReportKind) -> Report {
        let report: Report = self.document();
        assert_eq!(report.kind, kind);
        report
    }

    /// The report on a race.
    #[track_caller]
    pub(crate) fn raced(&self) -> Report {
        self.races_of(ReportKind::Race)
    }

    /// What a report on a race tells of it.
    #[track_caller]
    pub(crate) fn race(&self) -> RaceReport {
        only(self.raced())
    }

    /// The report on a recording.
    #[track_caller]
    pub(crate) fn checked(&self) -> Report {
        self.races_of(ReportKind::Check)
    }

    /// What a report on the recording of one strategy's races tells of them.
    #[track_caller]
    pub(crate) fn checked_race(&self) -> RaceReport {
        only(self.checked())
    }

    /// The report on races side by side.
    #[track_caller]
    pub(crate) fn compared(&self) -> Report {
        self.races_of(ReportKind::Comparison)
    }

    /// The report on a search.
    #[track_caller]
    pub(crate) fn explored(&self) -> ExploreReport {
        let report: ExploreReport = self.document();
        assert_eq!(report.kind, ReportKind::Exploration);
        report
    }

    /// The report on interleavings that were forced.
    #[track_caller]
    pub(crate) fn replayed(&self) -> ReplayReport {
        let report: ReplayReport = self.document();
        assert_eq!(report.kind, ReportKind::Replay);
        report
    }

    /// The report on strategies against faults.
    #[track_caller]
    pub(crate) fn matrix(&self) -> MatrixReport {
        let report: MatrixReport = self.document();
        assert_eq!(report.kind, ReportKind::Matrix);
        report
    }
}

#[track_caller]
fn only(mut report: Report) -> RaceReport {
    assert_eq!(report.races.len(), 1);
    report.races.remove(0)
}

/// What was counted of a race: of several rounds, in the median one.
#[track_caller]
pub(crate) fn metric(race: &RaceReport, name: &str) -> u64 {
    counted(race.figures.median(name), name)
}

/// What was counted of a race in all rounds.
#[track_caller]
pub(crate) fn total(race: &RaceReport, name: &str) -> u64 {
    counted(race.figures.total(name), name)
}

/// What was counted in every round of a race.
#[track_caller]
pub(crate) fn in_each_round(race: &RaceReport, name: &str) -> Vec<u64> {
    let rounds = race.figures.rounds().iter();
    let values = rounds.map(|round| counted(round.metrics.value(name), name));
    values.collect()
}

#[track_caller]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, which is whole and never negative"
)]
fn counted(value: Option<f64>, name: &str) -> u64 {
    value.unwrap_or_else(|| panic!("{name} is not known")) as u64
}

/// What the checker says of a property.
#[track_caller]
pub(crate) fn verdict_on(verdicts: &[VerdictReport], property: Property) -> VerdictKind {
    let report = verdicts.iter().find(|report| report.property == property);
    report
        .unwrap_or_else(|| panic!("{property} is not judged"))
        .verdict
}

/// What a search found out about a property.
#[track_caller]
pub(crate) fn answer_to(report: &ExploreReport, property: Property) -> &PropertyReport {
    let mut properties = report.properties.iter();
    let found = properties.find(|found| found.property == property);
    found.unwrap_or_else(|| panic!("{property} is not asked"))
}

/// How long a step took.
#[track_caller]
pub(crate) fn times_of(race: &RaceReport, step: Step) -> &TimingReport<Step> {
    let times = race.steps.iter().find(|times| times.kind == step);
    times.unwrap_or_else(|| panic!("nobody took the step {step}"))
}

/// How often the fault that was asked for in these words happened.
#[track_caller]
pub(crate) fn happened(race: &RaceReport, fault: &str) -> u64 {
    let count = race.faults.iter().find(|count| count.fault == fault);
    count
        .unwrap_or_else(|| panic!("{fault} is not among {:?}", race.faults))
        .happened
}

/// What the strategies were compared by.
#[track_caller]
pub(crate) fn comparison(report: &Report) -> &Comparison {
    report.comparison.as_ref().unwrap()
}

/// The race of this strategy.
#[track_caller]
pub(crate) fn race_of<'a>(report: &'a Report, strategy: &str) -> &'a RaceReport {
    let mut races = report.races.iter();
    let race = races.find(|race| race.header.strategy == strategy);
    race.unwrap_or_else(|| panic!("{strategy} did not race"))
}

/// The lines of a row of a comparison.
#[track_caller]
pub(crate) fn measures<'a>(comparison: &'a Comparison, row: &str) -> &'a [Measure] {
    let found = comparison.rows.iter().find(|found| found.name == row);
    let found = found.unwrap_or_else(|| panic!("there is no row '{row}'"));
    &found.measures
}

/// A strategy's value in a line of a row of a comparison.
#[track_caller]
pub(crate) fn compared_value<'a>(
    comparison: &'a Comparison,
    (row, name): (&str, &str),
    strategy: &str,
) -> &'a ComparedValue {
    let mut lines = measures(comparison, row).iter();
    let line = lines.find(|line| line.name == name);
    let line = line.unwrap_or_else(|| panic!("'{row}' has no line '{name}'"));
    value_of(comparison, line, strategy)
}

/// A strategy's value in a line of a comparison.
#[track_caller]
pub(crate) fn value_of<'a>(
    comparison: &Comparison,
    line: &'a Measure,
    strategy: &str,
) -> &'a ComparedValue {
    let mut strategies = comparison.strategies.iter();
    let at = strategies.position(|name| name == strategy);
    &line.cells[at.unwrap_or_else(|| panic!("{strategy} is not compared"))]
}

/// The document of a report.
fn written(report: AnyReport<'_>) -> String {
    let mut document = Vec::new();
    write(report, Format::Json, Look::PLAIN, &mut document).unwrap();
    String::from_utf8(document).unwrap()
}

/// Runs these words, and asserts that the document is written again as it is.
#[track_caller]
fn assert_written_again(words: &[&str], again: impl Fn(&Ran) -> String) {
    let ran = run(&[words, &["--format", "json"]].concat());
    let again = again(&ran);
    for (again, line) in again.lines().zip(ran.stdout.lines()) {
        assert_eq!(again, line, "{words:?}");
    }
    assert_eq!(again, ran.stdout, "{words:?}");
}

/// The report of these words as text, with something put before its first field.
fn with_one_more_field(words: &[&str], before: &str) -> String {
    let ran = run(&[words, &["--format", "json"]].concat());
    assert!(ran.stdout.contains(before), "{}", ran.stdout);
    let with_more = format!("\"unheard_of\": 1, {before}");
    ran.stdout.replacen(before, &with_more, 1)
}

const LOCAL: [&str; 2] = ["--redis", "embedded"];

#[test]
fn a_report_on_a_race_is_read_as_it_was_written() {
    let local = |words: &[&'static str]| [words, &LOCAL[..]].concat();
    for words in [
        vec!["naive", "--users", "50", "--rounds", "3"],
        vec!["naive", "--users", "9", "--assert", "bookings == 1"],
        local(&["locked", "--users", "4", "--seats", "3"]),
        local(&["locked", "--users", "4", "--fault", "crash:acquire"]),
        local(&["redlock", "--users", "4", "--arrive-over", "5ms"]),
    ] {
        assert_written_again(&words, |ran| written(AnyReport::Races(&ran.raced())));
    }
}

#[test]
fn a_report_on_a_comparison_is_read_as_it_was_written() {
    let words = ["compare", "--users", "20", "--rounds", "3"];
    assert_written_again(&words, |ran| written(AnyReport::Races(&ran.compared())));
    let words = ["compare", "--users", "20", "--rounds", "2"];
    let words = [&words[..], &LOCAL].concat();
    assert_written_again(&words, |ran| written(AnyReport::Races(&ran.compared())));
}

#[test]
fn a_report_on_a_recording_is_read_as_it_was_written() {
    for entry in std::fs::read_dir(history_file("")).unwrap() {
        let path = entry.unwrap().path();
        let words = ["check", path.to_str().unwrap()];
        assert_written_again(&words, |ran| written(AnyReport::Races(&ran.checked())));
    }
}

#[test]
fn a_report_on_a_search_is_read_as_it_was_written() {
    for words in [
        &["explore", "naive"][..],
        &["explore", "unique", "--users", "3"],
        &["explore", "locked", "--fault", "stall", "--fault", "expire"],
    ] {
        assert_written_again(words, |ran| {
            written(AnyReport::Exploration(&ran.explored()))
        });
    }
}

#[test]
fn a_report_on_forced_interleavings_is_read_as_it_was_written() {
    let schedule = "A.acquire expire B.acquire A.check B.check A.insert:lost-reply B.insert";
    for words in [
        &["replay", "naive", "--all"][..],
        &["replay", "locked", "--schedule", schedule],
    ] {
        assert_written_again(words, |ran| written(AnyReport::Replay(&ran.replayed())));
    }
}

#[test]
fn a_report_on_strategies_against_faults_is_read_as_it_was_written() {
    let words = ["matrix", "unique", "naive", "--fault", "crash"];
    assert_written_again(&words, |ran| written(AnyReport::Matrix(&ran.matrix())));
}

/// A figure that does not follow from those of the rounds, or is of another build, is not taken silently.
#[test]
fn a_report_with_a_field_that_its_type_does_not_have_is_not_read() {
    let race = ["naive", "--users", "2"];
    let compare = [
        "compare", "--users", "2", "--rounds", "1", "--redis", "embedded",
    ];
    let replay = ["replay", "naive", "--schedule", "A.check A.insert"];
    let matrix = ["matrix", "unique", "--fault", "crash"];
    for (words, before) in [
        (&race[..], "\"version\""),
        (&race, "\"seats_wanted\""),
        (&race, "\"attempts\""),
        (&race, "\"first_users\""),
        (&race, "\"hits\""),
        (&race, "\"at_ms\""),
        (&race, "\"p50_ms\""),
        (&race, "\"property\""),
        (&compare, "\"each_tenth\""),
        (&compare, "\"cells\""),
        (&compare, "\"interval\""),
    ] {
        let read = serde_json::from_str::<Report>(&with_one_more_field(words, before));
        assert!(
            read.unwrap_err().to_string().contains("unheard_of"),
            "{before}"
        );
    }
    for before in ["\"version\"", "\"schedule\"", "\"is_asked\""] {
        let read = serde_json::from_str::<ReplayReport>(&with_one_more_field(&replay, before));
        assert!(
            read.unwrap_err().to_string().contains("unheard_of"),
            "{before}"
        );
    }
    for before in ["\"version\"", "\"cells\"", "\"forced\""] {
        let read = serde_json::from_str::<MatrixReport>(&with_one_more_field(&matrix, before));
        assert!(
            read.unwrap_err().to_string().contains("unheard_of"),
            "{before}"
        );
    }
}

/// What tests ask of the figures is found again from the rounds: it must be what a program reads.
#[test]
fn a_figure_that_does_not_follow_from_the_rounds_is_not_read() {
    let ran = run(&[
        "naive", "--users", "20", "--rounds", "2", "--format", "json",
    ]);
    for (right, wrong) in [
        ("\"double_bookings\": 19", "\"double_bookings\": 18"),
        (
            "\"total_double_bookings\": 38",
            "\"total_double_bookings\": 19",
        ),
    ] {
        assert!(ran.stdout.contains(right), "{}", ran.stdout);
        let read = serde_json::from_str::<Report>(&ran.stdout.replacen(right, wrong, 1));
        let why = read.unwrap_err().to_string();
        assert!(why.contains("do not follow from the rounds"), "{why}");
    }
}
