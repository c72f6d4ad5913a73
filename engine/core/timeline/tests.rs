//! What a timeline must tell of runs that went well, failed, waited, were torn apart or are long.

use proptest::prelude::*;

use super::testing::{Story, incident, person, raised};
use super::*;
use crate::event::{
    ActionProbed, ApprovalLapsed, Choice, ClockJumped, Decision, Event, NoteAdded, OtherEvent, Outcome, ProbeVerdict,
    Question, RollbackEnd, RunPaused, RunResumed, StepEnd,
};
use crate::model::{Digest, StepId};

fn timeline(story: &Story) -> Timeline {
    Timeline::of(&story.records, None, None)
}

/// `summary → outcome (detail)` of every line that is shown.
fn told(timeline: &Timeline) -> Vec<String> {
    let shown = timeline.entries.iter().filter(|entry| entry.importance > Importance::Plumbing);
    shown
        .map(|entry| {
            let outcome = entry.outcome.as_deref().map(|word| format!(" → {word}")).unwrap_or_default();
            let detail = entry.detail.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
            format!("{}: {}{outcome}{detail}", entry.actor.name(), entry.summary)
        })
        .collect()
}

fn resumed() -> Event {
    Event::RunResumed(RunResumed {
        engine: "0.1.1".into(),
        source: Digest::ZERO,
        accepted: Vec::new(),
        accepted_targets: Vec::new(),
    })
}

fn note(text: &str) -> Event {
    Event::NoteAdded(NoteAdded { text: text.into(), message: None })
}

#[test]
fn an_incident_reads_from_top_to_bottom() {
    assert_eq!(
        told(&timeline(&incident())),
        [
            "ana: redis-oom began in prod: Redis is out of memory",
            "engine: INFO memory → ok",
            "engine: Delete 41,208 dead letters? → asked",
            "ben: Delete 41,208 dead letters? → approved (go ahead)",
            "engine: Delete dead letters → changed (3,000 in 3 parts)",
            "engine: INFO memory → ok (looked 12 times)",
            "engine: CONFIG SET maxmemory 3gb → changed (config maxmemory: 2gb → 3gb)",
            "engine: SET playbook:probe ok EX 5 → failed (OOM command not allowed (PB0710))",
            "engine: what to do about writable → roll back",
            "engine: rollback of 2 steps begins (step writable failed; raise, purge)",
            "engine: rollback of raise → restored (1 as before)",
            "engine: rollback of purge → conflict (1 as before; 1 changed by someone else since)",
            "engine: the rollback ended → not all restored",
            "engine: the run ended → partly rolled back (step writable: OOM command not allowed)",
        ]
    );
}

#[test]
fn the_tables_say_what_was_asked_changed_held_and_taken_back() {
    let timeline = timeline(&incident());
    let approval = &timeline.approvals[0];
    assert_eq!((approval.state, approval.waited_us), (ApprovalState::Approved, Some(125_000_000)));
    assert_eq!(approval.answers[0].actor.name(), "ben");
    let changes: Vec<_> = timeline
        .changes
        .iter()
        .map(|row| (row.step.as_str(), row.parts, row.count, row.captured_bytes, row.state, row.rolled_back))
        .collect();
    assert_eq!(
        changes,
        [
            ("purge", 3, 3000, 3072, ChangeState::Applied, Some(RollbackEnd::Conflict)),
            ("raise", 1, 1, 120, ChangeState::Applied, Some(RollbackEnd::Restored)),
        ]
    );
    assert_eq!(
        timeline.changes[1].diff,
        [DiffLine { subject: "config maxmemory".into(), before: "2gb".into(), after: "3gb".into() }]
    );
    assert_eq!((timeline.assertions.len(), timeline.assertions[0].samples, timeline.assertions[0].pass), (1, 12, true));
    let failure = &timeline.failures[0];
    assert_eq!(failure.fault.as_ref().map(|fault| fault.message.as_str()), Some("OOM command not allowed"));
    assert_eq!(failure.handled.as_ref().map(|(choice, _)| *choice), Some(Choice::Rollback));
    assert!(failure.excerpt.as_deref().is_some_and(|text| text.starts_with("OOM")));
    assert_eq!(timeline.rollbacks[0].complete, Some(false));
    let steps: Vec<_> =
        timeline.steps.iter().map(|row| (row.id.as_str(), row.status.as_str(), row.attempts, row.looks)).collect();
    assert_eq!(
        steps,
        [
            ("memory", "ok", 1, 0),
            ("purge", "changed", 1, 0),
            ("after", "ok", 1, 12),
            ("raise", "changed", 1, 0),
            ("writable", "failed", 1, 0)
        ]
    );
    assert_eq!(timeline.header.exit, Some(5));
    assert_eq!(timeline.header.targets[1].identity.as_ref().map(|identity| identity.id.as_str()), Some("9f3a6c"));
    assert_eq!(timeline.time.waiting_us, 125_000_000);
    assert!(timeline.time.complete && timeline.time.hands_on_us + 125_000_000 == timeline.time.measured_us);
}

