//! What is known of one command: flags, arity and where its keys stand.

/// Flags of a command, as COMMAND names them. Flags without a meaning here are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags(u16);

impl Flags {
    pub(super) const WRITE: Self = Self(1);
    pub(super) const READONLY: Self = Self(1 << 1);
    pub(super) const DENYOOM: Self = Self(1 << 2);
    pub(super) const ADMIN: Self = Self(1 << 3);
    pub(super) const BLOCKING: Self = Self(1 << 4);
    pub(super) const NO_MULTI: Self = Self(1 << 5);
    pub(super) const MOVABLE_KEYS: Self = Self(1 << 6);
    pub(super) const MODULE: Self = Self(1 << 7);
    pub(super) const MAY_REPLICATE: Self = Self(1 << 8);

    /// The flag with this name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "write" => Self::WRITE,
            "readonly" => Self::READONLY,
            "denyoom" => Self::DENYOOM,
            "admin" => Self::ADMIN,
            "blocking" => Self::BLOCKING,
            "no_multi" => Self::NO_MULTI,
            "movablekeys" => Self::MOVABLE_KEYS,
            "module" => Self::MODULE,
            "may_replicate" => Self::MAY_REPLICATE,
            _ => Self(0),
        }
    }

    /// These and those.
    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Is it set?
    pub(super) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }
}

/// What is known of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// Words, its name included; a negative number is the least.
    pub(super) arity: i32,
    pub(super) flags: Flags,
    /// The first key, counted from the command's name; 0 if there is none.
    pub(super) first: i32,
    /// The last key; negative from the end.
    pub(super) last: i32,
    pub(super) step: i32,
}

impl Meta {
    /// Can a command have this many words?
    pub(super) fn takes(&self, words: usize) -> bool {
        let least = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { words >= least } else { words == least }
    }

    /// Where the keys stand among so many words, as far as the table tells.
    pub(super) fn keys(&self, words: usize) -> Vec<usize> {
        let at = |n: i32| usize::try_from(n).unwrap_or(0);
        if self.first <= 0 || self.step <= 0 {
            return Vec::new();
        }
        let last = if self.last < 0 { words.saturating_sub(at(-self.last)) } else { at(self.last) };
        (at(self.first)..=last.min(words.saturating_sub(1))).step_by(at(self.step)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_from_either_end() {
        let meta = |first, last, step| Meta { arity: -2, flags: Flags::default(), first, last, step };
        assert_eq!(meta(1, -1, 1).keys(4), [1, 2, 3]);
        assert_eq!(meta(1, -1, 2).keys(5), [1, 3]);
        assert_eq!(meta(1, 1, 1).keys(5), [1]);
        assert_eq!(meta(1, -2, 1).keys(4), [1, 2]);
        assert_eq!(meta(0, 0, 0).keys(4), Vec::<usize>::new());
    }

    #[test]
    fn arity_counts_the_name() {
        let meta = |arity| Meta { arity, flags: Flags::default(), first: 0, last: 0, step: 0 };
        assert!(meta(2).takes(2) && !meta(2).takes(3));
        assert!(meta(-2).takes(3) && !meta(-2).takes(1));
    }
}
