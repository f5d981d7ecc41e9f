//! The registry of the strategies that racesim brings: each by name, with its options, and how it is made.

use super::options::{self, OptionOf, StrategyOption};
use super::{BuiltIn, CATALOGUE, Strategy};
use crate::history::StrategySettings;

/// What the registry has to know of a strategy beside how it books. It stands in the strategy's own file.
pub trait BuiltInStrategy: Strategy + Default {
    /// The name that a person types.
    const NAME: &'static str;

    /// What it does, in a line.
    const SUMMARY: &'static str;

    /// The options that it takes.
    #[must_use]
    fn options() -> Vec<OptionOf<Self>> {
        Vec::new()
    }

    /// Why its options do not go together; `None` when they do.
    fn contradiction(&self) -> Option<&'static str> {
        None
    }

    /// Its options that differ from the usual ones: what [`Strategy::settings`] is to return.
    fn chosen_options(&self) -> StrategySettings {
        options::settings(self, &Self::options())
    }
}

/// A strategy's name, what it does, and how it is made.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The name that a person types.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    pub(super) options: fn() -> Vec<StrategyOption>,
    pub(super) usual: fn() -> BuiltIn,
    pub(super) make: fn(&ChosenOptions) -> Result<BuiltIn, String>,
}

impl Entry {
    /// The strategy of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CATALOGUE.iter().find(|entry| entry.name == name)
    }

    /// The options that the strategy takes.
    #[must_use]
    pub fn options(&self) -> Vec<StrategyOption> {
        (self.options)()
    }

    /// The option of this flag, if the strategy takes it.
    #[must_use]
    pub fn option(&self, flag: &str) -> Option<StrategyOption> {
        let mut options = self.options().into_iter();
        options.find(|option| option.flag == flag)
    }

    /// The strategy when nothing is said.
    #[must_use]
    pub fn usual(&self) -> BuiltIn {
        (self.usual)()
    }

    /// The strategy with those of these options that it takes.
    ///
    /// # Errors
    /// When a value is none of its option, or two options do not go together.
    pub fn make(&self, chosen: &ChosenOptions) -> Result<BuiltIn, String> {
        (self.make)(chosen)
    }
}

/// Values of options, by flag, as a person types them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChosenOptions(Vec<(&'static str, String)>);

impl ChosenOptions {
    /// Chooses a value, in place of what was chosen before.
    pub fn choose(&mut self, flag: &'static str, value: String) {
        self.0.retain(|(other, _)| *other != flag);
        self.0.push((flag, value));
    }

    /// The value of this option, if one was chosen.
    #[must_use]
    pub fn get(&self, flag: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| *other == flag);
        found.map(|(_, value)| value.as_str())
    }

    /// The options that were chosen.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(flag, _)| *flag)
    }
}

/// The options of a strategy as a person meets them.
pub(super) fn options_of<S: BuiltInStrategy>() -> Vec<StrategyOption> {
    let options = S::options();
    options.iter().map(OptionOf::described).collect()
}

/// The strategy with those of the options that it takes.
pub(super) fn made<S: BuiltInStrategy>(chosen: &ChosenOptions) -> Result<S, String> {
    let mut strategy = S::default();
    for option in S::options() {
        if let Some(value) = chosen.get(option.flag()) {
            option.set(&mut strategy, value)?;
        }
    }
    match strategy.contradiction() {
        Some(why) => Err(why.to_owned()),
        None => Ok(strategy),
    }
}

/// From a line for each strategy, its file and its type: [`BuiltIn`], which is any of them, and
/// [`CATALOGUE`], the one list of them.
macro_rules! strategies {
    ($($file:ident::$Strategy:ident,)*) => {
        $(pub use $file::$Strategy;)*

        /// The strategies that racesim brings.
        #[derive(Debug, Clone)]
        pub enum BuiltIn {
            $(
                #[doc = concat!("See [`", stringify!($Strategy), "`].")]
                $Strategy($Strategy),
            )*
        }

        /// Every strategy that racesim brings: the one list of them.
        pub static CATALOGUE: [Entry; [$(stringify!($file)),*].len()] = [$(
            Entry {
                name: <$Strategy as BuiltInStrategy>::NAME,
                summary: <$Strategy as BuiltInStrategy>::SUMMARY,
                options: registry::options_of::<$Strategy>,
                usual: || BuiltIn::$Strategy(<$Strategy>::default()),
                make: |chosen| registry::made(chosen).map(BuiltIn::$Strategy),
            },
        )*];

        impl Strategy for BuiltIn {
            fn name(&self) -> &str {
                match self {
                    $(Self::$Strategy(it) => it.name(),)*
                }
            }

            fn settings(&self) -> StrategySettings {
                match self {
                    $(Self::$Strategy(it) => it.settings(),)*
                }
            }

            fn ttl(&self) -> Option<Ttl> {
                match self {
                    $(Self::$Strategy(it) => it.ttl(),)*
                }
            }

            fn needs(&self) -> Needs {
                match self {
                    $(Self::$Strategy(it) => it.needs(),)*
                }
            }

            fn steps(&self) -> Option<Vec<Step>> {
                match self {
                    $(Self::$Strategy(it) => it.steps(),)*
                }
            }

            fn takes_over(&self) -> Option<bool> {
                match self {
                    $(Self::$Strategy(it) => it.takes_over(),)*
                }.or(Some(false))
            }

            fn frees_others(&self) -> Option<bool> {
                match self {
                    $(Self::$Strategy(it) => it.frees_others(),)*
                }.or(Some(false))
            }

            fn is_symmetric(&self) -> bool {
                match self {
                    $(Self::$Strategy(it) => it.is_symmetric(),)*
                }
            }

            fn promises_one_booking(&self) -> bool {
                match self {
                    $(Self::$Strategy(it) => it.promises_one_booking(),)*
                }
            }

            // Boxed: it has room for the largest of them.
            fn attempt(
                &self,
                client: &mut Client,
            ) -> impl Future<Output = Result<Outcome, StepError>> + Send {
                Box::pin(async move {
                    match self {
                        $(Self::$Strategy(it) => it.attempt(client).await,)*
                    }
                })
            }
        }
    };
}

