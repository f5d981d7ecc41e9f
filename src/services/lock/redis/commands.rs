//! What is said to a Redis server: one round trip each, atomic there.

use redis::Cmd;

use super::conditional::ConditionalDelete;
use super::scripts::LockScript;
use super::slots::{in_the_slot_of, slot_of};
use crate::seat::SeatId;
use crate::services::lock::Ttl;
use crate::services::lock::{Acquire, AcquireMode, LockRequest, LockUpkeep, ReleaseCommand, Token};

/// Room for the longest of the usual commands under a prefix of usual length, so that it need not
/// grow.
const COMMAND_WORDS: usize = 6;
const COMMAND_BYTES: usize = 112;

/// What the key of every lock begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(pub String);

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("lock:seat:".to_owned())
    }
}

/// The names of a run's keys and values, and what is written of them again and again.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
    /// Tells this run's tokens from those of every other run on the same server.
    pub(super) run: String,
    /// What the server calls [`LockScript::CompareAndDelete`].
    pub(super) release: String,
    /// How the server deletes a key if it has a value; `None` when it cannot, or has not said so yet.
    pub(super) conditional_delete: Option<ConditionalDelete>,
}

impl Names {
    pub(super) fn new(prefix: String, run: String) -> Self {
        Self {
            prefix,
            run,
            release: LockScript::CompareAndDelete.hash(),
            conditional_delete: None,
        }
    }

    pub(super) fn key(&self, seat: SeatId) -> String {
        format!("{}{seat}", self.prefix)
    }

    /// The key under which the grants of a lock are counted: both are written by one script, so a cluster
    /// has to keep them on one node.
    pub(super) fn counter(&self, seat: SeatId) -> String {
        format!("{}:fence:{}", in_the_slot_of(&self.key(seat)), self.run)
    }

    /// Whether a lock and its counter are on one node of a cluster, as a script wants them.
    pub(super) fn are_together(&self) -> bool {
        let seat = SeatId::from(std::num::NonZeroU32::MIN);
        slot_of(self.key(seat).as_bytes()) == slot_of(self.counter(seat).as_bytes())
    }

    /// A lock that no seat has; one of many, of which every node of a cluster serves some.
    pub(super) fn probe(&self, number: u32) -> String {
        format!("{}probe:{}:{number}", self.prefix, self.run)
    }
}

/// The key and the value of a command; written again only as far as they change.
#[derive(Default)]
pub(super) struct KeyAndValue {
    seat: Option<SeatId>,
    key: String,
    value: String,
}

impl KeyAndValue {
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
        (seat, token, request): (SeatId, Token, LockRequest),
    ) -> Cmd {
        self.fill(names, seat, token);
        let mut cmd = Cmd::with_capacity(COMMAND_WORDS, COMMAND_BYTES);
        match request {
            LockRequest::Acquire(how) if how.is_fenced => {
                cmd.arg("EVAL").arg(fenced(how.mode).text()).arg(2);
                cmd.arg(&self.key).arg(names.counter(seat));
                cmd.arg(&self.value).arg(how.ttl.as_millis());
            }
            LockRequest::Acquire(how) => self.acquire(&mut cmd, how),
            LockRequest::SetTtl(ttl) => match whole_seconds(ttl) {
                Some(seconds) => drop(cmd.arg("EXPIRE").arg(&self.key).arg(seconds)),
                None => drop(cmd.arg("PEXPIRE").arg(&self.key).arg(ttl.as_millis())),
            },
            LockRequest::Verify => {
                cmd.arg("GET").arg(&self.key);
            }
            LockRequest::Release(ReleaseCommand::DeleteIfEqual) => {
                let delete = names.conditional_delete.unwrap_or_default();
                delete.fill(&mut cmd, &self.key, &self.value);
            }
            LockRequest::Release(ReleaseCommand::Delete) => {
                cmd.arg("DEL").arg(&self.key);
            }
            LockRequest::Release(ReleaseCommand::CompareAndDelete) => {
                cmd.arg("EVALSHA").arg(&names.release).arg(1);
                cmd.arg(&self.key).arg(&self.value);
            }
        }
        cmd
    }

    /// The command for what is no user's step.
    pub(super) fn upkeep(
        &mut self,
        names: &Names,
        (seat, token): (SeatId, Token),
        upkeep: LockUpkeep,
    ) -> Cmd {
        self.fill(names, seat, token);
        let mut cmd = Cmd::new();
        match upkeep {
            LockUpkeep::Renew(ttl) => {
                self.run_script(&mut cmd, LockScript::Renew);
                cmd.arg(ttl.as_millis());
            }
            LockUpkeep::IsFree => self.run_script(&mut cmd, LockScript::IsFree),
            LockUpkeep::Expire => {
                let mine = format!("{}:{}:", names.run, token.user.0);
                cmd.arg("EVAL").arg(LockScript::Shorten.text()).arg(1);
                cmd.arg(&self.key).arg(mine).arg(0);
            }
        }
        cmd
    }

    fn acquire(&self, cmd: &mut Cmd, how: Acquire) {
        let Acquire { mode, ttl, .. } = how;
        let name = match mode {
            AcquireMode::SetNx => "SETNX",
            AcquireMode::SetNxEx | AcquireMode::SetNxPx | AcquireMode::SetEx => "SET",
        };
        cmd.arg(name).arg(&self.key).arg(&self.value);
        if matches!(mode, AcquireMode::SetNxEx | AcquireMode::SetNxPx) {
            cmd.arg("NX");
        }
        match (mode, whole_seconds(ttl)) {
            (AcquireMode::SetNx, _) => {}
            (AcquireMode::SetNxEx | AcquireMode::SetEx, Some(seconds)) => {
                cmd.arg("EX").arg(seconds);
            }
            (AcquireMode::SetNxPx, _) | (AcquireMode::SetNxEx | AcquireMode::SetEx, None) => {
                cmd.arg("PX").arg(ttl.as_millis());
            }
        }
    }

    /// Whether this is what a lock of this seat is held with by this token.
    pub(super) fn is_held_by(
        &mut self,
        names: &Names,
        (seat, token): (SeatId, Token),
        value: &[u8],
    ) -> bool {
        self.fill(names, seat, token);
        self.value.as_bytes() == value
    }

    fn run_script(&self, cmd: &mut Cmd, script: LockScript) {
        cmd.arg("EVAL").arg(script.text()).arg(1);
        cmd.arg(&self.key).arg(&self.value);
    }
}

/// The script that takes a lock like this, and counts the grant.
const fn fenced(mode: AcquireMode) -> LockScript {
    match mode {
        AcquireMode::SetNxEx | AcquireMode::SetNxPx => LockScript::SetNxPxFenced,
        AcquireMode::SetNx => LockScript::SetNxFenced,
        AcquireMode::SetEx => LockScript::SetPxFenced,
    }
}

/// A time in seconds, as people write it (`EX`, `EXPIRE`); `None` for one that is not whole.
fn whole_seconds(ttl: Ttl) -> Option<u64> {
    let ttl_ms = ttl.as_millis();
    ttl_ms.is_multiple_of(1000).then_some(ttl_ms / 1000)
}
