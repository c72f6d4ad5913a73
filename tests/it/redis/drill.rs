//! Throwaway servers and snapshots.

use playbook_providers::redis::drill::{Elsewhere, Ignoring, Snapshot, Throwaway};

use super::server::Site;

fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_throwaway_server_has_its_settings_and_is_gone_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let server = Throwaway::start(
        &settings(&[("maxmemory", "50mb"), ("requirepass", "a b\"c#")]),
        dir.path(),
        Elsewhere::default(),
    )
    .unwrap();
    let site = Site::at(&server.url());
    assert_eq!(site.read("CONFIG GET maxmemory").await.unwrap()["maxmemory"], 50 << 20);
    assert_eq!(site.read("CONFIG GET save").await.unwrap()["save"], "");
    assert_eq!(site.read("INFO server").await.unwrap()["tcp_port"], server.port());
    assert!(server.version().starts_with(|c: char| c.is_ascii_digit()), "{}", server.version());
    let url = server.url();
    drop(server);
    assert!(Snapshot::take(&url).await.is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn settings_that_make_no_sense_are_told_in_the_servers_words() {
    let dir = tempfile::tempdir().unwrap();
    let error =
        Throwaway::start(&settings(&[("no-such-setting", "1")]), dir.path(), Elsewhere::default()).err().unwrap();
    assert!(error.to_string().contains("no-such-setting"), "{error}");
}

#[tokio::test]
async fn snapshots_tell_every_difference_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let server = Throwaway::start(&[], dir.path(), Elsewhere::default()).unwrap();
    let mut other = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let mut run = |line: &str| {
        let mut words = line.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            cmd.arg(word);
        });
        cmd.exec(&mut other).unwrap();
    };
    for line in
        ["SET same 1", "SET gone 1", "SET changed 1", "SET expiring 1 EX 1000", "HSET h a 1 b 2", "SET ignored:1 x"]
    {
        run(line);
    }
    run("SELECT 3");
    run("SET other-db 1");
    run("SELECT 0");
    let before = Snapshot::take(&server.url()).await.unwrap();
    assert_eq!(before.len(), 7);
    assert_eq!(
        before.differences(&Snapshot::take(&server.url()).await.unwrap(), &Ignoring::default()),
        Vec::<String>::new()
    );
    for line in [
        "DEL gone",
        "SET changed 2",
        "PERSIST expiring",
        "SET new 1",
        "DEL h",
        "HSET h b 2 a 1",
        "SET ignored:1 y",
        "CONFIG SET timeout 9",
    ] {
        run(line);
    }
    let ignoring = Ignoring { keys: vec!["ignored:*".into()], settings: Vec::new() };
    let after = Snapshot::take(&server.url()).await.unwrap();
    let found = before.differences(&after, &ignoring);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found[0].starts_with("key changed: was \"1\", is \"2\""), "{found:?}");
    assert_eq!(found[4], "config timeout: was \"0\", is \"9\"");
    let untouched = ["same".to_owned(), "other-*".to_owned(), "h".to_owned()];
    assert_eq!(before.subset(&untouched).len(), 3);
    assert_eq!(
        before.subset(&untouched).differences(&after.subset(&untouched), &Ignoring::default()),
        Vec::<String>::new()
    );
}
