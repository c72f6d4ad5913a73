//! A connection that can only read.
//!
//! Invariant: a command is sent only if the table and the server's own flags agree that it reads; a
//! script is never sent, whatever its flags.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use playbook_core::action::{Fault, FaultKind, ReadAccess};
use playbook_core::codes::Code;
use playbook_core::ports::Cancel;

use super::{Broken, Lines, Wire};
use crate::redis::classify::{Way, listed_no_read, listed_read, only_in_run, way};
use crate::redis::faults;
use crate::redis::lookup::{self, Command};
use crate::redis::meta::{Flags, Meta};
use crate::redis::server::Server;
use crate::redis::table::table;
use crate::redis::target::RedisTarget;
use crate::redis::value::Reply;

/// What the server says of commands: by full name; `None` if it has no such command.
type Known = Arc<Mutex<HashMap<String, Option<Meta>>>>;

/// A connection for reads that all steps of a target share.
#[derive(Clone, Default)]
pub(in crate::redis) struct Cached(Arc<Mutex<Option<Session>>>);

#[derive(Clone)]
struct Session {
    wire: Wire,
    known: Known,
    server: Server,
}

/// Leave to read, connected.
pub(in crate::redis) struct ReadConn<'a> {
    session: Session,
    target: &'a RedisTarget,
    cancel: &'a dyn Cancel,
}

impl<'a> ReadConn<'a> {
    /// Connects, or takes the connection that the target already has.
    pub(in crate::redis) async fn open(access: ReadAccess<'a>) -> Result<Self, Fault> {
        let target = RedisTarget::of(access.target())?;
        let cancel = access.cancel();
        let kept = target.cached().0.lock().ok().and_then(|kept| kept.clone());
        let session = match kept {
            Some(session) => session,
            None => fresh(target, cancel).await?,
        };
        Ok(Self { session, target, cancel })
    }

    /// The target.
    pub(in crate::redis) fn target(&self) -> &'a RedisTarget {
        self.target
    }

    /// What is known of the server.
    pub(in crate::redis) fn server(&self) -> &Server {
        &self.session.server
    }

    /// Was it told to stop?
    pub(in crate::redis) fn stopped(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Sends commands that read. What the server refuses is a reply; what is not a read is never
    /// sent.
    pub(in crate::redis) async fn ask(&mut self, lines: &Lines) -> Result<Vec<Reply>, Fault> {
        self.admit(lines).await?;
        let secrets = self.target.secrets();
        for again in [true, false] {
            match until(self.cancel, self.session.wire.send(lines)).await? {
                Ok(replies) => return Ok(replies),
                Err(Broken::Lost(_)) if again => self.session = fresh(self.target, self.cancel).await?,
                Err(broken) => {
                    self.target.forget();
                    return Err(faults::broken(&broken, &self.target.address_text(), secrets));
                }
            }
        }
        Ok(Vec::new())
    }

    /// Sends one command that reads; what the server refuses is a fault.
    pub(in crate::redis) async fn one<A: AsRef<[u8]>>(
        &mut self,
        words: impl IntoIterator<Item = A>,
    ) -> Result<Reply, Fault> {
        let reply = self.ask(&Lines::of(words)).await?.into_iter().next().unwrap_or(Reply::Nil);
        match reply {
            Reply::Error(error) => Err(faults::server(&error, &self.target.address_text(), self.target.secrets())),
            reply => Ok(reply),
        }
    }

    /// What the server says of a command, else what the table says.
    pub(in crate::redis) async fn meta(&mut self, name: &str) -> Result<Option<Meta>, Fault> {
        let top = name.split('|').next().unwrap_or(name);
        let asked = self.session.known.lock().is_ok_and(|known| known.contains_key(top));
        if !asked {
            self.learn(top).await?;
        }
        let known = self.session.known.lock().ok();
        let found = known.and_then(|known| known.get(name).or_else(|| known.get(top)).copied());
        Ok(found.flatten())
    }

    async fn learn(&mut self, top: &str) -> Result<(), Fault> {
        let lines = Lines::of(["COMMAND", "INFO", top]);
        let sent = until(self.cancel, self.session.wire.send(&lines)).await?;
        let replies = sent.map_err(|broken| {
            self.target.forget();
            faults::broken(&broken, &self.target.address_text(), self.target.secrets())
        })?;
        let told = match replies.first() {
            Some(Reply::Error(_)) | None => from_table(top),
            Some(reply) => described(top, reply.items().first().unwrap_or(&Reply::Nil)),
        };
        if let Ok(mut known) = self.session.known.lock() {
            known.extend(told);
        }
        Ok(())
    }

    async fn admit(&mut self, lines: &Lines) -> Result<(), Fault> {
        let mut last: Option<&[u8]> = None;
        for command in lines.words() {
            let words: Vec<&[u8]> = command.collect();
            let name = words.first().copied().unwrap_or_default();
            // Long pipelines repeat one command, whose name alone may tell what it does.
            if last != Some(name) {
                last = self.admit_one(&words).await?.then_some(name);
            }
        }
        Ok(())
    }

    /// Refuses what is not a read. True if that follows from the name alone.
    async fn admit_one(&mut self, words: &[&[u8]]) -> Result<bool, Fault> {
        let texts: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let options: Vec<Option<String>> = texts.iter().cloned().map(Some).collect();
        let (name, tabled) = match lookup::find(&texts) {
            Ok(command) if way(&command, &options) == Way::Read => (command.name().to_owned(), true),
            Ok(Command::Module(name)) => (name, false),
            Ok(Command::Known(name, _)) => return Err(refused(name)),
            Err(_) => (texts.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default(), false),
        };
        if let Some(why) = only_in_run(&name) {
            return Err(
                Fault::new(FaultKind::ReadOnly, Code::ReadOnly, why).help("it is sent in a run; nothing was sent now")
            );
        }
        let Some(meta) = self.meta(&name).await? else {
            // The server has no such command, so it can only refuse it.
            return if tabled { Ok(false) } else { Err(refused(&name)) };
        };
        let flagged =
            meta.flags.has(Flags::READONLY) && !meta.flags.has(Flags::MAY_REPLICATE) && !listed_no_read(&name);
        let blocking = meta.flags.has(Flags::BLOCKING);
        let blocks = blocking && texts.iter().any(|word| word.eq_ignore_ascii_case("BLOCK"));
        let reads = !meta.flags.has(Flags::WRITE) && (flagged || listed_read(&name, &texts));
        if reads && !blocks { Ok(flagged && !blocking && !name.contains('|')) } else { Err(refused(&name)) }
    }
}

