//! Deleting and expiring keys, batch by batch: each is watched and read, recorded by the engine, then
//! changed in one transaction.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use playbook_core::action::{Applied, Capture, Change, Fault, WriteAccess};
use playbook_core::plan;
use playbook_core::ports::BoxFuture;
use serde_json::{Value, json};

use super::Asked;
use super::params::Do;
use super::scan::Scan;
use crate::redis::ask::{clock, image_lines, images, keys_subject, told};
use crate::redis::client::{Lines, WriteConn};
use crate::redis::faults;
use crate::redis::guarded::{Then, guarded};
use crate::redis::image::{Image, key_name};
use crate::redis::record::{Facts, KeysRecord, Sweep, salt, swept};
use crate::redis::txn::{Outcome, allowed};
use crate::redis::value::Reply;

/// Keys whose change is shown, of the first batch.
const SHOWN: usize = 5;
/// Keys in one UNLINK.
const UNLINKED: usize = 1000;

/// A change of many keys.
pub(super) struct SweepChange<'a> {
    access: WriteAccess<'a>,
    conn: WriteConn<'a>,
    asked: Asked,
    scan: Scan,
    /// Keys that were meant when they were scanned.
    queue: VecDeque<Vec<u8>>,
    captured: Option<KeysRecord>,
    /// Keys taken at a time: fewer where others write all the time.
    batch: usize,
    /// Bytes captured so far.
    bytes: u64,
    matched: u64,
    changed: u64,
    began: Option<Instant>,
}

impl<'a> SweepChange<'a> {
    /// Connects.
    pub(super) async fn begin(access: WriteAccess<'a>, asked: Asked) -> Result<Self, Fault> {
        let mut conn = WriteConn::open(&access).await?;
        allowed(&mut conn).await?;
        let scan = Scan::new(&asked, &conn);
        let batch = asked.params.batch;
        Ok(Self {
            access,
            conn,
            scan,
            batch,
            asked,
            queue: VecDeque::new(),
            captured: None,
            bytes: 0,
            matched: 0,
            changed: 0,
            began: None,
        })
    }

