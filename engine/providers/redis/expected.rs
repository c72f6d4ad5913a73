//! What a command leaves, worked out from what was there before. Plans show it; probes and
//! rollbacks recognise by it what they did.
//!
//! Invariant: a command whose outcome is not certain has none.

mod collections;

use playbook_core::secret::Secrets;

use super::dump::Content;
use super::image::{Image, Moment, span, when};

/// What a key is expected to be afterwards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) value: Want,
    pub(super) expiry: Expiry,
}

/// An expected value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Want {
    /// As it was.
    Same,
    /// None.
    Absent,
    /// This.
    Is(Content),
}

/// An expected expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// As it was.
    Same,
    /// None.
    Never,
    /// This moment, in milliseconds since 1970.
    At(i64),
    /// So many milliseconds after the command.
    In(i64),
}

impl Expected {
    const SAME: Self = Self { value: Want::Same, expiry: Expiry::Same };
    const ABSENT: Self = Self { value: Want::Absent, expiry: Expiry::Never };

    fn is(content: Content, expiry: Expiry) -> Self {
        Self { value: Want::Is(content), expiry }
    }

    /// Is the key as expected? The command ran between `since` and now.
    pub(super) fn fits(&self, now: &Image, before: &Image, since: i64, at: Moment) -> bool {
        let (from, to) = match self.expiry {
            Expiry::Same => (before.expiry, before.expiry),
            Expiry::Never => (-1, -1),
            Expiry::At(ms) => (ms, ms),
            Expiry::In(ms) => (since.saturating_add(ms), at.now.saturating_add(ms)),
        };
        let wanted = match &self.value {
            Want::Same => before.content(),
            Want::Absent => None,
            Want::Is(content) => Some(content.clone()),
        };
        let (Some(wanted), Some(payload)) = (wanted.as_ref(), now.alive(at.now)) else {
            // Gone: as expected, or because it has expired since.
            return now.alive(at.now).is_none() && (wanted.is_none() || (from >= 0 && from <= at.now));
        };
        let expires = if from < 0 {
            now.expiry < 0
        } else {
            now.expiry >= from - at.slack && now.expiry <= to.saturating_add(at.slack)
        };
        expires && Content::read(payload) == *wanted
    }

    /// Does it leave everything as it was?
    pub(super) fn keeps(&self, before: &Image) -> bool {
        let value = match &self.value {
            Want::Same => true,
            Want::Absent => before.dump.is_none(),
            Want::Is(content) => before.content().as_ref() == Some(content),
        };
        let expiry = match self.expiry {
            Expiry::Same => true,
            Expiry::Never => before.expiry < 0,
            Expiry::At(ms) => before.expiry == ms,
            Expiry::In(_) => false,
        };
        value && (expiry || before.dump.is_none())
    }

    /// For people, the same whenever it is asked.
    pub(super) fn describe(&self, before: &Image, now: i64, secrets: &Secrets) -> String {
        let value = match &self.value {
            Want::Same => match before.alive(now) {
                Some(_) => Image { expiry: -1, ..before.clone() }.describe(now, secrets),
                None => return "(absent)".into(),
            },
            Want::Absent => return "(absent)".into(),
            Want::Is(Content::Text(bytes)) => super::image::quoted(bytes, secrets),
            Want::Is(other) => {
                let plural = if other.size() == 1 { "" } else { "s" };
                format!("{}, {} item{plural}", other.kind(), other.size())
            }
        };
        match self.expiry {
            Expiry::Never => value,
            Expiry::Same if before.expiry < 0 => value,
            Expiry::Same => format!("{value}, expires {}", when(before.expiry)),
            Expiry::At(ms) => format!("{value}, expires {}", when(ms)),
            Expiry::In(ms) => format!("{value}, expires {} later", span(ms)),
        }
    }
}

