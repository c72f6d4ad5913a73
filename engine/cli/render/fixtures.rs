//! A plan and a timeline to look at, for tests.

use std::collections::BTreeMap;

use playbook_core::action::{Fault, FaultKind, Identity};
use playbook_core::codes::Code;
use playbook_core::model::{Class, Digest, Effect, Reversal, StepId};
use playbook_core::plan::{
    Change, Depth, Image, Impact, Known, Plan, Planned, PlannedStep, Sample, TargetLine, Totals,
};
use serde_json::json;

/// A step that reads.
pub(super) fn step(id: &str, action: &str, command: &str) -> PlannedStep {
    PlannedStep {
        id: StepId::recorded(id),
        part: "main".into(),
        parent: None,
        title: None,
        action: action.into(),
        command: command.into(),
        target: (action.starts_with("redis")).then(|| "cache".into()),
        class: Class::READ,
        when: None,
        conditional: false,
        gate: None,
        known: Known::Yes,
        planned: None,
        outcome: None,
        place: "playbooks/redis-oom.yaml:20".into(),
    }
}

fn planned(effect: Effect, reversal: Reversal) -> Planned {
    Planned::new(Class::new(effect, reversal))
}

fn purge() -> PlannedStep {
    let sample = |n: u32, about: &str| Sample { name: format!("dash:queue:dead:{n}"), about: about.into() };
    PlannedStep {
        title: Some("Delete dead letters".into()),
        gate: Some("Delete 41,208 dead letters?".into()),
        class: Class::new(Effect::Destroy, Reversal::Exact),
        planned: Some(Planned {
            impact: vec![Impact {
                what: "keys".into(),
                count: 41_208,
                bytes: Some(1_288_490_188),
                exact: false,
                samples: vec![
                    sample(1, "string, 1.2 KiB, no expiry"),
                    sample(2, "string, 900 B, no expiry"),
                    sample(17, "list, 40 items"),
                ],
            }],
            notes: vec!["UNLINK frees memory in the background; it blocks the server for about 40 ms".into()],
            ..planned(Effect::Destroy, Reversal::Exact)
        }),
        ..step("purge", "redis.keys", "match dash:queue:dead:* where \"ttl < 0\" do unlink rate 50000/s")
    }
}

fn raise() -> PlannedStep {
    PlannedStep {
        when: Some("steps.after.status == \"failed\"".into()),
        conditional: true,
        class: Class::new(Effect::Change, Reversal::Exact),
        planned: Some(Planned {
            changes: vec![Change::new("config maxmemory", Image::of("2gb"), Image::of("3gb"))],
            ..planned(Effect::Change, Reversal::Exact)
        }),
        ..step("raise", "redis", "CONFIG SET maxmemory 3gb")
    }
}

fn restart() -> PlannedStep {
    let mut spec = Change::new("deployment/api", Image::of("revision 7"), Image::of("revision 8"));
    spec.parts = vec![
        Change::new("env REDIS_TIMEOUT", Image::Absent, Image::of("500ms")),
        Change::new("env REDIS_PASSWORD", Image::Secret, Image::Secret),
        Change::new(
            "annotation reason",
            Image::of("rolled out by the nightly job after the schema migration"),
            Image::of("restarted by playbook redis-oom so that the pool forgets dead connections"),
        ),
    ];
    let why = "pods that are gone do not come back".to_owned();
    PlannedStep {
        target: Some("api".into()),
        class: Class::new(Effect::Disrupt, Reversal::BestEffort(why.clone())),
        planned: Some(Planned {
            changes: vec![spec],
            impact: vec![Impact { what: "pods".into(), count: 3, bytes: None, exact: true, samples: Vec::new() }],
            notes: vec!["the disruption budget allows 1 at a time".into()],
            ..planned(Effect::Disrupt, Reversal::BestEffort(why))
        }),
        ..step("restart_workers", "kubectl", "rollout restart deployment/api")
    }
}

/// One plan with everything in it.
pub(super) fn plan() -> Plan {
    let full = PlannedStep {
        outcome: Some("holds: 0.93".into()),
        ..step("full", "assert", "steps.memory.used_memory > 0.9 * steps.memory.maxmemory")
    };
    let memory = PlannedStep {
        title: Some("How full is it?".into()),
        outcome: Some("used_memory 2.79 GiB of 3 GiB".into()),
        ..step("memory", "redis", "INFO memory")
    };
    let approve = PlannedStep { gate: Some("Restart the API workers?".into()), ..step("#6", "approval", "") };
    let after = PlannedStep { known: Known::AfterRun(vec!["purge".into()]), ..step("after", "redis", "INFO memory") };
    let policy = PlannedStep {
        class: Class::new(Effect::Change, Reversal::Exact),
        planned: Some(Planned {
            changes: vec![Change::new("config maxmemory-policy", Image::of("noeviction"), Image::of("noeviction"))],
            ..planned(Effect::Change, Reversal::Exact)
        }),
        ..step("policy", "redis", "CONFIG SET maxmemory-policy noeviction")
    };
    let skipped = PlannedStep {
        when: Some("inputs.ticket != \"\"".into()),
        known: Known::Skipped,
        class: Class::new(Effect::Change, Reversal::Exact),
        ..step("ticket", "http", "POST https://tickets.example/INC")
    };
    let script = PlannedStep {
        class: Class::new(Effect::Unknown, Reversal::Impossible("nobody knows what a script does".into())),
        gate: Some("Run the clean-up script?".into()),
        ..step("cleanup", "shell", "./cleanup.sh --all")
    };
    let tell = PlannedStep {
        part: "finally".into(),
        known: Known::AfterRun(Vec::new()),
        ..step("tell", "note", "redis-oom: (known after run)")
    };
    let undo = PlannedStep {
        part: "rollback of restart_workers".into(),
        ..step("restart_workers/undo1", "kubectl", "rollout undo deployment/api")
    };
    Plan {
        schema: "playbook.plan/v1".into(),
        playbook: "redis-oom".into(),
        source: Digest::of(b"source"),
        engine: "0.1.0".into(),
        depth: Depth::Live,
        environment: Some("prod".into()),
        inputs: BTreeMap::from([
            ("new_limit".into(), json!(3_221_225_472_u64)),
            ("api_key".into(), json!("[secret:api_key]")),
        ]),
        targets: vec![
            TargetLine {
                name: "cache".into(),
                kind: "redis".into(),
                address: "redis://127.0.0.1:6379".into(),
                identity: Some(Identity {
                    id: "9f3a6c".into(),
                    facts: vec![("role".into(), "master".into()), ("version".into(), "7.0.15".into())],
                }),
                fault: None,
            },
            TargetLine {
                name: "api".into(),
                kind: "kubernetes".into(),
                address: "https://10.0.0.1:6443, namespace dash".into(),
                identity: None,
                fault: Some(Fault::new(FaultKind::Unreachable, Code::Unreachable, "connection refused")),
            },
        ],
        steps: vec![memory, full, purge(), after, raise(), policy, approve, restart(), script, skipped, undo, tell],
        totals: Totals::default(),
        digest: Digest::ZERO,
    }
    .sealed()
}
