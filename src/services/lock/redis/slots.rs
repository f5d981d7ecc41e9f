//! Slots of a Redis Cluster: into which one a key falls, and which node serves it.

use redis::Value;

/// How many slots a cluster has (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>).
pub(super) const SLOTS: u16 = 16_384;

const CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_XMODEM);

/// The slot that a key falls into: that of its hash tag, where it has one.
pub(super) fn slot_of(key: &[u8]) -> u16 {
    CRC.checksum(hash_tag(key).unwrap_or(key)) % SLOTS
}

/// What stands between the first `{` and the next `}`; `None` when that is nothing.
fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let (_, after) = split_at_byte(key, b'{')?;
    let (tag, _) = split_at_byte(after, b'}')?;
    (!tag.is_empty()).then_some(tag)
}

fn split_at_byte(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|is| *is == byte)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// The beginning of a key that falls into the slot of this one. A key that has a `}` and no hash tag
/// has none: see [`slot_of`], which tells.
pub(super) fn in_the_slot_of(key: &str) -> String {
    if hash_tag(key.as_bytes()).is_some() {
        key.to_owned()
    } else {
        format!("{{{key}}}")
    }
}

/// Where a node of a cluster is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeAddress {
    pub(super) host: String,
    pub(super) port: u16,
}

impl NodeAddress {
    /// As a redirection names it: `host:port`, where no host is that of the node which redirects.
    pub(super) fn of_redirection(text: &str, asked: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Self {
            host: known_host(host, asked),
            port: port.parse().ok()?,
        })
    }
}

/// A node that does not know its own name says nothing, or `?`: it is where it was asked.
fn known_host(host: &str, asked: &str) -> String {
    match host {
        "" | "?" => asked.to_owned(),
        host => host.to_owned(),
    }
}

/// Slots that one primary serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotRange {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) primary: NodeAddress,
    /// What the primary is called, whatever its address.
    pub(super) id: String,
}

/// What a node answers to `CLUSTER SLOTS` (<https://redis.io/docs/latest/commands/cluster-slots/>); `None` for
/// what it never answers.
pub(super) fn slot_ranges(answer: Value, asked: &str) -> Option<Vec<SlotRange>> {
    let Value::Array(ranges) = answer else {
        return None;
    };
    let mut ranges = ranges
        .into_iter()
        .map(|range| slot_range(range, asked))
        .collect::<Option<Vec<_>>>()?;
    ranges.sort_by_key(|range| range.first);
    Some(ranges)
}

fn slot_range(range: Value, asked: &str) -> Option<SlotRange> {
    type Node = (Option<String>, u16, String);
    let Value::Array(parts) = range else {
        return None;
    };
    let [first, last, Value::Array(node), ..] = &parts[..] else {
        return None;
    };
    let number = |value: &Value| redis::from_redis_value_ref::<u16>(value).ok();
    let (first, last) = (number(first)?, number(last)?);
    // A node has more to say of itself since Redis 7.
    let node = Value::Array(node.iter().take(3).cloned().collect());
    let (host, port, id) = redis::from_redis_value::<Node>(node).ok()?;
    (first <= last && last < SLOTS).then(|| SlotRange {
        first,
        last,
        primary: NodeAddress {
            host: known_host(host.as_deref().unwrap_or_default(), asked),
            port,
        },
        id,
    })
}

#[cfg(test)]
mod tests {
    use redis::parse_redis_value;

    use super::*;

    // What CLUSTER KEYSLOT answers.
    #[test]
    fn keys_fall_into_the_slots_that_a_cluster_says() {
        for (key, slot) in [
            ("123456789", 12739),
            ("lock:seat:10", 10374),
            ("{lock:seat:10}:fence:a", 10374),
            ("{user1000}.following", 3443),
            ("user1000", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
            ("{bar", 4015),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn what_begins_with_the_same_tag_falls_into_the_same_slot() {
        for key in ["lock:seat:10", "{all}lock:1", "a{b}c", "{}1", "x{"] {
            let other = in_the_slot_of(key) + ":fence:1";
            let is_same = slot_of(other.as_bytes()) == slot_of(key.as_bytes());
            assert_eq!(is_same, key != "{}1", "{key}");
        }
    }

    #[test]
    fn the_map_of_a_cluster_is_read_whatever_its_nodes_call_themselves() {
        let answer = b"*2\r\n\
            *3\r\n:8192\r\n:16383\r\n*4\r\n$-1\r\n:7001\r\n$1\r\nb\r\n*0\r\n\
            *3\r\n:0\r\n:8191\r\n*3\r\n$9\r\n127.0.0.1\r\n:7000\r\n$1\r\na\r\n";
        let ranges = slot_ranges(parse_redis_value(answer).unwrap(), "here").unwrap();
        let shown: Vec<_> = ranges
            .iter()
            .map(|it| {
                (
                    it.first,
                    it.last,
                    &*it.primary.host,
                    it.primary.port,
                    &*it.id,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                (0, 8191, "127.0.0.1", 7000, "a"),
                (8192, 16383, "here", 7001, "b")
            ]
        );
        assert_eq!(slot_ranges(Value::Okay, "here"), None);
        let beyond = b"*1\r\n*3\r\n:0\r\n:16384\r\n*3\r\n$1\r\nh\r\n:1\r\n$1\r\na\r\n";
        let beyond = slot_ranges(parse_redis_value(beyond).unwrap(), "here");
        assert_eq!(beyond, None);
    }

    #[test]
    fn a_redirection_names_a_node_also_by_nothing_but_its_port() {
        let of = |text| NodeAddress::of_redirection(text, "here").map(|it| (it.host, it.port));
        assert_eq!(of("10.0.0.1:7000"), Some(("10.0.0.1".to_owned(), 7000)));
        assert_eq!(of(":7000"), Some(("here".to_owned(), 7000)));
        assert_eq!(of("::1:7000"), Some(("::1".to_owned(), 7000)));
        assert_eq!(of("nowhere"), None);
    }
}
