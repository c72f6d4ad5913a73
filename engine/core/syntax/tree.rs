//! YAML text → a tree in which every key and value knows its place and scalars keep the text as
//! written, so that `1.10`, `0755` and `no` survive until someone knows what they are for.
//!
//! Knows nothing of playbooks. Budgets bound what a hostile file can cost.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle};

use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Source, Span, Spanned};

/// Bytes a file may have.
pub const MAX_BYTES: usize = 16 << 20;
/// Nodes that aliases and merge keys may add.
const MAX_ALIASED_NODES: usize = 100_000;
/// How deep collections may nest.
const MAX_DEPTH: usize = 64;
/// Nodes in a file.
const MAX_NODES: usize = 4_000_000;

/// A value and where to point when speaking of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// For a scalar its text; for a collection its first line, to keep excerpts small.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text; `plain` if it stood there without quotes or block markers.
    Scalar {
        /// The text after escapes.
        text: Box<str>,
        /// Written without quotes, so that YAML may take it for a number or a boolean.
        plain: bool,
    },
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in the order written, without duplicate keys.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key; always a scalar.
    pub key: Spanned<String>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// What it is, in words for an error.
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The entries, if this is a mapping.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Null | Value::Scalar { .. } | Value::Seq(_) => None,
        }
    }

    /// The items, if this is a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            Value::Null | Value::Scalar { .. } | Value::Map(_) => None,
        }
    }

    /// The text, if this is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Null | Value::Seq(_) | Value::Map(_) => None,
        }
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::Null | Value::Scalar { .. } => 0,
            Value::Seq(items) => items.iter().map(Node::count).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 1 + entry.value.count()).sum(),
        }
    }
}

/// Reads one YAML document. `None` means that there is no tree to go on with; the reason is in
/// the diagnostics.
pub fn parse(file: FileId, source: &Source) -> (Option<Node>, Diagnostics) {
    let text = source.text();
    let mut builder = Builder { file, nodes: 0, aliased: 0, anchors: HashMap::new(), found: Diagnostics::new() };
    if text.len() > MAX_BYTES {
        builder.found.push(
            Diagnostic::error(
                Code::Budget,
                Span::new(file, 0, 0),
                format!("the file has {} bytes; at most {MAX_BYTES} are read", text.len()),
            )
            .help("split it, and keep data out of the playbook"),
        );
        return (None, builder.found);
    }
    let mut options = Options::default();
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut events = Events { parser: Parser::new_from_str_with_options(text, options), file, text };
    match builder.document(&mut events) {
        Ok(node) => (node, builder.found),
        Err(diagnostic) => {
            builder.found.push(*diagnostic);
            (None, builder.found)
        }
    }
}

type Fatal<T> = Result<T, Box<Diagnostic>>;

struct Events<'a, I: Iterator> {
    parser: I,
    file: FileId,
    text: &'a str,
}

impl<'a, I> Events<'a, I>
where
    I: Iterator<Item = Result<(Event<'a>, granit_parser::Span), granit_parser::ScanError>>,
{
    fn next(&mut self) -> Fatal<(Event<'a>, Span)> {
        let mut next = self.parser.next();
        while matches!(next, Some(Ok((Event::Comment(..), _)))) {
            next = self.parser.next();
        }
        match next {
            Some(Ok((event, span))) => {
                let range = span.byte_range().unwrap_or(0..0);
                Ok((event, Span::new(self.file, range.start, range.end)))
            }
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
                let end = self.text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
                let span = tab(self.text, at).map_or((at, end), |at| (at, at + 1));
                Err(Box::new(scan_error(&error, Span::new(self.file, span.0, span.1))))
            }
            None => Ok((Event::StreamEnd, Span::new(self.file, self.text.len(), self.text.len()))),
        }
    }
}

/// The tab that indents a line, where that is what the reader stumbles over: on this line or the next.
fn tab(text: &str, at: usize) -> Option<usize> {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let mut start = line;
    for line in text[line..].split_inclusive('\n').take(2) {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t') {
            return Some(start + tab);
        }
        start += line.len();
    }
    None
}

