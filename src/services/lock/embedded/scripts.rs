//! Scripts of racesim as functions: no Lua is run here.

use super::refusal::CommandRefusal;
use super::table::{CommandUnit, KeyTable};
use crate::services::lock::redis::LockScript;

const PEXPIRE: CommandUnit = CommandUnit {
    command: "pexpire",
    ms: 1,
};
const SET_PX: CommandUnit = CommandUnit {
    command: "set",
    ms: 1,
};

/// The scripts by what a client calls them, and whether the server was told them.
#[derive(Debug)]
pub(super) struct KnownScripts(Vec<KnownScript>);

#[derive(Debug)]
struct KnownScript {
    script: LockScript,
    hash: String,
    is_loaded: bool,
}

impl KnownScripts {
    pub(super) fn new() -> Self {
        let all = <LockScript as strum::VariantArray>::VARIANTS;
        let known = all.iter().map(|script| KnownScript {
            script: *script,
            hash: script.hash(),
            is_loaded: false,
        });
        Self(known.collect())
    }

    /// Remembers the script of this text: which one it is, and what it is called.
    pub(super) fn load(&mut self, text: &[u8]) -> Result<(LockScript, &str), CommandRefusal> {
        let mut known = self.0.iter_mut();
        let known = known.find(|known| known.script.text().as_bytes() == text);
        let known = known.ok_or(CommandRefusal::UnknownScript)?;
        known.is_loaded = true;
        Ok((known.script, &known.hash))
    }

    /// The script that was loaded and is called this.
    pub(super) fn loaded(&self, hash: &[u8]) -> Result<LockScript, CommandRefusal> {
        let mut loaded = self.0.iter().filter(|known| known.is_loaded);
        let found = loaded.find(|known| known.hash.as_bytes().eq_ignore_ascii_case(hash));
        found
            .map(|known| known.script)
            .ok_or(CommandRefusal::NoScript)
    }
}

/// What a script works on.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScriptWords<'a> {
    pub(super) keys: &'a [&'a [u8]],
    pub(super) arguments: &'a [&'a [u8]],
}

/// Runs a script, as one step.
pub(super) fn run(
    script: LockScript,
    words: ScriptWords<'_>,
    table: &mut KeyTable,
) -> Result<i64, CommandRefusal> {
    let (keys, arguments) = wanted(script);
    if words.keys.len() < keys || words.arguments.len() < arguments {
        return Err(CommandRefusal::ScriptWords { keys, arguments });
    }
    act(script, words, table).map_err(|refusal| CommandRefusal::InScript {
        refusal: Box::new(refusal),
        hash: script.hash(),
    })
}

/// How many keys and arguments a script has at least.
const fn wanted(script: LockScript) -> (usize, usize) {
    match script {
        LockScript::SetNxPxFenced | LockScript::SetNxFenced | LockScript::SetPxFenced => (2, 2),
        LockScript::Renew | LockScript::Shorten => (1, 2),
        LockScript::CompareAndDelete | LockScript::Sweep | LockScript::Left => (1, 1),
        LockScript::IsFree => (1, 0),
    }
}

fn act(
    script: LockScript,
    ScriptWords { keys, arguments }: ScriptWords<'_>,
    table: &mut KeyTable,
) -> Result<i64, CommandRefusal> {
    let key = keys[0];
    match script {
        LockScript::CompareAndDelete => {
            Ok((table.is(key, arguments[0]) && table.remove(key)).into())
        }
        LockScript::Renew if table.is(key, arguments[0]) => pexpire(table, key, arguments[1]),
        LockScript::IsFree => Ok(table.get(key).is_none().into()),
        LockScript::Sweep => Ok((table.begins_with(key, arguments[0]) && table.remove(key)).into()),
        LockScript::Left if table.begins_with(key, arguments[0]) => Ok(table.life_ms(key)),
        LockScript::Left => Ok(-2),
        LockScript::Shorten if table.begins_with(key, arguments[0]) && table.life_ms(key) >= 0 => {
            pexpire(table, key, arguments[1])
        }
        LockScript::Renew | LockScript::Shorten => Ok(0),
        LockScript::SetNxPxFenced | LockScript::SetPxFenced => {
            let ends_ms = table.end_of_life(arguments[1], SET_PX)?;
            if script == LockScript::SetNxPxFenced && table.get(key).is_some() {
                return Ok(0);
            }
            table.set(key, arguments[0], Some(ends_ms));
            count(table, keys[1], arguments[1])
        }
        LockScript::SetNxFenced if table.get(key).is_some() => Ok(0),
        LockScript::SetNxFenced => {
            table.set(key, arguments[0], None);
            count(table, keys[1], arguments[1])
        }
    }
}

/// Counts the grant of a lock: its number.
fn count(table: &mut KeyTable, counter: &[u8], ttl_ms: &[u8]) -> Result<i64, CommandRefusal> {
    let number = table.increment(counter)?;
    let ends_ms = table.end_of(ttl_ms, PEXPIRE)?;
    table.expire_at(
        counter,
        ends_ms.saturating_add(LockScript::COUNTER_OUTLIVES_MS),
    );
    Ok(number)
}

fn pexpire(table: &mut KeyTable, key: &[u8], ms: &[u8]) -> Result<i64, CommandRefusal> {
    let ends_ms = table.end_of(ms, PEXPIRE)?;
    Ok(table.expire_at(key, ends_ms).into())
}
