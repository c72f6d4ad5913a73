//! What DUMP returns → the value that is in it.
//!
//! Two payloads with the same value may differ: sets and hashes are dumped in the order of a hash
//! table, RESTORE may choose another encoding. So values are compared as values. What cannot be
//! read (streams, modules, encodings of later versions) is compared byte by byte, which may call
//! equal things different, never the other way round.
//!
//! Source of the format: rdb.h, listpack.c, ziplist.c and intset.c of Redis 7.0; rdb.h of Redis 7.4
//! and Valkey 9 for expiries of fields.

mod packed;
mod reader;

use playbook_core::model::Digest;

use packed::{intset, listpack, ziplist};
use reader::Reader;

/// Bytes at the end of a payload: version of the format and checksum.
const FOOTER: usize = 10;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    /// In order.
    Set(Vec<Vec<u8>>),
    /// By field.
    Hash(Vec<Field>),
    /// By score, then member.
    Sorted(Vec<(f64, Vec<u8>)>),
    /// A value that cannot be read: its type and the rest.
    Opaque(u8, Vec<u8>),
}

/// A field of a hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Field {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// Milliseconds since 1970; 0 if it does not expire.
    pub(super) expiry: u64,
}

impl Content {
    /// Reads a payload of DUMP.
    pub(super) fn read(payload: &[u8]) -> Self {
        let Some((body, &kind)) =
            payload.len().checked_sub(FOOTER).and_then(|end| Some((payload.get(1..end)?, payload.first()?)))
        else {
            return Self::Opaque(0xff, payload.to_vec());
        };
        let mut reader = Reader::new(body);
        let read = known(kind, &mut reader).filter(|_| reader.is_done());
        read.map_or_else(|| Self::Opaque(kind, body.to_vec()), Self::ordered)
    }

    fn ordered(self) -> Self {
        match self {
            Self::Set(mut items) => {
                items.sort_unstable();
                Self::Set(items)
            }
            Self::Hash(mut fields) => {
                fields.sort_unstable();
                Self::Hash(fields)
            }
            Self::Sorted(mut items) => {
                for (score, _) in &mut items {
                    // There is no zero below zero.
                    *score += 0.0;
                }
                items.sort_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| x.cmp(y)));
                Self::Sorted(items)
            }
            Self::Text(_) | Self::List(_) | Self::Opaque(..) => self,
        }
    }

    /// The type as TYPE calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Hash(_) => "hash",
            Self::Sorted(_) => "zset",
            Self::Opaque(15 | 19 | 21 | 26 | 27, _) => "stream",
            Self::Opaque(..) => "value",
        }
    }

    /// How many items it has; for text how many bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(bytes) | Self::Opaque(_, bytes) => bytes.len(),
            Self::List(items) | Self::Set(items) => items.len(),
            Self::Hash(fields) => fields.len(),
            Self::Sorted(items) => items.len(),
        }
    }

    /// A digest of the value; `salt` keeps it from being looked up.
    pub(super) fn digest(&self, salt: &str) -> String {
        let mut bytes = salt.as_bytes().to_vec();
        let mut put = |part: &[u8]| {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        };
        put(self.kind().as_bytes());
        match self {
            Self::Text(text) => put(text),
            Self::List(items) | Self::Set(items) => items.iter().for_each(|item| put(item)),
            Self::Hash(fields) => fields.iter().for_each(|field| {
                put(&field.name);
                put(&field.value);
                put(&field.expiry.to_le_bytes());
            }),
            Self::Sorted(items) => items.iter().for_each(|(score, member)| {
                put(&score.to_bits().to_le_bytes());
                put(member);
            }),
            Self::Opaque(kind, rest) => {
                put(&[*kind]);
                put(rest);
            }
        }
        Digest::of(&bytes).hex()[..32].to_owned()
    }
}