#[test]
fn it_comes_back_from_json_and_fits_its_schema() {
    let before = timeline(&incident());
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(Timeline::import(&text).unwrap(), before);
    assert!(matches!(Timeline::import("{\"schema\": \"playbook.plan/v1\"}"), Err(ImportError::Schema(_))));
    let schema = serde_json::to_value(schemars::schema_for!(Timeline)).unwrap();
    assert!(schema["properties"].get("entries").is_some());
}

/// Cut anywhere: nothing that was only begun reads as done.
#[test]
fn a_run_torn_at_any_record_never_claims_a_success() {
    let whole = incident();
    for kept in 1..whole.records.len() {
        let torn = Timeline::of(&whole.records[..kept], None, None);
        assert_eq!(torn.header.outcome, None, "{kept}");
        assert_eq!(torn.header.standing, Standing::Unfinished, "{kept}");
        for entry in torn.entries.iter().filter(|entry| entry.kind == EntryKind::Step) {
            let told = whole.records[..kept].iter().filter(|record| entry.covers.contains(&record.seq));
            let ended = told.clone().any(|record| matches!(record.event, Event::StepFinished(_)));
            assert_eq!(!ended, entry.outcome.as_deref() == Some(phrase::UNKNOWN), "{kept}: {entry:?}");
            assert!(ended || (entry.duration_us.is_none() && entry.tone == Tone::Doubt), "{kept}: {entry:?}");
        }
        for change in &torn.changes {
            let sent = whole.records[..kept].iter().filter(|record| record.step.as_ref() == Some(&change.step));
            let open = sent.fold(0, |open, record| match &record.event {
                Event::ActionIntent(_) => open + 1,
                Event::ActionResult(_) => open - 1,
                _ => open,
            });
            assert_eq!(open > 0, change.state == ChangeState::Unknown, "{kept}");
        }
        adds_up(&torn, kept);
    }
}

#[test]
fn an_intent_without_a_result_is_in_doubt_until_someone_finds_out() {
    let mut story = Story::new("r-1");
    story.begin().start("raise", "redis", "CONFIG SET maxmemory 3gb");
    story.capture("raise", 1, "maxmemory", 10).intent("raise", 1, &["CONFIG", "SET", "maxmemory", "3gb"], 1);
    let torn = timeline(&story);
    assert_eq!(told(&torn)[1], "engine: CONFIG SET maxmemory 3gb → outcome unknown (sent, and no result was recorded)");
    assert_eq!((torn.changes[0].state, torn.failures[0].outcome.as_str()), (ChangeState::Unknown, "outcome unknown"));
    assert_eq!(torn.steps[0].status, "outcome unknown");

    let probed = ActionProbed { part: 1, verdict: ProbeVerdict::Done, after: serde_json::Value::Null, why: None };
    story.after(60_000).tell(None, resumed()).tell(Some("raise"), Event::ActionProbed(probed));
    story.end("raise", StepEnd::Ok, true, 1);
    let whole = timeline(&story);
    assert_eq!(
        told(&whole)[1..],
        ["engine: CONFIG SET maxmemory 3gb → changed (maxmemory)", "engine: the run went on after a stop"]
    );
    assert_eq!(whole.changes[0].state, ChangeState::Applied);
    assert_eq!((whole.header.resumed, whole.time.stopped_us), (1, 60_000_000));
}

#[test]
fn a_doubt_that_a_person_settles_is_settled() {
    let mut story = Story::new("r-1");
    story.begin().start("raise", "redis", "CONFIG SET x").capture("raise", 1, "x", 1).intent(
        "raise",
        1,
        &["CONFIG"],
        1,
    );
    story.end("raise", StepEnd::Unknown, false, 5).ask("raise", Question::Doubt, "Was it carried out?", 1);
    assert_eq!(timeline(&story).changes[0].state, ChangeState::Unknown);
    story.after(1000).decide("raise", Decision::DidNotHappen, Some("ana"), None);
    let settled = timeline(&story);
    assert_eq!(settled.changes[0].state, ChangeState::NotApplied);
    assert_eq!(settled.approvals[0].state, ApprovalState::Answered);
    assert_eq!(told(&settled)[1], "engine: CONFIG SET x → outcome unknown");
}

