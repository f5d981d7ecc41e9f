//! Commands of Redis that racesim sends, carried out as Redis carries them out.

use std::str::FromStr;

use super::refusal::{CommandRefusal, Quoted};
use super::scripts::{KnownScripts, ScriptWords, run};
use super::table::{CommandUnit, KeyTable, integer};
use super::wire::WireReply;

/// A command that the server knows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(ascii_case_insensitive, serialize_all = "lowercase")]
pub(super) enum ServerCommand {
    /// <https://redis.io/docs/latest/commands/set/>, with NX, EX and PX.
    Set,
    /// <https://redis.io/docs/latest/commands/evalsha/>.
    EvalSha,
    /// <https://redis.io/docs/latest/commands/eval/>.
    Eval,
    /// <https://redis.io/docs/latest/commands/get/>.
    Get,
    /// <https://redis.io/docs/latest/commands/del/>.
    Del,
    /// <https://valkey.io/commands/delifeq/>.
    DelIfEq,
    /// <https://redis.io/docs/latest/commands/delex/>, with IFEQ.
    DelEx,
    /// <https://redis.io/docs/latest/commands/setnx/>.
    SetNx,
    /// <https://redis.io/docs/latest/commands/expire/>, without its options.
    Expire,
    /// <https://redis.io/docs/latest/commands/pexpire/>, without its options.
    PExpire,
    /// <https://redis.io/docs/latest/commands/pttl/>.
    PTtl,
    /// <https://redis.io/docs/latest/commands/exists/>.
    Exists,
    /// <https://redis.io/docs/latest/commands/script-load/>.
    Script,
    /// <https://redis.io/docs/latest/commands/info/>: what it is, whatever is asked.
    Info,
}

impl ServerCommand {
    fn named(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        Self::from_str(name).ok()
    }

    /// Its name as Redis repeats it.
    fn name(self) -> &'static str {
        self.into()
    }

    /// Whether it may have so many words after its name.
    const fn takes(self, words: usize) -> bool {
        match self {
            Self::Get | Self::PTtl => words == 1,
            Self::SetNx | Self::Expire | Self::PExpire | Self::DelIfEq => words == 2,
            Self::DelEx => words == 3,
            Self::Del | Self::Exists | Self::Script => words >= 1,
            Self::Set | Self::Eval | Self::EvalSha => words >= 2,
            Self::Info => true,
        }
    }
}

/// All that the server knows.
#[derive(Debug)]
pub(super) struct ServerState {
    pub(super) table: KeyTable,
    scripts: KnownScripts,
}

impl ServerState {
    pub(super) fn new() -> Self {
        Self {
            table: KeyTable::new(),
            scripts: KnownScripts::new(),
        }
    }

