//! Does every figure say what was counted, under one name with one meaning?

use std::path::Path;

use racesim::client::{Client, StepError};
use racesim::history::Outcome;
use racesim::plan::Plan;
use racesim::stats::Stats;

use super::support::{Ran, end, engine, on_a_runtime, racesim, run, text_of};

/// A race whose database file is removed in its middle: the users go on, and their rows are nowhere.
fn robbed(folder: &Path, arguments: &[&str]) -> Ran {
    let database = folder.join("race.db");
    let mut command = racesim(&["naive", "--users", "20", "--payment", "500ms"]);
    command.args(arguments).arg("--database").arg(&database);
    let child = super::support::begun(&mut command, &database);
    for file in ["race.db", "race.db-wal", "race.db-shm"] {
        // Some of them may not be there.
        let _ = std::fs::remove_file(folder.join(file));
    }
    end(child)
}

/// Rows that could not be read were reported as none, and "no seat was sold twice" as holding. Now
/// what was not counted is `n/a` wherever it is told, and what is demanded of it is unknown.
#[test]
fn rows_that_could_not_be_read_are_no_rows_of_which_anything_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (csv, table) = (place("race.csv"), place("race.txt"));
    let exports = [format!("csv:{csv}"), format!("table:{table}")];
    let history = place("race.jsonl");
    let arguments = [
        "--format",
        "json",
        "--assert",
        "double_bookings == 0",
        "--assert",
        "total_bookings != 0",
        "--assert",
        "attempts == 20",
        "--export",
        &exports[0],
        "--export",
        &exports[1],
        "--history",
        &history,
    ];
    let ran = robbed(folder.path(), &arguments);
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    let report = ran.json();
    let race = &report["races"][0];
    assert_nothing_of_rows_is_known(race);
    assert_eq!(race["metrics"]["attempts"], 20);
    assert!(race["seats"][0]["total_bookings"].is_null(), "{race}");
    let results: Vec<&str> = report["assertions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["result"].as_str().unwrap())
        .collect();
    assert_eq!(results, ["unknown", "unknown", "holds"]);
    let damage = race["damage"].as_str().unwrap();
    assert!(damage.contains("its bookings could not be read"), "{race}");
    assert_eq!(
        ran.stderr,
        format!(
            "racesim: naive: {damage}\n\
             racesim: assertion unknown: double_bookings == 0, found n/a\n\
             racesim: assertion unknown: total_bookings != 0, found n/a\n"
        )
    );
    assert_exports_say_so(&text_of(&csv), &text_of(&table));
    // What was recorded says so too.
    let checked = run(&["check", &history]);
    assert_eq!(checked.code, Some(3), "{}", checked.all());
    let why = "its bookings could not be read";
    assert!(checked.stdout.contains(why), "{}", checked.stdout);
}

fn assert_nothing_of_rows_is_known(race: &serde_json::Value) {
    for name in [
        "bookings",
        "double_bookings",
        "seats_oversold",
        "seats_unsold",
        "paid_in_vain",
    ] {
        let total = format!("total_{name}");
        assert!(race["metrics"][name].is_null(), "{name}: {race}");
        assert!(race["per_round"][0][name].is_null(), "{name}");
        assert!(race["totals"][total].is_null(), "{name}");
    }
}

fn assert_exports_say_so(csv: &str, table: &str) {
    let rows = csv_rows(csv);
    let bookings = rows.iter().filter(|(name, _)| name.contains("bookings"));
    assert!(bookings.clone().count() >= 6, "{csv}");
    assert!(bookings.clone().all(|(_, value)| value.is_empty()), "{csv}");
    let paid = "n/a (paid, but do not have a seat to themselves)";
    assert!(table.contains(paid), "{table}");
}

