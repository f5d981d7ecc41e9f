//! Commands that delete a key on the condition of its value: which server has which.

use redis::Cmd;

/// A command that deletes a key only if it has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ConditionalDelete {
    /// `DELIFEQ key value`: Valkey 9 (<https://valkey.io/commands/delifeq/>).
    #[default]
    DelIfEq,
    /// `DELEX key IFEQ value`: Redis 8.4 (<https://redis.io/docs/latest/commands/delex/>).
    DelEx,
}

impl ConditionalDelete {
    /// The one that this server has; `None` when it has none, or does not say which version it is.
    pub(super) fn of(server: &str, version: Option<&str>) -> Option<Self> {
        let mut numbers = version?.split('.').map(|part| part.parse::<u32>().ok());
        let version = (numbers.next()??, numbers.next()??);
        match server {
            "racesim" => Some(Self::DelIfEq),
            "Valkey" => (version >= (9, 0)).then_some(Self::DelIfEq),
            _ => (version >= (8, 4)).then_some(Self::DelEx),
        }
    }

    pub(super) fn fill(self, cmd: &mut Cmd, key: &str, value: &str) {
        match self {
            Self::DelIfEq => cmd.arg("DELIFEQ").arg(key).arg(value),
            Self::DelEx => cmd.arg("DELEX").arg(key).arg("IFEQ").arg(value),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_what_its_version_has_and_an_older_one_nothing() {
        use ConditionalDelete as C;
        for (server, version, has) in [
            ("Valkey", Some("9.1.2"), Some(C::DelIfEq)),
            ("Valkey", Some("8.1.8"), None),
            ("Redis", Some("8.4.0"), Some(C::DelEx)),
            ("Redis", Some("10.0"), Some(C::DelEx)),
            ("Redis", Some("8.2.3"), None),
            ("Redis", Some("7.0.15"), None),
            ("Redis", Some("next"), None),
            ("Redis", None, None),
            ("racesim", Some("0.1.0"), Some(C::DelIfEq)),
        ] {
            assert_eq!(C::of(server, version), has, "{server} {version:?}");
        }
    }

    #[test]
    fn the_commands_are_those_of_their_servers() {
        let packed = |command: ConditionalDelete| {
            let mut cmd = Cmd::new();
            command.fill(&mut cmd, "k", "v");
            String::from_utf8(cmd.get_packed_command()).unwrap()
        };
        assert_eq!(
            packed(ConditionalDelete::DelIfEq),
            "*3\r\n$7\r\nDELIFEQ\r\n$1\r\nk\r\n$1\r\nv\r\n"
        );
        assert_eq!(
            packed(ConditionalDelete::DelEx),
            "*4\r\n$5\r\nDELEX\r\n$1\r\nk\r\n$4\r\nIFEQ\r\n$1\r\nv\r\n"
        );
    }
}
