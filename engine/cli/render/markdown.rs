//! GitHub-flavoured Markdown that keeps what it is given: text stays text, whatever is in it.
//!
//! Invariant: what these functions return holds no HTML but `<details>` and `<summary>`, and outside
//! of code no mention (`@team`) and no issue reference (`#1`), so that a paste pings nobody.

use playbook_core::timeline::clean;

/// Text in a paragraph, list item, heading or table cell: one line, with every character that
/// Markdown would read otherwise escaped, and what a forge would link put into code.
pub(crate) fn text(text: &str) -> String {
    let cleaned = clean(text);
    let words: Vec<String> =
        cleaned.split_whitespace().enumerate().map(|(at, word)| self::word(word, at == 0)).collect();
    words.join(" ")
}

fn word(word: &str, first: bool) -> String {
    if links(word) {
        return code(word);
    }
    if is_url(word) {
        return format!("<{word}>");
    }
    let escaped = escape(word);
    match (first, word.chars().next()) {
        (true, Some('#' | '-' | '+' | '=')) => format!("\\{escaped}"),
        (true, Some('0'..='9')) => {
            // `1.` and `1)` begin a list; `1.5` does not.
            let digits = escaped.strip_suffix(['.', ')']).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
            digits.map_or_else(|| escaped.clone(), |digits| format!("{digits}\\{}", &escaped[digits.len()..]))
        }
        _ => escaped,
    }
}

/// Would a forge make a mention, an issue link or a commit link of it?
fn links(word: &str) -> bool {
    let chars: Vec<char> = word.chars().collect();
    let issue = chars.windows(2).any(|pair| pair[0] == '#' && pair[1].is_alphanumeric());
    let numbered = word
        .to_ascii_uppercase()
        .find("GH-")
        .is_some_and(|at| word[at + 3..].starts_with(|c: char| c.is_ascii_digit()));
    let commit = word.split(|c: char| !c.is_ascii_hexdigit()).any(|part| part.len() >= 40);
    chars.contains(&'@') || issue || numbered || commit
}

/// A web address that can stand between angle brackets as it is.
fn is_url(word: &str) -> bool {
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?%&=+#,;".contains(c);
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && rest.chars().all(plain))
}

