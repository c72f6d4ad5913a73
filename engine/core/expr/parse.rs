//! Text → expression or template, with every name that it uses and where.

use minijinja::machinery::ast::{self, BinOpKind, CallArg, CompareOpKind};
use minijinja::machinery::{self, Span as JinjaSpan};

use super::env::{FILTERS, FUNCTIONS, TESTS};
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Span, Spanned};

/// One use of a name: `steps.dead.matched` is `["steps", "dead", "matched"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The name and the attributes read from it, as far as they are written out.
    pub path: Vec<String>,
    /// Where.
    pub span: Span,
}

impl Use {
    /// The first part.
    pub fn root(&self) -> &str {
        &self.path[0]
    }

    /// As an author writes it.
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
}

/// An expression, as in `when:` and `assert:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    text: String,
    span: Span,
    uses: Vec<Use>,
}

impl Expr {
    /// Reads an expression. Problems go to `found`.
    pub fn new(text: &Spanned<String>, found: &mut Diagnostics) -> Option<Self> {
        let trimmed = text.value.trim();
        if let Some(inner) = single(trimmed) {
            found.push(
                Diagnostic::error(Code::Expression, text.span, "an expression between `{{ }}`")
                    .help(format!("this key takes an expression as it is: {}", inner.trim())),
            );
            return None;
        }
        let place = Place::of(text);
        let uses = expression_uses(&text.value, 0, place, found)?;
        Some(Self { text: text.value.clone(), span: text.span, uses })
    }

    /// As written.
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The names in it.
    pub fn uses(&self) -> &[Use] {
        &self.uses
    }
}

/// Text with `{{ … }}` in it, or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    span: Span,
    shape: Shape,
    uses: Vec<Use>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing to fill in.
    Text,
    /// Exactly one `{{ expression }}`: keeps its type.
    Single(String),
    /// Text with templates in it.
    Mixed,
}

impl Template {
    /// Reads a template. Problems go to `found`.
    pub fn new(text: &Spanned<String>, found: &mut Diagnostics) -> Option<Self> {
        let make = |shape, uses| Some(Self { text: text.value.clone(), span: text.span, shape, uses });
        if !has_markup(&text.value) {
            return make(Shape::Text, Vec::new());
        }
        let place = Place::of(text);
        if let Some(inner) = single(text.value.trim()) {
            let at = text.value.find("{{").unwrap_or(0) + 2;
            let uses = expression_uses(inner, at, place, found)?;
            return make(Shape::Single(inner.trim().to_owned()), uses);
        }
        match machinery::parse(&text.value, "template", syntax()) {
            Ok(tree) => {
                let mut walk = Walk::new(0, place);
                walk.statement(&tree);
                let ok = walk.finish(found)?;
                make(Shape::Mixed, ok)
            }
            Err(error) => {
                found.push(syntax_error(&error, 0, place));
                None
            }
        }
    }

    /// Text that is not a template, whatever it contains.
    pub fn literal(text: impl Into<String>, span: Span) -> Self {
        Self { text: text.into(), span, shape: Shape::Text, uses: Vec::new() }
    }

