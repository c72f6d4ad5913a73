//! Diagnostics with excerpts, as annotations, as JSON.

use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics, Severity};
use playbook_core::source::{Source, Sources, Span};

/// How many are shown in full; a broken file can have thousands.
const SHOWN: usize = 50;

/// All of them with excerpts, and a last line that counts.
pub(crate) fn text(sources: &Sources, found: &Diagnostics, width: usize, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width).decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in found.iter().take(SHOWN) {
        out.push_str(&one(&renderer, sources, diagnostic));
        out.push_str("\n\n");
    }
    let more = found.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(out, "… and {more} more of the kind above; mend these first\n");
    }
    out.push_str(&count(found));
    out
}

fn count(found: &Diagnostics) -> String {
    let errors = found.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = found.len() - errors;
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let first = found.iter().next().map(|d| format!("; `playbook explain {}` tells more", d.code)).unwrap_or_default();
    match (errors, warnings) {
        (0, 0) => String::new(),
        (0, w) => format!("{}{first}\n", plural(w, "warning")),
        (e, 0) => format!("{}{first}\n", plural(e, "error")),
        (e, w) => format!("{}, {}{first}\n", plural(e, "error"), plural(w, "warning")),
    }
}

/// The part of a text around some spans: where it begins in bytes, its first line, itself.
struct Window<'a> {
    start: usize,
    line: usize,
    text: &'a str,
}

/// The nearest place at or before `at` that does not cut a character.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn window<'a>(source: &'a Source, spans: &[Span]) -> Window<'a> {
    let text = source.text();
    let clamp = |at: u32| boundary(text, at as usize);
    let first = spans.iter().map(|span| clamp(span.start)).min().unwrap_or(0);
    let last = spans.iter().map(|span| clamp(span.end)).max().unwrap_or(0);
    let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    let line = text[..start].bytes().filter(|byte| *byte == b'\n').count() + 1;
    Window { start, line, text: &text[start..end] }
}

fn one(renderer: &Renderer, sources: &Sources, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let code = diagnostic.code.as_str();
    let title = level.primary_title(diagnostic.message.as_str()).id(code);
    let Some(source) = sources.get(diagnostic.primary.span.file) else {
        return renderer.render(&[Group::with_title(title)]);
    };
    let here: Vec<_> =
        diagnostic.secondary.iter().filter(|other| other.span.file == diagnostic.primary.span.file).collect();
    let spans: Vec<Span> =
        std::iter::once(diagnostic.primary.span).chain(here.iter().map(|other| other.span)).collect();
    let window = window(source, &spans);
    let range = |span: Span| {
        let start = boundary(window.text, (span.start as usize).saturating_sub(window.start));
        let end = boundary(window.text, (span.end as usize).saturating_sub(window.start)).max(start);
        // Only the first line of a long value is marked.
        let end = window.text[start..end].find('\n').map_or(end, |at| start + at);
        start..end
    };
    let mut snippet = Snippet::source(window.text).line_start(window.line).path(source.name()).annotation(
        AnnotationKind::Primary.span(range(diagnostic.primary.span)).label(label(&diagnostic.primary.value)),
    );
    for other in here {
        snippet = snippet.annotation(AnnotationKind::Context.span(range(other.span)).label(label(&other.value)));
    }
    let mut groups = vec![title.element(snippet)];
    let mut help = diagnostic.help.iter();
    if let Some(edit) = diagnostic.edit.as_ref().filter(|edit| edit.span.file == diagnostic.primary.span.file) {
        let words = help.next().map_or("write this", String::as_str);
        let patch = Snippet::source(window.text)
            .line_start(window.line)
            .path(source.name())
            .patch(Patch::new(range(edit.span), edit.replacement.as_str()));
        groups.push(Level::HELP.secondary_title(words).element(patch));
    }
    groups.extend(help.map(|words| Group::with_title(Level::HELP.secondary_title(words.as_str()))));
    renderer.render(&groups)
}

fn label(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// An error without a place in a file.
pub(crate) fn plain(code: Code, message: &str, help: &str, colour: bool) -> String {
    let style = || console::Style::new().force_styling(colour).bold();
    let head = style().red().apply_to(format!("error[{code}]"));
    let mut text = format!("{head}{}", style().apply_to(format!(": {message}")));
    if !help.is_empty() {
        let _ = write!(text, "\n{}: {help}", style().cyan().apply_to("help"));
    }
    text
}

/// For programs: one array.
pub(crate) fn json(sources: &Sources, found: &Diagnostics) -> serde_json::Value {
    found
        .iter()
        .map(|diagnostic| {
            let at = sources.position(diagnostic.primary.span);
            let file = sources.get(diagnostic.primary.span.file).map_or("", Source::name);
            serde_json::json!({
                "code": diagnostic.code,
                "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
                "message": diagnostic.message,
                "file": file,
                "line": at.line,
                "column": at.column,
                "label": diagnostic.primary.value,
                "also": diagnostic.secondary.iter().map(|other| serde_json::json!({
                    "place": sources.place(other.span), "text": other.value,
                })).collect::<Vec<_>>(),
                "help": diagnostic.help,
                "edit": diagnostic.edit.as_ref().map(|edit| serde_json::json!({
                    "place": sources.place(edit.span), "replace": sources.text(edit.span), "with": edit.replacement,
                })),
            })
        })
        .collect()
}

/// Workflow commands that GitHub turns into annotations.
pub(crate) fn github(sources: &Sources, found: &Diagnostics) -> String {
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    found.iter().fold(String::new(), |mut out, diagnostic| {
        let at = sources.position(diagnostic.primary.span);
        let file = sources.get(diagnostic.primary.span.file).map_or("", Source::name);
        let kind = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let help = diagnostic.help.first().map(|help| format!(" (help: {help})")).unwrap_or_default();
        let _ = writeln!(
            out,
            "::{kind} file={},line={},col={},title={}::{}{}",
            property(file),
            at.line,
            at.column,
            property(diagnostic.code.as_str()),
            escape(&diagnostic.message),
            escape(&help)
        );
        out
    })
}