/// What each of the captured keys is expected to be after these words.
pub(super) fn expected(words: &[String], keys: &[(Vec<u8>, Image)]) -> Option<Vec<Expected>> {
    let before = Before { words, keys };
    let name = words.first()?.to_ascii_lowercase();
    let change = match name.as_str() {
        "del" | "unlink" | "getdel" => return Some(vec![Expected::ABSENT; keys.len()]),
        "set" => before.set()?,
        "setnx" => before.set_new(2)?,
        "setex" => (before.at(1)?, Expected::is(before.text(3)?, Expiry::In(before.number(2)?.checked_mul(1000)?))),
        "psetex" => (before.at(1)?, Expected::is(before.text(3)?, Expiry::In(before.number(2)?))),
        "getset" => (before.at(1)?, Expected::is(before.text(2)?, Expiry::Never)),
        "append" => before.append()?,
        "incr" => before.add(1)?,
        "decr" => before.add(-1)?,
        "incrby" => before.add(before.number(2)?)?,
        "decrby" => before.add(before.number(2)?.checked_neg()?)?,
        "mset" => return before.mset(),
        "msetnx" => {
            let free = keys.iter().all(|(_, image)| image.dump.is_none());
            return if free { before.mset() } else { Some(vec![Expected::SAME; keys.len()]) };
        }
        "expire" => before.expire(Expiry::In(before.number(2)?.checked_mul(1000)?))?,
        "pexpire" => before.expire(Expiry::In(before.number(2)?))?,
        "expireat" => before.expire(Expiry::At(before.number(2)?.checked_mul(1000)?))?,
        "pexpireat" => before.expire(Expiry::At(before.number(2)?))?,
        "persist" => (before.at(1)?, Expected { value: Want::Same, expiry: Expiry::Never }),
        "rename" => return before.rename(),
        "renamenx" => {
            let taken = keys.get(before.at(2)?).is_some_and(|(_, image)| image.dump.is_some());
            return if taken { Some(vec![Expected::SAME; keys.len()]) } else { before.rename() };
        }
        _ => collections::expected(&name, &before)?,
    };
    let mut all = vec![Expected::SAME; keys.len()];
    *all.get_mut(change.0)? = change.1;
    Some(all)
}

/// Words of a command and the keys before it.
struct Before<'a> {
    words: &'a [String],
    keys: &'a [(Vec<u8>, Image)],
}

/// Which key, and what it is expected to be.
type One = (usize, Expected);

