//! Random small projects, random lines, rollback: what ran before runs again, as it was made; and where
//! something cannot come back, the rollback says so.
//!
//! `PLAYBOOK_DOCKER_CASES` and `PLAYBOOK_DOCKER_SEED` ask for more cases, and for others;
//! `PLAYBOOK_DOCKER_SMALLER` for so many attempts to make a failing one smaller.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::compose::Compose;
use super::engine::Engine;
use super::scene::Scene;
use super::snapshot::{Snapshot, differences};
use super::world::{Line, World};

/// Cases without being asked for more.
const CASES: u64 = 24;
/// Cases at the same time.
const BESIDE: usize = 4;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn after_random_lines_a_rollback_restores_what_ran_or_says_what_it_could_not() {
    let Some(engine) = Engine::shared() else { return };
    let (cases, seed) = (number("PLAYBOOK_DOCKER_CASES", CASES), number("PLAYBOOK_DOCKER_SEED", 1));
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let work = || {
        loop {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if case >= cases {
                return;
            }
            if let Err(why) = one(engine, seed + case) {
                failures.lock().unwrap().push(format!("with PLAYBOOK_DOCKER_SEED={}: {why}", seed + case));
            }
        }
    };
    std::thread::scope(|scope| (0..BESIDE).for_each(|_| drop(scope.spawn(work))));
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {cases} cases failed: {}", failures.len(), failures.join("\n"));
}

/// The case of a seed; a failing one is made smaller, if that is asked for.
fn one(engine: &Engine, seed: u64) -> Result<(), String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let lines = proptest::collection::vec(Line::any(), 1..7);
    let mut tree = (World::any(), lines).new_tree(&mut runner).map_err(|why| why.to_string())?;
    let attempt = |(world, lines): &(World, Vec<Line>)| {
        taken_back(engine, world, lines).map_err(|why| format!("{world:#?}\n{lines:#?}\n{why}"))
    };
    let Err(mut why) = attempt(&tree.current()) else { return Ok(()) };
    for _ in 0..number("PLAYBOOK_DOCKER_SMALLER", 0) {
        if !tree.simplify() {
            break;
        }
        match attempt(&tree.current()) {
            Err(smaller) => why = smaller,
            Ok(()) => drop(tree.complicate()),
        }
    }
    Err(why)
}

fn taken_back(engine: &Engine, world: &World, lines: &[Line]) -> Result<(), String> {
    let composes = [world.compose, Compose::None];
    let Some(scene) = composes.into_iter().find_map(|compose| scene(engine, compose)) else { return Ok(()) };
    let case = format!("{}x", engine.name("any"));
    world.make(&scene, &case);
    let steps: String = lines
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let step = serde_json::json!({"id": format!("s{at}"), "docker": line.written(&case),
                "confirm": "Sure?", "on_failure": "continue", "timeout": "60s"});
            format!("  - {step}\n")
        })
        .collect();
    let file =
        scene.file("random.yaml", &format!("playbook: random\ntargets: {{d: {{docker: {{}}}}}}\nsteps:\n{steps}"));
    let before = Snapshot::take(engine, &case);
    let ran = scene.run(&["run", &file, "--yes"]);
    let between = differences(&before, &Snapshot::take(engine, &case));
    let back = scene.run(&["rollback", "last", "--yes"]);
    let after = Snapshot::take(engine, &case);
    let judged = judge(&before, &after, back.code(), &back.out());
    World::clear(engine, &case);
    let told = |done: &crate::live::Done| format!("{}\n{}{}", done.code(), done.out(), done.err());
    if ![0, 1].contains(&ran.code()) {
        return Err(format!("the run ended with {}", told(&ran)));
    }
    judged.map_err(|why| format!("{why}\n--- what the run changed: {between:#?}\n{}\n{}", told(&ran), told(&back)))
}

fn scene(engine: &Engine, compose: Compose) -> Option<Scene<'_>> {
    let mut scene = Scene::new(engine);
    scene.set("COLUMNS", "400");
    for (name, value) in compose.settings(engine)? {
        scene.set(name, value);
    }
    Some(scene)
}

/// Everything is as it was, or the rollback says what is not; and what it says is so.
fn judge(before: &Snapshot, after: &Snapshot, code: i32, said: &str) -> Result<(), String> {
    let differ = differences(before, after);
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let limits: BTreeMap<&String, &String> = differ.iter().filter(|(at, _)| before.had_no_limit(at)).collect();
    let others: Vec<_> = differ.iter().filter(|(at, _)| !limits.contains_key(at)).collect();
    if !others.is_empty() {
        return Err(format!("not as it was: {others:#?}"));
    }
    match code {
        // 2: there was nothing to take back.
        0 | 2 if limits.is_empty() => Ok(()),
        5 if flat.contains("outside of volumes") || (flat.contains("as good as none") && !limits.is_empty()) => Ok(()),
        _ => Err(format!("the rollback ended with {code}, and this differs: {limits:#?}")),
    }
}
