//! What an attempt came to: is it done, is it looked at again, is it tried again, did it fail?

use std::collections::BTreeMap;

use serde_json::Value;

use super::state::RunState;
use super::step::PartKnown;
use crate::action::{Fault, FaultKind, Happened};
use crate::check::{Checked, Level, Step};
use crate::codes::Code;
use crate::event::{AssertEvaluated, Event, StepEnd, StepFinished, StepRetry};
use crate::expr::{EvalError, Evaluated, Expr, Scope};
use crate::model::StepIx;
use crate::plan::World;
use crate::secret::Secrets;
use crate::syntax::Retry;

/// How an attempt ended.
pub enum Attempt {
    /// It returned this.
    Returned(Value),
    /// It was applied, and what it returned is lost.
    Lost,
    /// It went wrong.
    Faulted(Fault),
}

/// What follows from an attempt, as events.
pub fn judge(
    checked: &Checked,
    world: &World,
    state: &RunState,
    ix: StepIx,
    attempt: Attempt,
    now_us: u64,
    random: u64,
) -> Vec<Event> {
    let step = checked.step(ix);
    let run = state.step(ix);
    let began = run.first_us.unwrap_or(now_us);
    let view = View {
        step,
        elapsed_us: now_us.saturating_sub(began),
        looks: run.looks,
        attempt: run.attempt,
        random,
        secrets: world.secrets(),
    };
    match attempt {
        Attempt::Lost => vec![view.finished(StepEnd::Ok, true, None, None)],
        Attempt::Returned(value) => {
            let mut scope = state.scope(checked, world, ix);
            scope.set("result", &value);
            view.returned(value, &scope, run.changed)
        }
        Attempt::Faulted(fault) => {
            let unclear = run.parts.iter().any(|part| matches!(part.known, PartKnown::Sent | PartKnown::Unclear));
            view.faulted(fault, run.changed, unclear)
        }
    }
}

struct View<'a> {
    step: &'a Step,
    elapsed_us: u64,
    looks: u32,
    attempt: u32,
    random: u64,
    secrets: &'a Secrets,
}

impl View<'_> {
    fn finished(&self, status: StepEnd, changed: bool, result: Option<Value>, fault: Option<Fault>) -> Event {
        Event::StepFinished(Box::new(StepFinished {
            status,
            changed,
            duration_us: self.elapsed_us,
            result,
            result_blob: None,
            fault,
            finish: None,
        }))
    }

    fn returned(&self, value: Value, scope: &Scope, changed: bool) -> Vec<Event> {
        let mut events = Vec::new();
        for expr in &self.step.expect {
            match self.hold(expr, scope, &mut events) {
                Ok(true) => {}
                Ok(false) => {
                    let fault = not_met(expr, &events);
                    events.push(match self.again(&fault, changed) {
                        Some(delay_us) => Event::StepRetry(StepRetry { delay_us, fault: Some(fault), poll: false }),
                        None => self.finished(StepEnd::Failed, changed, Some(value), Some(fault)),
                    });
                    return events;
                }
                Err(fault) => {
                    events.push(self.finished(StepEnd::Failed, changed, Some(value), Some(fault)));
                    return events;
                }
            }
        }
        if let Some(until) = &self.step.until {
            match self.hold(until, scope, &mut events) {
                Ok(true) => {}
                Ok(false) => {
                    events.push(self.look_again(not_met(until, &events), changed, Some(value)));
                    return events;
                }
                Err(fault) => {
                    events.push(self.finished(StepEnd::Failed, changed, Some(value), Some(fault)));
                    return events;
                }
            }
        }
        events.push(self.finished(StepEnd::Ok, changed, Some(value), None));
        events
    }

    fn faulted(&self, fault: Fault, changed: bool, unclear: bool) -> Vec<Event> {
        if self.step.until.is_some() && fault.transient && !changed && !unclear {
            return vec![self.look_again(fault, changed, None)];
        }
        if !unclear && let Some(delay_us) = self.again(&fault, changed) {
            return vec![Event::StepRetry(StepRetry { delay_us, fault: Some(fault), poll: false })];
        }
        let status = match fault.kind {
            _ if unclear && fault.happened == Happened::Unclear => StepEnd::Unknown,
            FaultKind::Timeout => StepEnd::TimedOut,
            FaultKind::Cancelled => StepEnd::Cancelled,
            _ => StepEnd::Failed,
        };
        vec![self.finished(status, changed, None, Some(fault))]
    }

    fn hold(&self, expr: &Expr, scope: &Scope, events: &mut Vec<Event>) -> Result<bool, Fault> {
        let evaluated = expr.eval(scope).map_err(eval_fault)?;
        let pass = evaluated.truth;
        events.push(evaluation(expr, evaluated, self.looks, Level::Fail, None, self.secrets));
        Ok(pass)
    }

    fn look_again(&self, fault: Fault, changed: bool, value: Option<Value>) -> Event {
        let every = self.step.every.as_micros();
        if self.elapsed_us + every > self.step.timeout.as_micros() {
            let late = Fault::new(
                FaultKind::Timeout,
                Code::TimedOut,
                format!("gave up after {}: {}", self.step.timeout, fault.message),
            )
            .help("raise the step's timeout, or find out why it does not come true");
            return self.finished(StepEnd::TimedOut, changed, value, Some(late));
        }
        Event::StepRetry(StepRetry { delay_us: every, fault: Some(fault), poll: true })
    }

    /// The wait before the next attempt, if there is to be one: exponential backoff, full jitter.
    fn again(&self, fault: &Fault, changed: bool) -> Option<u64> {
        let retry = self.step.retry.as_ref()?;
        if changed || self.attempt >= retry.attempts || fault.happened != Happened::No || !wanted(retry, fault) {
            return None;
        }
        let doubled = retry.delay.as_micros().saturating_mul(1_u64 << (self.attempt - 1).min(30));
        let cap = doubled.min(retry.max_delay.as_micros());
        let delay = if cap == 0 { 0 } else { self.random % (cap + 1) };
        (self.elapsed_us + delay < self.step.timeout.as_micros()).then_some(delay)
    }
}