#[test]
fn begun_anew_after_a_crash_is_two_lines() {
    let mut story = Story::new("r-1");
    story.begin().start("memory", "redis", "INFO memory").tell(None, resumed()).read("memory", "INFO memory");
    assert_eq!(
        told(&timeline(&story))[1..],
        [
            "engine: INFO memory → interrupted (cut off, and begun anew)",
            "engine: the run went on after a stop",
            "engine: INFO memory → ok",
        ]
    );
}

#[test]
fn retries_are_one_line_with_what_was_wrong_before() {
    let mut story = Story::new("r-1");
    story.begin().start("memory", "redis", "INFO memory").again("memory", false, Some("connection refused"), 500);
    story.start("memory", "redis", "INFO memory").again("memory", false, Some("connection refused"), 900);
    story.start("memory", "redis", "INFO memory").end("memory", StepEnd::Ok, false, 1400);
    assert_eq!(told(&timeline(&story))[1], "engine: INFO memory → ok (3rd attempt, before: connection refused)");
    assert_eq!(timeline(&story).steps[0].attempts, 3);
}

#[test]
fn every_way_a_question_can_end() {
    let mut story = Story::new("r-1");
    story.begin();
    story.ask("a", Question::Approval, "A?", 2).decide("a", Decision::Approved, Some("ben"), None);
    story.decide("a", Decision::Approved, Some("ben"), None).decide("a", Decision::Approved, Some("cy"), None);
    story.ask("b", Question::Approval, "B?", 1).decide("b", Decision::Rejected, Some("ben"), Some("not now"));
    story.ask("c", Question::Approval, "C?", 1).decide("c", Decision::Expired, None, None);
    story.ask("d", Question::Confirm, "D?", 1).decide("d", Decision::Bypassed, None, Some("--yes"));
    story.ask("e", Question::Approval, "E?", 1).decide("e", Decision::Approved, Some("ben"), None);
    story.tell(
        Some("e"),
        Event::ApprovalLapsed(ApprovalLapsed { why: "approved were 3 keys, and now there are 9".into() }),
    );
    story.ask("f", Question::Approval, "F?", 1);
    story.tell(None, Event::RunPaused(RunPaused { waiting: vec![StepId::recorded("f")] }));
    let waiting = timeline(&story);
    let states: Vec<_> = waiting.approvals.iter().map(|row| phrase::approval(row.state).0).collect();
    assert_eq!(states, ["approved", "rejected", "expired", "bypassed", "lapsed", "waiting"]);
    assert_eq!(waiting.approvals[0].answers.len(), 3);
    assert_eq!((waiting.header.standing, waiting.header.exit), (Standing::Waiting, Some(3)));
    assert!(told(&waiting).contains(&"engine: F? → waiting".to_owned()), "{:#?}", told(&waiting));
    story.finish(Outcome::Cancelled, 130, None);
    assert_eq!(timeline(&story).approvals[5].state, ApprovalState::Unanswered);
}