fn refused(name: &str) -> Fault {
    let shown = lookup::shown(name);
    Fault::new(FaultKind::ReadOnly, Code::ReadOnly, format!("{shown} is not a read, and only reads are allowed here"))
        .help("nothing was sent; a script that only reads is EVAL_RO, EVALSHA_RO or FCALL_RO, and runs in a run")
}

fn from_table(top: &str) -> Vec<(String, Option<Meta>)> {
    let mut told = vec![(top.to_owned(), table().get(top))];
    told.extend(table().subcommands(top).map(|sub| {
        let name = format!("{top}|{sub}");
        let meta = table().get(&name);
        (name, meta)
    }));
    told
}

/// One entry of COMMAND INFO, its subcommands included.
fn described(top: &str, entry: &Reply) -> Vec<(String, Option<Meta>)> {
    let items = entry.items();
    let number = |at: usize| items.get(at).and_then(Reply::int).and_then(|n| i32::try_from(n).ok()).unwrap_or(0);
    let texts = |at: usize| items.get(at).map(Reply::items).unwrap_or_default().iter().filter_map(Reply::text);
    // A script may have another name here, and is no read whatever its flags say.
    let script = texts(6).any(|category| category == "@scripting");
    if items.len() < 6 {
        return vec![(top.to_owned(), None)];
    }
    let meta = Meta {
        arity: number(1),
        flags: texts(2)
            .filter(|flag| !(script && *flag == "readonly"))
            .map(Flags::named)
            .fold(Flags::default(), Flags::with),
        first: number(3),
        last: number(4),
        step: number(5),
    };
    let mut told = vec![(top.to_owned(), Some(meta))];
    for sub in items.get(9).map(Reply::items).unwrap_or_default() {
        if let Some(name) = sub.items().first().and_then(Reply::text) {
            told.extend(described(&name.to_ascii_lowercase(), sub));
        }
    }
    told
}

async fn fresh(target: &RedisTarget, cancel: &dyn Cancel) -> Result<Session, Fault> {
    let (wire, server) = entered(target, cancel).await?;
    let session = Session { wire, known: Known::default(), server };
    if let Ok(mut kept) = target.cached().0.lock() {
        *kept = Some(session.clone());
    }
    Ok(session)
}

impl Cached {
    /// Drops the connection, so that the next read makes a new one.
    pub(in crate::redis) fn forget(&self) {
        if let Ok(mut kept) = self.0.lock() {
            *kept = None;
        }
    }
}

/// Connects and finds out who is there, before anything else is sent.
pub(super) async fn entered(target: &RedisTarget, cancel: &dyn Cancel) -> Result<(Wire, Server), Fault> {
    let address = target.address_text();
    let failed = |broken: Broken| faults::broken(&broken, &address, target.secrets());
    let mut wire = match (until(cancel, Wire::connect(target.endpoint())).await?, target.newer_endpoint()) {
        (Err(Broken::Refused(error)), Some(newer)) if matches!(error.code.as_str(), "NOAUTH" | "WRONGPASS") => {
            until(cancel, Wire::connect(&newer)).await?.map_err(failed)?
        }
        (wire, _) => wire.map_err(failed)?,
    };
    let reply = until(cancel, wire.one(&Lines::of(["INFO", "server"]))).await?.map_err(failed)?;
    let mut server = Server::of(&reply);
    server.connection = wire.id;
    if let Some(expect) = target.expect() {
        let reply = until(cancel, wire.one(&Lines::of(["INFO", "replication"]))).await?.map_err(failed)?;
        expect.check(&server, &reply, &address)?;
    }
    Ok((wire, server))
}

/// A question that can be dropped when it is told to stop: it changes nothing.
pub(super) async fn until<T>(cancel: &dyn Cancel, question: impl Future<Output = T>) -> Result<T, Fault> {
    if cancel.is_cancelled() {
        return Err(faults::cancelled());
    }
    tokio::select! {
        answer = question => Ok(answer),
        () = cancel.cancelled() => Err(faults::cancelled()),
    }
}