fn wanted(retry: &Retry, fault: &Fault) -> bool {
    if fault.kind == FaultKind::Cancelled {
        return false;
    }
    if retry.errors.is_empty() {
        return fault.transient || fault.code == Code::Expectation;
    }
    retry.errors.iter().any(|wanted| {
        let kind = match fault.kind {
            FaultKind::Unreachable => "unreachable",
            FaultKind::Timeout => "timeout",
            FaultKind::Refused => "refused",
            FaultKind::Invalid => "expect",
            _ => "",
        };
        wanted.eq_ignore_ascii_case(kind)
            || fault.server_code.as_ref().is_some_and(|code| wanted.eq_ignore_ascii_case(code))
    })
}

/// An evaluation, for the record.
pub(super) fn evaluation(
    expr: &Expr,
    evaluated: Evaluated,
    sample: u32,
    level: Level,
    message: Option<String>,
    secrets: &Secrets,
) -> Event {
    // What is cut is cleaned first: a part of a secret is not found afterwards.
    let shown = |mut value: Value| {
        secrets.value(&mut value);
        brief(value)
    };
    let operands: BTreeMap<String, Value> =
        evaluated.operands.into_iter().map(|operand| (operand.name, shown(operand.value))).collect();
    Event::AssertEvaluated(AssertEvaluated {
        expression: expr.text().to_owned(),
        pass: evaluated.truth,
        operands,
        sample,
        level,
        message,
    })
}

/// Operands are for reading; the whole value is in the result of its step.
fn brief(value: Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) if value.to_string().len() <= 120 => value,
        Value::String(text) if text.len() > 200 => Value::from(text.chars().take(199).chain(['…']).collect::<String>()),
        Value::Array(items) => Value::from(format!("a list of {}", items.len())),
        Value::Object(map) => Value::from(format!("a map of {}", map.len())),
        other => other,
    }
}

fn not_met(expr: &Expr, events: &[Event]) -> Fault {
    let seen = match events.last() {
        Some(Event::AssertEvaluated(evaluated)) if !evaluated.operands.is_empty() => {
            let list: Vec<String> =
                evaluated.operands.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            format!(" ({})", list.join(", "))
        }
        _ => String::new(),
    };
    Fault::new(FaultKind::Invalid, Code::Expectation, format!("`{}` is not true{seen}", expr.text()))
        .help("look at what it returned: playbook show RUN")
}

/// An expression without a value, as a fault of its step.
pub fn eval_fault(error: EvalError) -> Fault {
    match error {
        EvalError::Failed { code, message, help, .. } => Fault::new(FaultKind::Invalid, code, message).help(help),
        EvalError::Unknown(steps) => Fault::new(
            FaultKind::Invalid,
            Code::Evaluation,
            format!("it uses the result of {}, which has none", steps.join(", ")),
        )
        .help("|default(…) fills a gap"),
    }
}
