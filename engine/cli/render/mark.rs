//! Signs of lines. Nothing is said by colour alone.

use super::terminal::Paint;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Well, and nothing changed.
    Ok,
    /// Well, and something changed.
    Changed,
    /// Not well.
    Fail,
    /// Not run.
    Skip,
    /// Mind this.
    Warn,
    /// A question.
    Ask,
    /// Taken back.
    Back,
    /// Someone said something.
    Note,
}

impl Paint {
    /// The sign of a line.
    pub(crate) fn mark(self, mark: Mark) -> String {
        match mark {
            Mark::Ok => self.good("✓"),
            Mark::Changed => self.change("~"),
            Mark::Fail => self.bad("✗"),
            Mark::Skip => self.dim("-"),
            Mark::Warn => self.change("!"),
            Mark::Ask => self.person("?"),
            Mark::Back => self.doubt("↶"),
            Mark::Note => self.dim("·"),
        }
    }
}