    /// Text that is shown as it is and refers to names all the same, such as an expression that a
    /// provider evaluates itself: the names are checked, and waited for.
    pub fn naming(text: impl Into<String>, span: Span, uses: Vec<Use>) -> Self {
        Self { text: text.into(), span, shape: Shape::Text, uses }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The names in it.
    pub fn uses(&self) -> &[Use] {
        &self.uses
    }

    /// The text, if there is nothing to fill in.
    pub fn fixed(&self) -> Option<&str> {
        match self.shape {
            Shape::Text => Some(&self.text),
            Shape::Single(_) | Shape::Mixed => None,
        }
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }
}

pub(super) fn syntax() -> minijinja::syntax::SyntaxConfig {
    minijinja::syntax::SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default()
}

fn has_markup(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// The inside of a text that is exactly one `{{ … }}`.
fn single(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    let inner = inner.strip_suffix('-').unwrap_or(inner);
    (!inner.contains("{{") && !inner.contains("}}")).then_some(inner)
}

/// Where a text stands, and whether offsets in it are offsets in the file.
#[derive(Clone, Copy)]
struct Place {
    span: Span,
    exact: bool,
}

impl Place {
    fn of(text: &Spanned<String>) -> Self {
        let width = (text.span.end - text.span.start) as usize;
        // A quoted scalar without escapes is two characters wider than its text.
        let (skip, exact) = match width.checked_sub(text.value.len()) {
            Some(0) => (0, true),
            Some(2) => (1, true),
            _ => (0, false),
        };
        let span = if exact { text.span.slice(skip, skip + text.value.len()) } else { text.span };
        Self { span, exact }
    }

    fn at(self, start: usize, end: usize) -> Span {
        if self.exact { self.span.slice(start, end.max(start + 1)) } else { self.span }
    }
}

fn expression_uses(text: &str, offset: usize, place: Place, found: &mut Diagnostics) -> Option<Vec<Use>> {
    if text.trim().is_empty() {
        found.push(
            Diagnostic::error(Code::Expression, place.at(offset, offset), "an empty expression")
                .help("write an expression such as steps.memory.used_memory > 1000"),
        );
        return None;
    }
    match machinery::parse_expr(text) {
        Ok(tree) => {
            let mut walk = Walk::new(offset, place);
            walk.expression(&tree);
            walk.finish(found)
        }
        Err(error) => {
            found.push(syntax_error(&error, offset, place));
            None
        }
    }
}

fn syntax_error(error: &minijinja::Error, offset: usize, place: Place) -> Diagnostic {
    let range = error.range().unwrap_or(0..0);
    let words = error.detail().unwrap_or("it cannot be read");
    let span = place.at(offset + range.start, offset + range.end);
    let diagnostic = Diagnostic::error(Code::Expression, span, format!("not an expression: {words}"));
    if words.contains("unexpected `=`") || words.contains("unexpected input") {
        diagnostic.help("compare with `==`; combine with `and`, `or`, `not`")
    } else {
        diagnostic.help("expressions are Jinja: steps.x.field > 5 and inputs.name == \"y\"")
    }
}

struct Walk {
    offset: usize,
    place: Place,
    uses: Vec<Use>,
    locals: Vec<String>,
    found: Diagnostics,
}

impl Walk {
    fn new(offset: usize, place: Place) -> Self {
        Self { offset, place, uses: Vec::new(), locals: Vec::new(), found: Diagnostics::new() }
    }

    fn finish(self, found: &mut Diagnostics) -> Option<Vec<Use>> {
        let ok = !self.found.has_errors();
        found.extend(self.found);
        ok.then_some(self.uses)
    }

    fn span(&self, span: JinjaSpan) -> Span {
        self.place.at(self.offset + span.start_offset as usize, self.offset + span.end_offset as usize)
    }

    fn unknown(&mut self, what: &str, name: &str, span: JinjaSpan, known: &[&str]) {
        let known: Vec<&str> = known.to_vec();
        self.found.push(
            Diagnostic::error(Code::UnknownFunction, self.span(span), format!("there is no {what} `{name}`"))
                .suggest(name, known),
        );
    }

    fn unsupported(&mut self, span: JinjaSpan, what: &str) {
        self.found.push(
            Diagnostic::error(Code::Expression, self.span(span), format!("{what} cannot be used here"))
                .help("templates have {{ }}, if, for and set"),
        );
    }

    fn statement(&mut self, statement: &ast::Stmt<'_>) {
        match statement {
            ast::Stmt::Template(t) => t.children.iter().for_each(|s| self.statement(s)),
            ast::Stmt::EmitExpr(e) => self.expression(&e.expr),
            ast::Stmt::EmitRaw(_) => {}
            ast::Stmt::ForLoop(f) => {
                self.expression(&f.iter);
                let depth = self.locals.len();
                self.bind(&f.target);
                self.locals.push("loop".into());
                if let Some(filter) = &f.filter_expr {
                    self.expression(filter);
                }
                f.body.iter().for_each(|s| self.statement(s));
                self.locals.truncate(depth);
                f.else_body.iter().for_each(|s| self.statement(s));
            }
            ast::Stmt::IfCond(c) => {
                self.expression(&c.expr);
                c.true_body.iter().chain(&c.false_body).for_each(|s| self.statement(s));
            }
            ast::Stmt::Set(s) => {
                self.expression(&s.expr);
                self.bind(&s.target);
            }
            ast::Stmt::WithBlock(b) => self.unsupported(b.span(), "`with`"),
            ast::Stmt::SetBlock(b) => self.unsupported(b.span(), "a `set` block"),
            ast::Stmt::AutoEscape(b) => self.unsupported(b.span(), "`autoescape`"),
            ast::Stmt::FilterBlock(b) => self.unsupported(b.span(), "a `filter` block"),
            ast::Stmt::Do(b) => self.unsupported(b.span(), "`do`"),
            // Cargo may switch on more of minijinja's grammar; none of it belongs in a playbook.
            #[allow(unreachable_patterns, reason = "depends on features that others may enable")]
            _ => self.unsupported(JinjaSpan::default(), "this statement"),
        }
    }

    fn bind(&mut self, target: &ast::Expr<'_>) {
        match target {
            ast::Expr::Var(name) => self.locals.push(name.id.to_owned()),
            ast::Expr::List(list) => list.items.iter().for_each(|item| self.bind(item)),
            ast::Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.bind(item)),
            other => self.expression(other),
        }
    }

    fn arguments(&mut self, args: &[CallArg<'_>]) {
        for arg in args {
            match arg {
                CallArg::Pos(e) | CallArg::Kwarg(_, e) | CallArg::PosSplat(e) | CallArg::KwargSplat(e) => {
                    self.expression(e);
                }
            }
        }
    }

    fn expression(&mut self, expr: &ast::Expr<'_>) {
        if let Some((path, span)) = path(expr, &mut |index| self.expression(index)) {
            if !self.locals.contains(&path[0]) {
                let span = self.span(span);
                self.uses.push(Use { path, span });
            }
            return;
        }
        match expr {
            // Roots of paths were handled above.
            ast::Expr::Var(_) | ast::Expr::Const(_) => {}
            ast::Expr::Slice(s) => {
                self.expression(&s.expr);
                [&s.start, &s.stop, &s.step].into_iter().flatten().for_each(|e| self.expression(e));
            }
            ast::Expr::UnaryOp(op) => self.expression(&op.expr),
            ast::Expr::BinOp(op) => {
                self.expression(&op.left);
                self.expression(&op.right);
            }
            ast::Expr::Compare(c) => {
                self.expression(&c.expr);
                c.ops.iter().for_each(|op| self.expression(&op.expr));
            }
            ast::Expr::IfExpr(i) => {
                self.expression(&i.test_expr);
                self.expression(&i.true_expr);
                if let Some(otherwise) = &i.false_expr {
                    self.expression(otherwise);
                }
            }
            ast::Expr::Filter(f) => {
                if !FILTERS.contains(&f.name) {
                    self.unknown("filter", f.name, f.span(), FILTERS);
                }
                if let Some(inner) = &f.expr {
                    self.expression(inner);
                }
                self.arguments(&f.args);
            }
            ast::Expr::Test(t) => {
                if !TESTS.contains(&t.name) {
                    self.unknown("test", t.name, t.span(), TESTS);
                }
                self.expression(&t.expr);
                self.arguments(&t.args);
            }
            ast::Expr::GetAttr(g) => self.expression(&g.expr),
            ast::Expr::GetItem(g) => {
                self.expression(&g.expr);
                self.expression(&g.subscript_expr);
            }
            ast::Expr::Call(call) => self.call(call),
            ast::Expr::List(l) => l.items.iter().for_each(|e| self.expression(e)),
            ast::Expr::Tuple(t) => t.items.iter().for_each(|e| self.expression(e)),
            ast::Expr::Map(m) => m.keys.iter().chain(&m.values).for_each(|e| self.expression(e)),
        }
    }

    fn call(&mut self, call: &ast::Spanned<ast::Call<'_>>) {
        match &call.expr {
            ast::Expr::Var(name) if FUNCTIONS.contains(&name.id) => {}
            ast::Expr::Var(name) => self.unknown("function", name.id, name.span(), FUNCTIONS),
            ast::Expr::GetAttr(g) => {
                self.expression(&g.expr);
                let message = format!("`.{}()` is a method, and there are none", g.name);
                self.found.push(
                    Diagnostic::error(Code::UnknownFunction, self.span(call.span()), message)
                        .help("use a filter: value|length, value|lower, value|items"),
                );
            }
            other => self.expression(other),
        }
        self.arguments(&call.args);
    }
}

/// `a.b['c'][0]` as `[a, b, c, 0]`. Subscripts that are not constants end the path and are given
/// to `index`.
fn path(expr: &ast::Expr<'_>, index: &mut impl FnMut(&ast::Expr<'_>)) -> Option<(Vec<String>, JinjaSpan)> {
    match expr {
        ast::Expr::Var(name) => Some((vec![name.id.to_owned()], name.span())),
        ast::Expr::GetAttr(g) => {
            let (mut parts, span) = path(&g.expr, index)?;
            parts.push(g.name.to_owned());
            Some((parts, join(span, g.span())))
        }
        ast::Expr::GetItem(g) => {
            let (mut parts, span) = path(&g.expr, index)?;
            match g.subscript_expr.as_const() {
                Some(constant) => parts.push(constant.to_string()),
                None => index(&g.subscript_expr),
            }
            Some((parts, join(span, g.span())))
        }
        _ => None,
    }
}

fn join(first: JinjaSpan, last: JinjaSpan) -> JinjaSpan {
    JinjaSpan { end_line: last.end_line, end_col: last.end_col, end_offset: last.end_offset, ..first }
}

/// Does this operator put things in order, so that unlike kinds give a wrong answer?
pub(super) fn orders(op: BinOpKind) -> bool {
    matches!(op, BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte)
}

/// As [`orders`], for chained comparisons.
pub(super) fn chain_orders(op: CompareOpKind) -> bool {
    matches!(op, CompareOpKind::Lt | CompareOpKind::Lte | CompareOpKind::Gt | CompareOpKind::Gte)
}

/// Does this operator ask whether two things are equal?
pub(super) fn equates(op: BinOpKind) -> bool {
    matches!(op, BinOpKind::Eq | BinOpKind::Ne)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn spanned(text: &str) -> Spanned<String> {
        Spanned::new(text.into(), Span::new(FileId::default(), 100, 100 + text.len()))
    }

    fn uses(text: &str) -> Vec<(String, u32)> {
        let mut found = Diagnostics::new();
        let expr = Expr::new(&spanned(text), &mut found).unwrap_or_else(|| panic!("{found:?}"));
        expr.uses().iter().map(|u| (u.dotted(), u.span.start - 100)).collect()
    }

    #[test]
    fn every_use_is_found_with_its_place() {
        assert_eq!(
            uses("steps.a.b > 0.9 * inputs['x'] and rows[steps.n.i].z"),
            [("steps.a.b".into(), 0), ("inputs.x".into(), 18), ("steps.n.i".into(), 39), ("rows.z".into(), 34)]
        );
        assert_eq!(
            uses("[x for_ in y]".replace("[x for_ in y]", "x|selectattr('a', 'gt', y)|list").as_str()),
            [("x".into(), 0), ("y".into(), 24)]
        );
    }

    #[test]
    fn loop_variables_are_not_uses() {
        let mut found = Diagnostics::new();
        let t = Template::new(&spanned("{% for k in steps.s.keys %}{{ k }}{{ loop.index }} {% endfor %}"), &mut found)
            .unwrap();
        assert_eq!(t.uses().iter().map(Use::dotted).collect::<Vec<_>>(), ["steps.s.keys"]);
    }

    #[test]
    fn unknown_filters_functions_and_methods_are_found_when_the_file_is_read() {
        for (text, help) in [("x|lenght", "length"), ("byte('1kb')", "bytes"), ("x is definde", "defined")] {
            let mut found = Diagnostics::new();
            assert!(Expr::new(&spanned(text), &mut found).is_none());
            let first = found.iter().next().unwrap();
            assert_eq!(first.code, Code::UnknownFunction);
            assert!(first.help[0].contains(help), "{:?}", first.help);
        }
        let mut found = Diagnostics::new();
        assert!(Expr::new(&spanned("x.items()"), &mut found).is_none());
    }

    #[test]
    fn a_slip_in_an_expression_is_pointed_at() {
        let mut found = Diagnostics::new();
        assert!(Expr::new(&spanned("steps.a.b ="), &mut found).is_none());
        assert!(Expr::new(&spanned("{{ steps.a.b }}"), &mut found).is_none());
        assert!(Template::new(&spanned("x {{ a + }} y"), &mut found).is_none());
        assert_eq!(found.len(), 3);
    }
}
