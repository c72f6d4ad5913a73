//! Colour and signs. Nothing is said by colour alone.

use console::Style;

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

/// Paints, or does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colour: bool,
}

impl Paint {
    /// With colour or without.
    pub(crate) fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn style(self) -> Style {
        Style::new().force_styling(self.colour)
    }

    /// The sign of a line.
    pub(crate) fn mark(self, mark: Mark) -> String {
        let (sign, style) = match mark {
            Mark::Ok => ("✓", self.style().green()),
            Mark::Changed => ("~", self.style().yellow()),
            Mark::Fail => ("✗", self.style().red().bold()),
            Mark::Skip => ("-", self.style().dim()),
            Mark::Warn => ("!", self.style().yellow().bold()),
            Mark::Ask => ("?", self.style().cyan().bold()),
            Mark::Back => ("↶", self.style().magenta()),
            Mark::Note => ("·", self.style().dim()),
        };
        style.apply_to(sign).to_string()
    }

    /// Bold.
    pub(crate) fn bold(self, text: &str) -> String {
        self.style().bold().apply_to(text).to_string()
    }

    /// Less important.
    pub(crate) fn dim(self, text: &str) -> String {
        self.style().dim().apply_to(text).to_string()
    }
}