    /// Carries out the command of this name.
    pub(super) fn carry_out(
        &mut self,
        name: &[u8],
        words: &[&[u8]],
    ) -> Result<WireReply<'_>, CommandRefusal> {
        let Some(command) = ServerCommand::named(name) else {
            return Err(CommandRefusal::UnknownCommand {
                name: String::from_utf8_lossy(name).into_owned(),
                arguments: Quoted::of(words),
            });
        };
        if !command.takes(words.len()) {
            return Err(CommandRefusal::Arguments(command.name()));
        }
        let table = &mut self.table;
        let number = match command {
            ServerCommand::Set => return self.set(words),
            ServerCommand::Get => {
                return Ok(self
                    .table
                    .get(words[0])
                    .map_or(WireReply::Nil, WireReply::Bulk));
            }
            ServerCommand::Script => return self.script(words),
            ServerCommand::Info => return Ok(WireReply::Text(introduction())),
            ServerCommand::EvalSha => {
                let words_of_script = words_of_script(words[1], &words[2..])?;
                run(self.scripts.loaded(words[0])?, words_of_script, table)?
            }
            ServerCommand::Eval => {
                let words_of_script = words_of_script(words[1], &words[2..])?;
                let (script, _) = self.scripts.load(words[0])?;
                run(script, words_of_script, table)?
            }
            ServerCommand::Del => count(words.iter().filter(|key| table.remove(key))),
            ServerCommand::DelIfEq => remove_if(table, words[0], words[1]),
            ServerCommand::DelEx if words[1].eq_ignore_ascii_case(b"ifeq") => {
                remove_if(table, words[0], words[2])
            }
            ServerCommand::DelEx => return Err(CommandRefusal::Syntax),
            ServerCommand::Exists => count(words.iter().filter(|key| table.get(key).is_some())),
            ServerCommand::PTtl => table.life_ms(words[0]),
            ServerCommand::SetNx => {
                let is_free = table.get(words[0]).is_none();
                if is_free {
                    table.set(words[0], words[1], None);
                }
                is_free.into()
            }
            ServerCommand::Expire => expire(table, words, unit(command, 1000))?,
            ServerCommand::PExpire => expire(table, words, unit(command, 1))?,
        };
        Ok(WireReply::Integer(number))
    }

    fn set(&mut self, words: &[&[u8]]) -> Result<WireReply<'_>, CommandRefusal> {
        let options = SetOptions::read(&words[2..])?;
        let table = &mut self.table;
        let ends_ms = options
            .life
            .map(|(time, unit)| table.end_of_life(time, unit));
        let ends_ms = ends_ms.transpose()?;
        if options.only_if_free && table.get(words[0]).is_some() {
            return Ok(WireReply::Nil);
        }
        table.set(words[0], words[1], ends_ms);
        Ok(WireReply::Ok)
    }

    fn script(&mut self, words: &[&[u8]]) -> Result<WireReply<'_>, CommandRefusal> {
        match words {
            [part, text] if part.eq_ignore_ascii_case(b"load") => {
                let (_, hash) = self.scripts.load(text)?;
                Ok(WireReply::Bulk(hash.as_bytes()))
            }
            [part, ..] if part.eq_ignore_ascii_case(b"load") => {
                Err(CommandRefusal::Arguments("script|load"))
            }
            _ => {
                let part = words.first().copied().unwrap_or_default();
                let part = String::from_utf8_lossy(part).into_owned();
                Err(CommandRefusal::UnknownSubcommand(part))
            }
        }
    }
}

fn unit(command: ServerCommand, ms: i64) -> CommandUnit {
    CommandUnit {
        command: command.name(),
        ms,
    }
}

fn expire(table: &mut KeyTable, words: &[&[u8]], unit: CommandUnit) -> Result<i64, CommandRefusal> {
    let ends_ms = table.end_of(words[1], unit)?;
    Ok(table.expire_at(words[0], ends_ms).into())
}

fn remove_if(table: &mut KeyTable, key: &[u8], value: &[u8]) -> i64 {
    (table.is(key, value) && table.remove(key)).into()
}

fn count<'a>(keys: impl Iterator<Item = &'a &'a [u8]>) -> i64 {
    i64::try_from(keys.count()).unwrap_or(i64::MAX)
}

/// What the server says that it is.
fn introduction() -> String {
    format!(
        "# Server\r\nracesim_version:{}\r\nredis_mode:standalone\r\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// The keys and the arguments of a script; so many are keys.
fn words_of_script<'a>(
    many: &[u8],
    words: &'a [&'a [u8]],
) -> Result<ScriptWords<'a>, CommandRefusal> {
    let many = usize::try_from(integer(many)?).map_err(|_| CommandRefusal::NegativeKeys)?;
    let (keys, arguments) = words
        .split_at_checked(many)
        .ok_or(CommandRefusal::TooManyKeys)?;
    Ok(ScriptWords { keys, arguments })
}

/// The options of SET.
#[derive(Debug, Default)]
struct SetOptions<'a> {
    only_if_free: bool,
    /// How long it is to live.
    life: Option<(&'a [u8], CommandUnit)>,
}

impl<'a> SetOptions<'a> {
    fn read(words: &[&'a [u8]]) -> Result<Self, CommandRefusal> {
        let (mut options, mut words) = (Self::default(), words.iter());
        while let Some(word) = words.next() {
            let ms = if word.eq_ignore_ascii_case(b"nx") {
                options.only_if_free = true;
                continue;
            } else if word.eq_ignore_ascii_case(b"ex") {
                1000
            } else if word.eq_ignore_ascii_case(b"px") {
                1
            } else {
                return Err(CommandRefusal::Syntax);
            };
            let time = words.next().ok_or(CommandRefusal::Syntax)?;
            let unit = CommandUnit { command: "set", ms };
            if options.life.replace((time, unit)).is_some() {
                return Err(CommandRefusal::Syntax);
            }
        }
        Ok(options)
    }
}
