//! Takes back what is neither keys nor settings: users, functions, commands with an inverse.

use playbook_core::action::{Difference, Fault, Restore, UndoPart};
use serde_json::Value;

use crate::redis::acl_change::Rules;
use crate::redis::ask::told;
use crate::redis::client::{Lines, WriteConn};
use crate::redis::faults;
use crate::redis::functions_change::{digest, list_line};
use crate::redis::plain_change::{Role, inverse_lines};
use crate::redis::value::Reply;

async fn one(conn: &mut WriteConn<'_>, lines: &Lines) -> Result<Reply, Fault> {
    let reply = conn.insist(lines).await?.into_iter().next().unwrap_or(Reply::Nil);
    told(reply, conn.target())
}

fn broken() -> Fault {
    faults::internal("a record that cannot be read")
}

/// Gives users their rules back. Passwords are not recorded, so they are not put back.
pub(super) async fn users(conn: &mut WriteConn<'_>, part: &UndoPart, whole: &mut Restore) -> Result<(), Fault> {
    let before = part.record.data.get("before").and_then(Value::as_object).ok_or_else(broken)?;
    let passwords = part.record.data.get("passwords").and_then(Value::as_bool).unwrap_or(true);
    let after = part.after.as_ref().and_then(|after| after.get("after"));
    for (user, before) in before {
        let before = Rules::read(before)?;
        let ours = after.and_then(|after| after.get(user)).map(Rules::read).transpose()?;
        let list = Lines::of(["ACL", "LIST"]);
        let now = Rules::of(user, &one(conn, &list).await?);
        let difference = |now: Option<&Rules>, why: &str| Difference {
            subject: format!("user {user}"),
            before: Rules::describe(before.as_ref()),
            ours: ours.as_ref().map_or_else(|| "unknown".into(), |ours| Rules::describe(ours.as_ref())),
            now: format!("{}{why}", Rules::describe(now)),
        };
        let existed = before.is_some();
        if now == before && !(existed && passwords && part.after.is_some()) {
            whole.restored += 1;
            continue;
        }
        if now != before && ours.as_ref() != Some(&now) {
            whole.conflicts.push(difference(now.as_ref(), ""));
            continue;
        }
        match &before {
            None => drop(one(conn, &Lines::of(["ACL", "DELUSER", user])).await?),
            Some(rules) => drop(one(conn, &rules.set(user)).await?),
        }
        let now = Rules::of(user, &one(conn, &list).await?);
        match (&before, &now) {
            (None, None) => whole.restored += 1,
            (Some(wanted), Some(found)) if wanted.words == found.words && !passwords => whole.restored += 1,
            (Some(_), _) if passwords => {
                whole
                    .differs
                    .push(difference(now.as_ref(), " (rules are put back; passwords are secret and were not kept)"));
            }
            (Some(_) | None, _) => whole.differs.push(difference(now.as_ref(), "")),
        }
    }
    Ok(())
}

/// Puts all functions back from their dump.
pub(super) async fn functions(conn: &mut WriteConn<'_>, part: &UndoPart, whole: &mut Restore) -> Result<(), Fault> {
    let before = part.record.data.get("before").and_then(Value::as_str).ok_or_else(broken)?;
    let ours = part.after.as_ref().and_then(|after| after.get("after")).and_then(Value::as_str);
    let now = digest(&one(conn, &list_line()).await?);
    let libraries = part.record.data.get("libraries").and_then(Value::as_u64).unwrap_or(0);
    let difference = |now: &str| Difference {
        subject: "functions".into(),
        before: format!("{libraries} libraries"),
        ours: if ours.is_some() { "as the run left them".into() } else { "unknown".into() },
        now: now.into(),
    };
    if now == before {
        whole.restored += 1;
        return Ok(());
    }
    if ours != Some(now.as_str()) {
        whole.conflicts.push(difference("changed by someone else"));
        return Ok(());
    }
    let dump = part.record.blob.as_deref().unwrap_or_default();
    let lines = if libraries == 0 {
        Lines::of(["FUNCTION", "FLUSH", "SYNC"])
    } else {
        Lines::of([b"FUNCTION".as_slice(), b"RESTORE", dump, b"FLUSH"])
    };
    one(conn, &lines).await?;
    if digest(&one(conn, &list_line()).await?) == before {
        whole.restored += 1;
    } else {
        whole.differs.push(difference("not as before"));
    }
    Ok(())
}

/// Runs the command that takes another one back, and looks where it can.
pub(super) async fn inverse(conn: &mut WriteConn<'_>, part: &UndoPart, whole: &mut Restore) -> Result<(), Fault> {
    let lines = inverse_lines(&part.record).ok_or_else(broken)?;
    let text = |name: &str| part.record.data.get(name).and_then(Value::as_str);
    if let Some(before) = text("role") {
        let role = async |conn: &mut WriteConn<'_>| -> Result<Value, Fault> {
            Ok(Role::of(&one(conn, &Lines::of(["ROLE"])).await?).json())
        };
        let difference = |now: &Value| Difference {
            subject: "role".into(),
            before: before.to_owned(),
            ours: text("wanted").unwrap_or("unknown").to_owned(),
            now: now.as_str().unwrap_or_default().to_owned(),
        };
        let now = role(conn).await?;
        if now.as_str() != Some(before) {
            if now.as_str() != text("wanted") {
                whole.conflicts.push(difference(&now));
                return Ok(());
            }
            one(conn, &lines).await?;
            let now = role(conn).await?;
            if now.as_str() != Some(before) {
                whole.differs.push(difference(&now));
                return Ok(());
            }
        }
        whole.restored += 1;
        return Ok(());
    }
    if part.after.is_none() {
        // Run twice, SWAPDB would do what it is to take back.
        whole.conflicts.push(Difference {
            subject: playbook_core::words::join(&part.words),
            before: "unknown".into(),
            ours: "unknown".into(),
            now: "nobody can tell whether it was carried out, so it is left as it is".into(),
        });
        return Ok(());
    }
    one(conn, &lines).await?;
    match text("command") {
        Some("client|pause") => whole.restored += 1,
        _ => whole.differs.push(Difference {
            subject: playbook_core::words::join(&part.words),
            before: "as it was captured: not at all".into(),
            ours: "swapped".into(),
            now: "swapped back; what the databases hold was not compared".into(),
        }),
    }
    Ok(())
}

/// What cannot be taken back is said to be so.
pub(super) fn never(part: &UndoPart, whole: &mut Restore) {
    let why = part.record.data.get("why").and_then(Value::as_str).unwrap_or("it cannot be taken back");
    whole.differs.push(Difference {
        subject: playbook_core::words::join(&part.words),
        before: "not captured".into(),
        ours: "carried out".into(),
        now: format!("left as it is: {why}"),
    });
}
