//! Did a change happen whose result was never recorded? Only proof counts as an answer.

use std::time::Duration;

use playbook_core::action::{Fault, ReadAccess, UndoPart, Verdict};
use serde_json::{Value, json};

use super::acl_change::Rules;
use super::ask::{read_keys, slack};
use super::client::{Lines, ReadConn};
use super::expected::expected;
use super::functions_change::{digest, list_line};
use super::image::{Image, Moment};
use super::plain_change::{Role, keys_of_all};
use super::record::{KeysRecord, after};
use super::settings::{get_lines, got, kept_json};
use super::target::RedisTarget;
use super::undo::{Kind, enter, same_db, settings, sort};
use super::value::Reply;

/// How long a connection that may still bring the change is waited for.
const PATIENCE: Duration = Duration::from_secs(6);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Finds out whether a part happened.
pub(super) async fn probe(access: ReadAccess<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    enter(&sort(vec![part.clone()])?, RedisTarget::of(access.target())?);
    let mut read = ReadConn::open(access).await?;
    if let Some(why) = still_there(&mut read, part).await? {
        return Ok(Verdict::Unclear(why));
    }
    match Kind::of(part)? {
        Kind::Keys => keys(&mut read, part).await,
        Kind::Config => config(&mut read, part).await,
        Kind::Acl => acl(&mut read, part).await,
        Kind::Functions => functions(&mut read, part).await,
        Kind::Inverse => inverse(&mut read, part).await,
        Kind::Never => never(&mut read, part).await,
        Kind::Nothing => nothing(&mut read, part).await,
        Kind::Headroom => Ok(Verdict::Unclear("it belongs to a rollback".into())),
    }
}

/// Waits until the connection that was to make the change is gone: what it sent last may still lie
/// in the server's buffer. Says so if it does not go.
async fn still_there(read: &mut ReadConn<'_>, part: &UndoPart) -> Result<Option<String>, Fault> {
    let data = &part.record.data;
    let Some(client) = data.get("client").and_then(Value::as_i64) else { return Ok(None) };
    let run_id = data.get("run_id").and_then(Value::as_str);
    if run_id.is_some() && run_id != read.server().run_id.as_deref() {
        // Another process of the server: the connection went with the one before.
        return Ok(None);
    }
    let began = std::time::Instant::now();
    let id = client.to_string();
    loop {
        let by_id = read.server().lists_by_id();
        let lines =
            if by_id { Lines::of(["CLIENT", "LIST", "ID", id.as_str()]) } else { Lines::of(["CLIENT", "LIST"]) };
        let reply = read.ask(&lines).await?.into_iter().next().unwrap_or(Reply::Nil);
        if let Some(error) = reply.error() {
            let why = format!("this user may not see whether the connection is gone ({} {})", error.code, error.text);
            return Ok(Some(why));
        }
        let listed = |line: &str| {
            let has =
                |field: &str, value: &str| line.split(' ').any(|part| part.split_once('=') == Some((field, value)));
            has("id", &id) && has("name", "playbook")
        };
        if !reply.text().unwrap_or_default().lines().any(listed) {
            return Ok(None);
        }
        if began.elapsed() > PATIENCE {
            return Ok(Some("the connection that was to make the change is still open".into()));
        }
        tokio::time::sleep(LOOK).await;
        if read.stopped() {
            return Err(super::faults::cancelled());
        }
    }
}

async fn keys(read: &mut ReadConn<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let record = KeysRecord::read(&part.record)?;
    same_db(std::slice::from_ref(part), read.target())?;
    if record.keys.is_empty() {
        return Ok(Verdict::Unclear("it touched no key that could tell".into()));
    }
    let names: Vec<Vec<u8>> = record.keys.iter().map(|(key, _)| key.clone()).collect();
    let (now, at) = read_keys(read, &names, u64::MAX).await?;
    let pairs = || record.keys.iter().map(|(_, before)| before).zip(&now);
    let at = Moment { slack: at.slack.max(slack(read.server())), ..at };
    let same = pairs().all(|(before, now)| now.same(before, at));
    if let Some(sweep) = record.facts.sweep {
        let left = sweep.left();
        // What has expired since tells nothing.
        let telling: Vec<(&Image, &Image)> = pairs().filter(|(before, _)| before.alive(at.now).is_some()).collect();
        if telling.iter().all(|(before, now)| now.same(before, at)) {
            return Ok(Verdict::NotDone);
        }
        if telling.iter().all(|(before, now)| left.is(now, before, &record.facts.salt, at)) {
            return Ok(Verdict::Done(super::record::swept(sweep)));
        }
        return Ok(Verdict::Unclear("some of the keys are neither as before nor as the step leaves them".into()));
    }
    let outcome = expected(&part.words, &record.keys);
    let beyond = record.facts.beyond.is_some() || matches!(part.words.first(), Some(word) if is_script(word));
    if same && beyond {
        return Ok(Verdict::Unclear("its keys are as before, but it may have changed more than them".into()));
    }
    if same {
        return Ok(Verdict::NotDone);
    }
    let Some(outcome) = outcome else {
        return Ok(Verdict::Unclear("the keys have changed, and what the command leaves cannot be worked out".into()));
    };
    let fits = |((before, now), expected): ((&Image, &Image), &super::expected::Expected)| {
        expected.fits(now, before, record.facts.at, at)
    };
    if pairs().zip(&outcome).all(fits) {
        let lefts: Vec<_> = now.iter().map(|image| image.left(&record.facts.salt)).collect();
        return Ok(Verdict::Done(after(&lefts)));
    }
    Ok(Verdict::Unclear("the keys are neither as before nor as the command leaves them".into()))
}

