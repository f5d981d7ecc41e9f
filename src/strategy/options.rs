//! Options of strategies, as data: the command line, its help and the words of a report come from them.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Ttl;
use crate::duration::duration;
use crate::history::{Setting, StrategySettings};
use crate::nearest::perhaps;

/// Values that have names, each with what it does.
pub(super) type NamedValues<T> = [(&'static str, T, &'static str)];

/// Gives a strategy the value that a text stands for.
type Read<S> = dyn Fn(&mut S, &str) -> Result<(), String> + Send + Sync;

/// The value that a strategy has, as a text.
type Write<S> = dyn Fn(&S) -> String + Send + Sync;

/// The value that a text stands for, as racesim writes it.
type ValueCheck = dyn Fn(&str) -> Result<String, String> + Send + Sync;

/// How one field of a strategy is chosen: made with one of the functions here, and refined with those
/// that return it.
pub struct OptionOf<S> {
    flag: &'static str,
    help: &'static str,
    value: Option<&'static str>,
    values: Vec<(&'static str, &'static str)>,
    usual_in_search: Option<&'static str>,
    role: OptionRole,
    shown: Shown,
    is_common: bool,
    read: Arc<Read<S>>,
    write: Arc<Write<S>>,
}

/// What an option has to do with what else is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionRole {
    /// Nothing.
    Own,
    /// Left out, it is the number of Redis that are named.
    CountsServers,
    /// It is a time that must be over before a silent service is given up.
    WithinTimeout,
}

/// Where the words of an option stand in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Among the settings, unless its value is the usual one.
    WhenUnusual,
    /// Among the settings.
    Always,
    /// In a place of its own.
    Apart,
}

/// An option of a strategy as a person meets it.
#[derive(Clone)]
pub struct StrategyOption {
    /// Its name, without the dashes.
    pub flag: &'static str,
    /// What it chooses.
    pub help: &'static str,
    /// What its value is called; `None` for a switch.
    pub value: Option<&'static str>,
    /// The values that have names, each with what it does.
    pub values: Vec<(&'static str, &'static str)>,
    /// The value when nothing is said; empty for none.
    pub usual: String,
    /// The same in a search and where a schedule is forced, if it is another there.
    pub usual_in_search: Option<&'static str>,
    /// What it has to do with what else is typed.
    pub role: OptionRole,
    /// Whether the short help shows it.
    pub is_common: bool,
    check: Arc<ValueCheck>,
}

impl StrategyOption {
    /// The value as racesim writes it.
    ///
    /// # Errors
    /// Why the text is no value of this option.
    pub fn canonical(&self, text: &str) -> Result<String, String> {
        (self.check)(text)
    }

    /// The option with a value, as a person types it.
    #[must_use]
    pub fn to_args(&self, value: &str) -> String {
        setting(self.flag, self.value, value).to_string()
    }
}

impl fmt::Debug for StrategyOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrategyOption")
            .field("flag", &self.flag)
            .finish_non_exhaustive()
    }
}

