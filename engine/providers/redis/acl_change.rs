//! ACL SETUSER and DELUSER: the rules of the users are read before, and before and after in the
//! transaction of the change. Hashes of passwords are secret, so they are never recorded; they are
//! only remembered by the target, for a rollback in the same process. Any other rollback leaves a user
//! without passwords rather than with those, or the open door, that the run left.

use playbook_core::action::{Applied, Capture, Change, Fault, UndoOrder, UndoRecord, WriteAccess};
use playbook_core::plan;
use playbook_core::ports::BoxFuture;
use serde_json::{Map, Value, json};

use super::ask::told;
use super::call::Call;
use super::client::{Lines, WriteConn};
use super::faults;
use super::record::salt;
use super::secret_words::touches_passwords;
use super::txn::{Outcome, allowed, transact_or_not};
use super::value::Reply;

/// The kind of record that holds rules of users.
pub(super) const ACL: &str = "redis.acl/1";

/// The rules of a user, without passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// Words of ACL SETUSER that make these rules.
    pub(super) words: Vec<String>,
    /// How many passwords there are besides.
    pub(super) passwords: usize,
}

/// What is to become of the passwords of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Passwords {
    /// They were not touched.
    Leave,
    /// These hashes, and no others.
    Exactly(Vec<String>),
    /// They are not known: none, so that nobody enters.
    Lost,
}

/// Hashes of the passwords of a user around a change. Never leaves the process.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hashes {
    pub(super) before: Vec<String>,
    /// Known once the change was made.
    pub(super) after: Option<Vec<String>>,
}

/// The hashes of a user's passwords, as rules, from the reply to ACL LIST.
pub(super) fn hashes(user: &str, list: &Reply) -> Vec<String> {
    let mut found: Vec<String> = line(user, list).map(split).unwrap_or_default();
    found.retain(|word| word.starts_with('#'));
    found.sort();
    found
}

fn line<'l>(user: &str, list: &'l Reply) -> Option<&'l str> {
    list.items().iter().filter_map(Reply::text).find_map(|line| {
        let rest = line.strip_prefix("user ")?;
        rest.strip_prefix(user)?.strip_prefix(' ')
    })
}

/// A change of users.
pub(super) struct AclChange<'a> {
    conn: WriteConn<'a>,
    call: Call,
    users: Vec<String>,
    /// Under this name the target remembers passwords.
    id: String,
    captured: Option<Vec<Option<Rules>>>,
    done: bool,
    result: Value,
}

impl Rules {
    /// The rules of a user, from the reply to ACL LIST.
    pub(super) fn of(user: &str, list: &Reply) -> Option<Self> {
        let mut words = Vec::new();
        let mut passwords = 0;
        for word in split(line(user, list)?) {
            if word.starts_with('#') { passwords += 1 } else { words.push(word) }
        }
        Some(Self { words, passwords })
    }

    /// As they stand in a record.
    pub(super) fn json(rules: Option<&Self>) -> Value {
        match rules {
            None => Value::Null,
            Some(rules) => json!({"words": rules.words, "passwords": rules.passwords}),
        }
    }

    /// As they are read back; a user that is not there has none.
    pub(super) fn read(value: &Value) -> Result<Option<Self>, Fault> {
        let broken = || faults::internal("a record of rules that cannot be read");
        if value.is_null() {
            return Ok(None);
        }
        let words = value.get("words").and_then(Value::as_array).ok_or_else(broken)?;
        let words: Option<Vec<String>> = words.iter().map(|word| word.as_str().map(str::to_owned)).collect();
        let passwords = value.get("passwords").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        Ok(Some(Self { words: words.ok_or_else(broken)?, passwords: passwords.ok_or_else(broken)? }))
    }

    /// For people.
    pub(super) fn describe(rules: Option<&Self>) -> String {
        match rules {
            None => "(absent)".into(),
            Some(rules) if rules.passwords == 0 => rules.words.join(" "),
            Some(rules) => format!("{} and {} password(s)", rules.words.join(" "), rules.passwords),
        }
    }

    /// The command that gives a user these rules. `own` is the password that the run itself enters
    /// with as this user, which it must not shut itself out of.
    pub(super) fn set(&self, user: &str, passwords: &Passwords, own: Option<&str>) -> Lines {
        let clean = ["ACL", "SETUSER", user, "resetkeys", "resetchannels", "-@all"];
        let selectors = self.words.iter().any(|word| word.starts_with('(')).then_some("clearselectors");
        // `nopass` goes with it, and comes back if it is among the rules.
        let reset = (*passwords != Passwords::Leave).then_some("resetpass");
        let words = self.words.iter().map(String::as_str);
        let hashes = match passwords {
            Passwords::Exactly(hashes) => hashes.as_slice(),
            Passwords::Leave | Passwords::Lost => &[],
        };
        let own = own.filter(|_| *passwords == Passwords::Lost).map(|password| format!(">{password}"));
        let given = hashes.iter().map(String::as_str).chain(own.as_deref());
        Lines::of(clean.into_iter().chain(selectors).chain(reset).chain(words).chain(given))
    }
}

/// Words, of which those between parentheses are one.
fn split(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut depth = 0;
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        match words.last_mut().filter(|_| depth > 0) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => words.push(word.to_owned()),
        }
        depth += i32::from(word.starts_with('(')) - i32::from(word.ends_with(')'));
    }
    words
}

