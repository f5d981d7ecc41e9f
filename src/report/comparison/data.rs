//! What is told of strategies side by side.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::report::figures::{Figures, Round};

/// What is measured beside the races themselves, again and again: the same work for every strategy.
/// Nobody pays and nothing goes wrong in it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probes {
    /// All users at once, each after a seat of its own.
    #[serde(with = "medians")]
    pub each: Figures,
    /// The same with a tenth of the users.
    #[serde(with = "medians")]
    pub each_tenth: Figures,
    /// Users one at a time, each after a seat of its own: what an attempt costs when nobody waits.
    #[serde(with = "medians")]
    pub alone: Figures,
    /// The race itself with a tenth of the users.
    #[serde(with = "medians")]
    pub tenth: Figures,
}

/// Of so many repeated races the medians are told, not each: they are read as the one round there was.
mod medians {
    use super::{Deserialize, Deserializer, Figures, Round, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        figures: &Figures,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        figures.medians().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Figures, D::Error> {
        let mut figures = Figures::default();
        figures.push(Round {
            metrics: Deserialize::deserialize(deserializer)?,
            disturbed: None,
        });
        Ok(figures)
    }
}

/// Strategies side by side.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The strategies, in the order of the columns.
    pub strategies: Vec<String>,
    /// The rows.
    pub rows: Vec<ComparisonRow>,
    /// How often what is measured beside the races was repeated.
    pub repeated: usize,
    /// What was measured beside the races, per strategy: the medians.
    pub probes: Vec<Probes>,
}

/// One question that people ask of a strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonRow {
    /// The question.
    pub name: String,
    /// What was measured to answer it.
    pub measures: Vec<Measure>,
}

/// One number of every strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What it is.
    pub name: String,
    /// The values, in the order of the columns.
    pub cells: Vec<ComparedValue>,
}

/// One strategy's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparedValue {
    /// The value for a person.
    pub text: String,
    /// The value, a median; `None` when the strategy has none.
    pub value: Option<f64>,
    /// Where the true median lies; `None` where there are too few rounds to say.
    pub interval: Option<(f64, f64)>,
    /// Whether it is the best, and the next run would say so too.
    pub best: bool,
}
