//! A secret is in nothing that is recorded, shown or reported.

use playbook_core::action::UndoPart;
use playbook_core::expr::Scope;
use playbook_core::secret::Secrets;
use serde_json::json;

use super::server::{Server, Site, in_doubt};

const PASSWORD: &str = "hunter22-correct";

fn site(server: &Server, known: bool) -> Site {
    let secrets = Secrets::new();
    if known {
        secrets.add("pw", PASSWORD);
    }
    let mut scope = Scope::new();
    scope.set("inputs", json!({"pw": PASSWORD}));
    scope.secret_inputs(["pw".to_owned()]);
    Site::with(&format!("redis: {}", server.url()), &secrets, scope).unwrap()
}

fn none_of_it(text: &str) {
    assert!(!text.contains("hunter22"), "{text}");
}

#[tokio::test]
async fn a_password_from_an_input_is_set_recorded_by_name_and_taken_back() {
    let server = Server::start(&[]);
    let site = site(&server, true);
    let done = site.run("CONFIG SET requirepass {{ inputs.pw }} timeout 5").await;
    none_of_it(&done.recorded());
    assert_eq!(done.parts[0].words, ["CONFIG", "SET", "requirepass", "[secret:pw]", "timeout", "5"]);
    assert_eq!(done.parts[0].record.data["wanted"]["requirepass"], json!({"$secret": "pw"}));
    // The server is closed to newcomers now, and the rollback goes in with what the run has set.
    let fresh = Site { scope: site.scope.clone(), ..self::site(&server, true) };
    let back = fresh.undo(&done.parts).await;
    assert_eq!((back.restored, back.conflicts.len(), back.differs.len()), (2, 0, 0), "{back:?}");
    assert_eq!(server.other().text("GET nothing"), "(nil)");
}

#[tokio::test]
async fn an_old_password_that_nobody_knows_is_not_kept_and_rollback_says_so() {
    let server = Server::start(&["--masterauth", "old-hunter22"]);
    let site = site(&server, true);
    let planned = site.plan("CONFIG SET masterauth {{ inputs.pw }}").await;
    none_of_it(&format!("{planned:?}"));
    assert!(!planned.is_noop(), "one secret for another is a change");
    assert!(planned.notes.iter().any(|note| note.contains("cannot be put back")), "{:?}", planned.notes);
    let done = site.run("CONFIG SET masterauth {{ inputs.pw }}").await;
    none_of_it(&done.recorded());
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.differs.len()), (0, 1));
    none_of_it(&format!("{back:?}"));
}

#[tokio::test]
async fn literal_passwords_are_hidden_everywhere() {
    let server = Server::start(&[]);
    let site = site(&server, false);
    for line in [
        "ACL SETUSER u on >hunter22x ~*",
        "ACL SETUSER u <hunter22x",
        "CONFIG SET masterauth hunter22x",
        "MIGRATE 127.0.0.1 1 k 0 1 AUTH hunter22x",
        "MIGRATE 127.0.0.1 1 k 0 1 AUTH2 u hunter22x",
    ] {
        let action = site.redis(line);
        none_of_it(&action.words().join(" "));
        match site.change(action.as_ref()).await {
            Ok(done) => none_of_it(&done.recorded()),
            Err(fault) => none_of_it(&format!("{fault:?}")),
        }
        assert!(site.problems("redis", &serde_json::to_string(line).unwrap())[0].starts_with("PB0404"), "{line}");
    }
    let fault = site.change(site.redis("ACL SETUSER u >hunter22x hunter22x").as_ref()).await.err().unwrap();
    none_of_it(&format!("{fault:?}"));
}

#[tokio::test]
async fn a_secret_that_becomes_data_is_not_in_what_is_recorded_of_the_change() {
    let server = Server::start(&[]);
    for known in [true, false] {
        let site = site(&server, known);
        server.other().run("FLUSHALL");
        for line in
            ["SET k {{ inputs.pw }}", "APPEND k {{ inputs.pw }}", "HSET h f {{ inputs.pw }}", "SET {{ inputs.pw }} v"]
        {
            let planned = site.plan(line).await;
            none_of_it(&format!("{planned:?}"));
            let done = site.run(line).await;
            // The bulk is the data of the server, from which the engine cuts secrets.
            let parts: Vec<_> = done
                .parts
                .iter()
                .map(|part| UndoPart {
                    record: playbook_core::action::UndoRecord { blob: None, ..part.record.clone() },
                    ..part.clone()
                })
                .collect();
            none_of_it(&format!("{parts:?} {:?} {:?}", done.applied, done.captures[0].subject));
        }
    }
}