fn scan_error(error: &granit_parser::ScanError, span: Span) -> Diagnostic {
    use granit_parser::ErrorKind as K;
    let kind = error.kind();
    let words = kind.to_string();
    let help = match kind {
        _ if words.contains(" tab") => "indent with spaces, never with tabs",
        K::RecursionLimitExceeded => {
            return Diagnostic::error(Code::Budget, span, format!("nested deeper than {MAX_DEPTH} levels"))
                .help("no playbook needs this depth; flatten it");
        }
        K::TabNotAllowed | K::TabInBlockIndentation | K::TabInIndentation | K::TabAtBlockScalarStart => {
            "indent with spaces, never with tabs"
        }
        K::UnknownAnchor => "an alias `*name` needs an anchor `&name` before it",
        K::MappingValueNotAllowed | K::InvalidColonPlacement => {
            "is this line indented deeper than the one above? Else put text that contains `: ` between quotes"
        }
        K::UnclosedQuotedScalar => "a quote is opened here and never closed",
        K::UnexpectedCharacter { .. } => "put text that begins with a special character between quotes",
        K::UnknownQuotedScalarEscape => "between double quotes, write a backslash twice; or use single quotes",
        _ => "a quote, bracket or brace may be open on a line above, or the indentation may differ",
    };
    Diagnostic::error(Code::Yaml, span, format!("not valid YAML: {}", words.trim_end_matches('.'))).help(help)
}

struct Builder {
    file: FileId,
    nodes: usize,
    aliased: usize,
    anchors: HashMap<usize, Node>,
    found: Diagnostics,
}

