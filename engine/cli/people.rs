//! Words to a run: to the process that carries it out, or straight into its journal if there is
//! none.

use playbook_core::event::Event;
use playbook_core::model::{RunId, StepId};
use playbook_core::ports::Randomness as _;
use playbook_runtime::{Input, Journal, Random, Said as Words, SystemClock};

use crate::actor;
use crate::app::App;
use crate::error::Failure;

/// Where the words went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// To the process that carries out the run.
    ToProcess,
    /// Into its journal.
    Recorded,
    /// Nobody is there to hear them.
    Nobody,
}

/// Says something to a run. `event` is what goes into the journal if no process is at it.
pub(crate) fn say(
    app: &App,
    run: &RunId,
    words: Words,
    event: Option<(Option<StepId>, Event)>,
) -> Result<Said, Failure> {
    let store = app.store();
    let person = actor::person(&app.env, "cli");
    if store.is_alive(run) {
        let id = format!("{}-{:x}", person.name(), Random.next());
        let input = Input { id, actor: person, said: words };
        store.post(run, &serde_json::to_string(&input).unwrap_or_default())?;
        return Ok(Said::ToProcess);
    }
    let Some((step, event)) = event else { return Ok(Said::Nobody) };
    let clock = std::sync::Arc::new(SystemClock::new());
    let (mut journal, _) = Journal::reopen(run.clone(), store, clock, app.secrets.clone())?;
    journal.append(step, None, person, event)?;
    journal.put_head()?;
    Ok(Said::Recorded)
}