/// Over three rounds the report showed 1497 under the name by which an assertion meant 499. Now a name
/// is the figure of one round, and the sum has one of its own, wherever it is told.
#[test]
fn a_name_means_one_round_and_its_total_the_sum_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("race.csv");
    let export = format!("csv:{}", csv.display());
    let arguments = [
        "naive",
        "--users",
        "50",
        "--rounds",
        "3",
        "--assert",
        "double_bookings == 49",
        "--assert",
        "total_double_bookings == 147",
        "--export",
        &export,
    ];
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stdout
            .contains("Double-bookings               49 a round, 147 in all"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("Total double-bookings"),
        "{}",
        ran.stdout
    );
    let report = run(&[&arguments[..], &["--format", "json"]].concat()).json();
    let race = &report["races"][0];
    assert_eq!(race["metrics"]["double_bookings"], 49);
    assert_eq!(race["metrics_min"]["double_bookings"], 49);
    assert_eq!(race["totals"]["total_double_bookings"], 147);
    assert_eq!(race["seats"][0]["total_double_bookings"], 147);
    assert_eq!(race["outcomes"][0]["total_count"], 150);
    let text = text_of(&csv);
    let mut rows = csv_rows(&text);
    assert_eq!(rows.remove("double_bookings").as_deref(), Some("49"));
    assert_eq!(rows.remove("double_bookings_max").as_deref(), Some("49"));
    assert_eq!(rows.remove("total_double_bookings").as_deref(), Some("147"));
    let failed = run(&[
        "naive",
        "--users",
        "50",
        "--rounds",
        "3",
        "--assert",
        "double_bookings == 147",
    ]);
    assert_eq!(failed.code, Some(1));
}

fn csv_rows(text: &str) -> std::collections::BTreeMap<String, String> {
    let (names, values) = text.split_once('\n').unwrap();
    let pairs = names.split(',').zip(values.trim().split(','));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Seats unsold and oversold were those of all rounds thrown together, beside sums: a seat that nobody
/// got in any of three rounds was one seat. Now they are of a round, and the sum says how many.
#[test]
fn a_seat_that_stays_unsold_in_every_round_is_counted_in_every_round() {
    let ran = run(&[
        "locked",
        "--users",
        "4",
        "--rounds",
        "3",
        "--fault",
        "crash:acquire",
        "--redis",
        "embedded",
        "--format",
        "json",
    ]);
    let report = ran.json();
    let race = &report["races"][0];
    assert_eq!(race["metrics"]["seats_unsold"], 1, "{}", race["totals"]);
    assert_eq!(race["totals"]["total_seats_unsold"], 3);
    assert_eq!(race["metrics"]["seats_oversold"], 0);
}

/// Looks a second time before it inserts, and says that it tries again as often as it is told to.
#[derive(Clone)]
struct LooksTwice(u32);

impl racesim::strategy::Strategy for LooksTwice {
    fn name(&self) -> &'static str {
        "looks-twice"
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        client.check().await?;
        client.check().await?;
        for _ in 0..self.0 {
            client.try_again();
        }
        client.insert().await?;
        Ok(Outcome::Confirmed)
    }
}

/// A try was inferred from a second look, so a strategy that looks twice and never tries again was said
/// to. Tries are counted where a strategy begins them, and a recording keeps the count.
#[test]
fn tries_are_counted_where_they_happen() {
    let plan = Plan::new(8.try_into().unwrap());
    on_a_runtime(async {
        let engine = engine(&plan, racesim::strategy::Needs::default()).await;
        for (again, retries) in [(0, 0), (3, 24)] {
            let history = engine.race(&LooksTwice(again), &plan, 0).await.unwrap();
            assert_eq!(Stats::of(&history).retries, Some(retries));
            assert_eq!(history.footer.retries, Some(retries));
        }
    });
    let tried = run(&[
        "transaction",
        "--users",
        "3",
        "--retries",
        "2",
        "--assert",
        "retries == 0",
    ]);
    assert_eq!(
        tried.code,
        Some(0),
        "nobody was kept waiting: {}",
        tried.all()
    );
}
