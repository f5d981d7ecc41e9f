//! Verdicts of the checker, property by property.

use serde::{Deserialize, Serialize};

use super::blocks::{Cell, Table, cell, head, tone};
use crate::checker::{Property, Verdict, VerdictKind, judge_by};
use crate::history::History;

/// What a race is judged by.
pub(super) const JUDGED: [Property; 6] = [
    Property::NoDoubleBooking,
    Property::NoPhantomSuccess,
    Property::NoStrayBooking,
    Property::MutualExclusion,
    Property::NoForeignRelease,
    Property::SomeoneBooks,
];

/// What the checker says about one property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictReport {
    /// What was asked.
    pub property: Property,
    /// What the history answers.
    pub verdict: VerdictKind,
    /// What shows it.
    pub detail: String,
}

/// What the checker says about a history, for a report.
pub(super) fn verdicts_on(history: &History) -> Vec<VerdictReport> {
    let judgements = judge_by(&JUDGED, history).into_iter();
    judgements
        .map(|judgement| verdict_report(judgement.property, &judgement.verdict, history))
        .collect()
}

/// What the checker says about one property of a history, with what shows it.
pub(super) fn verdict_report(
    property: Property,
    verdict: &Verdict,
    history: &History,
) -> VerdictReport {
    let takes_locks = history.header.lock.is_some();
    let detail = match verdict {
        Verdict::Violated(witness) => witness.text.clone(),
        Verdict::Unknown(why) => why.clone(),
        Verdict::Holds
            if !takes_locks
                && matches!(
                    property,
                    Property::MutualExclusion | Property::NoForeignRelease
                ) =>
        {
            "no lock was taken".to_owned()
        }
        Verdict::Holds => property.meaning().to_owned(),
    };
    VerdictReport {
        property,
        verdict: verdict.kind(),
        detail,
    }
}

/// What the checker says, property by property.
pub(super) fn verdict_table(title: &str, verdicts: &[VerdictReport]) -> Table {
    let rows = verdicts.iter().map(|report| {
        let verdict = Cell {
            text: report.verdict.to_string(),
            tone: tone(report.verdict),
        };
        vec![
            cell(report.property.to_string()),
            verdict,
            cell(report.detail.clone()),
        ]
    });
    let head = head(["Property", "Verdict", "Why"]);
    Table {
        title: title.to_owned(),
        head,
        numbers_from: 3,
        tail: 0,
        rows: rows.collect(),
    }
}