fn escape(word: &str) -> String {
    let chars: Vec<char> = word.chars().collect();
    let mut escaped = String::with_capacity(word.len() + 8);
    for (at, &c) in chars.iter().enumerate() {
        let inside = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric());
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // Within a word, GFM leaves underscores alone.
            '_' if inside(at.checked_sub(1)) && inside(Some(at + 1)) => escaped.push(c),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => escaped.extend(['\\', c]),
            // `http://` and `www.` would be linked; the address was not plain enough for that.
            ':' if chars[at..].starts_with(&[':', '/', '/']) => escaped.push_str("&#58;"),
            '.' if at >= 3 && chars[at - 3..at].iter().all(|c| c.eq_ignore_ascii_case(&'w')) => {
                escaped.push_str("&#46;");
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Code: shown as it is. Line breaks become `↵`.
pub(crate) fn code(code: &str) -> String {
    let lines: Vec<String> = clean(code).lines().map(|line| line.replace('\t', " ")).collect();
    let line = lines.join(" ↵ ");
    let line = line.trim();
    if line.is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(line) + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// A block of code, fenced by more backticks than it holds.
pub(crate) fn block(code: &str, language: &str) -> String {
    let code = clean(code);
    let fence = "`".repeat(longest_run(&code).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", code.trim_end())
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Something folded away. `summary` is ours: HTML would be read in it.
pub(crate) fn details(summary: &'static str, body: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{}\n\n</details>\n", body.trim_end())
}

/// The first `max` characters; what is longer ends with `…`.
pub(crate) fn clip(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// The last resort: whole lines from the beginning, and a notice. The text must hold no `<details>`.
pub(crate) fn cut(text: &str, max: usize) -> String {
    let notice = "\n**Cut here: the rest does not fit.**\n";
    let room = max.saturating_sub(notice.chars().count());
    let mut kept = String::new();
    let mut used = 0;
    for line in text.split_inclusive('\n') {
        used += line.chars().count();
        if used > room {
            break;
        }
        kept.push_str(line);
    }
    let kept = kept.trim_end();
    // A fence that was cut off must not swallow the notice.
    let is_fence = |line: &&str| line.starts_with("```") && !line.trim_start_matches('`').contains('`');
    let fences = kept.lines().filter(is_fence).count();
    let kept =
        if fences % 2 == 1 { kept.rsplit_once("```").map_or(kept, |(before, _)| before.trim_end()) } else { kept };
    format!("{kept}\n{notice}").chars().take(max).collect()
}

/// A table of cells that are Markdown already. Every row gets as many cells as the header has.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.cells(cells);
    }

    /// Adds a row of however many cells.
    pub(crate) fn cells(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        cells.resize(self.header.len(), String::new());
        self.rows.push(cells);
    }

    /// Has it no rows?
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "| {} |", self.header.join(" | "))?;
        writeln!(f, "|{}", " --- |".repeat(self.header.len()))?;
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| pipes(cell)).collect();
            writeln!(f, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

/// Escapes what would end a cell. A backslash before it must not swallow the escape.
fn pipes(cell: &str) -> String {
    let mut escaped = String::with_capacity(cell.len());
    for c in cell.chars() {
        if c == '|' {
            let before = escaped.len() - escaped.trim_end_matches('\\').len();
            escaped.push_str(if before % 2 == 1 { "\\\\" } else { "\\" });
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    /// What breaks careless Markdown.
    pub(in crate::render) const HOSTILE: &[&str] = &[
        "a|b",
        "a\\|b",
        "line\nbreak | two",
        "`tick`",
        "``two`` |",
        "@org/team",
        "see #1 and GH-12",
        "me@example.org",
        "<script>alert(1)</script>",
        "</details>",
        "*bold* _it_ __b__ ~~no~~ ~x~",
        "[link](javascript:x)",
        "![img](x)",
        "# heading",
        "- item",
        "1. one",
        "> quote",
        "&lt;b&gt;",
        "http://a.b/c_d",
        "www.evil.example",
        "https://x/?q=<b>",
        "org/repo#7",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "\u{1b}[31mred\u{1b}[0m",
        "\\",
        "ends with \\",
        "$x$ $y$",
        "",
        "   ",
        "|||",
        "\u{202e}txt",
        "a\tb",
        "--- | ---",
        "<!-- c -->",
        "<https://u@h>",
        "{{ x }}",
        "ﬀ漢字🙂",
    ];

    fn parser(markdown: &str) -> Parser<'_> {
        Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS)
    }

    /// Fails if a table row has another number of cells than its header, if there is HTML besides
    /// what we write, or a mention or an issue reference outside of code.
    pub(in crate::render) fn assert_sound(markdown: &str) {
        let mut in_code = false;
        let mut in_link = false;
        for event in parser(markdown) {
            match event {
                Event::Start(Tag::CodeBlock(_)) => in_code = true,
                Event::End(TagEnd::CodeBlock) => in_code = false,
                Event::Start(Tag::Link { dest_url, .. }) => {
                    assert!(dest_url.starts_with("http"), "{dest_url}");
                    in_link = true;
                }
                Event::End(TagEnd::Link) => in_link = false,
                Event::Start(Tag::Image { dest_url, .. }) => panic!("an image: {dest_url}"),
                Event::Html(html) | Event::InlineHtml(html) => {
                    let rest = html
                        .replace("</details>", "")
                        .replace("<details>", "")
                        .replace("<summary>", "")
                        .replace("</summary>", "");
                    assert!(!rest.contains(['<', '>', '@', '#']), "HTML: {html}");
                }
                Event::Text(text) if !in_code && !in_link => {
                    assert!(!text.contains('@'), "a mention: {text}");
                    let chars: Vec<char> = text.chars().collect();
                    assert!(
                        !chars.windows(2).any(|pair| pair[0] == '#' && pair[1].is_alphanumeric()),
                        "an issue: {text}"
                    );
                }
                _ => {}
            }
        }
        let mut header = None;
        let mut fenced = None;
        for line in markdown.lines() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match fenced {
                Some(open) if ticks >= open && line.trim_matches('`').is_empty() => fenced = None,
                None if ticks >= 3 && !line[ticks..].contains('`') => fenced = Some(ticks),
                _ => {}
            }
            if fenced.is_some() || !line.starts_with('|') {
                header = None;
                continue;
            }
            assert_eq!(*header.get_or_insert(cells(line)), cells(line), "cells of {line}");
        }
        assert_eq!(fenced, None, "a fence is open");
    }

    /// Cells as GitHub counts them: an escaped pipe does not end one.
    fn cells(line: &str) -> usize {
        let mut escaped = false;
        let mut pipes = 0;
        for c in line.chars() {
            pipes += usize::from(c == '|' && !escaped);
            escaped = c == '\\' && !escaped;
        }
        pipes - 1
    }

    /// The cells of the only row of a table, as a reader sees them.
    fn read_back(markdown: &str) -> Vec<String> {
        let mut cells: Vec<String> = Vec::new();
        let mut in_head = false;
        for event in parser(markdown) {
            match event {
                Event::Start(Tag::TableHead) => in_head = true,
                Event::End(TagEnd::TableHead) => in_head = false,
                Event::Start(Tag::TableCell) if !in_head => cells.push(String::new()),
                Event::Text(text) | Event::Code(text) if !in_head => cells.last_mut().unwrap().push_str(&text),
                _ => {}
            }
        }
        cells
    }

    fn seen(text: &str) -> String {
        clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn check(given: &str) {
        let mut table = Table::new(&["a", "b", "c"]);
        table.row([text(given), code(given), "end".to_owned()]);
        let markdown = table.to_string();
        assert_sound(&markdown);
        let cells = read_back(&markdown);
        assert_eq!(cells.len(), 3, "{given:?}: {markdown}");
        assert_eq!(cells[2], "end", "{given:?}: {markdown}");
        // In code, a backslash right before a pipe may be doubled: GitHub would end the cell there.
        let pipes = |text: &str| text.replace("\\\\|", "\\|").replace("\\\\|", "\\|");
        assert_eq!(pipes(&cells[0]), pipes(&seen(given)), "{given:?}: {markdown}");
        let listed = format!("- {}\n- x\n", text(given));
        assert_sound(&listed);
        let items = parser(&listed).filter(|event| matches!(event, Event::Start(Tag::Item))).count();
        assert_eq!(items, 2, "{given:?}: {listed}");
        assert_sound(&format!("{}\n\nafter\n", block(given, "text")));
    }

    #[test]
    fn whatever_is_written_is_what_is_read() {
        for given in HOSTILE {
            check(given);
        }
    }

    #[test]
    fn plain_words_stay_plain() {
        assert_eq!(
            text("used_memory is 2.9 GiB, raise it (see the note)"),
            "used_memory is 2.9 GiB, raise it (see the note)"
        );
        assert_eq!(text("ask @org/team about #12"), "ask `@org/team` about `#12`");
        assert_eq!(text("see https://dash.example/d?x=1"), "see <https://dash.example/d?x=1>");
        assert_eq!(code("a `b` c"), "``a `b` c``");
    }

    proptest! {
        #[test]
        fn nothing_breaks_out(given in "[a-z0-9 |`*_~<>@#\\\\\\[\\]()!&$:./\n-]{0,24}") {
            check(&given);
        }

        #[test]
        fn nor_does_anything_else(given in ".{0,40}") {
            check(&given);
        }
    }
}
