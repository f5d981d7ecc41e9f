//! Which Redis is asked for locks, and where the bookings are kept.

use std::path::PathBuf;

use crate::services::lock::{KeyPrefix, Url};
use crate::services::{RedisChoice, ServiceChoice};
use crate::strategy::{BuiltIn, Strategy};

/// Where help lists the options of services.
pub(in crate::cli) const SERVICES: &str = "Services";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LockArgs {
    /// Your own Redis (redis://, rediss://, unix://), `private` or `embedded` (racesim's own lock server,
    /// no Redis); repeatable for redlock [default: a private one, if redis-server is installed]
    /// [env: `RACESIM_REDIS`; empty counts as unset]
    #[arg(long, value_name = "URL", help_heading = SERVICES)]
    redis: Vec<String>,
    /// Prefix of every lock's key
    #[arg(long, hide_short_help = true, value_name = "PREFIX", default_value = "lock:seat:", help_heading = SERVICES)]
    key_prefix: String,
}

pub(in crate::cli) fn services(
    database: Option<PathBuf>,
    lock: Option<LockArgs>,
) -> Result<ServiceChoice, String> {
    let Some(lock) = lock else {
        return Ok(ServiceChoice {
            database: database.into(),
            ..ServiceChoice::default()
        });
    };
    let (words, place) = lock.words();
    let redis = redis(&words).map_err(|why| format!("{place}: {why}"))?;
    Ok(ServiceChoice {
        database: database.into(),
        redis,
        key_prefix: KeyPrefix(lock.key_prefix),
    })
}

/// What these words choose.
fn redis(words: &[String]) -> Result<RedisChoice, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Ok(RedisChoice::Any),
        [PRIVATE] => Ok(RedisChoice::Private),
        [EMBEDDED | EMBEDDED_EARLIER] => Ok(RedisChoice::Embedded),
        several => match several.iter().find(|word| !is_url(word)) {
            Some(&"") => Err(
                "an empty word names no Redis: write redis://HOST:PORT, private or embedded, or leave it out"
                    .to_owned(),
            ),
            Some(word) => {
                let does = if *word == PRIVATE {
                    "starts every server that is needed"
                } else {
                    "starts every server inside racesim"
                };
                Err(format!("'{word}' {does}: give it once, and no other --redis"))
            }
            None => {
                let urls = several.iter().map(|url| url.parse::<Url>());
                let urls: Result<Vec<Url>, _> = urls.collect();
                urls.map(RedisChoice::Urls).map_err(|error| error.to_string())
            }
        },
    }
}

/// Where a Redis is named if not on the command line, which everybody on the machine can read. It is
/// read here, so that no message of clap's can hold it.
const REDIS: &str = "RACESIM_REDIS";

/// A server that is started for the run.
const PRIVATE: &str = "private";

/// racesim's own lock server.
const EMBEDDED: &str = "embedded";

/// What the same was called before; recordings and scripts say so.
const EMBEDDED_EARLIER: &str = "in-process";

impl LockArgs {
    /// What was said about the servers, and where.
    fn words(&self) -> (Vec<String>, &'static str) {
        match std::env::var_os(REDIS) {
            // Empty is as unset, as it is to other programs.
            Some(word) if self.redis.is_empty() && !word.is_empty() => {
                (vec![word.to_string_lossy().into_owned()], REDIS)
            }
            _ => (self.redis.clone(), "--redis"),
        }
    }

    /// Refuses a server that was typed, where no strategy asks it anything.
    pub(in crate::cli) fn refuse_for(&self, strategies: &[BuiltIn]) -> Result<(), String> {
        if self.redis.is_empty() || strategies.iter().any(|it| it.needs().locks > 0) {
            return Ok(());
        }
        let names: Vec<&str> = strategies.iter().map(Strategy::name).collect();
        let take = if names.len() == 1 { "takes" } else { "take" };
        Err(format!(
            "--redis: {} {take} no lock, so no Redis is asked: leave it out",
            names.join(", ")
        ))
    }

    /// Whether the servers are those that the environment names: then no option need repeat them.
    pub(in crate::cli) fn is_of_environment(&self) -> bool {
        let (words, place) = self.words();
        place == REDIS && !words.is_empty()
    }

    /// How many servers are named.
    pub(in crate::cli) fn servers(&self) -> usize {
        self.words().0.iter().filter(|text| is_url(text)).count()
    }
}

fn is_url(text: &str) -> bool {
    !["", PRIVATE, EMBEDDED, EMBEDDED_EARLIER].contains(&text)
}
