//! Text with names and places. Everything that is said about a file is said with a [`Span`].
//!
//! Knows nothing of YAML, files or terminals. Invariant: a span made from a source lies on
//! character boundaries of that source.

use serde::{Deserialize, Serialize};

/// One of the texts in a [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId(pub(crate) u16);

/// A range of bytes in one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Which text.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A range of bytes in `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The part of this span from `start` to `end`, both counted from its beginning.
    #[must_use]
    pub fn slice(self, start: usize, end: usize) -> Self {
        let at = |n: usize| (self.start as usize + n).min(self.end as usize);
        Self::new(self.file, at(start), at(end))
    }

    /// From the beginning of this span to the end of `other`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { file: self.file, start: self.start, end: other.end.max(self.start) }
    }
}

/// A value and the place it was written at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Ties a value to its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A line and a column, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One named text.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
    lines: Vec<u32>,
}

impl Source {
    /// The name to show: usually a path as the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.lines.partition_point(|&start| start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0) as usize;
        let end = (offset as usize).clamp(start, self.text.len());
        let column = self.text.get(start..end).map_or(0, |before| before.chars().count());
        Position { line: line as u32, column: column as u32 + 1 }
    }
}

/// All texts that a command has read.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// No texts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text and gives its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at as u32 + 1)).collect();
        self.0.push(Source { name: name.into(), text, lines });
        FileId((self.0.len() - 1) as u16)
    }

    /// Covers a range with `*`, so that an excerpt does not show what stands there.
    pub fn mask(&mut self, span: Span) {
        let Some(source) = self.0.get_mut(usize::from(span.file.0)) else { return };
        let (start, end) = (span.start as usize, (span.end as usize).min(source.text.len()));
        if let Some(text) = source.text.get(start..end) {
            let cover: String = text.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect();
            source.text.replace_range(start..end, &cover);
        }
    }

    /// The text with this id.
    pub fn get(&self, file: FileId) -> Option<&Source> {
        self.0.get(usize::from(file.0))
    }

    /// The characters that a span covers; empty if it covers none.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or_default()
    }

    /// Line and column of the beginning of a span.
    pub fn position(&self, span: Span) -> Position {
        self.get(span.file).map_or(Position { line: 1, column: 1 }, |source| source.position(span.start))
    }

    /// `file:line:col`, as editors and terminals understand it.
    pub fn place(&self, span: Span) -> String {
        let at = self.position(span);
        let name = self.get(span.file).map_or("?", Source::name);
        format!("{name}:{}:{}", at.line, at.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_characters_not_bytes() {
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", "é: 1\nключ: x\n");
        let x = sources.get(file).unwrap().text().find('x').unwrap();
        assert_eq!(sources.place(Span::new(file, x, x + 1)), "a.yaml:2:7");
    }

    #[test]
    fn a_span_past_the_end_is_the_last_line() {
        let mut sources = Sources::new();
        let file = sources.add("a", "one\ntwo");
        assert_eq!(sources.place(Span::new(file, 99, 99)), "a:2:4");
    }
}