impl<'a> AclChange<'a> {
    /// Connects.
    pub(super) async fn begin(access: &WriteAccess<'a>, call: Call) -> Result<Self, Fault> {
        let mut conn = WriteConn::open(access).await?;
        allowed(&mut conn).await?;
        let users = match call.name() {
            "acl|deluser" => call.args().to_vec(),
            _ => call.args().first().cloned().into_iter().collect(),
        };
        Ok(Self { conn, call, users, id: salt(), captured: None, done: false, result: Value::Null })
    }

    fn rules(&self, list: &Reply) -> Vec<Option<Rules>> {
        self.users.iter().map(|user| Rules::of(user, list)).collect()
    }

    fn json(&self, rules: &[Option<Rules>]) -> Value {
        let users = self.users.iter().zip(rules);
        users.map(|(user, rules)| (user.clone(), Rules::json(rules.as_ref()))).collect::<Map<_, _>>().into()
    }

    fn record(&self, before: &[Option<Rules>]) -> UndoRecord {
        let words: Vec<Option<String>> = self.call.words().iter().cloned().map(Some).collect();
        UndoRecord {
            kind: ACL.into(),
            data: json!({"before": self.json(before), "passwords": touches_passwords(&words), "id": self.id}),
            blob: None,
            order: UndoOrder::Data,
        }
    }

    async fn read(&mut self) -> Result<Option<Capture>, Fault> {
        if self.done {
            return Ok(None);
        }
        let list = self.conn.one(["ACL", "LIST"]).await?;
        let before = self.rules(&list);
        self.remember(&list, None);
        let undo = self.record(&before);
        self.captured = Some(before);
        let subject = self.call.clean(&format!("user {}", self.users.join(", ")));
        let count = self.users.len() as u64;
        Ok(Some(Capture { subject, words: self.call.shown().to_vec(), undo, count, last: true }))
    }

    async fn set(&mut self) -> Result<Applied, Fault> {
        let captured = self.captured.take().ok_or_else(|| faults::internal("a change that was not captured"))?;
        let mut body = Lines::of(["ACL", "LIST"]);
        body.extend(&self.call.line()).add(["ACL", "LIST"]);
        let sent = transact_or_not(&mut self.conn, &body, false).await;
        let replies = match sent.map_err(|fault| self.call.clean_fault(fault))? {
            Outcome::Ran(replies) => replies,
            Outcome::Moved => return Err(faults::moved("a user")),
            Outcome::Refused(error) => return Err(self.refused(&error)),
        };
        let [before, reply, after] = replies.as_slice() else {
            return Err(faults::internal("a transaction without all its replies").unclear());
        };
        let listed = |reply: &Reply| told(reply.clone(), self.conn.target()).map_err(Fault::unclear);
        let same_lists = before == after;
        let (list, list_after) = (listed(before)?, listed(after)?);
        let (before, after) = (self.rules(&list), self.rules(&list_after));
        self.remember(&list, Some(&list_after));
        if let Reply::Error(error) = reply {
            let fault = self.refused(error);
            return Err(if same_lists { fault } else { fault.unclear() });
        }
        self.done = true;
        self.result = reply.json();
        Ok(Applied {
            changed: !same_lists,
            after: json!({"after": self.json(&after)}),
            diff: self.diff(&before, &after),
            corrected: (before != captured).then(|| self.record(&before)),
        })
    }

    fn remember(&self, before: &Reply, after: Option<&Reply>) {
        for user in &self.users {
            let hashes = Hashes { before: hashes(user, before), after: after.map(|after| hashes(user, after)) };
            self.conn.target().remember_hashes(&self.id, user, hashes);
        }
    }

    fn diff(&self, before: &[Option<Rules>], after: &[Option<Rules>]) -> Vec<plan::Change> {
        let image = |rules: &Option<Rules>| match rules {
            None => plan::Image::Absent,
            Some(_) => plan::Image::of(self.call.clean(&Rules::describe(rules.as_ref()))),
        };
        let changed = self.users.iter().zip(before.iter().zip(after)).filter(|(_, (before, after))| before != after);
        changed
            .map(|(user, (before, after))| {
                plan::Change::new(format!("user {}", self.call.clean(user)), image(before), image(after))
            })
            .collect()
    }

    fn refused(&self, error: &super::value::ServerError) -> Fault {
        let fault = faults::server(error, &self.conn.target().address_text(), self.conn.target().secrets());
        self.call.clean_fault(fault)
    }
}

impl Change for AclChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.read())
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.set())
    }

    fn result(&mut self) -> Value {
        self.result.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_without_passwords() {
        let line = |text: &str| Reply::Bytes(text.as_bytes().to_vec());
        let list = Reply::Array(vec![
            line("user default on nopass ~* &* +@all"),
            line("user u on #ab12 ~x &c -@all +get (~y -@all +set)"),
        ]);
        let rules = Rules::of("u", &list).expect("listed");
        assert_eq!(rules.words, ["on", "~x", "&c", "-@all", "+get", "(~y -@all +set)"]);
        assert_eq!(rules.passwords, 1);
        assert_eq!(Rules::of("default", &list).map(|rules| rules.passwords), Some(0));
        assert_eq!(Rules::of("nobody", &list), None);
        assert_eq!(Rules::read(&Rules::json(Some(&rules))), Ok(Some(rules)));
    }
}
