//! What commands on lists, sets, hashes and sorted sets leave.

use super::{Before, Expected, One};
use crate::redis::dump::{Content, Field};

pub(super) fn expected(name: &str, before: &Before<'_>) -> Option<One> {
    let key = before.at(1)?;
    let content = match name {
        "lpush" | "rpush" | "lpushx" | "rpushx" => push(name, before, key)?,
        "lpop" | "rpop" => pop(name, before, key)?,
        "ltrim" => trim(before, key)?,
        "sadd" | "srem" => members(name == "sadd", before, key)?,
        "hset" | "hmset" | "hsetnx" => set_fields(name, before, key)?,
        "hdel" => delete_fields(before, key)?,
        "hincrby" => add_field(before, key)?,
        "zadd" => add_scores(before, key)?,
        "zrem" => delete_scores(before, key)?,
        "zincrby" => add_score(before, key)?,
        _ => return None,
    };
    Some(if content.size() == 0 { (key, Expected::ABSENT) } else { before.keeps(key, content) })
}

fn rest(before: &Before<'_>, from: usize) -> Option<Vec<Vec<u8>>> {
    (from..before.words.len()).map(|at| before.word(at).map(|word| word.as_bytes().to_vec())).collect()
}

fn list(before: &Before<'_>, key: usize) -> Option<Vec<Vec<u8>>> {
    match before.content(key) {
        None => Some(Vec::new()),
        Some(Content::List(items)) => Some(items),
        Some(_) => None,
    }
}

fn push(name: &str, before: &Before<'_>, key: usize) -> Option<Content> {
    let mut items = list(before, key)?;
    if items.is_empty() && name.ends_with('x') {
        return Some(Content::List(items));
    }
    for item in rest(before, 2)? {
        if name.starts_with('l') { items.insert(0, item) } else { items.push(item) }
    }
    Some(Content::List(items))
}

fn pop(name: &str, before: &Before<'_>, key: usize) -> Option<Content> {
    let mut items = list(before, key)?;
    let count = if before.words.len() > 2 { usize::try_from(before.number(2)?).ok()? } else { 1 };
    let count = count.min(items.len());
    match name {
        "lpop" => drop(items.drain(..count)),
        _ => items.truncate(items.len() - count),
    }
    Some(Content::List(items))
}

fn trim(before: &Before<'_>, key: usize) -> Option<Content> {
    let items = list(before, key)?;
    let length = i64::try_from(items.len()).ok()?;
    let place = |at: i64| if at < 0 { length.saturating_add(at) } else { at };
    let (from, to) = (place(before.number(2)?).max(0), place(before.number(3)?).min(length - 1));
    let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to.saturating_add(1).max(0)).ok()?);
    Some(Content::List(items.get(from..to).unwrap_or_default().to_vec()))
}

fn members(add: bool, before: &Before<'_>, key: usize) -> Option<Content> {
    let mut items = match before.content(key) {
        None => Vec::new(),
        Some(Content::Set(items)) => items,
        Some(_) => return None,
    };
    let given = rest(before, 2)?;
    items.retain(|item| !given.contains(item));
    if add {
        items.extend(given);
    }
    items.sort_unstable();
    items.dedup();
    Some(Content::Set(items))
}

fn hash(before: &Before<'_>, key: usize) -> Option<Vec<Field>> {
    match before.content(key) {
        None => Some(Vec::new()),
        // What happens to expiries of fields differs between versions.
        Some(Content::Hash(fields)) => fields.iter().all(|field| field.expiry == 0).then_some(fields),
        Some(_) => None,
    }
}

fn put(fields: &mut Vec<Field>, name: &[u8], value: Vec<u8>, replace: bool) {
    match fields.iter_mut().find(|field| field.name == name) {
        Some(field) if replace => field.value = value,
        Some(_) => {}
        None => fields.push(Field { name: name.to_vec(), value, expiry: 0 }),
    }
}

fn set_fields(name: &str, before: &Before<'_>, key: usize) -> Option<Content> {
    let mut fields = hash(before, key)?;
    for pair in rest(before, 2)?.chunks_exact(2) {
        put(&mut fields, &pair[0], pair[1].clone(), name != "hsetnx");
    }
    fields.sort_unstable();
    Some(Content::Hash(fields))
}

fn delete_fields(before: &Before<'_>, key: usize) -> Option<Content> {
    let mut fields = hash(before, key)?;
    let given = rest(before, 2)?;
    fields.retain(|field| !given.contains(&field.name));
    Some(Content::Hash(fields))
}

fn add_field(before: &Before<'_>, key: usize) -> Option<Content> {
    let mut fields = hash(before, key)?;
    let (name, by) = (before.word(2)?.as_bytes(), before.number(3)?);
    let now = fields
        .iter()
        .find(|field| field.name == name)
        .map_or(Some(0), |field| std::str::from_utf8(&field.value).ok()?.parse::<i64>().ok())?;
    put(&mut fields, name, now.checked_add(by)?.to_string().into_bytes(), true);
    fields.sort_unstable();
    Some(Content::Hash(fields))
}

fn scores(before: &Before<'_>, key: usize) -> Option<Vec<(f64, Vec<u8>)>> {
    match before.content(key) {
        None => Some(Vec::new()),
        Some(Content::Sorted(items)) => Some(items),
        Some(_) => None,
    }
}

fn score(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|score| !score.is_nan())
}

fn ordered(mut items: Vec<(f64, Vec<u8>)>) -> Content {
    for (score, _) in &mut items {
        *score += 0.0;
    }
    items.sort_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| x.cmp(y)));
    Content::Sorted(items)
}

fn add_scores(before: &Before<'_>, key: usize) -> Option<Content> {
    let mut items = scores(before, key)?;
    let given = rest(before, 2)?;
    // Options come before the first score; with any but CH the outcome needs more care.
    let given = match given.first()?.to_ascii_uppercase().as_slice() {
        b"CH" => &given[1..],
        _ => &given[..],
    };
    for pair in given.chunks_exact(2) {
        let score = score(std::str::from_utf8(&pair[0]).ok()?)?;
        items.retain(|(_, member)| *member != pair[1]);
        items.push((score, pair[1].clone()));
    }
    Some(ordered(items))
}

fn delete_scores(before: &Before<'_>, key: usize) -> Option<Content> {
    let mut items = scores(before, key)?;
    let given = rest(before, 2)?;
    items.retain(|(_, member)| !given.contains(member));
    Some(Content::Sorted(items))
}

fn add_score(before: &Before<'_>, key: usize) -> Option<Content> {
    let mut items = scores(before, key)?;
    let (by, member) = (score(before.word(2)?)?, before.word(3)?.as_bytes());
    let at = items.iter().position(|(_, other)| other == member);
    let now = at.map_or(0.0, |at| items.remove(at).0);
    items.push((now + by, member.to_vec()));
    Some(ordered(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_there_is_made_and_an_empty_one_goes() {
        let absent = [(b"k".to_vec(), crate::redis::image::Image::ABSENT)];
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let of = |line: &str| super::super::expected(&words(line), &absent).map(|all| all[0].clone());
        assert_eq!(of("SREM k a"), Some(Expected::ABSENT));
        assert_eq!(of("LPUSHX k a"), Some(Expected::ABSENT));
        let wanted = Content::List(vec![b"b".to_vec(), b"a".to_vec()]);
        assert_eq!(of("LPUSH k a b"), Some(Expected::is(wanted, super::super::Expiry::Never)));
        assert_eq!(of("ZADD k NX 1 a"), None);
        assert_eq!(of("SPOP k"), None);
    }
}
