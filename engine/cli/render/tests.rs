//! Golden pages, and pages made of whatever breaks careless ones.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use playbook_core::journal::{Head, Verdict};
use playbook_core::model::Digest;
use playbook_core::plan::{Plan, Sample};
use playbook_core::timeline::Timeline;
use playbook_core::timeline::testing::{Story, incident};
use serde_json::Value;

use super::markdown::tests::{HOSTILE, assert_sound};
use super::*;

fn anchored(story: &Story) -> Timeline {
    let head =
        Head { run: "20261121-030000-bcdf".into(), size: story.records.len() as u64, digest: Digest::of(b"last line") };
    Timeline::of(&story.records, Some(&head), Some(&Verdict::Good(head.clone())))
}

/// Replaces texts that people and servers gave by hostile ones; ids, times and kinds stay.
fn poison(value: &mut Value, at: &mut usize) {
    const KEPT: &[&str] = &[
        "schema",
        "time",
        "at",
        "asked_at",
        "occurred_at",
        "started_at",
        "ended_at",
        "digest",
        "source",
        "plan",
        "head",
        "kind",
        "type",
        "importance",
        "tone",
        "standing",
        "outcome_kind",
        "state",
        "question",
        "level",
        "effect",
        "reversal",
        "holds",
        "run",
        "code",
        "happened",
        "rolled_back",
        "depth",
        "is",
        "part",
        "result_blob",
        "handled",
        "hidden",
        "parent",
        "action",
        "class",
        "known",
    ];
    match value {
        Value::String(text) => {
            *text = HOSTILE[*at % HOSTILE.len()].to_owned();
            *at += 1;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, at)),
        Value::Object(map) => {
            let tagged = map.contains_key("outcome") && (map.contains_key("begun") || map.contains_key("standing"));
            for (key, inner) in map.iter_mut() {
                let kept = KEPT.contains(&key.as_str()) || (tagged && key == "outcome");
                if !kept {
                    poison(inner, at);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn hostile_timeline(shift: usize) -> Timeline {
    let mut value = serde_json::to_value(anchored(&incident())).unwrap();
    poison(&mut value, &mut { shift });
    serde_json::from_value(value).unwrap()
}

fn hostile_plan(shift: usize) -> Plan {
    let mut value = serde_json::to_value(fixtures::plan()).unwrap();
    poison(&mut value, &mut { shift });
    serde_json::from_value(value).unwrap()
}

#[test]
fn amounts_read_as_people_say_them() {
    assert_eq!(duration(125_000_000), "2m 5s");
    assert_eq!(bytes(1 << 31), "2 GiB");
    assert_eq!([things(1, "keys"), things(0, "keys"), things(41_208, "keys")], ["1 key", "0 keys", "41,208 keys"]);
}

#[test]
fn a_plan_at_a_terminal() {
    insta::assert_snapshot!(plan_text(&fixtures::plan(), 80, false));
}

#[test]
fn a_plan_on_a_pull_request() {
    insta::assert_snapshot!(plan_md(&fixtures::plan()));
}

#[test]
fn a_postmortem() {
    insta::assert_snapshot!(timeline_md(&anchored(&incident()), &MarkdownOptions::default()));
}

#[test]
fn a_plan_without_changes_says_so() {
    let mut plan = fixtures::plan();
    plan.steps.truncate(2);
    let text = plan_text(&plan.sealed(), 80, false);
    assert!(text.contains("\nPlan: nothing to change, 2 steps to read.\n"), "{text}");
}

#[test]
fn lines_fit_the_width_and_colour_only_accompanies() {
    for width in [40, 60, 80, 120] {
        for plan in (0..HOSTILE.len()).map(hostile_plan).chain([fixtures::plan()]) {
            let bare = plan_text(&plan, width, false);
            for line in bare.lines().filter(|line| !line.starts_with("Digest ")) {
                assert!(console::measure_text_width(line) <= width, "{width}: {line}");
                assert!(!line.chars().any(char::is_control), "{line:?}");
            }
            let coloured = plan_text(&plan, width, true);
            assert_eq!(console::strip_ansi_codes(&coloured), bare);
        }
    }
}

#[test]
fn hostile_texts_break_out_of_no_page() {
    for shift in 0..HOSTILE.len() {
        assert_sound(&plan_md(&hostile_plan(shift)));
        let timeline = hostile_timeline(shift);
        assert_sound(&timeline_md(&timeline, &MarkdownOptions::default()));
        let short = MarkdownOptions { max_chars: Some(4000), ..MarkdownOptions::default() };
        assert_sound(&timeline_md(&timeline, &short));
    }
}

#[test]
fn a_huge_plan_still_fits_a_comment_and_says_what_is_missing() {
    let mut plan = fixtures::plan();
    let steps = plan.steps.clone();
    for n in 0..200 {
        plan.steps.extend(steps.iter().cloned().map(|mut step| {
            step.id = playbook_core::model::StepId::recorded(&format!("{}_{n}", step.id));
            if let Some(impact) = step.planned.as_mut().and_then(|planned| planned.impact.first_mut()) {
                impact.samples =
                    (0..100).map(|n| Sample { name: format!("key:{n}"), about: "string".into() }).collect();
            }
            step
        }));
    }
    let page = plan_md(&plan.clone().sealed());
    assert!(page.chars().count() <= super::plan_md::PLAN_MAX_CHARS);
    let said = page.lines().find(|line| line.starts_with("Left out")).unwrap();
    assert_eq!(
        said,
        "Left out to stay under 60,000 characters: samples of what is hit; targets; 1,608 steps that change nothing; \
         details of 804 changes; 654 changes in the table."
    );
    assert_sound(&page);
    let long = "<|`@x`|> ".repeat(500);
    for step in &mut plan.steps {
        (step.title, step.command, step.target) = (Some(long.clone()), long.clone(), Some(long.clone()));
    }
    let page = plan_md(&plan.sealed());
    assert!(
        page.chars().count() <= super::plan_md::PLAN_MAX_CHARS
            && page.ends_with("**Cut here: the rest does not fit.**\n")
    );
    assert_sound(&page);
}

#[test]
fn a_limit_drops_excerpts_first_and_says_so() {
    let mut story = incident();
    for n in 0..80 {
        story.read(&format!("look_{n}"), "INFO memory").after(1000);
        story.start(&format!("bad_{n}"), "redis", "PING").fail(&format!("bad_{n}"), "no answer", 5);
    }
    let timeline = anchored(&story);
    let whole = timeline_md(&timeline, &MarkdownOptions::default());
    let size = whole.chars().count();
    for max in [size - 1, size * 3 / 4, size / 2, 8000, 5000, 1200, 300] {
        let page = timeline_md(&timeline, &MarkdownOptions { max_chars: Some(max), ..MarkdownOptions::default() });
        assert!(page.chars().count() <= max, "{} of {max}", page.chars().count());
        assert!(page.contains("Left out to stay under") || page.contains("**Cut here"), "{max}");
        assert!(!page.contains("What it returned"), "{max}");
        assert_sound(&page);
    }
    assert!(whole.contains("… ") && whole.contains("lines left out: "), "sixty rows at the most");
    let unlimited = MarkdownOptions { max_chars: Some(size), ..MarkdownOptions::default() };
    assert_eq!(timeline_md(&timeline, &unlimited), whole);
}

#[test]
fn the_zone_changes_times_and_nothing_else() {
    let timeline = anchored(&incident());
    let zone = TimeZone::fixed(jiff::tz::offset(5).saturating_add(jiff::SignedDuration::from_mins(30)));
    let page = timeline_md(&timeline, &MarkdownOptions { zone, ..MarkdownOptions::default() });
    assert!(page.contains("| Times | UTC+05:30 |") && page.contains("| 08:32:05 | +2m 5s | ben |"), "{page}");
    let elapsed = |page: &str| page.matches("| +2m 5s |").count();
    assert_eq!(elapsed(&page), elapsed(&timeline_md(&timeline, &MarkdownOptions::default())));
}

#[test]
fn what_nobody_recorded_is_asked_for_and_never_made_up() {
    let page = timeline_md(&anchored(&incident()), &MarkdownOptions::default());
    for heading in ["Impact", "Trigger", "Detection", "Resolution", "Root causes"] {
        let section = page.split(&format!("## {heading}\n")).nth(1).unwrap();
        assert!(section.split("\n## ").next().unwrap().contains("TODO"), "{heading}");
    }
    assert!(page.contains("| Impact window, TTD, TTA, TTM, TTR | not recorded |"));
}

#[test]
fn a_torn_run_is_unfinished_and_its_tail_not_anchored() {
    let mut story = Story::new("20261121-030000-bcdf");
    story.begin().start("raise", "redis", "CONFIG SET maxmemory 3gb").capture("raise", 1, "maxmemory", 9);
    story.intent("raise", 1, &["CONFIG", "SET", "maxmemory", "3gb"], 1);
    let head = Head { run: "20261121-030000-bcdf".into(), size: 5, digest: Digest::of(b"x") };
    let page =
        timeline_md(&Timeline::of(&story.records, None, Some(&Verdict::Unanchored(head))), &MarkdownOptions::default());
    let mut told = String::new();
    for line in
        page.lines().filter(|line| line.contains("unknown") || line.contains("anchored") || line.contains("Ended"))
    {
        writeln!(told, "{line}").unwrap();
    }
    insta::assert_snapshot!(told);
}