fn is_script(word: &str) -> bool {
    ["eval", "evalsha", "fcall"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

async fn config(read: &mut ReadConn<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let settings = settings(part)?;
    let replies = read.ask(&get_lines(settings.iter().map(|setting| setting.name.as_str()))).await?;
    let (mut before, mut after) = (true, true);
    for (setting, reply) in settings.iter().zip(replies) {
        let now = got(reply, &setting.name, read.target())?;
        let (was, is) = setting.probe(&now, read.target());
        before &= was;
        after &= is;
    }
    Ok(match (before, after) {
        (true, _) => Verdict::NotDone,
        (false, true) => {
            let wanted = part.record.data.get("wanted").and_then(super::settings::read_kept).unwrap_or_default();
            Verdict::Done(json!({"after": kept_json(&wanted)}))
        }
        (false, false) => Verdict::Unclear("the settings are neither as before nor as the step sets them".into()),
    })
}

async fn acl(read: &mut ReadConn<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let before = part.record.data.get("before").and_then(Value::as_object).cloned().unwrap_or_default();
    let list = read.one(["ACL", "LIST"]).await?;
    let same = before.iter().all(|(user, rules)| Rules::read(rules).is_ok_and(|rules| rules == Rules::of(user, &list)));
    let passwords = part.record.data.get("passwords").and_then(Value::as_bool).unwrap_or(true);
    let existed = before.values().any(|rules| !rules.is_null());
    Ok(match same {
        true if passwords && existed => {
            Verdict::Unclear("passwords are not recorded, so they cannot be compared".into())
        }
        true => Verdict::NotDone,
        false => Verdict::Unclear("the users are not as before; who changed them cannot be told".into()),
    })
}

async fn functions(read: &mut ReadConn<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let lines = list_line();
    let now = read.ask(&lines).await?.into_iter().next().unwrap_or(Reply::Nil);
    let before = part.record.data.get("before").and_then(Value::as_str);
    Ok(if before == Some(digest(&now).as_str()) {
        Verdict::NotDone
    } else {
        Verdict::Unclear("the functions are not as before; who changed them cannot be told".into())
    })
}

async fn inverse(read: &mut ReadConn<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let text = |name: &str| part.record.data.get(name).and_then(Value::as_str);
    let Some(before) = text("role") else {
        return Ok(Verdict::Unclear("nothing on the server tells whether it was carried out".into()));
    };
    let role = Role::of(&read.one(["ROLE"]).await?).json();
    Ok(match role.as_str() {
        Some(now) if now == before => Verdict::NotDone,
        now if now.is_some() && now == text("wanted") => Verdict::Done(json!({"done": true})),
        _ => Verdict::Unclear("the role is neither as before nor as the step sets it".into()),
    })
}

async fn never(read: &mut ReadConn<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let data = &part.record.data;
    let keys = data.get("keys").and_then(Value::as_i64);
    let now = match data.get("command").and_then(Value::as_str) {
        Some("flushdb") => read.one(["DBSIZE"]).await?.int(),
        Some("flushall") => Some(keys_of_all(&read.one(["INFO", "keyspace"]).await?)),
        _ => None,
    };
    Ok(match (keys, now) {
        (Some(before), Some(0)) if before > 0 => Verdict::Done(json!({"done": true})),
        _ => Verdict::Unclear("nothing on the server tells whether it was carried out".into()),
    })
}

/// Commands that leave nothing: carried out again, they do no harm.
async fn nothing(read: &mut ReadConn<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let Some(before) = part.record.data.get("saved").and_then(Value::as_i64) else { return Ok(Verdict::NotDone) };
    let now = read.one(["LASTSAVE"]).await?.int();
    Ok(if now.is_some_and(|now| now > before) { Verdict::Done(json!({"done": true})) } else { Verdict::NotDone })
}
