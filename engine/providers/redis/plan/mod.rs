//! What a command would hit and change, asked over a connection that cannot write.

mod server;

use playbook_core::action::{Fault, ReadAccess};
use playbook_core::model::{Bytes, Class, Effect, Reversal};
use playbook_core::plan::{Change, Image as Shown, Impact, Planned, Sample};

use super::ask::{memory, read_keys};
use super::call::Call;
use super::classify::{Way, way};
use super::client::{Lines, ReadConn};
use super::config_change::change;
use super::eviction::{self, Memory};
use super::expected::expected;
use super::find_keys::written;
use super::image::{Image, span};
use super::plain_change::keys_of_all;
use super::settings::{Kept, Settings, get_lines, got, normal};
use super::value::Reply;

/// Keys told one by one.
const SAMPLES: usize = 5;
/// Keys whose change is shown.
const CHANGES: usize = 10;
/// Keys are read to work out what becomes of them if they are not larger than this together.
const READ: u64 = 4 << 20;
/// Items from which freeing or copying them is felt by others.
const MANY: u64 = 10_000;

/// Plans a command that changes something.
pub(super) async fn plan(access: ReadAccess<'_>, call: &Call, class: Class) -> Result<Planned, Fault> {
    let mut read = ReadConn::open(access).await?;
    let mut planned = Planned::new(class);
    let words: Vec<Option<String>> = call.words().iter().cloned().map(Some).collect();
    match way(call.command(), &words) {
        Way::Keys(_) | Way::Script => keys(&mut read, call, &mut planned).await?,
        Way::Config => config(&mut read, call, &mut planned).await?,
        Way::Never(_) if matches!(call.name(), "flushdb" | "flushall") => flush(&mut read, call, &mut planned).await?,
        Way::Read | Way::Acl | Way::Functions | Way::Inverse | Way::Nothing | Way::Never(_) | Way::Unknown => {}
    }
    server::notes(&mut read, call, &mut planned).await?;
    Ok(planned)
}

/// What is known of one key without reading it.
struct About {
    kind: String,
    ttl: i64,
    bytes: u64,
    items: u64,
}

async fn keys(read: &mut ReadConn<'_>, call: &Call, planned: &mut Planned) -> Result<(), Fault> {
    let written = written(read, call).await?;
    let about = about(read, &written).await?;
    let there: Vec<(&Vec<u8>, &About)> = written.iter().zip(&about).filter(|(_, about)| about.kind != "none").collect();
    let bytes = there.iter().map(|(_, about)| about.bytes).sum();
    let secrets = read.target().secrets();
    let name = |key: &[u8]| call.key_name(key, secrets);
    let samples = there.iter().take(SAMPLES).map(|(key, about)| Sample { name: name(key), about: about.show() });
    planned.impact.push(Impact {
        what: "keys".into(),
        count: there.len() as u64,
        bytes: Some(bytes),
        exact: true,
        samples: samples.collect(),
    });
    for (key, about) in &there {
        if let Some(note) = slow(call, &name(key), about) {
            planned.notes.push(note);
        }
    }
    if bytes <= READ {
        changes(read, call, &written, planned).await?;
    } else {
        planned.changes.extend(
            there
                .iter()
                .take(CHANGES)
                .map(|(key, about)| Change::new(format!("key {}", name(key)), Shown::of(about.show()), Shown::Unknown)),
        );
    }
    Ok(())
}

async fn about(read: &mut ReadConn<'_>, keys: &[Vec<u8>]) -> Result<Vec<About>, Fault> {
    let mut kinds = Vec::new();
    for page in keys.chunks(1000) {
        let mut lines = Lines::new();
        for key in page {
            lines.add([b"TYPE".as_slice(), key]).add([b"PTTL".as_slice(), key]);
        }
        kinds.extend(read.ask(&lines).await?);
    }
    let bytes = memory(read, keys).await?;
    let mut all: Vec<About> = kinds
        .chunks_exact(2)
        .zip(bytes)
        .map(|(pair, bytes)| About {
            kind: pair[0].text().unwrap_or("none").to_owned(),
            ttl: pair[1].int().unwrap_or(-1),
            bytes,
            items: 0,
        })
        .collect();
    let mut lines = Lines::new();
    let sized: Vec<usize> = (0..all.len()).filter(|&at| size_command(&all[at].kind).is_some()).collect();
    for &at in &sized {
        if let Some(command) = size_command(&all[at].kind) {
            lines.add([command.as_bytes(), &keys[at]]);
        }
    }
    for (at, reply) in sized.into_iter().zip(read.ask(&lines).await?) {
        all[at].items = reply.int().and_then(|items| u64::try_from(items).ok()).unwrap_or(0);
    }
    Ok(all)
}

fn size_command(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "list" => "LLEN",
        "set" => "SCARD",
        "hash" => "HLEN",
        "zset" => "ZCARD",
        "stream" => "XLEN",
        _ => return None,
    })
}

impl About {
    fn show(&self) -> String {
        let items = if self.items > 0 { format!(", {} items", thousands(self.items)) } else { String::new() };
        let ttl = if self.ttl < 0 { "no expiry".to_owned() } else { format!("expires in {}", span(self.ttl)) };
        format!("{}{items}, {}, {ttl}", self.kind, Bytes(self.bytes))
    }
}

