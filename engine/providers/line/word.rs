//! One word of a line, and parts of words.

use playbook_core::expr::Template;
use playbook_core::source::Span;

use super::open;
use super::problem::{At, Problem};

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The text; none while a template in it has no value.
    pub(crate) text: Option<String>,
    /// What the author wrote before the first template; the whole text if there is none.
    pub(crate) head: String,
    /// Did the author write all of it? An empty value leaves a text that is its head all the same.
    pub(crate) fixed: bool,
    /// What the author wrote between its templates and, as the last of these, after them.
    pub(crate) rest: Vec<String>,
    /// Where it stands.
    pub(crate) span: Span,
}

impl Word {
    /// A word as written, before templates have values.
    pub(crate) fn written(template: &Template) -> Self {
        let text = template.fixed().map(str::to_owned);
        let (head, rest) = parts(template);
        Self { fixed: text.is_some(), text, head, rest, span: template.span() }
    }

    /// A word whose templates have been filled in.
    pub(crate) fn filled(template: &Template, text: String) -> Self {
        let (head, rest) = parts(template);
        // A template that is the whole word loses the spaces around it.
        let head = if text.starts_with(&head) { head } else { String::new() };
        Self { head, rest, text: Some(text), fixed: template.fixed().is_some(), span: template.span() }
    }
}

const MARKS: [(&str, &str); 3] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];

/// What the author wrote before the first template, and between and after them.
fn parts(template: &Template) -> (String, Vec<String>) {
    let text = template.text();
    if template.fixed().is_some() {
        return (text.to_owned(), Vec::new());
    }
    let next = |text: &str| MARKS.iter().filter_map(|(open, close)| Some((text.find(open)?, *close))).min();
    let (head, mut close) = next(text).unwrap_or((0, ""));
    let (mut rest, mut text_left) = (Vec::new(), &text[head..]);
    loop {
        let end = text_left.find(close).map_or(text_left.len(), |at| at + close.len());
        text_left = &text_left[end..];
        match next(text_left) {
            Some((at, mark)) => {
                rest.push(text_left[..at].to_owned());
                (text_left, close) = (&text_left[at..], mark);
            }
            None => break rest.push(text_left.to_owned()),
        }
    }
    (text[..head].to_owned(), rest)
}

/// A word or a part of one, and which word it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The text; none while it has no value.
    pub(crate) text: Option<String>,
    /// What the author wrote before the first template.
    pub(crate) head: String,
    /// Did the author write all of it?
    pub(crate) fixed: bool,
    /// What the author wrote between its templates and, as the last of these, after them.
    rest: Vec<String>,
    /// Which word.
    pub(crate) at: usize,
}

impl Piece {
    /// A whole word.
    pub(crate) fn of(word: &Word, at: usize) -> Self {
        let text = word.text.clone();
        // A head that is no beginning of the text would be a mistake of the caller: trust none of it.
        let sound = text.as_ref().is_none_or(|text| text.starts_with(&word.head));
        let head = if sound { word.head.clone() } else { String::new() };
        let fixed = word.fixed && text.as_ref() == Some(&head);
        Self { text, head, fixed, rest: word.rest.clone(), at }
    }

    /// Something that the author wrote, or would have.
    pub(crate) fn fixed(text: &str, at: usize) -> Self {
        Self { text: Some(text.to_owned()), head: text.to_owned(), fixed: true, rest: Vec::new(), at }
    }

    /// The text, open if it has no value yet.
    pub(crate) fn value(&self) -> String {
        self.text.clone().unwrap_or_else(|| open::text(&self.head))
    }

    /// The text for a message.
    pub(crate) fn shown(&self) -> String {
        open::shown(&self.value())
    }

    /// The part from a byte of the head on.
    pub(crate) fn after(&self, byte: usize) -> Self {
        let cut = |text: &str| text.get(byte..).unwrap_or_default().to_owned();
        Self { text: self.text.as_deref().map(cut), head: cut(&self.head), ..self.clone() }
    }

    /// What stands before and after the first `mark` that the author wrote.
    pub(crate) fn split(&self, mark: char) -> Option<(String, Self)> {
        let byte = self.head.find(mark)?;
        Some((self.head[..byte].to_owned(), self.after(byte + mark.len_utf8())))
    }

