//! What is said to a Redis server: one round trip each, atomic there.

use redis::{Cmd, Script};

use super::{AcquireBy, ReleaseBy, Request, Token, Ttl};
use crate::seat::SeatId;

/// Frees a lock only for the token that holds it
/// (<https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/>).
pub(super) const COMPARE_AND_DELETE: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

/// Frees a lock whose value begins with the name of this run.
pub(super) const SWEEP: &str = "local held = redis.call('get', KEYS[1]) \
    if held and string.sub(held, 1, #ARGV[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

/// How long a lock whose value begins with the name of this run lives on: -1 for ever, -2 when there
/// is none.
pub(super) const LEFT: &str = "local held = redis.call('get', KEYS[1]) \
    if held and string.sub(held, 1, #ARGV[1]) == ARGV[1] then return redis.call('pttl', KEYS[1]) else return -2 end";

/// Takes a lock and counts the grant: its number. Both at once, or two holders could have the
/// numbers of each other. The counter outlives the locks by a day at the most, for a run that is killed.
const ACQUIRE_FENCED: &str = "if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then \
    local number = redis.call('incr', KEYS[2]) redis.call('pexpire', KEYS[2], ARGV[2] + 86400000) \
    return number else return 0 end";

/// Extends the life of a lock for the token that holds it.
const RENEW: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end";

/// Whether a token holds a lock.
const VERIFY: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then return 1 else return 0 end";

/// Whether nobody holds a lock.
const IS_FREE: &str = "return 1 - redis.call('exists', KEYS[1])";

/// Ends the life of a lock whose value begins with the name of one user of this run. A time of nothing
/// is over at once (<https://redis.io/docs/latest/commands/expire/>).
const RUN_OUT: &str = "local held = redis.call('get', KEYS[1]) \
    if held and string.sub(held, 1, #ARGV[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], 0) else return 0 end";

/// Room for the longest of the usual commands under a prefix of usual length, so that it need not
/// grow.
const COMMAND_WORDS: usize = 6;
const COMMAND_BYTES: usize = 112;

/// The names of a run's keys and values, and what is written of them again and again.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
    /// Tells this run's tokens from those of every other run on the same server.
    pub(super) run: String,
    /// What the server calls [`COMPARE_AND_DELETE`].
    pub(super) release: String,
}

impl Names {
    pub(super) fn new(prefix: String, run: String) -> Self {
        Self {
            prefix,
            run,
            release: Script::new(COMPARE_AND_DELETE).get_hash().to_owned(),
        }
    }

    pub(super) fn key(&self, seat: SeatId) -> String {
        format!("{}{seat}", self.prefix)
    }

    /// The key under which the grants of a lock are counted.
    pub(super) fn counter(&self, seat: SeatId) -> String {
        format!("{}fence:{}:{seat}", self.prefix, self.run)
    }

    /// A lock that no seat has.
    pub(super) fn probe(&self) -> String {
        format!("{}probe:{}", self.prefix, self.run)
    }
}

/// The key and the value of a command; written again only as far as they change.
#[derive(Default)]
pub(super) struct Words {
    seat: Option<SeatId>,
    key: String,
    value: String,
}

impl Words {
    fn fill(&mut self, names: &Names, seat: SeatId, token: Token) {
        let mut digits = itoa::Buffer::new();
        if self.seat != Some(seat) {
            self.seat = Some(seat);
            self.key.clear();
            self.key.push_str(&names.prefix);
            self.key.push_str(digits.format(seat.number()));
        }
        self.value.clear();
        self.value.push_str(&names.run);
        for number in [token.user.0, token.request] {
            self.value.push(':');
            self.value.push_str(digits.format(number));
        }
    }

    /// The command for a request.
    pub(super) fn command(
        &mut self,
        names: &Names,
        (seat, token, request): (SeatId, Token, Request),
    ) -> Cmd {
        self.fill(names, seat, token);
        let mut cmd = Cmd::with_capacity(COMMAND_WORDS, COMMAND_BYTES);
        match request {
            Request::Acquire {
                ttl, fence: true, ..
            } => {
                cmd.arg("EVAL").arg(ACQUIRE_FENCED).arg(2);
                cmd.arg(&self.key).arg(names.counter(seat));
                cmd.arg(&self.value).arg(ttl.as_millis());
            }
            Request::Acquire { by, ttl, .. } => {
                cmd.arg("SET").arg(&self.key).arg(&self.value);
                if by != AcquireBy::SetEx {
                    cmd.arg("NX");
                }
                if by != AcquireBy::SetNx {
                    add_life(&mut cmd, ttl);
                }
            }
            Request::SetTtl {
                ttl,
                only_own: false,
            } => {
                cmd.arg("PEXPIRE").arg(&self.key).arg(ttl.as_millis());
            }
            Request::SetTtl { ttl, .. } => {
                self.run_script(&mut cmd, RENEW);
                cmd.arg(ttl.as_millis());
            }
            Request::Verify => self.run_script(&mut cmd, VERIFY),
            Request::IsFree => self.run_script(&mut cmd, IS_FREE),
            Request::Release(ReleaseBy::Delete) => {
                cmd.arg("DEL").arg(&self.key);
            }
            Request::Release(ReleaseBy::CompareAndDelete) => {
                cmd.arg("EVALSHA").arg(&names.release).arg(1);
                cmd.arg(&self.key).arg(&self.value);
            }
            Request::RunOut => {
                let mine = format!("{}:{}:", names.run, token.user.0);
                cmd.arg("EVAL").arg(RUN_OUT).arg(1);
                cmd.arg(&self.key).arg(mine);
            }
        }
        cmd
    }

    fn run_script(&self, cmd: &mut Cmd, script: &str) {
        cmd.arg("EVAL").arg(script).arg(1);
        cmd.arg(&self.key).arg(&self.value);
    }
}

/// `EX` for whole seconds, as people write it, else `PX`.
fn add_life(cmd: &mut Cmd, ttl: Ttl) {
    let ttl_ms = ttl.as_millis();
    if ttl_ms.is_multiple_of(1000) {
        cmd.arg("EX").arg(ttl_ms / 1000);
    } else {
        cmd.arg("PX").arg(ttl_ms);
    }
}