impl Before<'_> {
    /// A word, unless it was hidden.
    fn word(&self, at: usize) -> Option<&str> {
        self.words.get(at).map(String::as_str).filter(|word| !word.contains("[secret"))
    }

    fn number(&self, at: usize) -> Option<i64> {
        self.word(at)?.parse().ok()
    }

    fn text(&self, at: usize) -> Option<Content> {
        Some(Content::Text(self.word(at)?.as_bytes().to_vec()))
    }

    fn has(&self, from: usize, option: &str) -> bool {
        self.words.iter().skip(from).any(|word| word.eq_ignore_ascii_case(option))
    }

    /// Which of the keys a word names.
    fn at(&self, word: usize) -> Option<usize> {
        match self.keys {
            [_] => Some(0),
            keys => {
                let name = self.word(word)?.as_bytes();
                keys.iter().position(|(key, _)| key == name)
            }
        }
    }

    fn image(&self, key: usize) -> Option<&Image> {
        self.keys.get(key).map(|(_, image)| image)
    }

    fn content(&self, key: usize) -> Option<Content> {
        self.image(key)?.content()
    }

    /// The bytes of a text; none where there is no key.
    fn bytes(&self, key: usize) -> Option<Vec<u8>> {
        match self.content(key) {
            None => Some(Vec::new()),
            Some(Content::Text(bytes)) => Some(bytes),
            Some(_) => None,
        }
    }

    /// A key that was there keeps its expiry; a new one has none.
    fn keeps(&self, key: usize, content: Content) -> One {
        let there = self.image(key).is_some_and(|image| image.dump.is_some());
        (key, Expected::is(content, if there { Expiry::Same } else { Expiry::Never }))
    }

    fn set(&self) -> Option<One> {
        let (key, value) = (self.at(1)?, self.text(2)?);
        let mut expiry = Expiry::Never;
        let mut at = 3;
        let there = self.image(key)?.dump.is_some();
        while let Some(option) = self.words.get(at) {
            let given = || self.number(at + 1);
            match option.to_ascii_uppercase().as_str() {
                "NX" if there => return Some((key, Expected::SAME)),
                "XX" if !there => return Some((key, Expected::SAME)),
                "NX" | "XX" | "GET" => at += 1,
                "KEEPTTL" => {
                    expiry = if there { Expiry::Same } else { Expiry::Never };
                    at += 1;
                }
                "EX" => (expiry, at) = (Expiry::In(given()?.checked_mul(1000)?), at + 2),
                "PX" => (expiry, at) = (Expiry::In(given()?), at + 2),
                "EXAT" => (expiry, at) = (Expiry::At(given()?.checked_mul(1000)?), at + 2),
                "PXAT" => (expiry, at) = (Expiry::At(given()?), at + 2),
                _ => return None,
            }
        }
        Some((key, Expected::is(value, expiry)))
    }

    fn set_new(&self, value: usize) -> Option<One> {
        let key = self.at(1)?;
        match self.image(key)?.dump {
            Some(_) => Some((key, Expected::SAME)),
            None => Some((key, Expected::is(self.text(value)?, Expiry::Never))),
        }
    }

    fn append(&self) -> Option<One> {
        let key = self.at(1)?;
        let mut bytes = self.bytes(key)?;
        bytes.extend_from_slice(self.word(2)?.as_bytes());
        Some(self.keeps(key, Content::Text(bytes)))
    }

    fn add(&self, by: i64) -> Option<One> {
        let key = self.at(1)?;
        let text = String::from_utf8(self.bytes(key)?).ok()?;
        let now: i64 = if text.is_empty() { 0 } else { text.parse().ok()? };
        Some(self.keeps(key, Content::Text(now.checked_add(by)?.to_string().into_bytes())))
    }

    fn mset(&self) -> Option<Vec<Expected>> {
        let mut all = vec![Expected::SAME; self.keys.len()];
        for at in (1..self.words.len()).step_by(2) {
            *all.get_mut(self.at(at)?)? = Expected::is(self.text(at + 1)?, Expiry::Never);
        }
        Some(all)
    }

    fn expire(&self, expiry: Expiry) -> Option<One> {
        let key = self.at(1)?;
        let image = self.image(key)?;
        if image.dump.is_none() {
            return Some((key, Expected::SAME));
        }
        match expiry {
            Expiry::In(ms) if ms <= 0 => return Some((key, Expected::ABSENT)),
            // Whether these hold depends on the moment of the command.
            _ if self.has(3, "GT") || self.has(3, "LT") => return None,
            _ if self.has(3, "NX") && image.expiry >= 0 => return Some((key, Expected::SAME)),
            _ if self.has(3, "XX") && image.expiry < 0 => return Some((key, Expected::SAME)),
            _ => {}
        }
        Some((key, Expected { value: Want::Same, expiry }))
    }

    fn rename(&self) -> Option<Vec<Expected>> {
        let (from, to) = (self.at(1)?, self.at(2)?);
        let image = self.image(from)?;
        if from == to {
            return Some(vec![Expected::SAME; self.keys.len()]);
        }
        let mut all = vec![Expected::SAME; self.keys.len()];
        let expiry = if image.expiry < 0 { Expiry::Never } else { Expiry::At(image.expiry) };
        *all.get_mut(to)? = Expected::is(image.content()?, expiry);
        *all.get_mut(from)? = Expected::ABSENT;
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str, expiry: i64) -> Image {
        let mut dump = vec![0, u8::try_from(value.len()).expect("short")];
        dump.extend_from_slice(value.as_bytes());
        dump.extend_from_slice(&[10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Image { dump: Some(dump), expiry }
    }

    fn fits(line: &str, before: &Image, now: &Image) -> Option<bool> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let all = expected(&words, &[(b"k".to_vec(), before.clone())])?;
        Some(all[0].fits(now, before, 1000, Moment { now: 2000, slack: 0 }))
    }

    #[test]
    fn outcomes_of_texts_are_known() {
        assert_eq!(fits("SET k b", &text("a", 9000), &text("b", -1)), Some(true));
        assert_eq!(fits("SET k b KEEPTTL", &text("a", 9000), &text("b", 9000)), Some(true));
        assert_eq!(fits("SET k b NX", &text("a", 9000), &text("a", 9000)), Some(true));
        assert_eq!(fits("SET k b EX 5", &Image::ABSENT, &text("b", 6500)), Some(true));
        assert_eq!(fits("SET k b EX 5", &Image::ABSENT, &text("b", 7500)), Some(false));
        assert_eq!(fits("INCRBY k 5", &text("7", -1), &text("12", -1)), Some(true));
        assert_eq!(fits("APPEND k x", &text("7", -1), &text("7x", -1)), Some(true));
        assert_eq!(fits("DEL k", &text("7", -1), &Image::ABSENT), Some(true));
        assert_eq!(fits("DEL k", &text("7", -1), &text("8", -1)), Some(false));
        assert_eq!(fits("EXPIRE k 5", &text("7", -1), &text("7", 6000)), Some(true));
        assert_eq!(fits("SET k [secret:pw]", &text("7", -1), &text("8", -1)), None);
        assert_eq!(fits("SETRANGE k 0 x", &text("7", -1), &text("x", -1)), None);
    }
}
