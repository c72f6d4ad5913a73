//! Takes back what is neither keys nor settings: users, functions, commands with an inverse.

use playbook_core::action::{Difference, Fault, Restore, UndoPart};
use serde_json::Value;

use crate::redis::acl_change::{Passwords, Rules, hashes};
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

const PASSWORDS_LOST: &str = " (rules are put back; passwords are secret and were not kept: they have to be set again)";

/// Gives users their rules back. Passwords are not recorded: they come back only if this process
/// remembers them.
pub(super) async fn users(conn: &mut WriteConn<'_>, part: &UndoPart, whole: &mut Restore) -> Result<(), Fault> {
    let before = part.record.data.get("before").and_then(Value::as_object).ok_or_else(broken)?;
    for (user, before) in before {
        one_user(conn, part, user, Rules::read(before)?, whole).await?;
    }
    Ok(())
}

async fn one_user(
    conn: &mut WriteConn<'_>,
    part: &UndoPart,
    user: &str,
    before: Option<Rules>,
    whole: &mut Restore,
) -> Result<(), Fault> {
    let data = &part.record.data;
    let touched = data.get("passwords").and_then(Value::as_bool).unwrap_or(true);
    let after = part.after.as_ref().and_then(|after| after.get("after")).and_then(|after| after.get(user));
    let ours = after.map(Rules::read).transpose()?;
    let kept = conn.target().hashes(data.get("id").and_then(Value::as_str).unwrap_or_default(), user);
    let passwords = match (&before, &kept) {
        _ if !touched => Passwords::Leave,
        // `nopass` is a rule.
        (None, _) => Passwords::Exactly(Vec::new()),
        (Some(rules), _) if rules.passwords == 0 => Passwords::Exactly(Vec::new()),
        (Some(_), Some(kept)) => Passwords::Exactly(kept.before.clone()),
        (Some(_), None) => Passwords::Lost,
    };
    let list = Lines::of(["ACL", "LIST"]);
    let listed = one(conn, &list).await?;
    let now = Rules::of(user, &listed);
    let difference = |now: Option<&Rules>, why: &str| Difference {
        subject: format!("user {user}"),
        before: Rules::describe(before.as_ref()),
        ours: ours.as_ref().map_or_else(|| "unknown".into(), |ours| Rules::describe(ours.as_ref())),
        now: format!("{}{why}", Rules::describe(now)),
    };
    let back = |now: Option<&Rules>, listed: &Reply| {
        now == before.as_ref()
            && match &passwords {
                Passwords::Leave => true,
                Passwords::Exactly(wanted) => *wanted == hashes(user, listed),
                Passwords::Lost => false,
            }
    };
    if back(now.as_ref(), &listed) {
        whole.restored += 1;
        return Ok(());
    }
    if passwords == Passwords::Lost && (now == before && part.after.is_none()) {
        whole.differs.push(difference(now.as_ref(), " (passwords were not kept, so they cannot be compared)"));
        return Ok(());
    }
    // An earlier rollback took the passwords away.
    let rules = |rules: &Option<Rules>| rules.as_ref().map(|rules| rules.words.clone());
    let reset = passwords == Passwords::Lost && rules(&now) == rules(&before);
    let theirs = kept.and_then(|kept| kept.after).is_some_and(|after| after != hashes(user, &listed));
    let other = now != before && !reset && ours.as_ref() != Some(&now);
    if other || (theirs && touched && ours.as_ref() == Some(&now)) {
        whole.conflicts.push(difference(now.as_ref(), ""));
        return Ok(());
    }
    let endpoint = conn.target().endpoint();
    let own = endpoint.user.as_deref().unwrap_or("default") == user;
    let own = endpoint.password.as_deref().filter(|_| own);
    let lines = match &before {
        None => Lines::of(["ACL", "DELUSER", user]),
        Some(rules) => rules.set(user, &passwords, own),
    };
    // The server's own words might hold a hash.
    one(conn, &lines).await.map_err(|fault| match &passwords {
        Passwords::Leave => fault,
        Passwords::Exactly(_) | Passwords::Lost => {
            Fault { message: format!("the server refused to put user {user} back"), ..fault }
        }
    })?;
    let listed = one(conn, &list).await?;
    let now = Rules::of(user, &listed);
    if back(now.as_ref(), &listed) {
        whole.restored += 1;
    } else if passwords == Passwords::Lost && rules(&now) == rules(&before) {
        whole.differs.push(difference(now.as_ref(), PASSWORDS_LOST));
    } else {
        whole.differs.push(difference(now.as_ref(), ""));
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
