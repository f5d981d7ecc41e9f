//! The protocol of Redis: commands as they are read, replies as they are written
//! (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
//!
//! The redis crate reads the replies of servers. Its parser copies every word, and does not say where a
//! command ends in what was read; here a whole batch is read where it lies.

use std::io::Write;

use super::refusal::CommandRefusal;

/// A reply to a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WireReply<'a> {
    /// It was done.
    Ok,
    /// There is no such thing, or it was not done.
    Nil,
    /// A number.
    Integer(i64),
    /// A value.
    Bulk(&'a [u8]),
    /// A text of the server's own.
    Text(String),
}

/// What no client of a Redis sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads one command into its words: how long it is; `None` when it is not all there yet.
pub(super) fn read<'a>(
    bytes: &'a [u8],
    words: &mut Vec<&'a [u8]>,
) -> Result<Option<usize>, Malformed> {
    words.clear();
    let Some((many, mut at)) = length(bytes, 0, b'*')? else {
        return Ok(None);
    };
    for _ in 0..many {
        let Some((length, from)) = length(bytes, at, b'$')? else {
            return Ok(None);
        };
        let end = from.checked_add(length).ok_or(Malformed)?;
        let next = end.checked_add(2).ok_or(Malformed)?;
        let (Some(word), Some(after)) = (bytes.get(from..end), bytes.get(end..next)) else {
            return Ok(None);
        };
        if after != b"\r\n" {
            return Err(Malformed);
        }
        words.push(word);
        at = next;
    }
    Ok(Some(at))
}

/// The number of a line such as `$12`, and where the next line begins.
fn length(bytes: &[u8], at: usize, kind: u8) -> Result<Option<(usize, usize)>, Malformed> {
    let Some((first, digits)) = bytes.get(at..).and_then(<[u8]>::split_first) else {
        return Ok(None);
    };
    if *first != kind {
        return Err(Malformed);
    }
    let mut number: usize = 0;
    for (place, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                let tens = number.checked_mul(10).ok_or(Malformed)?;
                let more = tens.checked_add(usize::from(byte - b'0'));
                number = more.ok_or(Malformed)?;
            }
            b'\r' => {
                let next = digits.get(place + 1);
                let is_whole = next.is_some_and(|byte| *byte == b'\n');
                return match next {
                    None => Ok(None),
                    Some(_) if is_whole => Ok(Some((number, at + place + 3))),
                    Some(_) => Err(Malformed),
                };
            }
            _ => return Err(Malformed),
        }
    }
    Ok(None)
}

/// Writes a reply, or why there is none.
pub(super) fn write(reply: &Result<WireReply<'_>, CommandRefusal>, out: &mut Vec<u8>) {
    let bulk = |value: &[u8], out: &mut Vec<u8>| {
        // A vector takes whatever is written.
        let _ = write!(out, "${}\r\n", value.len());
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    match reply {
        Ok(WireReply::Ok) => out.extend_from_slice(b"+OK\r\n"),
        Ok(WireReply::Nil) => out.extend_from_slice(b"$-1\r\n"),
        Ok(WireReply::Integer(number)) => {
            out.push(b':');
            out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        Ok(WireReply::Bulk(value)) => bulk(value, out),
        Ok(WireReply::Text(text)) => bulk(text.as_bytes(), out),
        Err(refusal) => {
            // What stands in it was sent by a client, and must not end the line.
            let line = refusal.to_string().replace(['\r', '\n'], " ");
            let _ = write!(out, "-{line}\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n";

    #[test]
    fn a_command_is_read_when_it_is_whole_and_not_before() {
        let mut words = Vec::new();
        for end in 0..SET.len() {
            assert_eq!(read(&SET[..end], &mut words), Ok(None), "{end}");
        }
        let two = [SET, SET].concat();
        assert_eq!(read(&two, &mut words), Ok(Some(SET.len())));
        assert_eq!(words, [&b"SET"[..], b"k", b"a\r\nb"]);
    }

    #[test]
    fn what_no_client_sends_is_refused() {
        for bytes in [
            &b"PING\r\n"[..],
            b"*1\r\n:1\r\n",
            b"*x\r\n",
            b"*1\rx",
            b"*1\r\n$1\r\nabc",
            b"*99999999999999999999\r\n",
            b"*1\r\n$18446744073709551615\r\n",
            b"*1\r\n$18446744073709551588\r\n",
            b"*18446744073709551616\r\n",
        ] {
            assert_eq!(read(bytes, &mut Vec::new()), Err(Malformed), "{bytes:?}");
        }
    }
}
