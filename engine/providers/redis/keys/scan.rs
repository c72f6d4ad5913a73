//! Walks through the keys of a database, page by page. What is asked about one page travels together
//! with the request for the next.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use playbook_core::action::Fault;

use super::Asked;
use super::filter::{About, Needs};
use crate::redis::ask::{Ask, told};
use crate::redis::client::Lines;
use crate::redis::faults;
use crate::redis::value::Reply;

/// A walk under way.
pub(super) struct Scan {
    /// Where the next page begins; `None` at the end.
    cursor: Option<Vec<u8>>,
    pattern: Vec<u8>,
    count: String,
    /// The type that SCAN itself looks at.
    kind: Option<String>,
    needs: Needs,
    /// Keys whose facts are still to be asked.
    page: Vec<Vec<u8>>,
    /// SCAN may give a key twice.
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl Scan {
    /// At the beginning.
    pub(super) fn new(asked: &Asked, conn: &impl Ask) -> Self {
        let by_type = conn.server().scans_by_type();
        Self {
            cursor: Some(b"0".to_vec()),
            pattern: asked.pattern.clone().into_bytes(),
            count: asked.params.count.to_string(),
            kind: asked.filter.kind.clone().filter(|_| by_type),
            needs: asked.filter.needs(by_type),
            page: Vec::new(),
            seen: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Is there nothing more to come?
    pub(super) fn is_over(&self) -> bool {
        self.cursor.is_none() && self.page.is_empty()
    }

    /// What SCAN leaves to ask about each key.
    pub(super) fn needs(&self) -> Needs {
        self.needs
    }

    /// The next keys that are meant, each once. May be none although there are more to come.
    pub(super) async fn next(&mut self, conn: &mut impl Ask, asked: &Asked) -> Result<Vec<(Vec<u8>, About)>, Fault> {
        let page = std::mem::take(&mut self.page);
        let mut lines = Lines::new();
        if self.needs.any() {
            for key in &page {
                self.needs.ask(key, &mut lines);
            }
        }
        if let Some(cursor) = &self.cursor {
            let mut words = vec![b"SCAN".as_slice(), cursor, b"MATCH", &self.pattern, b"COUNT", self.count.as_bytes()];
            if let Some(kind) = &self.kind {
                words.extend([b"TYPE".as_slice(), kind.as_bytes()]);
            }
            lines.add(words);
        }
        let mut replies = conn.ask(&lines).await?.into_iter();
        let mut taken = Vec::with_capacity(page.len());
        for key in page {
            let about = self.needs.read(&mut replies, conn.target())?;
            if let Some(about) = about
                && asked.filter.takes(&key, &about)?
            {
                taken.push((key, about));
            }
        }
        if self.cursor.is_some() {
            let reply = told(replies.next().unwrap_or(Reply::Nil), conn.target())?;
            let mut parts = reply.into_items().into_iter();
            let cursor =
                parts.next().and_then(Reply::into_bytes).ok_or_else(|| faults::internal("SCAN without a cursor"))?;
            self.cursor = (cursor != b"0").then_some(cursor);
            let keys = parts.next().map(Reply::into_items).unwrap_or_default();
            let keys = keys.into_iter().filter_map(Reply::into_bytes);
            self.page = keys.filter(|key| self.seen.insert(self.hasher.hash_one(key))).collect();
        }
        if !self.needs.any() {
            // Nothing has to be asked: the page is what is meant.
            for key in std::mem::take(&mut self.page) {
                if asked.filter.takes(&key, &About::default())? {
                    taken.push((key, About::default()));
                }
            }
        }
        Ok(taken)
    }
}
