//! Is a file whole? Its lines are counted by their names, and nothing else is known of them.

use serde_json::Value;

/// Why nothing can be concluded from the whole file; `None` when it is whole.
pub(crate) fn damage(text: &str) -> Option<&'static str> {
    let lines: Option<Vec<Value>> = text
        .lines()
        .map(|line| serde_json::from_str(line).ok())
        .collect();
    let Some(lines) = lines else {
        return Some("a line is none");
    };
    let is_far = |line: &Value| {
        let times = ["invoked_ns", "completed_ns", "started_ns", "ended_ns"];
        let is_late = |name: &&str| line[*name].as_u64() > Some((1 << 48) - 1);
        line["node"].as_u64() > Some(15) || times.iter().any(is_late)
    };
    if lines.iter().any(is_far) {
        return Some("a lock service or a moment is beyond the last");
    }
    let kinds: Vec<&str> = lines.iter().filter_map(|it| it["type"].as_str()).collect();
    let ends = kinds.iter().filter(|kind| **kind == "end").count();
    let Some(end) = lines.last().filter(|it| ends == 1 && it["type"] == "end") else {
        return Some("its end is not there, or not the end");
    };
    if end["interrupted"] != false || kinds.len() != lines.len() {
        return Some("it was stopped, or a line is of no kind");
    }
    let races: Vec<&[Value]> = lines[..lines.len() - 1]
        .split_inclusive(|it| it["type"] == "footer")
        .collect();
    if end["races"].as_u64() != Some(races.len() as u64) || races.is_empty() {
        return Some("there are not so many races");
    }
    let is_damaged = races.iter().any(|race| !is_whole(race));
    if is_damaged || !are_in_order(&races) {
        return Some("a race is not whole, or not there");
    }
    None
}

/// A header, as many lines as the footer says, the footer.
fn is_whole(race: &[Value]) -> bool {
    let count = |kind: &str| race.iter().filter(|it| it["type"] == kind).count() as u64;
    let (Some(header), Some(footer)) = (race.first(), race.last()) else {
        return false;
    };
    let counted = [
        ("step", "steps"),
        ("attempt", "attempts"),
        ("booking", "bookings"),
        ("fault", "fault_events"),
    ];
    let is_counted = |(kind, name): (&str, &str)| footer[name].as_u64().unwrap_or(0) == count(kind);
    header["type"] == "header"
        && (2..=4).contains(&header["version"].as_u64().unwrap_or(0))
        && count("header") == 1
        && footer["type"] == "footer"
        && footer["unread"].is_null()
        && counted.into_iter().all(is_counted)
}

/// How many rounds there were to be: of the plan, where the header has it.
fn rounds_of(header: &Value) -> &Value {
    match &header["plan"]["rounds"] {
        Value::Null => &header["rounds"],
        rounds => rounds,
    }
}

/// Each strategy's rounds are there, one after another.
fn are_in_order(races: &[&[Value]]) -> bool {
    let name = |race: &[Value]| (race[0]["strategy"].clone(), race[0]["settings"].clone());
    races.iter().all(|race| {
        let own = races.iter().filter(|other| name(other) == name(race));
        let rounds: Vec<Option<u64>> = own.clone().map(|own| own[0]["round"].as_u64()).collect();
        let due: Vec<Option<u64>> = (0..rounds.len() as u64).map(Some).collect();
        let mut of = own.map(|own| rounds_of(&own[0]).as_u64().unwrap_or(0));
        rounds == due && of.all(|of| of == rounds.len() as u64)
    })
}
