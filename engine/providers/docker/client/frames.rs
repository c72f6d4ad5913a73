//! What a container writes, as the engine sends it: frames of eight bytes of head (stream, length) and
//! the text; or the bare text where the container has a terminal.

use std::collections::VecDeque;

/// How much is kept, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::docker) enum Keep {
    /// The beginning.
    First(usize),
    /// The end.
    Last(usize),
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct Output {
    pub(in crate::docker) stdout: String,
    pub(in crate::docker) stderr: String,
    /// Both, in the order in which they were written.
    pub(in crate::docker) text: String,
    /// There was more.
    pub(in crate::docker) cut: bool,
}

/// The number of standard error in the head of a frame.
const ERR: u8 = 2;

/// Takes frames apart as they come.
pub(super) struct Frames {
    tty: bool,
    keep: Keep,
    /// What came and is not a whole head yet.
    head: Vec<u8>,
    stream: u8,
    /// Bytes that the frame still has.
    left: usize,
    pieces: VecDeque<(u8, Vec<u8>)>,
    held: usize,
    cut: bool,
}

impl Frames {
    pub(super) fn new(tty: bool, keep: Keep) -> Self {
        Self { tty, keep, head: Vec::new(), stream: 1, left: 0, pieces: VecDeque::new(), held: 0, cut: false }
    }

    /// Takes what came.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        if self.tty {
            return self.hold(bytes);
        }
        while !bytes.is_empty() {
            if self.left == 0 {
                let missing = 8 - self.head.len();
                let (now, later) = bytes.split_at(missing.min(bytes.len()));
                self.head.extend_from_slice(now);
                bytes = later;
                if let &[stream, _, _, _, a, b, c, d] = self.head.as_slice() {
                    self.stream = stream;
                    self.left = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                    self.head.clear();
                }
                continue;
            }
            let (now, later) = bytes.split_at(self.left.min(bytes.len()));
            self.hold(now);
            self.left -= now.len();
            bytes = later;
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        let all = bytes.len();
        let bytes = match self.keep {
            Keep::First(limit) => &bytes[..all.min(limit.saturating_sub(self.held))],
            Keep::Last(limit) => &bytes[all - all.min(limit)..],
        };
        self.cut |= bytes.len() < all;
        if bytes.is_empty() {
            return;
        }
        match self.pieces.back_mut() {
            // Small pieces of one stream become one, up to a size that is dropped at once.
            Some((stream, piece)) if *stream == self.stream && piece.len() < 4096 => piece.extend_from_slice(bytes),
            _ => self.pieces.push_back((self.stream, bytes.to_vec())),
        }
        self.held += bytes.len();
        if let Keep::Last(limit) = self.keep {
            while self.held > limit {
                let Some((_, piece)) = self.pieces.front_mut() else { break };
                let over = self.held - limit;
                self.cut = true;
                if piece.len() <= over {
                    self.held -= piece.len();
                    self.pieces.pop_front();
                } else {
                    piece.drain(..over);
                    self.held -= over;
                }
            }
        }
    }

    /// Is more of it of no use?
    pub(super) fn is_full(&self) -> bool {
        matches!(self.keep, Keep::First(_)) && self.cut
    }

    /// Everything.
    pub(super) fn end(self) -> Output {
        let (mut out, mut err, mut both) = (Vec::new(), Vec::new(), Vec::new());
        for (stream, piece) in self.pieces {
            both.extend_from_slice(&piece);
            if stream == ERR {
                err.extend(piece)
            } else {
                out.extend(piece)
            };
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Output { stdout: text(out), stderr: text(err), text: text(both), cut: self.cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0][..], &length, text.as_bytes()].concat()
    }

    #[test]
    fn frames_are_read_however_they_are_cut() {
        let all = [frame(1, "one\n"), frame(2, ""), frame(2, "two\n"), frame(1, "thrée\n")].concat();
        for size in 1..all.len() {
            let mut frames = Frames::new(false, Keep::First(1000));
            all.chunks(size).for_each(|bytes| frames.take(bytes));
            let output = frames.end();
            assert_eq!(output.stdout, "one\nthrée\n", "by {size}");
            assert_eq!((output.stderr.as_str(), output.text.as_str()), ("two\n", "one\ntwo\nthrée\n"));
            assert!(!output.cut);
        }
    }

    #[test]
    fn the_beginning_or_the_end_is_kept() {
        let all = [frame(1, "one\n"), frame(2, "two\n"), frame(1, "three\n")].concat();
        let kept = |keep| {
            let mut frames = Frames::new(false, keep);
            frames.take(&all);
            frames.end()
        };
        let first = kept(Keep::First(6));
        assert_eq!((first.text.as_str(), first.stderr.as_str(), first.cut), ("one\ntw", "tw", true));
        let last = kept(Keep::Last(8));
        assert_eq!((last.text.as_str(), last.stdout.as_str(), last.cut), ("o\nthree\n", "three\n", true));
        assert_eq!(kept(Keep::Last(14)).text, "one\ntwo\nthree\n");
        assert!(!kept(Keep::Last(14)).cut && !kept(Keep::First(14)).cut);
    }

    #[test]
    fn a_terminal_has_no_frames() {
        let mut frames = Frames::new(true, Keep::Last(100));
        frames.take(b"\x01\x00plain");
        assert_eq!(frames.end().stdout, "\u{1}\u{0}plain");
    }
}
