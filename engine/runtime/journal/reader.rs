//! A journal read back: verified line by line, large results fetched.

use playbook_core::event::{Event, Record};
use playbook_core::journal::{self, Head, Verdict, verify};
use playbook_core::model::RunId;

use crate::error::RuntimeError;
use crate::store::Store;

/// A journal as it was read.
pub struct Loaded {
    /// Its events.
    pub records: Vec<Record>,
    /// Where it stands.
    pub head: Head,
    /// Whether it holds together, held against the head that was kept.
    pub verdict: Verdict,
}

/// Reads a journal and verifies it.
///
/// # Errors
/// [`RuntimeError::Damaged`] when it was changed; a torn last line is no error.
pub fn load(store: &dyn Store, run: &RunId) -> Result<Loaded, RuntimeError> {
    let bytes = store.read(run)?;
    let verdict = verify(run.as_str(), &bytes, store.head(run).as_ref(), &|digest| {
        store.get(digest).map(|_| ()).map_err(|error| error.to_string())
    });
    let head = match &verdict {
        Verdict::Good(head) | Verdict::Unanchored(head) | Verdict::Incomplete(head, _) => head.clone(),
        Verdict::Tampered(problem) => {
            return Err(RuntimeError::Damaged { run: run.to_string(), why: problem.to_string() });
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    let records = text
        .lines()
        .take(head.size as usize)
        .enumerate()
        .map(|(at, line)| {
            journal::read(line).map_err(|error| RuntimeError::Line {
                run: run.to_string(),
                line: at as u64 + 1,
                why: error.to_string(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Loaded { records, head, verdict })
}

/// Fetches results that were stored apart, so that the state has them.
pub(crate) fn hydrate(store: &dyn Store, records: &mut [Record]) -> Result<(), RuntimeError> {
    for record in records {
        let (result, blob) = match &mut record.event {
            Event::StepFinished(finished) => (&mut finished.result, finished.result_blob),
            Event::ActionResult(done) => (&mut done.result, done.result_blob),
            _ => continue,
        };
        if let (None, Some(digest)) = (&result, blob) {
            let bytes = store.get(&digest)?;
            *result = Some(serde_json::from_slice(&bytes).map_err(|error| RuntimeError::Blob {
                digest: digest.to_string(),
                why: format!("is not JSON: {error}"),
            })?);
        }
    }
    Ok(())
}
