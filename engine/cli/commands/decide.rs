//! `playbook approve` and `playbook reject`.

use playbook_core::check::Checked;
use playbook_core::codes::Code;
use playbook_core::event::{ApprovalDecided, Decision, Event, Question};
use playbook_core::model::StepIx;
use playbook_core::ports::Clock as _;
use playbook_core::run::{Answer, GateRun, RunState, answer};
use playbook_runtime::{Said, SystemClock};

use crate::actor;
use crate::app::App;
use crate::args::Decide;
use crate::error::Failure;
use crate::people::{self, say};
use crate::replay::{Replayed, replay};

pub(super) fn decide(app: &App, args: &Decide, yes: bool) -> Result<u8, Failure> {
    let run = app.store().find(&args.run)?;
    let Replayed { checked, state, .. } = replay(app, &run)?;
    let (ix, gate) = open_question(&checked, &state, args.step.as_deref(), run.short())?;
    let step = checked.step(ix).id.clone();
    let person = actor::person(&app.env, "cli");
    let given = Answer { yes, comment: args.comment.clone(), actor: person };
    answer(&gate, state.starter.as_ref(), &given).map_err(|why| Failure::Plain {
        code: Code::NeedsPerson,
        message: why,
        help: String::new(),
        exit: 6,
    })?;
    let decision = match (gate.asked.question, yes) {
        (Question::Doubt, true) => Decision::Happened,
        (Question::Doubt, false) => Decision::DidNotHappen,
        (_, true) => Decision::Approved,
        (_, false) => Decision::Rejected,
    };
    let now = SystemClock::new().now().mono_us;
    let decided = ApprovalDecided {
        decision,
        comment: args.comment.clone(),
        waited_us: now.saturating_sub(gate.since_us),
        digest: gate.asked.digest,
        answer: None,
    };
    let said = Said::Answer { step: step.to_string(), yes, comment: args.comment.clone() };
    let delivered = say(app, &run, said, Some((Some(step.clone()), Event::ApprovalDecided(decided))))?;
    let word = if yes { "yes" } else { "no" };
    app.out.line(&format!("{word} to `{step}`: {}", gate.asked.ask));
    for covered in &gate.asked.covers {
        app.out.line(&format!("  {} · {}", covered.command, covered.summary));
    }
    if delivered == people::Said::Recorded {
        app.out.line(&format!("go on with: playbook resume {}", run.short()));
    }
    Ok(0)
}

fn open_question(
    checked: &Checked,
    state: &RunState,
    wanted: Option<&str>,
    run: &str,
) -> Result<(StepIx, GateRun), Failure> {
    let open: Vec<(StepIx, GateRun)> = state
        .waiting()
        .into_iter()
        .filter_map(|ix| {
            let step = state.step(ix);
            let doubt = step.question.clone().filter(|gate| gate.asked.question == Question::Doubt);
            let gate = step.gate.clone().filter(|gate| !gate.open && gate.refused.is_none());
            doubt.or(gate).map(|gate| (ix, *gate))
        })
        .collect();
    let names = || open.iter().map(|(ix, _)| checked.step(*ix).id.to_string()).collect::<Vec<_>>().join(", ");
    let nothing = |message: String, help: String| Failure::input(Code::Usage, message, help);
    match (wanted, open.as_slice()) {
        (_, []) => {
            Err(nothing(format!("run {run} asks nothing"), format!("`playbook show {run}` says where it stands")))
        }
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(nothing("several steps ask".into(), format!("name one of {}", names()))),
        (Some(id), _) => {
            let id = if id.chars().all(|c| c.is_ascii_digit()) { format!("#{id}") } else { id.to_owned() };
            open.iter()
                .find(|(ix, _)| checked.step(*ix).id.as_str() == id)
                .cloned()
                .ok_or_else(|| nothing(format!("`{id}` asks nothing"), format!("asking: {}", names())))
        }
    }
}
