//! What a flag is: its names, whether it takes a value, and whether it means something here.

/// A flag of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    /// Without dashes.
    pub(crate) name: &'static str,
    /// `-n`.
    pub(crate) short: Option<char>,
    pub(crate) takes: Takes,
    pub(crate) meaning: Meaning,
}

/// Does a flag take a value?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A switch: `--all`, `--all=false`.
    Nothing,
    /// `--name VALUE`, `--name=VALUE`.
    Value,
    /// `--name=VALUE`; alone it stands for this value.
    Maybe(&'static str),
}

/// What becomes of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The verb reads it.
    Read,
    /// It changes nothing here: it is about terminals or about how things are printed.
    Ignored,
    /// It cannot be had; this says what to write instead.
    Refused(&'static str),
}

/// A switch.
pub(crate) const fn switch(name: &'static str) -> Flag {
    Flag { name, short: None, takes: Takes::Nothing, meaning: Meaning::Read }
}

/// A flag with a value.
pub(crate) const fn value(name: &'static str) -> Flag {
    Flag { name, short: None, takes: Takes::Value, meaning: Meaning::Read }
}

/// A flag that stands for `alone` when it has no value.
pub(crate) const fn maybe(name: &'static str, alone: &'static str) -> Flag {
    Flag { name, short: None, takes: Takes::Maybe(alone), meaning: Meaning::Read }
}

impl Flag {
    /// With a name of one letter.
    pub(crate) const fn short(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    /// Accepted, without effect.
    pub(crate) const fn ignored(self) -> Self {
        Self { meaning: Meaning::Ignored, ..self }
    }

    /// Not to be had.
    pub(crate) const fn refused(self, help: &'static str) -> Self {
        Self { meaning: Meaning::Refused(help), ..self }
    }
}

/// Flags that go together, and groups of them.
pub(crate) type Group = &'static [Flag];

/// Finds a flag by its long name.
pub(crate) fn long(groups: &[Group], name: &str) -> Option<&'static Flag> {
    groups.iter().copied().flatten().find(|flag| flag.name == name)
}

/// Finds a flag by its letter.
pub(crate) fn short(groups: &[Group], letter: char) -> Option<&'static Flag> {
    groups.iter().copied().flatten().find(|flag| flag.short == Some(letter))
}