    async fn next(&mut self) -> Result<Option<Capture>, Fault> {
        self.pace().await?;
        loop {
            if self.conn.stopped() {
                return Err(faults::cancelled());
            }
            let left = self.asked.params.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.matched));
            let wanted = self.batch.min(usize::try_from(left).unwrap_or(usize::MAX));
            if wanted == 0 {
                return Ok(None);
            }
            while self.queue.len() < wanted && !self.scan.is_over() {
                let found = self.scan.next(&mut self.conn, &self.asked).await?;
                self.queue.extend(found.into_iter().map(|(key, _)| key));
            }
            if self.queue.is_empty() {
                return Ok(None);
            }
            let candidates: Vec<Vec<u8>> = self.queue.drain(..wanted.min(self.queue.len())).collect();
            let record = self.watch(candidates).await?;
            if record.keys.is_empty() {
                continue;
            }
            let bytes = self.bytes + record.bytes();
            if bytes > self.access.capture_limit() {
                return Err(faults::too_much(bytes, self.access.capture_limit()));
            }
            let keys: Vec<Vec<u8>> = record.keys.iter().map(|(key, _)| key.clone()).collect();
            let capture = Capture {
                subject: self.subject(&keys, record.bytes()),
                words: self.asked.shown.clone(),
                undo: record.stored(),
                count: keys.len() as u64,
                last: false,
            };
            self.captured = Some(record);
            return Ok(Some(capture));
        }
    }

    /// Names of keys tell a pattern that is secret.
    fn subject(&self, keys: &[Vec<u8>], bytes: u64) -> String {
        match keys {
            [_] if self.asked.secret => "1 key".into(),
            keys => keys_subject(keys, bytes, |key| key_name(key, self.conn.target().secrets())),
        }
    }

    /// Waits until the rate allows more.
    async fn pace(&mut self) -> Result<(), Fault> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let Some(rate) = self.asked.params.rate else { return Ok(()) };
        let due = Duration::from_secs_f64(self.changed as f64 / f64::from(rate));
        let wait = due.saturating_sub(began.elapsed());
        if wait.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.access.cancel().cancelled() => Err(faults::cancelled()),
        }
    }

    /// Watches keys and reads those that are still meant.
    async fn watch(&mut self, candidates: Vec<Vec<u8>>) -> Result<KeysRecord, Fault> {
        let needs = self.scan.needs();
        let server = self.conn.server().clone();
        let mut lines = Lines::of(["UNWATCH"]);
        lines.add([b"WATCH".as_slice()].into_iter().chain(candidates.iter().map(Vec::as_slice)));
        lines.add(["TIME"]);
        // Before anything that counts as use of a key.
        for key in &candidates {
            needs.ask(key, &mut lines);
        }
        lines.extend(&image_lines(candidates.iter().map(Vec::as_slice), &server));
        let target = self.conn.target();
        let mut replies = self.conn.ask(&lines).await?;
        let images_at = 3 + candidates.len() * needs.width();
        let dumps = replies.split_off(images_at.min(replies.len()));
        let mut replies = replies.into_iter();
        told(replies.next().unwrap_or(Reply::Nil), target)?;
        told(replies.next().unwrap_or(Reply::Nil), target)?;
        let time = told(replies.next().unwrap_or(Reply::Nil), target)?;
        let now = clock(&time).ok_or_else(|| faults::internal("TIME without a time"))?;
        let mut keys = Vec::with_capacity(candidates.len());
        for (key, image) in candidates.into_iter().zip(images(dumps, now, &server, target)?) {
            let about = needs.read(&mut replies, target)?;
            let there = image.alive(now).is_some();
            let meant = match &about {
                Some(about) => there && self.asked.filter.takes(&key, about)?,
                None => false,
            };
            if meant && self.would_change(&image) {
                keys.push((key, image));
            } else if meant {
                self.matched += 1;
            }
        }
        let facts = Facts {
            db: target.endpoint().db,
            count: keys.len() as u64,
            at: now,
            salt: salt(),
            exact: server.tells_expiry(),
            client: server.connection,
            run_id: server.run_id.clone(),
            beyond: None,
            sweep: Some(self.sweep(now)?),
        };
        Ok(KeysRecord { facts, keys })
    }

    fn would_change(&self, image: &Image) -> bool {
        match self.asked.what {
            Do::Persist => image.expiry >= 0,
            Do::Unlink | Do::Expire => true,
            Do::Count | Do::List | Do::Sample => false,
        }
    }

    fn sweep(&self, now: i64) -> Result<Sweep, Fault> {
        match (self.asked.what, self.asked.number) {
            (Do::Unlink, _) => Ok(Sweep::Unlink),
            (Do::Persist, _) => Ok(Sweep::Persist),
            (Do::Expire, Some(seconds)) => {
                let ms = i64::try_from(seconds).unwrap_or(i64::MAX / 2000).saturating_mul(1000);
                Ok(Sweep::Expire(now.saturating_add(ms)))
            }
            (Do::Expire, None) | (Do::Count | Do::List | Do::Sample, _) => {
                Err(faults::internal("nothing to do with keys"))
            }
        }
    }

    async fn commit(&mut self) -> Result<Applied, Fault> {
        let record = self.captured.take().ok_or_else(|| faults::internal("a change that was not captured"))?;
        let sweep = record.facts.sweep.ok_or_else(|| faults::internal("a sweep without its aim"))?;
        let body = body(sweep, &record);
        let replies = match guarded(&mut self.conn, &record.keys, &body, Then::Nothing, false).await? {
            Outcome::Ran(replies) => replies,
            Outcome::Moved => return Err(self.again(record)),
            Outcome::Refused(error) => {
                let target = self.conn.target();
                return Err(faults::server(&error, &target.address_text(), target.secrets()));
            }
        };
        if let Some(error) = replies.iter().find_map(Reply::error) {
            let target = self.conn.target();
            return Err(faults::server(error, &target.address_text(), target.secrets()).unclear());
        }
        let count: u64 = replies.iter().filter_map(|reply| u64::try_from(reply.int()?).ok()).sum();
        let diff = if self.changed == 0 && !self.asked.secret { self.diff(&record, sweep) } else { Vec::new() };
        self.bytes += record.bytes();
        self.matched += record.keys.len() as u64;
        self.changed += count;
        self.batch = (self.batch * 2).min(self.asked.params.batch);
        let of = self.scan.is_over().then(|| self.changed + self.queue.len() as u64);
        self.access.progress(self.changed, of);
        Ok(Applied { changed: count > 0, after: swept(sweep), diff, corrected: None })
    }

    /// One of the keys has changed: they are taken again, in smaller batches.
    fn again(&mut self, record: KeysRecord) -> Fault {
        self.batch = (record.keys.len() / 2).max(1);
        for (key, _) in record.keys.into_iter().rev() {
            self.queue.push_front(key);
        }
        faults::moved("one of the keys")
    }

    fn diff(&self, record: &KeysRecord, sweep: Sweep) -> Vec<plan::Change> {
        let secrets = self.conn.target().secrets();
        let now = record.facts.at;
        let shown = |text: String| match text.as_str() {
            "(absent)" => plan::Image::Absent,
            _ => plan::Image::of(secrets.text(&text).into_owned()),
        };
        let keys = record.keys.iter().take(SHOWN);
        keys.map(|(key, before)| {
            let subject = format!("key {}", key_name(key, secrets));
            plan::Change::new(
                subject,
                shown(before.describe(now, secrets)),
                shown(sweep.left().describe(before, now, secrets)),
            )
        })
        .collect()
    }
}

fn body(sweep: Sweep, record: &KeysRecord) -> Lines {
    let keys = record.keys.iter().map(|(key, _)| key.as_slice());
    let mut body = Lines::new();
    match sweep {
        Sweep::Unlink => {
            for some in record.keys.chunks(UNLINKED) {
                body.add([b"UNLINK".as_slice()].into_iter().chain(some.iter().map(|(key, _)| key.as_slice())));
            }
        }
        Sweep::Expire(at) => {
            let at = at.to_string();
            for key in keys {
                body.add([b"PEXPIREAT".as_slice(), key, at.as_bytes()]);
            }
        }
        Sweep::Persist => {
            for key in keys {
                body.add([b"PERSIST".as_slice(), key]);
            }
        }
    }
    body
}

impl Change for SweepChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.next())
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.commit())
    }

    fn result(&mut self) -> Value {
        json!({"matched": self.matched, "changed": self.changed})
    }
}
