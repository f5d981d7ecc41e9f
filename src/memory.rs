//! Memory that this process may still take: the smallest of what is free, of its control groups'
//! limits and of its own.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// The bytes that can be taken without swapping, without being killed and without being refused;
/// `None` where the system does not say.
#[must_use]
pub fn available_bytes() -> Option<u64> {
    Limits::of_this_process().available_bytes()
}

/// The bytes that are really in use by this process
/// (<https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>); 0 where the system does not say.
#[must_use]
pub fn resident_bytes() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    kib(&status, "VmRSS:").map_or(0, |kib| kib * 1024)
}

/// Where the limits are read.
#[derive(Debug, Default)]
pub struct Limits {
    groups: Vec<Group>,
}

/// A control group with a limit of its own.
#[derive(Debug)]
struct Group {
    folder: PathBuf,
    version: Version,
}

/// Which interface a control group has
/// (<https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files>,
/// <https://docs.kernel.org/admin-guide/cgroup-v1/memory.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Limits {
    /// Those of this process: its groups and every group around them.
    #[must_use]
    pub fn of_this_process() -> Self {
        let read = |path| read_to_string(path).unwrap_or_default();
        Self {
            groups: groups(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo")),
        }
    }

    /// The smallest of them at this moment.
    #[must_use]
    pub fn available_bytes(&self) -> Option<u64> {
        let read = |path| read_to_string(path).unwrap_or_default();
        let free = kib(&read("/proc/meminfo"), "MemAvailable:").map(|kib| kib * 1024);
        let own = own_rest(&read("/proc/self/limits"), &read("/proc/self/status"));
        let groups = self.groups.iter().filter_map(Group::available_bytes);
        groups.chain(own).chain(free).min()
    }
}

impl Group {
    fn available_bytes(&self) -> Option<u64> {
        let (limit, usage, idle) = match self.version {
            Version::One => (
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            ),
            Version::Two => ("memory.max", "memory.current", "inactive_file"),
        };
        let read = |name: &str| read_to_string(self.folder.join(name)).unwrap_or_default();
        let stat = read("memory.stat");
        let idle = stat.lines().find_map(|line| {
            let (name, bytes) = line.split_once(' ')?;
            (name == idle).then_some(bytes)
        });
        group_rest(&read(limit), &read(usage), idle.unwrap_or_default())
    }
}

/// What a group may still take. Files that nobody reads are given back when there is need. `None` for
/// a group without a limit.
fn group_rest(limit: &str, usage: &str, idle: &str) -> Option<u64> {
    let number = |text: &str| -> Option<u64> { text.trim().parse().ok() };
    let used = number(usage)?.saturating_sub(number(idle).unwrap_or(0));
    Some(number(limit)?.saturating_sub(used))
}

/// The folders of the memory groups that a process is in, innermost first.
fn groups(memberships: &str, mounts: &str) -> Vec<Group> {
    let of_version = |version| {
        let path = memberships.lines().find_map(|line| {
            // `4:memory:/a/b` in version 1, `0::/a/b` in version 2.
            let (number, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let is_meant = match version {
                Version::One => controllers.split(',').any(|name| name == "memory"),
                Version::Two => number == "0" && controllers.is_empty(),
            };
            is_meant.then_some(path)
        })?;
        let (root, place) = mounts.lines().find_map(|line| mount(line, version))?;
        // In a container the mount shows a part of the tree only: its root is not the whole tree's.
        let inside = Path::new(path).strip_prefix(&root);
        let folder = place.join(inside.unwrap_or_else(|_| Path::new("")));
        let around = folder.ancestors().take_while(|one| one.starts_with(&place));
        let groups = around.map(|folder| Group {
            folder: folder.to_owned(),
            version,
        });
        Some(groups.collect::<Vec<_>>())
    };
    let found = [Version::One, Version::Two].map(of_version);
    found.into_iter().flatten().flatten().collect()
}

/// The root and the place of a mount, if it is one of such control groups
/// (<https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>).
fn mount(line: &str, version: Version) -> Option<(PathBuf, PathBuf)> {
    let (before, after) = line.split_once(" - ")?;
    let mut about = after.split(' ');
    let (kind, options) = (about.next()?, about.nth(1)?);
    let is_meant = match version {
        Version::One => kind == "cgroup" && options.split(',').any(|name| name == "memory"),
        Version::Two => kind == "cgroup2",
    };
    let mut fields = before.split(' ').skip(3);
    let [root, place] = [fields.next()?, fields.next()?];
    is_meant.then(|| (PathBuf::from(root), PathBuf::from(place)))
}

/// What the limits of the process itself leave: `ulimit -v` and `ulimit -d`. They count room that is
/// only reserved, too: a quarter is left for that.
fn own_rest(limits: &str, status: &str) -> Option<u64> {
    let rest = |limit: &str, used: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit))?;
        let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(limit.saturating_sub(kib(status, used)? * 1024))
    };
    let space = rest("Max address space", "VmSize:");
    let data = rest("Max data size", "VmData:");
    let least = space.into_iter().chain(data).min()?;
    Some(least / 4 * 3)
}

/// A number of kibibytes in a file of names and values.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(memberships: &str, mounts: &str) -> Vec<String> {
        let groups = groups(memberships, mounts);
        let shown = |group: &Group| group.folder.display().to_string();
        groups.iter().map(shown).collect()
    }

    #[test]
    fn a_group_of_version_1_and_every_group_around_it_are_found() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                      35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
        assert_eq!(
            folders("5:devices:/\n4:memory:/outer/inner", mounts),
            [
                "/sys/fs/cgroup/memory/outer/inner",
                "/sys/fs/cgroup/memory/outer",
                "/sys/fs/cgroup/memory",
            ]
        );
    }

    #[test]
    fn a_group_of_version_2_is_found_also_where_the_mount_shows_a_part_of_the_tree() {
        let mounts =
            "24 1 0:21 /docker/abc /sys/fs/cgroup ro shared:1 - cgroup2 cgroup rw,nsdelegate";
        let folders = folders("0::/docker/abc/job", mounts);
        assert_eq!(folders, ["/sys/fs/cgroup/job", "/sys/fs/cgroup"]);
    }

    #[test]
    fn what_a_group_may_take_is_its_limit_without_what_it_uses() {
        assert_eq!(group_rest("", "", ""), None);
        assert_eq!(group_rest("max\n", "600\n", ""), None);
        assert_eq!(group_rest("1000\n", "600\n", ""), Some(400));
        assert_eq!(group_rest("1000\n", "600\n", "150"), Some(550));
        assert_eq!(group_rest("500\n", "600\n", ""), Some(0));
    }

    #[test]
    fn the_limits_of_the_process_count_without_what_it_uses() {
        let status = "VmSize:\t    100 kB\nVmData:\t     50 kB\n";
        let limits = |space: &str, data: &str| {
            format!(
                "Max data size             {data}    unlimited    bytes\n\
                 Max address space         {space}   unlimited    bytes\n"
            )
        };
        let rest = |space, data| own_rest(&limits(space, data), status);
        assert_eq!(rest("unlimited", "unlimited"), None);
        assert_eq!(rest("204800", "unlimited"), Some(76_800));
        assert_eq!(rest("204800", "61440"), Some(7_680));
        assert_eq!(rest("1024", "unlimited"), Some(0));
    }
}
