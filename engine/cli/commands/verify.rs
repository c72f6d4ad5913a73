//! `playbook verify`.

use std::path::Path;
use std::sync::Arc;

use playbook_core::codes::Code;
use playbook_core::journal::{Head, Verdict, verify as judge};
use playbook_core::model::Digest;
use playbook_runtime::{Local, Store};

use crate::app::App;
use crate::args::Verify;
use crate::error::Failure;

pub(super) fn verify(app: &App, args: &Verify) -> Result<u8, Failure> {
    let store = app.store();
    let path = Path::new(&args.run);
    let as_file = path.extension().is_some_and(|ending| ending == "jsonl") && path.is_file();
    let (run, bytes) = if as_file {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = std::fs::read(path)
            .map_err(|error| Failure::input(Code::Usage, format!("{}: {error}", path.display()), "check the path"))?;
        (stem, bytes)
    } else {
        let run = store.find(&args.run)?;
        let bytes = store.read(&run)?;
        (run.to_string(), bytes)
    };
    let kept = run.parse().ok().and_then(|id| store.head(&id)).filter(|_| !as_file);
    let beside = path.parent().and_then(Path::parent).map(|root| root.join("heads").join(format!("{run}.head")));
    let head = match &args.head {
        Some(text) => Some(given_head(text, &run, &bytes)?),
        None => kept.or_else(|| std::fs::read_to_string(beside?).ok()?.parse().ok()),
    };
    // What was captured lies beside the journal, also where that is not this user's state directory.
    let root = path.parent().and_then(Path::parent).filter(|_| as_file);
    let store: Arc<dyn Store> = root.map_or(store, |root| Arc::new(Local::at(root)));
    let verdict =
        judge(&run, &bytes, head.as_ref(), &|digest| store.get(digest).map(|_| ()).map_err(|error| error.to_string()));
    match &verdict {
        Verdict::Good(head) => {
            app.out.line(&format!("good: {} lines hold together and end where the head says", head.size));
            if args.head.is_none() {
                app.out.line(
                    "  the head that is kept with them; one kept elsewhere (--head) proves that nobody rewrote both",
                );
            }
            app.out.line(&format!("head: {} {}", head.size, head.digest));
        }
        Verdict::Unanchored(head) => {
            app.out.line(&format!("consistent, but its end is not anchored: {} lines hold together", head.size));
            app.out.line("  nobody can tell whether lines after them were cut off, or the last one edited");
            app.out.line(&format!("head: {} {}", head.size, head.digest));
        }
        Verdict::Incomplete(head, what) => {
            app.out.line(&format!("incomplete: {} lines hold together, and", head.size));
            what.iter().for_each(|what| app.out.line(&format!("  {what}")));
        }
        Verdict::Tampered(problem) => app.out.line(&format!("tampered: {problem}")),
    }
    Ok(verdict.exit())
}

/// A head as a file, or as the digest of the last line.
fn given_head(text: &str, run: &str, bytes: &[u8]) -> Result<Head, Failure> {
    if let Ok(digest) = text.parse::<Digest>() {
        let lines = || bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        // Lines that came later do not change what the head says of those before.
        let at = lines().position(|line| Digest::of(line) == digest).map_or_else(|| lines().count(), |at| at + 1);
        return Ok(Head { run: run.to_owned(), size: at as u64, digest });
    }
    let wrong = |why: String| {
        Failure::input(Code::Usage, format!("--head {text}: {why}"), "give sha256:… or the path of a head file")
    };
    std::fs::read_to_string(text).map_err(|error| wrong(error.to_string()))?.parse().map_err(wrong)
}
