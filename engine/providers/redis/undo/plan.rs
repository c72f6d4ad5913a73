//! What a rollback would do, without doing it.

use playbook_core::action::{Fault, ReadAccess, UndoPart};
use playbook_core::model::{Class, Effect, Reversal};
use playbook_core::plan::{Change, Image, Impact, Planned, Sample};

use super::config::Turn;
use super::decide::{Decision, decide, histories};
use super::{Kind, beyond, config, enter, same_db, sort};
use crate::redis::ask::read_keys;
use crate::redis::client::ReadConn;
use crate::redis::eviction::{Memory, decides, evicted, lost_since};
use crate::redis::image::key_name;
use crate::redis::settings::{get_lines, got};
use crate::redis::target::RedisTarget;

/// Keys told one by one.
const TOLD: usize = 5;

/// Says what taking these parts back would do. They come latest first.
pub(in crate::redis) async fn plan(access: ReadAccess<'_>, parts: &[UndoPart]) -> Result<Planned, Fault> {
    let sorted = sort(parts.to_vec())?;
    enter(&sorted, RedisTarget::of(access.target())?);
    let mut read = ReadConn::open(access).await?;
    same_db(&sorted.keys, read.target())?;
    let mut planned = Planned::new(Class::new(Effect::Change, Reversal::NoneNeeded));
    keys(&mut read, &sorted.keys, &mut planned).await?;
    let beyond = beyond(&sorted.keys)?;
    planned.notes.extend(beyond.iter().map(|difference| {
        read.target().secrets().text(&format!("{}: {}", difference.subject, difference.now)).into_owned()
    }));
    for (kind, part) in &sorted.others {
        match kind {
            Kind::Config => settings(&mut read, part, &mut planned).await?,
            Kind::Never => {
                planned.notes.push(format!("{} cannot be taken back", playbook_core::words::join(&part.words)));
            }
            Kind::Acl | Kind::Functions | Kind::Inverse => planned.changes.push(Change::new(
                playbook_core::words::join(&part.words),
                Image::of("as the run left it"),
                Image::of("as before"),
            )),
            Kind::Keys | Kind::Headroom | Kind::Nothing => {}
        }
    }
    Ok(planned)
}

async fn keys(read: &mut ReadConn<'_>, parts: &[UndoPart], planned: &mut Planned) -> Result<(), Fault> {
    if parts.is_empty() {
        return Ok(());
    }
    let histories = histories(parts)?;
    let names: Vec<Vec<u8>> = histories.keys().cloned().collect();
    let (now, at) = read_keys(read, &names, u64::MAX).await?;
    let secrets = read.target().secrets();
    let (mut back, mut bytes, mut already, mut samples) = (0, 0, 0, Vec::new());
    for ((key, stages), now) in histories.iter().zip(&now) {
        match decide(key, stages, now, at, secrets) {
            Decision::Already => already += 1,
            Decision::Restore(goal, left) => {
                back += 1;
                bytes += goal.dump.as_ref().map_or(0, |dump| dump.len() as u64);
                let name = key_name(key, secrets);
                if samples.len() < TOLD {
                    let about = secrets
                        .text(&format!("{} → {}", now.describe(at.now, secrets), goal.describe(at.now, secrets)))
                        .into_owned();
                    samples.push(Sample { name: name.clone(), about });
                }
                if let Some(difference) = left {
                    planned.notes.push(format!("key {name}: someone else wrote {} in between", difference.now));
                }
            }
            Decision::Conflict(difference) if planned.notes.len() < 20 => planned.notes.push(
                secrets
                    .text(&format!(
                        "conflict at {}: before {}, ours {}, now {}; it stays as it is",
                        difference.subject, difference.before, difference.ours, difference.now
                    ))
                    .into_owned(),
            ),
            Decision::Conflict(_) => {}
        }
    }
    if already > 0 {
        planned.notes.push(format!("{already} keys are as they were before"));
    }
    planned.impact.push(Impact {
        what: "keys to put back".into(),
        count: back,
        bytes: Some(bytes),
        exact: true,
        samples,
    });
    Ok(())
}

async fn settings(read: &mut ReadConn<'_>, part: &UndoPart, planned: &mut Planned) -> Result<(), Fault> {
    let all = config::settings(part)?;
    let replies = read.ask(&get_lines(all.iter().map(|setting| setting.name.as_str()))).await?;
    let target = read.target();
    let found = all.iter().zip(replies).map(|(setting, reply)| got(reply, &setting.name, target));
    let found = found.collect::<Result<Vec<String>, Fault>>()?;
    let mut left = None;
    if all.iter().any(|setting| decides(&setting.name)) {
        left = config::left(Memory::ask(read).await?, &all, &found, target);
    }
    if part.record.data.get("evicted").is_some() {
        let now = evicted(read).await?;
        let gone = lost_since(&part.record.data, read.server().run_id.as_deref(), now);
        planned.notes.extend(gone.map(|difference| format!("{}: {}", difference.subject, difference.now)));
    }
    for (setting, now) in all.iter().zip(found) {
        let subject = format!("config {}", setting.name);
        let hidden = crate::redis::secret_words::is_secret_setting(&setting.name);
        let shown = |text: &str| {
            if hidden && !text.is_empty() { Image::Secret } else { Image::of(target.secrets().text(text).into_owned()) }
        };
        match setting.decide(&now, target) {
            Turn::Back(_) if left.is_some() && decides(&setting.name) => {
                planned.notes.extend(left.iter().map(|why| format!("{subject} stays as it is: {why}")));
            }
            Turn::Already => planned.notes.push(format!("{subject} is as it was before")),
            Turn::Back(value) => planned.changes.push(Change::new(subject, shown(&now), shown(&value))),
            Turn::Lost(difference) => planned.notes.push(format!("{subject}: {}", difference.before)),
            Turn::Conflict(difference) => planned.notes.push(format!(
                "conflict at {subject}: before {}, ours {}, now {}; it stays as it is",
                difference.before, difference.ours, difference.now
            )),
        }
    }
    Ok(())
}
