//! Keys with a value and, if they have one, a time to live.

use std::time::Instant;

use ahash::AHashMap;

use super::refusal::CommandRefusal;

/// The keys of the server.
#[derive(Debug)]
pub(super) struct KeyTable {
    keys: AHashMap<Box<[u8]>, KeyEntry>,
    began: Instant,
    /// The time of every command of one batch, in milliseconds since the server began. Redis too reads its
    /// clock once for a batch.
    now_ms: i64,
}

#[derive(Debug)]
struct KeyEntry {
    value: Box<[u8]>,
    /// The last millisecond of its life; `None` for one without an end.
    ends_ms: Option<i64>,
}

/// The unit in which a command gives a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommandUnit {
    pub(super) command: &'static str,
    pub(super) ms: i64,
}

impl KeyTable {
    pub(super) fn new() -> Self {
        Self {
            keys: AHashMap::default(),
            began: Instant::now(),
            now_ms: 0,
        }
    }

    /// Reads the clock: keys expire by this time until the next reading.
    pub(super) fn look_at_the_clock(&mut self) {
        self.now_ms = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
    }

    /// The value of a key that has not expired.
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.living(key).map(|entry| &*entry.value)
    }

    /// Whether the key has this value.
    pub(super) fn is(&self, key: &[u8], value: &[u8]) -> bool {
        self.get(key) == Some(value)
    }

    /// Whether the value of the key begins like this.
    pub(super) fn begins_with(&self, key: &[u8], start: &[u8]) -> bool {
        self.get(key).is_some_and(|value| value.starts_with(start))
    }

    /// Gives the key a value and a time to live, if it is to have one.
    pub(super) fn set(&mut self, key: &[u8], value: &[u8], ends_ms: Option<i64>) {
        let entry = KeyEntry {
            value: value.into(),
            ends_ms,
        };
        // Most users are after a key that is there already.
        match self.keys.get_mut(key) {
            Some(old) => *old = entry,
            None => drop(self.keys.insert(key.into(), entry)),
        }
    }

    /// Removes the key: whether it was there.
    pub(super) fn remove(&mut self, key: &[u8]) -> bool {
        let was_there = self.living(key).is_some();
        self.keys.remove(key);
        was_there
    }

    /// Gives the key another time to live; one that is over already removes the key. Returns whether it was
    /// there.
    pub(super) fn expire_at(&mut self, key: &[u8], ends_ms: i64) -> bool {
        if ends_ms <= self.now_ms {
            return self.remove(key);
        }
        let is_there = self.living(key).is_some();
        if let Some(entry) = self.keys.get_mut(key).filter(|_| is_there) {
            entry.ends_ms = Some(ends_ms);
        }
        is_there
    }

    /// When a time from now ends, as the command gives it in its unit.
    pub(super) fn end_of(&self, time: &[u8], unit: CommandUnit) -> Result<i64, CommandRefusal> {
        let ms = integer(time)?.checked_mul(unit.ms);
        let ends_ms = ms.and_then(|ms| self.now_ms.checked_add(ms));
        ends_ms.ok_or(CommandRefusal::InvalidExpire(unit.command))
    }

    /// The same for a command that gives no key less than a millisecond.
    pub(super) fn end_of_life(
        &self,
        time: &[u8],
        unit: CommandUnit,
    ) -> Result<i64, CommandRefusal> {
        let ends_ms = self.end_of(time, unit)?;
        if ends_ms > self.now_ms {
            Ok(ends_ms)
        } else {
            Err(CommandRefusal::InvalidExpire(unit.command))
        }
    }

    /// How long the key lives on, in milliseconds: -1 without an end, -2 when there is none.
    pub(super) fn life_ms(&self, key: &[u8]) -> i64 {
        match self.living(key) {
            None => -2,
            Some(entry) => entry.ends_ms.map_or(-1, |ends_ms| ends_ms - self.now_ms),
        }
    }

    /// Adds one to the number that the key has: the new one.
    pub(super) fn increment(&mut self, key: &[u8]) -> Result<i64, CommandRefusal> {
        let (number, ends_ms) = match self.living(key) {
            Some(entry) => (integer(&entry.value)?, entry.ends_ms),
            None => (0, None),
        };
        let number = number.checked_add(1).ok_or(CommandRefusal::Overflow)?;
        self.set(key, itoa::Buffer::new().format(number).as_bytes(), ends_ms);
        Ok(number)
    }

    fn living(&self, key: &[u8]) -> Option<&KeyEntry> {
        let entry = self.keys.get(key)?;
        let is_over = entry.ends_ms.is_some_and(|ends_ms| self.now_ms > ends_ms);
        (!is_over).then_some(entry)
    }
}

/// A whole number as Redis reads it: in one way only, without a sign before a positive one or a zero
/// before another digit.
pub(super) fn integer(word: &[u8]) -> Result<i64, CommandRefusal> {
    let text = std::str::from_utf8(word).map_err(|_| CommandRefusal::NotAnInteger)?;
    let number = text.parse().map_err(|_| CommandRefusal::NotAnInteger)?;
    if itoa::Buffer::new().format(number) == text {
        Ok(number)
    } else {
        Err(CommandRefusal::NotAnInteger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lives_to_the_end_of_its_last_millisecond() {
        let mut table = KeyTable::new();
        table.set(b"k", b"v", Some(5));
        table.now_ms = 5;
        assert_eq!((table.get(b"k"), table.life_ms(b"k")), (Some(&b"v"[..]), 0));
        table.now_ms = 6;
        assert_eq!((table.get(b"k"), table.life_ms(b"k")), (None, -2));
        assert!(!table.remove(b"k"));
    }

    #[test]
    fn a_number_has_one_way_to_be_written() {
        for (word, number) in [(&b"0"[..], 0), (b"-1", -1), (b"600", 600)] {
            assert_eq!(integer(word), Ok(number));
        }
        for word in [
            &b""[..],
            b"+1",
            b"01",
            b"-0",
            b" 1",
            b"9223372036854775808",
            b"\xff",
        ] {
            assert_eq!(integer(word), Err(CommandRefusal::NotAnInteger), "{word:?}");
        }
    }
}
