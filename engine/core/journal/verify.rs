//! Does a journal hold together? The chain shows changes in the middle; only a head that was kept
//! elsewhere shows changes at the end.

use std::collections::HashMap;
use std::str::FromStr;

use serde_json::Value;

use super::canonical::canonical;
use crate::model::Digest;

/// The head of a journal, as kept beside it and elsewhere: three lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The run.
    pub run: String,
    /// How many lines.
    pub size: u64,
    /// SHA-256 of the last line.
    pub digest: Digest,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "playbook-journal/v1 {}\n{}\n{}\n", self.run, self.size, self.digest)
    }
}

impl FromStr for Head {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a head is three lines: playbook-journal/v1 RUN, a number, sha256:…".to_owned();
        let mut lines = text.lines();
        let run = lines.next().and_then(|line| line.strip_prefix("playbook-journal/v1 ")).ok_or_else(wrong)?;
        let size = lines.next().and_then(|line| line.parse().ok()).ok_or_else(wrong)?;
        let digest = lines.next().ok_or_else(wrong)?.parse()?;
        Ok(Self { run: run.to_owned(), size, digest })
    }
}

/// What is wrong with a journal, and at which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Problem {
    /// The first line that is wrong, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// The judgement over a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds together and ends where the head says.
    Good(Head),
    /// It holds together; nobody can tell whether its end was cut or its last line edited.
    Unanchored(Head),
    /// The last line is torn, or a stored part is missing.
    Incomplete(Head, Vec<String>),
    /// It was changed.
    Tampered(Problem),
}

impl Verdict {
    /// The exit code of `playbook verify`.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Good(_) => 0,
            Self::Tampered(_) => 20,
            Self::Incomplete(..) => 21,
            Self::Unanchored(_) => 22,
        }
    }
}

/// Verifies the bytes of a journal. `blob` tells whether a stored part is there and whole.
pub fn verify(run: &str, bytes: &[u8], head: Option<&Head>, blob: &dyn Fn(&Digest) -> Result<(), String>) -> Verdict {
    let (whole, torn) = match bytes.iter().rposition(|&byte| byte == b'\n') {
        Some(last) => (&bytes[..last], bytes.len() - last - 1),
        None => (&bytes[..0], bytes.len()),
    };
    let mut prev = Digest::ZERO;
    let mut missing = Vec::new();
    let mut digests: HashMap<u64, Digest> = HashMap::new();
    let lines: Vec<&[u8]> = if whole.is_empty() { Vec::new() } else { whole.split(|&byte| byte == b'\n').collect() };
    for (at, line) in lines.iter().enumerate() {
        let number = at as u64 + 1;
        let bad = |what: String| Verdict::Tampered(Problem { line: number, what });
        let value = match check_line(line, number, &prev, run) {
            Ok(value) => value,
            Err(what) => return bad(what),
        };
        collect_blobs(&value, &mut |digest| {
            if let Err(why) = blob(&digest) {
                missing.push(format!("line {number}: {digest}: {why}"));
            }
        });
        prev = Digest::of(line);
        digests.insert(number, prev);
    }
    let size = lines.len() as u64;
    let found = Head { run: run.to_owned(), size, digest: prev };
    let Some(head) = head else {
        return incomplete(found, torn, missing).unwrap_or_else(Verdict::Unanchored);
    };
    if head.run != run {
        return Verdict::Tampered(Problem { line: 1, what: format!("the head is of the run {}", head.run) });
    }
    match digests.get(&head.size) {
        _ if head.size > size => Verdict::Tampered(Problem {
            line: size + 1,
            what: format!("the head names {} lines, and there are {size}", head.size),
        }),
        Some(digest) if *digest != head.digest => {
            Verdict::Tampered(Problem { line: head.size, what: "its SHA-256 is not the one in the head".into() })
        }
        // Lines after the head (a later note) hold together with what it anchors, but are not
        // anchored themselves.
        Some(_) if head.size < size => incomplete(found, torn, missing).unwrap_or_else(Verdict::Unanchored),
        Some(_) => incomplete(found, torn, missing).unwrap_or_else(Verdict::Good),
        None => Verdict::Tampered(Problem { line: 1, what: "the head is of an empty journal".into() }),
    }
}

fn incomplete(found: Head, torn: usize, mut missing: Vec<String>) -> Result<Verdict, Head> {
    if torn > 0 {
        missing.push(format!("the last line is torn: {torn} bytes"));
    }
    if missing.is_empty() { Err(found) } else { Ok(Verdict::Incomplete(found, missing)) }
}

