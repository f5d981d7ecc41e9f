//! Open transactions of the model's database: what each has seen, and what the one that writes has
//! written.

/// A user's own transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum OpenTransaction {
    /// None is open.
    #[default]
    None,
    /// It has not looked at anything yet.
    Begun,
    /// It sees what was there at its first look.
    Looked(Seen),
}

impl OpenTransaction {
    /// All of it in 19 bits.
    pub(super) fn packed(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Begun => 1,
            Self::Looked(Seen {
                commits,
                is_sold,
                version,
            }) => u32::from(commits) << 11 | u32::from(version) << 3 | u32::from(is_sold) << 2 | 2,
        }
    }
}

/// What was there at the first look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) commits: u8,
    pub(super) is_sold: bool,
    pub(super) version: u8,
}

/// What is written on the writer's seat, and not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pending {
    pub(super) has_row: bool,
    pub(super) is_guarded: bool,
    pub(super) version: u8,
    pub(super) fence: u8,
    /// Whether anything was written.
    pub(super) is_dirty: bool,
}

impl Pending {
    /// Makes the seat's version a new one if it is still this: whether it was.
    pub(super) const fn renew_version(&mut self, version: u8) -> bool {
        if self.version != version {
            return false;
        }
        self.version = self.version.saturating_add(1);
        self.is_dirty = true;
        true
    }

    /// All of it in 19 bits.
    pub(super) fn packed(self) -> u64 {
        let Self {
            has_row,
            is_guarded,
            version,
            fence,
            is_dirty,
        } = self;
        let flags = u64::from(has_row) | u64::from(is_guarded) << 1 | u64::from(is_dirty) << 2;
        u64::from(version) << 11 | u64::from(fence) << 3 | flags
    }
}
