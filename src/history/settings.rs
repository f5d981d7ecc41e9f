//! Settings: the options of a strategy that differ from the usual ones, each with its value.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::schedule::Schedule;

/// The options of a strategy that differ from the usual ones, in the order of its help. As a text they
/// are what a person types.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StrategySettings(Vec<Setting>);

/// An option with its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its name, without the dashes.
    pub flag: String,
    /// Its value; `None` for a switch that is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl StrategySettings {
    /// Whether every option is the usual one.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The options, in the order of the strategy's help.
    pub fn iter(&self) -> std::slice::Iter<'_, Setting> {
        self.0.iter()
    }

    /// These settings without one of them.
    #[must_use]
    pub fn without(&self, setting: &Setting) -> Self {
        self.iter()
            .filter(|other| *other != setting)
            .cloned()
            .collect()
    }
}

impl<'a> IntoIterator for &'a StrategySettings {
    type Item = &'a Setting;
    type IntoIter = std::slice::Iter<'a, Setting>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Setting> for StrategySettings {
    fn from_iter<T: IntoIterator<Item = Setting>>(settings: T) -> Self {
        Self(settings.into_iter().collect())
    }
}

impl fmt::Display for StrategySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for setting in self {
            write!(f, "{between}{setting}")?;
            between = " ";
        }
        Ok(())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flag, value } = self;
        match value {
            Some(value) => write!(f, "--{flag} {value}"),
            None => write!(f, "--{flag}"),
        }
    }
}

/// The settings of a strategy, or what an earlier version of the format says of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingsRecord {
    /// The settings themselves.
    Options(StrategySettings),
    /// As a person types them.
    #[serde(skip_deserializing)]
    Words(String),
}

impl Default for SettingsRecord {
    fn default() -> Self {
        Self::Options(StrategySettings::default())
    }
}

impl fmt::Display for SettingsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(settings) => settings.fmt(f),
            Self::Words(words) => f.write_str(words),
        }
    }
}

/// A strategy as data: enough to make it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyRecord {
    /// Its name.
    pub strategy: String,
    /// Its options that differ from the usual ones.
    pub settings: StrategySettings,
    /// How long a lock or a claim lives; `None` when nothing is held for a time.
    pub ttl_ms: Option<u64>,
}

/// What a race is part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// The race of one strategy.
    #[default]
    Race,
    /// The comparison of these, in this order.
    Compare(Vec<StrategyRecord>),
    /// The replay of this interleaving, which was forced.
    Replay(Schedule),
}