fn check_line(line: &[u8], number: u64, prev: &Digest, run: &str) -> Result<Value, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let again = canonical(&value).map_err(|error| error.to_string())?;
    if again != text {
        return Err("it is not in canonical form".into());
    }
    if value.get("prev").and_then(Value::as_str) != Some(&prev.to_string()) {
        return Err(if number == 1 {
            "it names a line before it".into()
        } else {
            format!("it does not name the SHA-256 of line {}: one of the two was changed", number - 1)
        });
    }
    if value.get("seq").and_then(Value::as_u64) != Some(number) {
        return Err(format!("its number is {}, not {number}", value.get("seq").unwrap_or(&Value::Null)));
    }
    if value.get("run").and_then(Value::as_str) != Some(run) {
        return Err("it is of another run".into());
    }
    Ok(value)
}

/// Stored parts that a line names: every `…blob` field and the source of the playbook.
fn collect_blobs(value: &Value, tell: &mut dyn FnMut(Digest)) {
    let Some(data) = value.get("data").and_then(Value::as_object) else { return };
    for (key, value) in data {
        let names_one = key == "blob" || key.ends_with("_blob");
        if let Some(digest) = value.as_str().filter(|_| names_one).and_then(|text| text.parse().ok()) {
            tell(digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Actor, Event, NoteAdded, Record, VERSION};

    fn journal(lines: u64) -> (Vec<u8>, Head) {
        let mut prev = Digest::ZERO;
        let mut text = String::new();
        for seq in 1..=lines {
            let record = Record {
                v: VERSION,
                seq,
                prev,
                time: "2026-11-21T03:00:00.000000Z".into(),
                mono_us: seq,
                boot: "b".into(),
                occurred_at: None,
                actor: Actor::engine(),
                run: "r-1".parse().unwrap(),
                step: None,
                attempt: None,
                event: Event::NoteAdded(NoteAdded { text: format!("note {seq}"), message: None }),
            };
            let line = super::super::line(&record).unwrap();
            prev = line.digest;
            text.push_str(&line.text);
            text.push('\n');
        }
        (text.into_bytes(), Head { run: "r-1".into(), size: lines, digest: prev })
    }

    fn judge(bytes: &[u8], head: Option<&Head>) -> Verdict {
        verify("r-1", bytes, head, &|_| Ok(()))
    }

    #[test]
    fn every_bit_flip_is_found_with_a_head() {
        let (bytes, head) = journal(6);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let verdict = judge(&flipped, Some(&head));
                assert!(matches!(verdict, Verdict::Tampered(_)), "byte {at} bit {bit}: {verdict:?}");
            }
        }
    }

    #[test]
    fn a_flip_is_reported_at_its_line_or_the_next() {
        let (bytes, head) = journal(6);
        let starts: Vec<usize> = std::iter::once(0)
            .chain(bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1))
            .collect();
        let mut flipped = bytes;
        flipped[starts[2] + 40] ^= 1;
        let Verdict::Tampered(problem) = judge(&flipped, Some(&head)) else { panic!() };
        assert!((3..=4).contains(&problem.line), "{problem}");
    }

    #[test]
    fn a_cut_end_is_found_only_with_a_head() {
        let (bytes, head) = journal(6);
        for keep in 1..6 {
            let end = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(keep - 1).unwrap().0;
            let cut = &bytes[..=end];
            assert_eq!(judge(cut, Some(&head)).exit(), 20);
            assert_eq!(judge(cut, None).exit(), 22);
        }
    }

    #[test]
    fn swapped_and_removed_lines_are_found_without_a_head() {
        let (bytes, _) = journal(5);
        let text = String::from_utf8(bytes).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(1, 2);
        assert_eq!(judge((lines.join("\n") + "\n").as_bytes(), None).exit(), 20);
        lines.swap(1, 2);
        lines.remove(2);
        assert_eq!(judge((lines.join("\n") + "\n").as_bytes(), None).exit(), 20);
    }

    #[test]
    fn later_lines_are_not_anchored_by_an_earlier_head() {
        let (bytes, _) = journal(6);
        let (_, early) = journal(4);
        assert_eq!(judge(&bytes, Some(&early)).exit(), 22);
    }

    #[test]
    fn a_torn_line_is_incomplete_and_not_tampering() {
        let (bytes, _) = journal(3);
        let torn = &bytes[..bytes.len() - 10];
        assert_eq!(judge(torn, None).exit(), 21);
        assert_eq!(judge(b"", None).exit(), 22);
    }

    #[test]
    fn a_head_is_read_back() {
        let (_, head) = journal(2);
        assert_eq!(head.to_string().parse::<Head>(), Ok(head));
    }
}
