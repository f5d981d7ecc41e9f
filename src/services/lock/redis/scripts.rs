//! Scripts that a Redis runs for racesim: what must happen at once and is no single command.

use redis::Script;

/// A script that racesim sends. A server runs it as one step
/// (<https://redis.io/docs/latest/develop/programmability/eval-intro/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub(in crate::services::lock) enum LockScript {
    /// Frees a lock only for the value that holds it
    /// (<https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/>).
    CompareAndDelete,
    /// Takes a free lock with a time to live, and counts the grant: its number.
    SetNxPxFenced,
    /// Takes a free lock without a time to live, and counts the grant.
    SetNxFenced,
    /// Takes a lock, also from its holder, and counts the grant.
    SetPxFenced,
    /// Extends the life of a lock for the value that holds it.
    Renew,
    /// Whether nobody holds a lock.
    IsFree,
    /// Frees a lock whose value begins with the name of this run.
    Sweep,
    /// How long a lock whose value begins with the name of this run lives on: -1 without an end, -2
    /// when there is none.
    Left,
    /// Shortens the life of a lock whose value begins with a name of this run: whether it has one. A
    /// time of nothing is over at once (<https://redis.io/docs/latest/commands/expire/>). A lock
    /// without a time to live (PTTL is -1) never ends by itself, so it is left alone.
    Shorten,
}

/// Takes a lock and counts the grant, both at once, or two holders could have the numbers of each
/// other. The counter outlives the locks by a day at the most, for a run that is killed.
macro_rules! counted {
    ($taken:literal) => {
        concat!(
            "if ",
            $taken,
            " then local number = redis.call('incr', KEYS[2]) \
             redis.call('pexpire', KEYS[2], ARGV[2] + 86400000) return number else return 0 end"
        )
    };
}

/// What is done for the value that holds a lock.
macro_rules! if_held_by {
    ($done:literal) => {
        concat!(
            "if redis.call('get', KEYS[1]) == ARGV[1] then return ",
            $done,
            " else return 0 end"
        )
    };
}

/// What is done when the value of a lock begins with a name of this run.
macro_rules! if_of_this_run {
    ($condition:literal, $done:literal, $otherwise:literal) => {
        concat!(
            "local held = redis.call('get', KEYS[1]) \
             if held and string.sub(held, 1, #ARGV[1]) == ARGV[1]",
            $condition,
            " then return ",
            $done,
            " else return ",
            $otherwise,
            " end"
        )
    };
}

impl LockScript {
    /// How long the counter of a lock outlives the lock, in milliseconds: as its scripts say.
    pub(in crate::services::lock) const COUNTER_OUTLIVES_MS: i64 = 86_400_000;

    /// What a server is sent.
    pub(in crate::services::lock) const fn text(self) -> &'static str {
        match self {
            Self::CompareAndDelete => if_held_by!("redis.call('del', KEYS[1])"),
            Self::SetNxPxFenced => {
                counted!("redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])")
            }
            Self::SetNxFenced => counted!("redis.call('setnx', KEYS[1], ARGV[1]) == 1"),
            Self::SetPxFenced => counted!("redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])"),
            Self::Renew => if_held_by!("redis.call('pexpire', KEYS[1], ARGV[2])"),
            Self::IsFree => "return 1 - redis.call('exists', KEYS[1])",
            Self::Sweep => if_of_this_run!("", "redis.call('del', KEYS[1])", "0"),
            Self::Left => if_of_this_run!("", "redis.call('pttl', KEYS[1])", "-2"),
            Self::Shorten => if_of_this_run!(
                " and redis.call('pttl', KEYS[1]) >= 0",
                "redis.call('pexpire', KEYS[1], ARGV[2])",
                "0"
            ),
        }
    }

    /// What a server calls it: the SHA1 of its text.
    pub(in crate::services::lock) fn hash(self) -> String {
        Script::new(self.text()).get_hash().to_owned()
    }
}
