//! Records: a strategy with its options as a history keeps it, and made again from that.

use std::time::Duration;

use super::{BuiltIn, ChosenOptions, Entry, Strategy, options};
use crate::client::Ttl;
use crate::history::{Setting, StrategyRecord};

impl BuiltIn {
    /// The strategy as a history keeps it.
    #[must_use]
    pub fn record(&self) -> StrategyRecord {
        StrategyRecord {
            strategy: self.name().to_owned(),
            settings: self.settings(),
            ttl_ms: self.ttl().map(Ttl::as_millis),
        }
    }

    /// The strategy that a history keeps so.
    ///
    /// # Errors
    /// When there is none, or it would not be kept so.
    pub fn recorded(record: &StrategyRecord) -> Result<Self, String> {
        let name = &record.strategy;
        let entry = Entry::named(name)
            .ok_or_else(|| format!("'{name}' is no strategy that racesim brings"))?;
        let chosen = entry.recorded(record)?;
        let made = entry.make(&chosen)?;
        if made.record() == *record {
            Ok(made)
        } else {
            Err(format!(
                "the options of {name} in it are not those of this racesim"
            ))
        }
    }
}

impl Entry {
    /// What is chosen of the options in a record of the strategy.
    ///
    /// # Errors
    /// When the strategy has no such option, or cannot live that long.
    pub fn recorded(&self, record: &StrategyRecord) -> Result<ChosenOptions, String> {
        let mut chosen = ChosenOptions::default();
        for Setting { flag, value } in &record.settings {
            let option = self.option(flag);
            let option = option.ok_or_else(|| format!("{} has no --{flag}", self.name))?;
            let value = value.clone().unwrap_or_else(|| options::ON.to_owned());
            chosen.choose(option.flag, value);
        }
        if let Some(ttl_ms) = record.ttl_ms {
            let ttl = Ttl::new(Duration::from_millis(ttl_ms));
            let ttl = ttl.map_err(|error| error.to_string())?;
            chosen.choose(options::TTL, ttl.to_string());
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_this_racesim_does_not_write_makes_no_strategy() {
        let setting = |flag: &str, value: Option<&str>| Setting {
            flag: flag.to_owned(),
            value: value.map(str::to_owned),
        };
        let record = |settings: &[(&str, Option<&str>)]| StrategyRecord {
            strategy: "locked".to_owned(),
            settings: settings
                .iter()
                .map(|(flag, value)| setting(flag, *value))
                .collect(),
            ttl_ms: Some(600_000),
        };
        assert!(BuiltIn::recorded(&record(&[("unique", None)])).is_ok());
        for (strange, why) in [
            (record(&[("colour", None)]), "locked has no --colour"),
            (
                record(&[("unique", Some("on"))]),
                "not those of this racesim",
            ),
            (record(&[("release", None)]), "there is no 'on'"),
            (
                record(&[("release", Some("compare-and-delete"))]),
                "not those of this racesim",
            ),
            (
                StrategyRecord {
                    ttl_ms: Some(0),
                    ..record(&[])
                },
                "at least 1ms",
            ),
            (
                StrategyRecord {
                    ttl_ms: None,
                    ..record(&[])
                },
                "not those of this racesim",
            ),
            (
                StrategyRecord {
                    strategy: "mine".to_owned(),
                    ..record(&[])
                },
                "'mine' is no strategy",
            ),
        ] {
            let error = BuiltIn::recorded(&strange).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
