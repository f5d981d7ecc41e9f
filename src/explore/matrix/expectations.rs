//! What is known of each strategy under each fault: one file of data, with its sources.

use serde::{Deserialize, Serialize};

use crate::checker::Property;
use crate::explore::Search;
use crate::fault::SearchFault;

/// The file.
const DATA: &str = include_str!("expectations.json");

/// What is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    /// What may go wrong, in the order of the columns.
    pub columns: Vec<MatrixColumn>,
    /// The strategies with their options, in the order of the rows.
    pub rows: Vec<ExpectedRow>,
    /// Where it is known from, by the names that the rows use.
    pub sources: std::collections::BTreeMap<String, String>,
}

/// What may go wrong, and what is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixColumn {
    /// Its name.
    pub name: String,
    /// How many users race.
    pub users: u32,
    /// What may go wrong, as a person types it.
    pub faults: Vec<String>,
    /// What is asked.
    pub property: Property,
    /// What it means.
    pub meaning: String,
}

/// A strategy with its options.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRow {
    /// As a person types it.
    pub strategy: String,
    /// What is known of it, by the name of the column.
    pub cells: std::collections::BTreeMap<String, Stated>,
}

/// What is known of one strategy under one fault.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "(serde_json::Value, String)")]
pub struct Stated {
    /// What is to come out.
    pub expected: Expected,
    /// The name of the source.
    pub source: String,
}

/// What is to come out of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No interleaving breaks it.
    Holds,
    /// The shortest that breaks it has so many moves.
    Breaks(usize),
    /// What is to go wrong cannot happen to it, and nothing else breaks it.
    CannotHappen,
}

impl TryFrom<(serde_json::Value, String)> for Stated {
    type Error = String;

    /// Reads `["holds", "L0"]`, `["cannot happen", "no-lock"]` or `[7, "L1"]`.
    fn try_from((value, source): (serde_json::Value, String)) -> Result<Self, String> {
        let moves = value.as_u64().and_then(|moves| usize::try_from(moves).ok());
        let expected = match (value.as_str(), moves) {
            (Some("holds"), _) => Expected::Holds,
            (Some("cannot happen"), _) => Expected::CannotHappen,
            (_, Some(moves)) => Expected::Breaks(moves),
            _ => {
                return Err(format!(
                    "{value} is neither \"holds\" nor \"cannot happen\" nor a number of moves"
                ));
            }
        };
        Ok(Self { expected, source })
    }
}

impl MatrixColumn {
    /// A column of one's own: these faults, joined by `+`, for two users, and no seat sold twice.
    ///
    /// # Errors
    /// When one of them is no fault.
    pub fn of(faults: &str) -> Result<Self, crate::fault::UnknownFault> {
        let faults: Vec<String> = faults.split('+').map(str::to_owned).collect();
        for fault in &faults {
            fault.parse::<SearchFault>()?;
        }
        Ok(Self {
            name: faults.join("+"),
            users: 2,
            faults,
            property: Property::NoDoubleBooking,
            meaning: "no seat is sold twice".to_owned(),
        })
    }

    /// What is to be searched.
    pub(super) fn search(&self) -> Search {
        let faults = self.faults.iter().filter_map(|fault| fault.parse().ok());
        Search {
            users: self.users,
            faults: faults.collect(),
            ..Search::default()
        }
    }
}

impl Expectations {
    /// What racesim knows.
    ///
    /// # Panics
    /// When its own file is not readable, which a test excludes.
    #[must_use]
    pub fn built_in() -> Self {
        serde_json::from_str(DATA).expect("the expectations are valid")
    }

    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&MatrixColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// What is known of this strategy in this column.
    #[must_use]
    pub fn of(&self, strategy: &str, column: &str) -> Option<&Stated> {
        let row = self.rows.iter().find(|row| row.strategy == strategy)?;
        row.cells.get(column)
    }
}