fn known(kind: u8, reader: &mut Reader<'_>) -> Option<Content> {
    Some(match kind {
        0 => Content::Text(reader.string()?),
        1 => Content::List(reader.strings()?),
        2 => Content::Set(reader.strings()?),
        3 => Content::Sorted(reader.many(|reader| {
            let member = reader.string()?;
            Some((reader.text_double()?, member))
        })?),
        4 => Content::Hash(reader.many(|reader| {
            let name = reader.string()?;
            Some(Field { name, value: reader.string()?, expiry: 0 })
        })?),
        5 => Content::Sorted(reader.many(|reader| {
            let member = reader.string()?;
            Some((f64::from_le_bytes(reader.array()?), member))
        })?),
        10 => Content::List(ziplist(&reader.string()?)?),
        11 => Content::Set(intset(&reader.string()?)?),
        12 => scores(ziplist(&reader.string()?)?)?,
        13 => fields(ziplist(&reader.string()?)?)?,
        14 => Content::List(reader.many(|reader| ziplist(&reader.string()?))?.concat()),
        16 => fields(listpack(&reader.string()?)?)?,
        17 => scores(listpack(&reader.string()?)?)?,
        18 => Content::List(
            reader
                .many(|reader| match reader.length()? {
                    1 => Some(vec![reader.string()?]),
                    2 => listpack(&reader.string()?),
                    _ => None,
                })?
                .concat(),
        ),
        20 => Content::Set(listpack(&reader.string()?)?),
        // Valkey 9: field, value, expiry of each.
        22 => Content::Hash(reader.many(|reader| {
            let (name, value) = (reader.string()?, reader.string()?);
            let expiry = i64::from_le_bytes(reader.array()?);
            Some(Field { name, value, expiry: u64::try_from(expiry).unwrap_or(0) })
        })?),
        // Redis 7.4: the earliest expiry, then expiry (relative to it), field, value of each.
        24 => {
            let first = u64::from_le_bytes(reader.array()?);
            Content::Hash(reader.many(|reader| {
                let relative = reader.length()?;
                let expiry = if relative == 0 { 0 } else { first.checked_add(relative)?.checked_sub(1)? };
                let name = reader.string()?;
                Some(Field { name, value: reader.string()?, expiry })
            })?)
        }
        25 => {
            let _: [u8; 8] = reader.array()?;
            triples(listpack(&reader.string()?)?)?
        }
        _ => return None,
    })
}

fn fields(flat: Vec<Vec<u8>>) -> Option<Content> {
    let mut flat = flat.into_iter();
    let mut fields = Vec::new();
    while let Some(name) = flat.next() {
        fields.push(Field { name, value: flat.next()?, expiry: 0 });
    }
    Some(Content::Hash(fields))
}

fn triples(flat: Vec<Vec<u8>>) -> Option<Content> {
    let mut flat = flat.into_iter();
    let mut fields = Vec::new();
    while let Some(name) = flat.next() {
        let value = flat.next()?;
        let expiry = String::from_utf8(flat.next()?).ok()?.parse().ok()?;
        fields.push(Field { name, value, expiry });
    }
    Some(Content::Hash(fields))
}

fn scores(flat: Vec<Vec<u8>>) -> Option<Content> {
    let mut flat = flat.into_iter();
    let mut items = Vec::new();
    while let Some(member) = flat.next() {
        let score = String::from_utf8(flat.next()?).ok()?.parse::<f64>().ok()?;
        items.push((score, member));
    }
    Some(Content::Sorted(items))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_of_a_live_server_is_read() {
        // SET k hello; DUMP k, on Redis 7.0.15.
        let payload = b"\x00\x05hello\x0a\x00\x0b\xaa\x19\x8d\x0a\x6c\x9f\x01";
        assert_eq!(Content::read(payload), Content::Text(b"hello".to_vec()));
        // SET n -7: a number of one byte.
        assert_eq!(Content::read(b"\x00\xc0\xf9\x0a\x00\0\0\0\0\0\0\0\0"), Content::Text(b"-7".to_vec()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(payload in proptest::collection::vec(any::<u8>(), 0..200), kind in 0u8..30) {
            let mut payload = payload;
            if let Some(first) = payload.first_mut() { *first = kind; }
            let content = Content::read(&payload);
            let _ = (content.digest("s"), content.kind(), content.size());
        }
    }
}