/// Commands whose cost grows with the key, and how much that is here.
fn slow(call: &Call, name: &str, about: &About) -> Option<String> {
    if about.items < MANY {
        return None;
    }
    let items = thousands(about.items);
    let kind = &about.kind;
    Some(match call.name() {
        "del" | "getdel" => {
            format!("{name} is a {kind} with {items} items: DEL blocks the server while it is freed; UNLINK does not")
        }
        "rename" | "set" | "getset" | "restore" => {
            format!("{name} is a {kind} with {items} items, and is freed if it is overwritten")
        }
        "ltrim" | "lrem" | "linsert" | "sort" | "sunionstore" | "sinterstore" | "sdiffstore" | "zunionstore"
        | "zinterstore" | "zdiffstore" | "zremrangebyrank" | "zremrangebyscore" | "zremrangebylex" | "copy"
        | "move" | "xtrim" | "geosearchstore" | "zrangestore" | "migrate" => {
            format!(
                "{} walks through {name}, a {kind} with {items} items; nothing else is served meanwhile",
                call.title()
            )
        }
        _ => return None,
    })
}

async fn changes(read: &mut ReadConn<'_>, call: &Call, keys: &[Vec<u8>], planned: &mut Planned) -> Result<(), Fault> {
    let (images, at) = read_keys(read, keys, u64::MAX).await?;
    let known: Vec<(Vec<u8>, Image)> = keys.iter().cloned().zip(images).collect();
    let outcome = expected(call.words(), &known);
    let secrets = read.target().secrets();
    for (n, (key, before)) in known.iter().enumerate().take(CHANGES) {
        let subject = format!("key {}", call.key_name(key, secrets));
        let text = |text: &str| match text {
            "(absent)" => Shown::Absent,
            _ if call.has_secrets() => Shown::Secret,
            text => Shown::of(secrets.text(text).into_owned()),
        };
        // An approval holds what is shown against what is shown later: no time that is left.
        let shown = text(&before.describe_fixed(at.now, secrets));
        let after = match outcome.as_ref().and_then(|all| all.get(n)) {
            None => Shown::Unknown,
            Some(expected) if expected.keeps(before) => shown.clone(),
            Some(expected) => changed(&shown, text(&expected.describe(before, at.now, secrets))),
        };
        planned.changes.push(Change::new(subject, shown, after));
    }
    let all = outcome.as_deref().unwrap_or_default();
    if !all.is_empty() && all.iter().zip(&known).all(|(expected, (_, before))| expected.keeps(before)) {
        planned.impact.iter_mut().for_each(|impact| impact.count = 0);
    }
    let more = known.len().saturating_sub(CHANGES);
    if more > 0 {
        planned.notes.push(format!("{more} more keys are not shown one by one"));
    }
    Ok(())
}

/// What is cut to be readable, or hidden, must not look as if nothing changed.
fn changed(before: &Shown, after: Shown) -> Shown {
    if *before == after { Shown::of(format!("{} (changed)", after.show())) } else { after }
}

async fn config(read: &mut ReadConn<'_>, call: &Call, planned: &mut Planned) -> Result<(), Fault> {
    let mut deciding = Settings::new();
    for (n, pair) in call.args().chunks_exact(2).enumerate() {
        let name = pair[0].to_ascii_lowercase();
        let reply = read.ask(&get_lines([name.as_str()])).await?.into_iter().next().unwrap_or(Reply::Nil);
        let before = got(reply, &name, read.target())?;
        let after = normal(&pair[1], &before);
        let secrets = read.target().secrets();
        let old = Kept::of(&name, &before, false, secrets);
        let new = Kept::of(&name, &after, call.is_secret(2 * n + 3), secrets);
        if old == Kept::Hidden {
            planned.notes.push(format!("the old {name} is secret and not known to the run, so it cannot be put back"));
        }
        let mut shown = change(&name, &old, &new, secrets);
        if before != after {
            shown.after = changed(&shown.before, shown.after);
        }
        planned.changes.push(shown);
        if eviction::decides(&name) {
            deciding.push((name, after));
        }
    }
    if !deciding.is_empty() {
        eviction(read, &deciding, planned).await?;
    }
    Ok(())
}

/// What a limit or a policy would cost now.
async fn eviction(read: &mut ReadConn<'_>, settings: &Settings, planned: &mut Planned) -> Result<(), Fault> {
    let Some(memory) = Memory::ask(read).await? else {
        planned.notes.push("this user may not run INFO, so nobody can tell whether keys would be evicted".into());
        return Ok(());
    };
    let then = memory.with(settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    if let Some(loss) = memory.loss(&then) {
        planned.class = Class::new(Effect::Destroy, Reversal::BestEffort(eviction::GONE.into()));
        planned.notes.push(loss);
    }
    Ok(())
}

async fn flush(read: &mut ReadConn<'_>, call: &Call, planned: &mut Planned) -> Result<(), Fault> {
    let count = match call.name() {
        "flushdb" => read.one(["DBSIZE"]).await?.int().unwrap_or(0),
        _ => keys_of_all(&read.one(["INFO", "keyspace"]).await?),
    };
    let count = u64::try_from(count).unwrap_or(0);
    planned.impact.push(Impact { what: "keys".into(), count, bytes: None, exact: true, samples: Vec::new() });
    if !call.args().iter().any(|word| word.eq_ignore_ascii_case("ASYNC")) && count > 100_000 {
        planned.notes.push("without ASYNC nothing else is served until all keys are freed".into());
    }
    Ok(())
}

/// `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn large_numbers_can_be_read() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000_000), "1,000,000");
    }
}
