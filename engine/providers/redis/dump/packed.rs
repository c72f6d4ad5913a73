//! Small collections as one block of bytes: listpack, ziplist, intset.

use super::reader::Reader;

/// The items of a listpack.
pub(super) fn listpack(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = Reader::new(bytes);
    let total = u32::from_le_bytes(reader.array()?);
    let _count: [u8; 2] = reader.array()?;
    if total as usize != bytes.len() {
        return None;
    }
    let mut items = Vec::new();
    loop {
        let first = reader.byte()?;
        if first == 0xff {
            return reader.is_done().then_some(items);
        }
        let (item, size) = packed(first, &mut reader)?;
        items.push(item);
        reader.take(back_length(size))?;
    }
}

/// One item, and how many bytes it took.
fn packed(first: u8, reader: &mut Reader<'_>) -> Option<(Vec<u8>, usize)> {
    let number = |value: i64| value.to_string().into_bytes();
    let low = usize::from(first);
    Some(match first {
        0x00..=0x7f => (number(i64::from(first)), 1),
        0x80..=0xbf => {
            let length = low & 0x3f;
            (reader.take(length)?.to_vec(), 1 + length)
        }
        0xc0..=0xdf => {
            let unsigned = i64::from(first & 0x1f) << 8 | i64::from(reader.byte()?);
            (number(if unsigned >= 1 << 12 { unsigned - (1 << 13) } else { unsigned }), 2)
        }
        0xe0..=0xef => {
            let length = (low & 0x0f) << 8 | usize::from(reader.byte()?);
            (reader.take(length)?.to_vec(), 2 + length)
        }
        0xf0 => {
            let length = u32::from_le_bytes(reader.array()?) as usize;
            (reader.take(length)?.to_vec(), 5 + length)
        }
        0xf1 => (number(i64::from(i16::from_le_bytes(reader.array()?))), 3),
        0xf2 => (number(int24(reader.array()?)), 4),
        0xf3 => (number(i64::from(i32::from_le_bytes(reader.array()?))), 5),
        0xf4 => (number(i64::from_le_bytes(reader.array()?)), 9),
        _ => return None,
    })
}

/// How many bytes tell an item's length once more, behind it.
fn back_length(size: usize) -> usize {
    match size {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

fn int24(bytes: [u8; 3]) -> i64 {
    i64::from(i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]) >> 8)
}

/// The items of a ziplist.
pub(super) fn ziplist(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = Reader::new(bytes);
    let total = u32::from_le_bytes(reader.array()?);
    let _tail_and_count: [u8; 6] = reader.array()?;
    if total as usize != bytes.len() {
        return None;
    }
    let mut items = Vec::new();
    loop {
        match reader.byte()? {
            0xff => return reader.is_done().then_some(items),
            0xfe => {
                let _previous: [u8; 4] = reader.array()?;
            }
            _ => {}
        }
        items.push(zipped(&mut reader)?);
    }
}

fn zipped(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let number = |value: i64| value.to_string().into_bytes();
    let first = reader.byte()?;
    let low = usize::from(first & 0x3f);
    Some(match first {
        0x00..=0x3f => reader.take(low)?.to_vec(),
        0x40..=0x7f => {
            let length = low << 8 | usize::from(reader.byte()?);
            reader.take(length)?.to_vec()
        }
        0x80 => {
            let length = u32::from_be_bytes(reader.array()?) as usize;
            reader.take(length)?.to_vec()
        }
        0xc0 => number(i64::from(i16::from_le_bytes(reader.array()?))),
        0xd0 => number(i64::from(i32::from_le_bytes(reader.array()?))),
        0xe0 => number(i64::from_le_bytes(reader.array()?)),
        0xf0 => number(int24(reader.array()?)),
        0xfe => number(i64::from(i8::from_le_bytes(reader.array()?))),
        0xf1..=0xfd => number(i64::from(first & 0x0f) - 1),
        _ => return None,
    })
}

/// The items of an intset.
pub(super) fn intset(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = Reader::new(bytes);
    let width = u32::from_le_bytes(reader.array()?);
    let count = u32::from_le_bytes(reader.array()?);
    let mut items = Vec::new();
    for _ in 0..count {
        let value = match width {
            2 => i64::from(i16::from_le_bytes(reader.array()?)),
            4 => i64::from(i32::from_le_bytes(reader.array()?)),
            8 => i64::from_le_bytes(reader.array()?),
            _ => return None,
        };
        items.push(value.to_string().into_bytes());
    }
    reader.is_done().then_some(items)
}