    /// The parts between the commas that the author wrote.
    pub(crate) fn list(&self) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut rest = self.clone();
        while let Some((part, after)) = rest.split(',') {
            parts.push(Self::fixed(&part, self.at));
            rest = after;
        }
        parts.push(rest);
        parts
    }

    /// The parts between the marks that the author wrote, before and after a template.
    ///
    /// # Errors
    /// When a mark stands between two templates, or in a value.
    pub(crate) fn parts(&self, mark: char) -> Result<Vec<Self>, Problem> {
        let mut parts: Vec<Self> = self.head.split(mark).map(|part| Self::fixed(part, self.at)).collect();
        if self.fixed {
            return Ok(parts);
        }
        let (tail, between) = self.rest.split_last().map_or(("", &[][..]), |(tail, between)| (tail.as_str(), between));
        if between.iter().any(|text| text.contains(mark)) {
            return Err(self.problem(
                format!("`{mark}` between two templates in one word"),
                "write one template in a word whose parts count, or give the whole part as one input",
            ));
        }
        let head = parts.pop().map(|part| part.head).unwrap_or_default();
        // The end of a text that is not its tail lost spaces to a template: it counts as value.
        let cut = |text: &str| {
            let value = text.get(self.head.len()..).unwrap_or_default();
            value.strip_suffix(tail).map_or((value.to_owned(), ""), |value| (value.to_owned(), tail))
        };
        let (value, tail) = self.text.as_deref().map_or((None, tail), |text| {
            let (value, tail) = cut(text);
            (Some(value), tail)
        });
        if let Some(value) = value.as_ref().filter(|value| value.contains(mark)) {
            return Err(self.problem(
                format!("a value with `{mark}` in it, `{value}`, where that ends a part of a word"),
                format!("give a value without `{mark}`; write what belongs to other parts out"),
            ));
        }
        let mut after = tail.split(mark);
        let end = after.next().unwrap_or_default();
        let text = value.map(|value| format!("{head}{value}{end}"));
        parts.push(Self { text, head, fixed: false, rest: vec![end.to_owned()], at: self.at });
        parts.extend(after.map(|part| Self::fixed(part, self.at)));
        Ok(parts)
    }

    /// A problem with it.
    pub(crate) fn problem(&self, message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem::new(At::Word(self.at), message, help)
    }
}

#[cfg(test)]
mod tests {
    use playbook_core::diagnostic::Diagnostics;
    use playbook_core::source::Spanned;

    use super::*;

    fn told(written: &str, text: Option<&str>) -> Result<Vec<String>, String> {
        let template =
            Template::new(&Spanned::new(written.to_owned(), Span::default()), &mut Diagnostics::new()).expect(written);
        let word = match text {
            Some(text) => Word::filled(&template, text.to_owned()),
            None => Word::written(&template),
        };
        let parts = Piece::of(&word, 0).parts(':').map_err(|problem| problem.message)?;
        Ok(parts.iter().map(Piece::shown).collect())
    }

    #[test]
    fn parts_are_those_that_the_author_wrote() {
        for (written, text, wanted) in [
            ("a:b", Some("a:b"), &["a", "b"][..]),
            ("{{ x }}:b", Some("a:b"), &["a", "b"]),
            ("{{ x }}:b", None, &["…", "b"]),
            ("a{{ x }}c:{# no #}b", Some("a1c:b"), &[]),
            ("a:{{ x }}d:b:ro", Some("a:1d:b:ro"), &["a", "1d", "b", "ro"]),
            ("a:{{ x }}{{ y }}:b", Some("a:12:b"), &["a", "12", "b"]),
            ("a:{{ x }}:{{ y }}", None, &[]),
            ("{{ x }}", Some("a:b"), &[]),
            ("{{ x }}:b", Some(":/etc:b"), &[]),
            ("{{ x }}:b", Some(":b"), &["", "b"]),
        ] {
            let parts = told(written, text);
            assert_eq!(parts.as_deref().unwrap_or_default(), wanted, "{written}: {parts:?}");
        }
    }
}
