//! Counting, listing and sampling keys; and what a change of keys would hit.

use playbook_core::action::{Fault, ReadAccess};
use playbook_core::model::{Bytes, Class};
use playbook_core::plan::{Impact, Planned, Sample};
use serde_json::{Map, Value, json};

use super::Asked;
use super::filter::{About, Needs};
use super::params::Do;
use super::scan::Scan;
use crate::redis::client::{Lines, ReadConn};
use crate::redis::faults;
use crate::redis::image::key_name;
use crate::redis::plan::thousands;
use crate::redis::value::bytes_json;

/// Keys told as examples.
const EXAMPLES: usize = 5;
/// Keys that a list has unless it says more.
const LISTED: usize = 10_000;
/// Keys sampled unless it says how many.
const SAMPLED: usize = 10;
/// Keys measured one by one for a plan; of more, so many are measured.
const MEASURED: usize = 4096;
/// Everything that can be asked about a key.
const ALL: Needs = Needs { kind: true, ttl: true, idle: false, memory: true };

/// Keys found, and some of them chosen evenly.
struct Found {
    matched: u64,
    kept: Vec<Vec<u8>>,
}

/// Counts, lists or samples.
pub(super) async fn read(access: ReadAccess<'_>, asked: &Asked) -> Result<Value, Fault> {
    let mut read = ReadConn::open(access).await?;
    let number = asked.number.and_then(|number| usize::try_from(number).ok());
    match asked.what {
        Do::Count => {
            let found = find(&mut read, asked, EXAMPLES, false).await?;
            Ok(json!({"matched": found.matched, "examples": names(&found.kept)}))
        }
        Do::List => {
            let found = find(&mut read, asked, LISTED, false).await?;
            let examples = names(&found.kept[..found.kept.len().min(EXAMPLES)]);
            let more = found.matched > found.kept.len() as u64;
            Ok(json!({"matched": found.matched, "keys": names(&found.kept), "truncated": more, "examples": examples}))
        }
        Do::Sample => {
            let found = find(&mut read, asked, number.unwrap_or(SAMPLED), true).await?;
            let about = measure(&mut read, &found.kept).await?;
            let bytes = estimate(&about, found.matched);
            let examples: Vec<Value> = about.iter().map(|(key, about)| example(key, about)).collect();
            Ok(json!({"matched": found.matched, "bytes": bytes, "examples": examples}))
        }
        Do::Unlink | Do::Expire | Do::Persist => Err(faults::internal("a change of keys is not a read")),
    }
}

fn names(keys: &[Vec<u8>]) -> Value {
    keys.iter().map(|key| bytes_json(key)).collect()
}

fn example(key: &[u8], about: &About) -> Value {
    let mut map = Map::new();
    map.insert("key".into(), bytes_json(key));
    map.insert("type".into(), about.kind.clone().into());
    map.insert("ttl".into(), about.ttl.into());
    map.insert("memory".into(), about.memory.into());
    Value::Object(map)
}

/// Walks through all keys. Keeps the first so many, or so many chosen evenly.
async fn find(read: &mut ReadConn<'_>, asked: &Asked, keep: usize, evenly: bool) -> Result<Found, Fault> {
    let mut scan = Scan::new(asked, read);
    let limit = asked.params.limit.unwrap_or(u64::MAX);
    let mut found = Found { matched: 0, kept: Vec::new() };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    while !scan.is_over() && found.matched < limit {
        for (key, _) in scan.next(read, asked).await? {
            if found.matched == limit {
                break;
            }
            found.matched += 1;
            if found.kept.len() < keep {
                found.kept.push(key);
            } else if evenly {
                let at = usize::try_from(dice.next() % found.matched).unwrap_or(usize::MAX);
                if let Some(place) = found.kept.get_mut(at) {
                    *place = key;
                }
            }
        }
    }
    Ok(found)
}

/// Numbers that are spread evenly, and the same every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

async fn measure(read: &mut ReadConn<'_>, keys: &[Vec<u8>]) -> Result<Vec<(Vec<u8>, About)>, Fault> {
    let mut all = Vec::with_capacity(keys.len());
    for page in keys.chunks(500) {
        let mut lines = Lines::new();
        for key in page {
            ALL.ask(key, &mut lines);
        }
        let mut replies = read.ask(&lines).await?.into_iter();
        for key in page {
            if let Some(about) = ALL.read(&mut replies, read.target())? {
                all.push((key.clone(), about));
            }
        }
    }
    Ok(all)
}

/// Bytes of all keys, from those that were measured.
fn estimate(about: &[(Vec<u8>, About)], matched: u64) -> u64 {
    let sum: u64 = about.iter().filter_map(|(_, about)| u64::try_from(about.memory?).ok()).sum();
    match about.len() as u64 {
        0 => 0,
        measured if measured >= matched => sum,
        measured => sum.saturating_mul(matched) / measured,
    }
}

/// What a change of these keys would hit.
pub(super) async fn plan(access: ReadAccess<'_>, asked: &Asked, class: Class) -> Result<Planned, Fault> {
    if !class.effect.changes() {
        return Ok(Planned::new(class));
    }
    let mut read = ReadConn::open(access).await?;
    let found = find(&mut read, asked, MEASURED, true).await?;
    let about = measure(&mut read, &found.kept).await?;
    let bytes = estimate(&about, found.matched);
    let secrets = read.target().secrets();
    let samples =
        about.iter().take(EXAMPLES).map(|(key, about)| Sample { name: key_name(key, secrets), about: describe(about) });
    let mut planned = Planned::new(class);
    let samples = samples.collect();
    planned.impact.push(Impact { what: "keys".into(), count: found.matched, bytes: Some(bytes), exact: true, samples });
    if found.matched > about.len() as u64 {
        let (measured, of) = (thousands(about.len() as u64), thousands(found.matched));
        planned.notes.push(format!("bytes and expiries are estimated from {measured} of {of} keys"));
    }
    if found.matched > 0 {
        planned.notes.push(expiries(&about));
    }
    Ok(planned)
}

fn describe(about: &About) -> String {
    let kind = about.kind.as_deref().unwrap_or("key");
    let memory = about
        .memory
        .and_then(|bytes| u64::try_from(bytes).ok())
        .map_or_else(String::new, |bytes| format!(", {}", Bytes(bytes)));
    match about.ttl {
        Some(ttl @ 0..) => format!("{kind}{memory}, expires in {}", crate::redis::image::span(ttl * 1000)),
        _ => format!("{kind}{memory}, no expiry"),
    }
}

/// How many of the keys expire when.
fn expiries(about: &[(Vec<u8>, About)]) -> String {
    let steps = [(60, "within 1m"), (3600, "within 1h"), (86_400, "within 1d"), (i64::MAX, "later")];
    let mut counts = [0_usize; 4];
    let mut never = 0;
    for (_, about) in about {
        match about.ttl {
            Some(ttl @ 0..) => {
                let at = steps.iter().position(|(limit, _)| ttl < *limit).unwrap_or(3);
                counts[at] += 1;
            }
            _ => never += 1,
        }
    }
    let mut parts = vec![format!("{never} never")];
    parts.extend(
        steps.iter().zip(counts).filter(|(_, count)| *count > 0).map(|((_, name), count)| format!("{count} {name}")),
    );
    format!("expiries: {}", parts.join(", "))
}