impl Builder {
    fn document<'a, I>(&mut self, events: &mut Events<'a, I>) -> Fatal<Option<Node>>
    where
        I: Iterator<Item = Result<(Event<'a>, granit_parser::Span), granit_parser::ScanError>>,
    {
        let mut root = None;
        loop {
            let (event, span) = events.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(..) => {
                    if root.is_some() {
                        self.found.push(
                            Diagnostic::error(Code::NotAPlaybook, span, "a second document in one file")
                                .help("one file holds one playbook; move the rest to a file of its own"),
                        );
                        return Ok(root);
                    }
                }
                other => root = Some(self.node(other, span, events)?),
            }
        }
    }

    fn node<'a, I>(&mut self, event: Event<'a>, span: Span, events: &mut Events<'a, I>) -> Fatal<Node>
    where
        I: Iterator<Item = Result<(Event<'a>, granit_parser::Span), granit_parser::ScanError>>,
    {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Box::new(
                Diagnostic::error(Code::Budget, span, format!("more than {MAX_NODES} values in one file"))
                    .help("keep data out of the playbook"),
            ));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if let Some(tag) = tag {
                    self.found.push(
                        Diagnostic::error(Code::Yaml, span, format!("the tag `{tag}` has no meaning here"))
                            .help("write the value without it; types follow from the key"),
                    );
                }
                let value = if plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    Value::Null
                } else {
                    Value::Scalar { text: text.into(), plain }
                };
                (Node { span, value }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = events.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    items.push(self.node(event, span, events)?);
                }
                let span = items.first().map_or(span, |first| Span {
                    file: span.file,
                    start: span.start.min(first.span.start),
                    end: first.span.end,
                });
                (Node { span, value: Value::Seq(items) }, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let entries = self.mapping(events)?;
                let span = entries.first().map_or(span, |first: &Entry| first.key.span);
                (Node { span, value: Value::Map(entries) }, anchor)
            }
            Event::Alias(id) => {
                // An alias inside the very node that it names has no node yet.
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(Box::new(
                        Diagnostic::error(Code::Yaml, span, "an alias that contains itself")
                            .help("an alias can only repeat what is already complete"),
                    ));
                };
                self.repeat(&node, span)?;
                (node, 0)
            }
            _ => {
                return Err(Box::new(
                    Diagnostic::error(Code::Yaml, span, "not valid YAML here")
                        .help("a quote, bracket or brace may be open on a line above"),
                ));
            }
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn repeat(&mut self, node: &Node, span: Span) -> Fatal<()> {
        self.aliased += node.count();
        if self.aliased > MAX_ALIASED_NODES {
            return Err(Box::new(
                Diagnostic::error(Code::Budget, span, format!("aliases repeat more than {MAX_ALIASED_NODES} values"))
                    .help("aliases of aliases multiply; write the list once, or use a loop"),
            ));
        }
        Ok(())
    }

    fn mapping<'a, I>(&mut self, events: &mut Events<'a, I>) -> Fatal<Vec<Entry>>
    where
        I: Iterator<Item = Result<(Event<'a>, granit_parser::Span), granit_parser::ScanError>>,
    {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        let mut merges: Vec<Node> = Vec::new();
        loop {
            let (event, span) = events.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, span, events)?;
            let (event, span) = events.next()?;
            let value = self.node(event, span, events)?;
            let name = match &key.value {
                Value::Scalar { text, .. } => text.to_string(),
                Value::Null => self.found_at(key.span, events.text).to_owned(),
                Value::Seq(_) | Value::Map(_) => {
                    self.found.push(
                        Diagnostic::error(Code::Yaml, key.span, format!("{} as a key", key.describe()))
                            .help("put a template between quotes: \"{{ … }}\""),
                    );
                    continue;
                }
            };
            if name == "<<" {
                merges.push(value);
                continue;
            }
            if let Some(&first) = seen.get(&name) {
                self.found.push(
                    Diagnostic::error(Code::DuplicateKey, key.span, format!("`{name}` is written twice"))
                        .label("again here")
                        .also(first, "first here")
                        .help("keep one of them"),
                );
                continue;
            }
            seen.insert(name.clone(), key.span);
            entries.push(Entry { key: Spanned::new(name, key.span), value });
        }
        for merge in merges {
            self.merge(&merge, &mut entries, &mut seen)?;
        }
        Ok(entries)
    }

    fn found_at<'t>(&self, span: Span, text: &'t str) -> &'t str {
        debug_assert_eq!(span.file, self.file);
        text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn merge(&mut self, from: &Node, into: &mut Vec<Entry>, seen: &mut HashMap<String, Span>) -> Fatal<()> {
        match &from.value {
            Value::Map(entries) => {
                for entry in entries {
                    if !seen.contains_key(&entry.key.value) {
                        self.repeat(&entry.value, entry.key.span)?;
                        seen.insert(entry.key.value.clone(), entry.key.span);
                        into.push(entry.clone());
                    }
                }
                Ok(())
            }
            Value::Seq(items) => items.iter().try_for_each(|item| self.merge(item, into, seen)),
            Value::Null | Value::Scalar { .. } => {
                self.found.push(
                    Diagnostic::error(Code::Yaml, from.span, format!("`<<` merges mappings, not {}", from.describe()))
                        .help("write `<<: *anchor` where the anchor is on a mapping"),
                );
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn read(text: &str) -> (Option<Node>, Diagnostics, Sources) {
        let mut sources = Sources::new();
        let file = sources.add("t.yaml", text);
        let (node, found) = parse(file, sources.get(file).unwrap());
        (node, found, sources)
    }

    #[test]
    fn scalars_keep_the_text_as_written() {
        let (node, found, _) = read("[010, 1.10, no, 1_000, '~', ~]");
        assert!(found.is_empty());
        let texts: Vec<_> = node.unwrap().items().unwrap().iter().map(|n| n.text().map(str::to_owned)).collect();
        let want = ["010", "1.10", "no", "1_000", "~"].map(|t| Some(t.to_owned()));
        assert_eq!(texts[..5], want);
        assert_eq!(texts[5], None);
    }

    #[test]
    fn a_duplicate_key_is_reported_at_the_second_and_reading_goes_on() {
        let (node, found, sources) = read("a: 1\nb: 2\na: 3\na: 4\n");
        let places: Vec<_> = found.iter().map(|d| sources.place(d.primary.span)).collect();
        assert_eq!(places, ["t.yaml:3:1", "t.yaml:4:1"]);
        assert_eq!(node.unwrap().get("a").unwrap().text(), Some("1"));
    }

    #[test]
    fn merge_keys_fill_what_is_missing() {
        let (node, found, _) = read("base: &b {x: 1, y: 2}\nthis: {<<: *b, y: 3}\n");
        assert!(found.is_empty());
        let node = node.unwrap();
        let this = node.get("this").unwrap();
        assert_eq!(this.get("x").unwrap().text(), Some("1"));
        assert_eq!(this.get("y").unwrap().text(), Some("3"));
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..10 {
            let names = vec![format!("*{}", char::from(b'a' + level - 1)); 10].join(",");
            text.push_str(&format!("{0}: &{0} [{names}]\n", char::from(b'a' + level)));
        }
        let (node, found, _) = read(&text);
        assert!(node.is_none());
        assert_eq!(found.iter().next().unwrap().code, Code::Budget);
    }

    #[test]
    fn depth_is_bounded() {
        for text in ["[".repeat(5000), "- ".repeat(5000), "{a: ".repeat(5000)] {
            let (node, found, _) = read(&text);
            assert!(node.is_none());
            assert_eq!(found.iter().next().unwrap().code, Code::Budget, "{:?}", found.iter().next().unwrap().message);
        }
    }
}