impl<S: Default + Clone + 'static> OptionOf<S> {
    fn new(
        (flag, value): (&'static str, Option<&'static str>),
        help: &'static str,
        read: impl Fn(&mut S, &str) -> Result<(), String> + Send + Sync + 'static,
        write: impl Fn(&S) -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            flag,
            help,
            value,
            values: Vec::new(),
            usual_in_search: None,
            role: OptionRole::Own,
            shown: Shown::WhenUnusual,
            is_common: false,
            read: Arc::new(read),
            write: Arc::new(write),
        }
    }

    /// An option without a value.
    pub fn switch(flag: &'static str, help: &'static str, field: fn(&mut S) -> &mut bool) -> Self {
        let read = move |strategy: &mut S, _: &str| {
            *field(strategy) = true;
            Ok(())
        };
        let write = move |strategy: &S| {
            let is_on = *field(&mut strategy.clone());
            if is_on { ON } else { "" }.to_owned()
        };
        Self::new((flag, None), help, read, write)
    }

    /// An option with one of these values.
    pub fn one_of<T: Copy + PartialEq + Send + Sync>(
        (flag, value): (&'static str, &'static str),
        help: &'static str,
        values: &'static NamedValues<T>,
        field: fn(&mut S) -> &mut T,
    ) -> Self {
        let read = move |strategy: &mut S, text: &str| {
            let found = values.iter().find(|(name, ..)| *name == text);
            let (_, chosen, _) = found.ok_or_else(|| {
                let names: Vec<&str> = values.iter().map(|(name, ..)| *name).collect();
                let perhaps = perhaps(text, names.iter().copied());
                format!(
                    "there is no '{text}'{perhaps}; there are: {}",
                    names.join(", ")
                )
            })?;
            *field(strategy) = *chosen;
            Ok(())
        };
        let write = move |strategy: &S| {
            let chosen = *field(&mut strategy.clone());
            let found = values.iter().find(|(_, other, _)| *other == chosen);
            found.map_or_else(String::new, |(name, ..)| (*name).to_owned())
        };
        let helps = values.iter().map(|(name, _, help)| (*name, *help));
        Self {
            values: helps.collect(),
            ..Self::new((flag, Some(value)), help, read, write)
        }
    }

    /// An option whose value is a time.
    pub fn time(
        flag: &'static str,
        help: &'static str,
        field: fn(&mut S) -> &mut Duration,
    ) -> Self {
        let read = move |strategy: &mut S, text: &str| {
            *field(strategy) = duration(text).map_err(|error| error.to_string())?;
            Ok(())
        };
        let write = move |strategy: &S| time_to_arg(*field(&mut strategy.clone()));
        Self::new((flag, Some("DUR")), help, read, write)
    }

    /// An option whose value is a whole number; `what` is what a text is not that is none.
    pub fn number<T>(
        flag: &'static str,
        help: &'static str,
        (what, range): (&'static str, RangeInclusive<T>),
        field: fn(&mut S) -> &mut T,
    ) -> Self
    where
        T: FromStr + Display + PartialOrd + Copy + Send + Sync + 'static,
    {
        let read = move |strategy: &mut S, text: &str| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            let (least, most) = (range.start(), range.end());
            *field(strategy) = number.ok_or_else(|| {
                format!("'{text}' is not {what}: write a whole number from {least} to {most}")
            })?;
            Ok(())
        };
        let write = move |strategy: &S| field(&mut strategy.clone()).to_string();
        Self::new((flag, Some("N")), help, read, write)
    }

    /// An option whose value is written and read in a way of its own.
    pub fn parsed<T: FromStr<Err: Display> + Display + 'static>(
        (flag, value): (&'static str, &'static str),
        help: &'static str,
        field: fn(&mut S) -> &mut T,
    ) -> Self {
        let read = move |strategy: &mut S, text: &str| {
            *field(strategy) = text.parse().map_err(|error: T::Err| error.to_string())?;
            Ok(())
        };
        let write = move |strategy: &S| field(&mut strategy.clone()).to_string();
        Self::new((flag, Some(value)), help, read, write)
    }

    /// The values that help explains, each with what it does.
    #[must_use]
    pub fn with_values(mut self, values: &[(&'static str, &'static str)]) -> Self {
        self.values = values.to_vec();
        self
    }

    /// Shown by the short help too.
    #[must_use]
    pub const fn common(mut self) -> Self {
        self.is_common = true;
        self
    }

    /// Among the settings of a report also where its value is the usual one.
    #[must_use]
    pub const fn always_shown(mut self) -> Self {
        self.shown = Shown::Always;
        self
    }

    /// Not among the settings of a report, which shows it in another place.
    #[must_use]
    pub const fn shown_apart(mut self) -> Self {
        self.shown = Shown::Apart;
        self
    }

    /// Another usual value in a search, and where a schedule is forced.
    #[must_use]
    pub const fn in_search(mut self, usual: &'static str) -> Self {
        self.usual_in_search = Some(usual);
        self
    }

    /// What it has to do with what else is typed.
    #[must_use]
    pub const fn with_role(mut self, role: OptionRole) -> Self {
        self.role = role;
        self
    }

    /// Its flag, without the dashes.
    pub(super) const fn flag(&self) -> &'static str {
        self.flag
    }

    /// Gives the strategy this value.
    pub(super) fn set(&self, strategy: &mut S, text: &str) -> Result<(), String> {
        (self.read)(strategy, text)
    }

    /// The option as a person meets it.
    pub(super) fn described(&self) -> StrategyOption {
        let (read, write) = (Arc::clone(&self.read), Arc::clone(&self.write));
        let check = move |text: &str| {
            let mut strategy = S::default();
            read(&mut strategy, text)?;
            Ok(write(&strategy))
        };
        StrategyOption {
            flag: self.flag,
            help: self.help,
            value: self.value,
            values: self.values.clone(),
            usual: (self.write)(&S::default()),
            usual_in_search: self.usual_in_search,
            role: self.role,
            is_common: self.is_common,
            check: Arc::new(check),
        }
    }

    /// What it is among the settings of a strategy.
    fn setting(&self, strategy: &S) -> Option<Setting> {
        let value = (self.write)(strategy);
        let is_shown = match self.shown {
            Shown::WhenUnusual => value != (self.write)(&S::default()),
            Shown::Always => true,
            Shown::Apart => false,
        };
        (is_shown && !value.is_empty()).then(|| setting(self.flag, self.value, &value))
    }
}

/// The settings of a strategy.
pub(super) fn settings<S: Default + Clone + 'static>(
    strategy: &S,
    options: &[OptionOf<S>],
) -> StrategySettings {
    let settings = options.iter();
    settings
        .filter_map(|option| option.setting(strategy))
        .collect()
}

fn setting(flag: &str, value_name: Option<&str>, value: &str) -> Setting {
    Setting {
        flag: flag.to_owned(),
        value: value_name.map(|_| value.to_owned()),
    }
}

/// A time as one word.
pub(super) fn time_to_arg(time: Duration) -> String {
    humantime::format_duration(time)
        .to_string()
        .replace(' ', "")
}

/// The flag of the time to live, which stands in a place of its own in a report and in a history.
pub(super) const TTL: &str = "ttl";

/// The value of a switch that is on.
pub(super) const ON: &str = "on";

/// `--ttl`: how long a lock or a claim lives.
pub(super) fn ttl<S: Default + Clone + 'static>(field: fn(&mut S) -> &mut Ttl) -> OptionOf<S> {
    let help = "How long an unreleased lock or hold lives";
    OptionOf::parsed((TTL, "DUR"), help, field)
        .common()
        .shown_apart()
}

/// `--retries`: how often a user begins again.
pub(super) fn retries<S: Default + Clone + 'static>(field: fn(&mut S) -> &mut u32) -> OptionOf<S> {
    let help = "How many times a losing user starts again";
    OptionOf::number(
        "retries",
        help,
        ("a number of retries", 0..=u32::MAX),
        field,
    )
    .common()
}
