//! Keys that a server evicts are gone: nothing is called restored that lost them.

use playbook_core::action::UndoPart;
use playbook_core::model::{Effect, Reversal};
use serde_json::json;

use super::server::{Other, Server, in_doubt};

const KEYS: i64 = 4000;

fn fill(other: &mut Other) -> i64 {
    for n in 0..KEYS {
        other.words(&["SET", &format!("key:{n}"), &"x".repeat(2000)]);
    }
    other.int("DBSIZE")
}

fn gone(differences: &[playbook_core::action::Difference]) -> bool {
    differences.iter().any(|difference| difference.now.starts_with("keys evicted: "))
}

#[tokio::test]
async fn a_lower_limit_that_evicts_is_planned_as_loss_and_never_called_restored() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let (site, mut other) = (server.site(), server.other());
    fill(&mut other);
    let action = site.redis("CONFIG SET maxmemory 4mb");
    assert!(matches!(action.class().reversal, Reversal::BestEffort(why) if why.contains("evicts")));
    let planned = site.plan("CONFIG SET maxmemory 4mb").await;
    assert_eq!(planned.class.effect, Effect::Destroy);
    assert!(planned.notes.iter().any(|note| note.contains("MiB over 4 MiB")), "{:?}", planned.notes);
    for harmless in
        ["CONFIG SET maxmemory 1gb", "CONFIG SET maxmemory 0", "CONFIG SET maxmemory 4mb maxmemory-policy noeviction"]
    {
        assert_eq!(site.plan(harmless).await.class.effect, Effect::Change, "{harmless}");
    }
    let done = site.change(action.as_ref()).await.unwrap();
    // Every command makes the server evict a little, until it fits.
    while other.int("DBSIZE") == KEYS {}
    let undo = site.provider.plan_undo(site.reading(), &done.parts).await.unwrap();
    assert!(undo.notes.iter().any(|note| note.contains("keys evicted: ")), "{:?}", undo.notes);
    let back = site.undo(&done.parts).await;
    assert_eq!(back.restored, 1, "the limit itself: {back:?}");
    assert!(gone(&back.differs) && back.conflicts.is_empty(), "{back:?}");
    let count: i64 = back.differs[0].now.split([' ', ';']).find_map(|word| word.parse().ok()).unwrap();
    assert_eq!(count, KEYS - other.int("DBSIZE"));
    // The same if the result of the change was lost, and if it is asked again.
    let lost: Vec<UndoPart> = done.parts.iter().map(in_doubt).collect();
    assert!(gone(&site.undo(&lost).await.differs));
    // What another process of the server counted tells nothing.
    let mut part = done.parts[0].clone();
    part.record.data["run_id"] = json!("another");
    let back = site.undo(&[part]).await;
    assert!(back.differs.iter().any(|difference| difference.now.starts_with("not known")), "{back:?}");
}

#[tokio::test]
async fn a_policy_that_begins_to_evict_is_not_restored_either() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (site, mut other) = (server.site(), server.other());
    fill(&mut other);
    assert_eq!(site.plan("CONFIG SET maxmemory 4mb").await.class.effect, Effect::Change);
    let low = site.run("CONFIG SET maxmemory 4mb").await;
    let planned = site.plan("CONFIG SET maxmemory-policy allkeys-random").await;
    assert_eq!(planned.class.effect, Effect::Destroy);
    let policy = site.run("CONFIG SET maxmemory-policy allkeys-random").await;
    while other.int("DBSIZE") == KEYS {}
    for done in [&policy, &low] {
        assert!(gone(&site.undo(&done.parts).await.differs));
    }
    assert_eq!(site.read("CONFIG GET maxmemory*").await.unwrap()["maxmemory"], 0);
}

#[tokio::test]
async fn nothing_that_evicted_nothing_differs() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let (site, mut other) = (server.site(), server.other());
    let before = fill(&mut other);
    for line in ["CONFIG SET maxmemory 1gb", "CONFIG SET maxmemory-policy volatile-lru maxmemory 2gb"] {
        let done = site.run(line).await;
        let back = site.undo(&done.parts).await;
        assert!(back.differs.is_empty() && back.conflicts.is_empty() && back.restored > 0, "{line}: {back:?}");
    }
    assert_eq!(other.int("DBSIZE"), before);
}

#[tokio::test]
async fn a_limit_is_not_lowered_again_below_what_is_used() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru", "--maxmemory", "5mb"]);
    let (site, mut other) = (server.site(), server.other());
    let raised = site.run("CONFIG SET maxmemory 64mb").await;
    fill(&mut other);
    let undo = site.provider.plan_undo(site.reading(), &raised.parts).await.unwrap();
    assert!(undo.changes.is_empty() && undo.notes.iter().any(|note| note.contains("stays as it is")), "{undo:?}");
    let back = site.undo(&raised.parts).await;
    assert_eq!((back.restored, back.differs.len(), back.conflicts.len()), (0, 1, 0), "{back:?}");
    assert!(back.differs[0].now.contains("would evict keys"), "{back:?}");
    assert_eq!(other.int("DBSIZE"), KEYS);
    assert_eq!(site.read("CONFIG GET maxmemory").await.unwrap(), json!({"maxmemory": 64 << 20}));
    // As soon as it fits, it is put back.
    other.run("FLUSHALL");
    let back = site.undo(&raised.parts).await;
    assert_eq!((back.restored, back.differs.len()), (1, 0), "{back:?}");
    // A policy likewise.
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let (site, mut other) = (server.site(), server.other());
    let kept = site.run("CONFIG SET maxmemory-policy noeviction timeout 7").await;
    fill(&mut other);
    other.run("CONFIG SET maxmemory 4mb");
    let back = site.undo(&kept.parts).await;
    assert_eq!((back.restored, back.differs.len()), (1, 1), "the timeout only: {back:?}");
    assert_eq!(other.int("DBSIZE"), KEYS);
}

#[tokio::test]
async fn who_may_not_ask_is_told_that_it_is_not_known() {
    let server = Server::start(&[]);
    server.other().run("ACL SETUSER ops on >pw ~* +@all -info");
    let mut scope = playbook_core::expr::Scope::new();
    scope.set("inputs", json!({"pw": "pw"}));
    let yaml = format!("redis: {{url: '{}', user: ops, password: '{{{{ inputs.pw }}}}'}}", server.url());
    let site = super::server::Site::with(&yaml, &playbook_core::secret::Secrets::new(), scope).unwrap();
    let done = site.run("CONFIG SET maxmemory 1gb").await;
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.differs.len()), (1, 1), "{back:?}");
}
