//! Numbers and texts of the RDB format. Every read is checked; what does not fit is `None`.

/// Reads bytes from the front.
pub(super) struct Reader<'a>(&'a [u8]);

/// What stands where a length is expected.
enum Length {
    Plain(u64),
    Encoded(u8),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn length_or_encoding(&mut self) -> Option<Length> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Some(match first >> 6 {
            0 => Length::Plain(u64::from(low)),
            1 => Length::Plain(u64::from(low) << 8 | u64::from(self.byte()?)),
            2 if first == 0x80 => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
            2 if first == 0x81 => Length::Plain(u64::from_be_bytes(self.array()?)),
            3 => Length::Encoded(low),
            _ => return None,
        })
    }

    /// A length or a small number.
    pub(super) fn length(&mut self) -> Option<u64> {
        match self.length_or_encoding()? {
            Length::Plain(number) => Some(number),
            Length::Encoded(_) => None,
        }
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.length()?).ok()
    }

    /// A text, which may be written as a number or compressed.
    pub(super) fn string(&mut self) -> Option<Vec<u8>> {
        match self.length_or_encoding()? {
            Length::Plain(length) => Some(self.take(usize::try_from(length).ok()?)?.to_vec()),
            Length::Encoded(0) => Some(i8::from_le_bytes(self.array()?).to_string().into_bytes()),
            Length::Encoded(1) => Some(i16::from_le_bytes(self.array()?).to_string().into_bytes()),
            Length::Encoded(2) => Some(i32::from_le_bytes(self.array()?).to_string().into_bytes()),
            Length::Encoded(3) => {
                let (packed, length) = (self.size()?, self.size()?);
                unpack(self.take(packed)?, length)
            }
            Length::Encoded(_) => None,
        }
    }

    /// A number of things.
    pub(super) fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.size()?;
        let mut items = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            items.push(one(self)?);
        }
        Some(items)
    }

    pub(super) fn strings(&mut self) -> Option<Vec<Vec<u8>>> {
        self.many(Self::string)
    }

    /// A floating number written as text, as old versions do.
    pub(super) fn text_double(&mut self) -> Option<f64> {
        match self.byte()? {
            253 => Some(f64::NAN),
            254 => Some(f64::INFINITY),
            255 => Some(f64::NEG_INFINITY),
            length => std::str::from_utf8(self.take(usize::from(length))?).ok()?.parse().ok(),
        }
    }
}

/// LZF: literal runs and references back into what was unpacked already.
fn unpack(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut reader = Reader::new(packed);
    let mut out: Vec<u8> = Vec::with_capacity(length.min(packed.len().saturating_mul(300)));
    while !reader.is_done() {
        let control = usize::from(reader.byte()?);
        if control < 32 {
            out.extend_from_slice(reader.take(control + 1)?);
            continue;
        }
        let mut run = control >> 5;
        if run == 7 {
            run += usize::from(reader.byte()?);
        }
        let back = ((control & 0x1f) << 8 | usize::from(reader.byte()?)) + 1;
        let start = out.len().checked_sub(back)?;
        if out.len() + run + 2 > length {
            return None;
        }
        for at in start..start + run + 2 {
            out.push(*out.get(at)?);
        }
    }
    (out.len() == length).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_text_is_unpacked() {
        // One literal, then a run of 9 from one byte back.
        assert_eq!(unpack(&[0, b'a', 0xe0, 0, 0], 10), Some(b"aaaaaaaaaa".to_vec()));
        assert_eq!(unpack(&[0, b'a', 0xe0, 0, 9], 10), None);
        assert_eq!(unpack(&[0, b'a'], 5), None);
    }

    #[test]
    fn lengths_have_four_forms() {
        let read = |bytes: &[u8]| Reader::new(bytes).length();
        assert_eq!(read(&[0x0a]), Some(10));
        assert_eq!(read(&[0x42, 0x01]), Some(0x201));
        assert_eq!(read(&[0x80, 0, 1, 0, 0]), Some(65_536));
        assert_eq!(read(&[0x81, 0, 0, 0, 1, 0, 0, 0, 0]), Some(1 << 32));
        assert_eq!(read(&[0xc0]), None);
    }
}
