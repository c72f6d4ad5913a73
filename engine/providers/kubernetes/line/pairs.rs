//! `KEY=VALUE` and `KEY-`.

use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

/// Arguments sorted into objects, pairs and keys to take away.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// The arguments before them.
    pub(super) objects: Vec<Piece>,
    /// `KEY=VALUE`.
    pub(super) set: Vec<(String, Piece)>,
    /// `KEY-`.
    pub(super) unset: Vec<String>,
}

/// Takes arguments apart as kubectl does: objects first, then pairs.
pub(super) fn pairs(reader: &Reader, removing: bool) -> Result<Pairs, Problem> {
    let mut found = Pairs::default();
    for piece in &reader.arguments {
        let begun = !found.set.is_empty() || !found.unset.is_empty();
        if let Some((key, value)) = piece.split('=').filter(|(key, _)| !key.is_empty()) {
            found.set.push((key, value));
        } else if piece.fixed && piece.head.len() > 1 && piece.head.ends_with('-') && removing {
            found.unset.push(piece.head.trim_end_matches('-').to_owned());
        } else if begun || piece.text.as_ref().is_some_and(|text| text.contains('=')) {
            return Err(not_a_pair(piece, removing));
        } else {
            found.objects.push(piece.clone());
        }
    }
    if found.set.is_empty() && found.unset.is_empty() && reader.all("env").is_empty() {
        if let Some(last) = reader.arguments[1.min(reader.arguments.len())..].last().filter(|piece| !piece.fixed) {
            return Err(not_a_pair(last, removing));
        }
        let help = format!("write {} TYPE/NAME KEY=VALUE", reader.verb);
        return Err(reader.wrong(format!("{} needs at least one KEY=VALUE", reader.verb), help));
    }
    if let Some(key) = found.unset.iter().find(|key| found.set.iter().any(|(set, _)| set == *key)) {
        return Err(reader.wrong(format!("`{key}` is both set and taken away"), "leave one of them out"));
    }
    Ok(found)
}

fn not_a_pair(piece: &Piece, removing: bool) -> Problem {
    let shown = piece.shown();
    if piece.fixed {
        let away = if removing { ", or KEY- to take it away" } else { "" };
        return piece.problem(
            format!("`{shown}` is no KEY=VALUE"),
            format!("objects come first, then pairs{away}; quote a value with spaces"),
        );
    }
    piece.problem(
        format!("a template where the key of a pair should be: `{shown}`"),
        "write the key out; the value can be a template: KEY={{ … }}",
    )
}

/// One `KEY=VALUE`, as the value of a flag.
pub(super) fn pair(piece: &Piece) -> Result<(String, Piece), Problem> {
    piece.split('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| not_a_pair(piece, false))
}

/// Values as they are.
pub(super) fn texts(pairs: Vec<(String, Piece)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(key, piece)| (key, piece.value())).collect()
}
