//! Names, as an engine allows them. They become parts of paths, so one that is none is refused before
//! anything is asked.

use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

/// How a name of one kind is read.
pub(super) type ReadName = fn(&Piece) -> Result<String, Problem>;

/// `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// The name or id of a container, a volume, a network or a service.
pub(super) fn name(piece: &Piece) -> Result<String, Problem> {
    match &piece.text {
        Some(text) if !is_name(text) => Err(piece.problem(
            format!("`{text}` is no name that docker allows"),
            "a name has letters, digits, `_`, `.` and `-`, and begins with a letter or a digit",
        )),
        _ => Ok(piece.value()),
    }
}

/// The name of a container, or what `--network` and `--pid` take: `container:NAME`.
pub(super) fn mode(piece: &Piece) -> Result<String, Problem> {
    match piece.split(':') {
        Some((kind, rest)) if kind == "container" => Ok(format!("container:{}", name(&rest)?)),
        _ => name(piece),
    }
}

/// `[HOST[:PORT]/]NAME[:TAG][@DIGEST]`, or an id.
pub(super) fn is_image(text: &str) -> bool {
    let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
    let (path, tag) = match rest.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (rest, None),
    };
    let is_tag = |tag: &str| {
        tag.len() <= 128
            && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    let is_digest = |digest: &str| {
        digest.split_once(':').is_some_and(|(kind, hex)| {
            kind.chars().all(|c| c.is_ascii_alphanumeric())
                && hex.len() >= 32
                && hex.bytes().all(|b| b.is_ascii_hexdigit())
        })
    };
    let is_host = |part: &str| {
        (part.contains(['.', ':']) || part == "localhost" || part.chars().any(|c| c.is_ascii_uppercase()))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(c))
            && !part.contains("..")
    };
    let is_part = |part: &str| {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.starts_with(edge)
            && part.ends_with(edge)
            && part.chars().all(|c| edge(c) || "_.-".contains(c))
            && !part.contains("..")
    };
    let parts: Vec<&str> = path.split('/').collect();
    let named = match parts.split_first() {
        Some((first, rest)) if !rest.is_empty() && is_host(first) => rest.iter().all(|part| is_part(part)),
        _ => parts.iter().all(|part| is_part(part)),
    };
    named && tag.is_none_or(is_tag) && digest.is_none_or(is_digest)
}

/// An image.
pub(super) fn image(piece: &Piece) -> Result<String, Problem> {
    match &piece.text {
        Some(text) if !is_image(text) && !is_id(text) => Err(piece.problem(
            format!("`{text}` is no image"),
            "write NAME:TAG in lower-case letters: redis:7-alpine; flags come before the image",
        )),
        _ => Ok(piece.value()),
    }
}

/// `sha256:…`.
fn is_id(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whatever has a name: a container, an image, a volume or a network.
pub(super) fn anything(piece: &Piece) -> Result<String, Problem> {
    match &piece.text {
        // As inspect shows it.
        Some(text) if text.strip_prefix('/').is_some_and(is_name) => name(piece),
        Some(text) if !is_name(text) => image(piece),
        _ => name(piece),
    }
}

/// Each argument from `from` on, at least one.
pub(super) fn several(reader: &Reader, from: usize, read: ReadName, example: &str) -> Result<Vec<String>, Problem> {
    let names = every(reader, from, read)?;
    if names.is_empty() {
        return Err(reader.wrong(format!("{} of what?", reader.verb), format!("write {} {example}", reader.verb)));
    }
    Ok(names)
}

/// Each argument from `from` on, if there are any.
pub(super) fn every(reader: &Reader, from: usize, read: ReadName) -> Result<Vec<String>, Problem> {
    reader.arguments.iter().skip(from).map(read).collect()
}

/// Exactly one argument.
pub(super) fn one(reader: &Reader, read: ReadName, example: &str) -> Result<String, Problem> {
    let names = several(reader, 0, read, example)?;
    reader.no_more(1, &format!("write {} {example}; one step for each", reader.verb))?;
    names.into_iter().next().ok_or_else(|| reader.wrong("nothing is named", format!("write {} {example}", reader.verb)))
}

/// Exactly two arguments.
pub(super) fn two(reader: &Reader, example: &str) -> Result<(String, String), Problem> {
    let [first, second] = reader.arguments.as_slice() else {
        let message = format!("{} takes two names, and has {}", reader.verb, reader.arguments.len());
        return Err(reader.wrong(message, format!("write {} {example}", reader.verb)));
    };
    Ok((name(first)?, name(second)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_those_that_docker_reads() {
        for text in [
            "redis",
            "redis:7-alpine",
            "library/redis",
            "localhost/redis:7",
            "localhost:5000/a/b:1",
            "host.example:5000/a_b/c--d:T_1.x",
            "redis@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            assert!(is_image(text), "{text}");
        }
        for text in
            ["", "-it", "Redis", "redis:", "redis:-a", "a//b", "/a", "a/", "a/../b", "a b", "a@b", "redis:7 x", "a%2fb"]
        {
            assert!(!is_image(text), "{text}");
        }
    }
}
