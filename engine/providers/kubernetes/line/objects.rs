//! Which objects a line is about: `pod/a`, `pods a b`, `deploy,svc -l app=x`, `-f file.yaml`.

use std::path::PathBuf;

use super::model::Objects;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

/// How much a verb wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A type alone stands for all of its objects.
    Any,
    /// Names, a selector or `--all`.
    Chosen,
    /// Names or files.
    Named,
}

/// Reads the objects from `arguments` and the flags.
pub(super) fn objects(reader: &Reader, arguments: &[Piece], need: Need) -> Result<Objects, Problem> {
    let selectors = reader.selectors()?;
    let paths = paths(reader)?;
    if !paths.is_empty() {
        return match arguments.first() {
            Some(extra) => Err(extra.problem(
                format!("both files and `{}`", extra.shown()),
                "name the objects either with -f or by type and name",
            )),
            None => Ok(Objects::Files { paths, recursive: reader.on("recursive")?, selectors }),
        };
    }
    let Some(first) = arguments.first() else {
        return Err(
            reader.wrong(format!("{} of what?", reader.verb), format!("name the objects: {} TYPE/NAME", reader.verb))
        );
    };
    let slashed = arguments.iter().any(|piece| piece.head.contains('/'));
    if !slashed && arguments.len() == 1 {
        let kinds = first.list().iter().map(kind).collect::<Result<Vec<_>, _>>()?;
        let chosen = selectors.labels.is_some() || selectors.fields.is_some() || selectors.all;
        return match need {
            Need::Any => Ok(Objects::Kinds(kinds, selectors)),
            Need::Chosen if chosen => Ok(Objects::Kinds(kinds, selectors)),
            Need::Chosen => Err(first.problem(
                format!("which of the {}?", first.shown()),
                format!("name them ({}/NAME) or choose them with -l LABEL=VALUE", first.shown()),
            )),
            Need::Named => {
                Err(first.problem(format!("which {}?", first.shown()), format!("write {}/NAME", first.shown())))
            }
        };
    }
    if selectors.labels.is_some() || selectors.fields.is_some() || selectors.all {
        let extra = arguments.last().unwrap_or(first);
        return Err(extra.problem("both names and a selector", "leave one of them out"));
    }
    if reader.on("all-namespaces")? {
        return Err(first.problem("a name in all namespaces", "write -n NAMESPACE, or choose with a selector"));
    }
    Ok(Objects::Named(if slashed { slashed_names(arguments)? } else { spaced_names(first, &arguments[1..])? }))
}

fn slashed_names(arguments: &[Piece]) -> Result<Vec<(String, String)>, Problem> {
    arguments.iter().map(type_and_name).collect()
}

/// `type/name`.
pub(super) fn type_and_name(piece: &Piece) -> Result<(String, String), Problem> {
    let Some((before, after)) = piece.split('/') else {
        return Err(piece.problem(
            format!("`{}` has no type, and others here have one", piece.shown()),
            format!("write TYPE/{} for each", piece.shown()),
        ));
    };
    let before = Piece::fixed(&before, piece.at);
    Ok((kind(&before)?, name(&after)?))
}

/// `type name name`, `type,type name`.
fn spaced_names(first: &Piece, names: &[Piece]) -> Result<Vec<(String, String)>, Problem> {
    let kinds = first.list().iter().map(kind).collect::<Result<Vec<_>, _>>()?;
    let mut named = Vec::new();
    for piece in names {
        for kind in &kinds {
            named.push((kind.clone(), name(piece)?));
        }
    }
    Ok(named)
}

/// The type of an object: `po`, `deployments.apps`, `deploy.v1.apps`. Written out, so that what
/// the step does is known.
pub(super) fn kind(piece: &Piece) -> Result<String, Problem> {
    if !piece.fixed {
        return Err(piece.problem(
            format!("a template for the type of an object: `{}`", piece.shown()),
            "write the type out; the name can be a template: deployment/{{ … }}",
        ));
    }
    let text = &piece.head;
    let sound = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    if sound {
        return Ok(text.clone());
    }
    let (message, help) = if text.is_empty() {
        ("a type is missing".to_owned(), "write TYPE/NAME, as in pod/redis-0")
    } else {
        (format!("`{text}` is no type of objects"), "write a type, as in pod, deploy or widgets.example.com")
    };
    Err(piece.problem(message, help))
}

/// A name: one part of a path of the API server, whatever it came from.
pub(super) fn name(piece: &Piece) -> Result<String, Problem> {
    let Some(text) = &piece.text else {
        return match piece.head.find(is_foreign) {
            Some(_) => Err(bad_name(piece)),
            None => Ok(piece.value()),
        };
    };
    if text.is_empty() {
        return Err(piece.problem("a name is empty", "write TYPE/NAME; if it is a template, it has no text"));
    }
    if text == "." || text == ".." || text.contains(is_foreign) {
        return Err(bad_name(piece));
    }
    Ok(text.clone())
}

fn is_foreign(c: char) -> bool {
    matches!(c, '/' | '%' | ',' | '?' | '#' | '\\') || c.is_whitespace() || c.is_control()
}

fn bad_name(piece: &Piece) -> Problem {
    piece.problem(
        format!("`{}` is not one name", piece.shown()),
        "a name has no spaces, commas, slashes or percent signs; write several names as several words",
    )
}

/// `-f`, each, relative to the playbook.
pub(super) fn paths(reader: &Reader) -> Result<Vec<PathBuf>, Problem> {
    reader.lists("filename").iter().map(path).collect()
}

/// A file beside the playbook.
pub(super) fn path(piece: &Piece) -> Result<PathBuf, Problem> {
    let text = piece.value();
    let lower = text.to_ascii_lowercase();
    if text == "-" {
        return Err(piece.problem("a step has no standard input", "put the manifest in a file and name it with -f"));
    }
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Err(piece.problem(
            "a manifest from the network",
            "keep a copy beside the playbook, so that what is applied is what was reviewed",
        ));
    }
    if text.trim().is_empty() {
        return Err(piece.problem("the name of a file is empty", "write -f FILE, relative to the playbook"));
    }
    Ok(PathBuf::from(text))
}