#[test]
fn a_clock_that_jumps_and_a_restart_do_not_touch_lengths_of_time() {
    let mut story = Story::new("r-1");
    story.begin().after(1000).read("memory", "INFO memory").wall_jumps(-3600);
    story.tell(None, Event::ClockJumped(ClockJumped { by_us: -3_600_000_000 }));
    let jumped = timeline(&story);
    assert!(jumped.time.complete && jumped.time.measured_us < 2_000_000);
    assert!(told(&jumped).iter().any(|line| line.contains("jumped 1h back")));
    story.reboot().tell(None, resumed()).after(50).read("again", "PING").finish(Outcome::Succeeded, 0, None);
    let rebooted = timeline(&story);
    assert!(!rebooted.time.complete);
    let end = rebooted.entries.iter().find(|entry| entry.r#type == "run.finished").unwrap();
    assert_eq!((end.duration_us, end.elapsed_us), (None, None));
}

#[test]
fn a_late_note_stands_where_it_happened_and_says_so() {
    let mut story = incident();
    story.after(60_000).by(person("ana")).tell(None, note("users report errors")).occurred("2026-11-21T02:55:00Z");
    let noted = timeline(&story);
    assert_eq!(noted.entries[0].summary, "users report errors");
    assert!(noted.entries[0].late_us.is_some_and(|late| late > 300_000_000));
    assert_eq!(noted.header.outcome, Some(Outcome::PartlyRolledBack), "a note reopens nothing");
    assert_eq!(noted.time, timeline(&incident()).time, "nor does it make the run longer");
}

#[test]
fn unknown_types_are_kept_and_counted() {
    let mut story = Story::new("r-1");
    story.begin();
    for _ in 0..3 {
        story.tell(
            None,
            Event::Other(OtherEvent { r#type: "milestone.set".into(), data: serde_json::json!({"text": "mitigated"}) }),
        );
    }
    let timeline = timeline(&story);
    assert_eq!(timeline.counts.hidden["milestone.set"], 3);
    assert_eq!(timeline.entries.last().unwrap().detail.as_deref(), Some("mitigated"));
}

#[test]
fn a_rollback_that_was_cut_off_says_which_step_is_in_doubt() {
    let mut story = incident();
    let begun = story.records.iter().position(|record| matches!(record.event, Event::RollbackStarted(_))).unwrap();
    story.records.truncate(begun + 2);
    story.capture("purge", 1, "room", 1);
    let torn = timeline(&story);
    let steps: Vec<_> = torn.rollbacks[0].steps.iter().map(|row| (row.step.as_str(), row.outcome, row.begun)).collect();
    assert_eq!(steps, [("raise", Some(RollbackEnd::Restored), true), ("purge", None, true)]);
    assert_eq!(
        told(&torn).last().unwrap(),
        "engine: rollback of purge → outcome unknown (begun, and nothing more was recorded)"
    );
}

#[test]
fn nothing_at_all_is_a_timeline_too() {
    let empty = Timeline::of(&[], None, None);
    assert_eq!((empty.entries.len(), empty.header.playbook.as_str(), empty.counts.records), (0, "unknown", 0));
}

/// Every record is told by one line; what is shown and what is hidden make up the whole.
fn adds_up(timeline: &Timeline, records: usize) {
    let mut told: Vec<u64> = timeline.entries.iter().flat_map(|entry| entry.covers.iter().copied()).collect();
    told.sort_unstable();
    assert_eq!(told, (1..=records as u64).collect::<Vec<_>>());
    for max in [1, 5, 60] {
        let counts = timeline.view(max).counts();
        assert!(counts.rows <= max as u64, "{} rows of at most {max}", counts.rows);
        assert_eq!(counts.told + counts.hidden.values().sum::<u64>(), records as u64);
        assert_eq!(counts.records, records as u64);
    }
}

fn long_run(reads: usize, changes: usize) -> Story {
    let mut story = Story::new("r-long");
    story.begin();
    for at in 0..reads.max(changes) {
        if at < reads {
            story.read(&format!("read_{at}"), "INFO memory").after(10);
        }
        if at < changes {
            story.change(&format!("set_{at}"), "CONFIG SET maxmemory 3gb", raised());
        }
    }
    story.start("last", "redis", "PING").fail("last", "no answer", 5).handle("last", Choice::Stop);
    story.finish(Outcome::Failed, 1, None);
    story
}

#[test]
fn five_hundred_events_fit_sixty_rows() {
    for (reads, changes) in [(123, 0), (0, 98), (60, 50)] {
        let story = long_run(reads, changes);
        assert!(story.records.len() >= 490);
        let timeline = timeline(&story);
        adds_up(&timeline, story.records.len());
        let view = timeline.view(DEFAULT_ROWS);
        assert!(view.rows.len() > 50, "{} rows: no more is left out than has to be", view.rows.len());
        let shown =
            |what: &str| view.rows.iter().any(|row| matches!(row, Row::Line(entry) if entry.summary.contains(what)));
        assert!(shown("redis-oom began") && shown("PING") && shown("the run ended"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_does_not_depend_on_how_records_arrive(seed in any::<u64>(), cut in 1_usize..40) {
        let mut one = incident();
        one.records.truncate(cut);
        let mut other = Story::new("r-2");
        other.after(20).begin().read("a", "PING").by(person("cy")).tell(None, note("late")).occurred("2026-11-21T03:00:00.005Z");
        let ordered = [timeline(&one), timeline(&other)];
        let mut state = seed;
        one.records.sort_by_cached_key(|_| { state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); state });
        let shuffled = [timeline(&other), timeline(&one)];
        prop_assert_eq!(&shuffled[1], &ordered[0]);
        let merged_once = merged(&ordered);
        prop_assert_eq!(&merged_once, &merged(&shuffled));
        let keys: Vec<_> = merged_once.iter().map(|(run, entry)| SortKey::of(run, entry)).collect();
        prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn whatever_is_cut_off_counts_add_up(reads in 0_usize..40, changes in 0_usize..30, cut in 0_usize..300) {
        let mut story = long_run(reads, changes);
        story.records.truncate(cut);
        adds_up(&timeline(&story), story.records.len());
    }
}