/// The value of an expression with the strategy itself in place of a [`BuiltIn`], where a race of a
/// million users is to be no larger than its strategy needs; any other goes by its [`BuiltIn`], in a box.
#[cfg(feature = "cli")]
macro_rules! with_strategy {
    ($built_in:expr, $strategy:ident => $value:expr) => {
        match $built_in {
            $crate::strategy::BuiltIn::Naive($strategy) => $value,
            $crate::strategy::BuiltIn::Locked($strategy) => $value,
            $strategy => $value,
        }
    };
}

pub(super) use strategies;
#[cfg(feature = "cli")]
pub(crate) use with_strategy;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::client::Client;
    use crate::strategy::{Locked, Naive};

    /// A value of the option that is not the usual one.
    fn unusual(option: &StrategyOption) -> String {
        let named = option.values.iter().map(|(name, _)| *name);
        let candidates = named.chain(["2", "30ms", "wait:2s", "on"]);
        let mut values = candidates.filter_map(|text| option.canonical(text).ok());
        let found = values.find(|value| *value != option.usual);
        found.unwrap_or_else(|| panic!("{} has one value", option.flag))
    }

    /// A strategy that was in the catalogue and not in a second list was dropped from a comparison
    /// in silence. There is one list now, and each entry makes what it names.
    #[test]
    fn every_strategy_of_the_catalogue_is_made_under_its_own_name() {
        for entry in &CATALOGUE {
            let made = entry.make(&ChosenOptions::default()).unwrap();
            assert_eq!([made.name(), entry.usual().name()], [entry.name; 2]);
            assert_eq!(Entry::named(entry.name).map(|it| it.name), Some(entry.name));
        }
        assert!(Entry::named("nothing").is_none());
    }

    #[test]
    fn every_option_changes_its_strategy_and_is_told_where_a_report_shows_it() {
        let mut count = 0;
        for entry in &CATALOGUE {
            for option in entry.options() {
                let value = unusual(&option);
                let mut chosen = ChosenOptions::default();
                chosen.choose(option.flag, value.clone());
                let made = entry.make(&chosen).unwrap();
                let (shown, usual) = (format!("{made:?}"), format!("{:?}", entry.usual()));
                assert_ne!(shown, usual, "{} --{}", entry.name, option.flag);
                let words = option.to_args(&value);
                let is_apart = option.flag == "ttl";
                let settings = made.settings().to_string();
                assert_eq!(settings.contains(&words), !is_apart, "{words}");
                let again = BuiltIn::recorded(&made.record()).unwrap();
                assert_eq!(format!("{again:?}"), shown);
                count += 1;
            }
        }
        assert!(count > 15, "the options were found");
    }

    #[test]
    fn an_option_is_the_same_whichever_strategy_takes_it() {
        let mut known: BTreeMap<&str, (StrategyOption, &str)> = BTreeMap::new();
        for entry in &CATALOGUE {
            for option in entry.options() {
                let flag = option.flag;
                if let Some((other, owner)) = known.insert(flag, (option.clone(), entry.name)) {
                    let same = (other.value, other.help) == (option.value, option.help);
                    assert!(same, "--{flag} of {owner} and of {}", entry.name);
                }
            }
        }
    }

    /// The size of the future that an attempt is.
    fn size_of_attempt<'a, S: 'a, F>(_: fn(&'a S, &'a mut Client) -> F) -> usize {
        size_of::<F>()
    }

    /// A race of a million users holds a million attempts. Each was as large as that of `locked`, and one
    /// that goes by [`BuiltIn`] is a box beside it.
    #[test]
    fn an_attempt_of_naive_or_of_locked_is_small() {
        assert!(size_of_attempt(<Naive as Strategy>::attempt) <= 40);
        assert!(size_of_attempt(<Locked as Strategy>::attempt) <= 72);
        assert_eq!(
            size_of_attempt(<BuiltIn as Strategy>::attempt),
            size_of::<usize>()
        );
    }
}