#[tokio::test]
async fn an_error_that_repeats_a_secret_is_shown_without_it() {
    let server = Server::start(&[]);
    for known in [true, false] {
        let site = site(&server, known);
        let action = site.words(&["ACL", "SETUSER", "u", "{{ inputs.pw }}"]);
        let fault = site.change(action.as_ref()).await.err().unwrap();
        none_of_it(&format!("{fault:?}"));
        let fault = site.read("XINFO STREAM k {{ inputs.pw }} x").await.err();
        none_of_it(&format!("{fault:?}"));
    }
}

#[tokio::test]
async fn what_the_server_tells_of_passwords_is_hidden() {
    let server = Server::start(&["--masterauth", "hunter22"]);
    let site = site(&server, false);
    server.other().run("ACL SETUSER u on >hunter22 ~*");
    let settings = site.read("CONFIG GET master*").await.unwrap();
    assert_eq!(settings["masterauth"], json!({"$secret": "redis.masterauth"}));
    none_of_it(&site.read("CONFIG GET *").await.unwrap().to_string());
    let hash = "f5";
    let users = site.read("ACL LIST").await.unwrap().to_string();
    assert!(users.contains("#[secret]") && !users.contains(&format!("#{hash}")), "{users}");
    assert_eq!(site.read("ACL GETUSER u").await.unwrap()["passwords"], json!(["[secret]"]));
}

#[tokio::test]
async fn a_change_with_a_secret_is_still_told_done_from_not_done_where_that_can_be_told() {
    let server = Server::start(&[]);
    let site = site(&server, true);
    let done = site.run("CONFIG SET masterauth {{ inputs.pw }}").await;
    let verdict = site.probe(&in_doubt(&done.parts[0])).await;
    assert!(matches!(verdict, playbook_core::action::Verdict::Done(_)), "{verdict:?}");
    none_of_it(&format!("{verdict:?}"));
}

#[tokio::test]
async fn the_password_of_a_target_is_not_in_its_address_or_its_faults() {
    let secrets = Secrets::new();
    let site = Site::with("redis: redis://u:hunter22@127.0.0.1:1", &secrets, Scope::new()).unwrap();
    assert_eq!(site.target.address(), "redis://u@127.0.0.1:1");
    assert_eq!(secrets.get("target.cache.password").as_deref(), Some("hunter22"));
    none_of_it(&format!("{:?}", site.read("PING").await));
    let server = Server::start(&[]);
    let site = Site::at(&format!("redis://nobody:hunter22@127.0.0.1:{}", server.port));
    let fault = site.read("PING").await.unwrap_err();
    assert_eq!(fault.code, playbook_core::codes::Code::Unauthorised);
    none_of_it(&format!("{fault:?}"));
}

#[tokio::test]
async fn the_beginning_of_a_secret_is_not_shown_where_a_text_is_cut() {
    let server = Server::start(&[]);
    let (site, mut other) = (site(&server, true), server.other());
    // Wherever the cut is, the secret lies over it once.
    for ahead in (60..82).step_by(3) {
        let text = format!("{}{PASSWORD}{}", "k".repeat(ahead), "x".repeat(100));
        let set = |other: &mut super::server::Other| {
            other.words(&["MSET", &text, &text, "plain", &text]);
            // Not a text: shown with escapes.
            let bytes = [text.as_bytes(), b"\xff"].concat();
            redis::cmd("SET").arg("bytes").arg(bytes).exec(&mut other.0).unwrap();
        };
        set(&mut other);
        let mut seen = Vec::new();
        for words in [&["DEL", text.as_str(), "plain", "bytes"][..], &["SET", "plain", "new"], &["DEL", text.as_str()]]
        {
            let action = site.words(words);
            seen.push(format!("{:?}", action.plan(site.reading()).await.unwrap()));
            let done = site.change(action.as_ref()).await.unwrap();
            let told = |done: &super::server::Changed| format!("{:?} {:?}", done.applied, done.captures[0].subject);
            seen.push(told(&done));
            seen.push(format!("{:?}", site.provider.plan_undo(site.reading(), &done.parts).await.unwrap()));
            // Someone else writes in between: told three ways.
            for key in [text.as_str(), "plain", "bytes"] {
                other.words(&["SET", key, &format!("{text}y")]);
            }
            seen.push(format!("{:?}", site.provider.plan_undo(site.reading(), &done.parts).await.unwrap()));
            seen.push(format!("{:?}", site.undo(&done.parts).await));
            set(&mut other);
        }
        let sweep = site.step("redis.keys", "{match: 'kkk*', do: unlink}");
        seen.push(format!("{:?}", sweep.plan(site.reading()).await.unwrap()));
        let done = site.change(sweep.as_ref()).await.unwrap();
        seen.push(format!("{:?} {:?}", done.applied, done.captures[0].subject));
        for text in seen {
            assert!(!text.contains("hunt") && !text.contains("kh"), "{ahead}: {text}");
        }
    }
}
