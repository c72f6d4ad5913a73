//! A value that comes out of a template is one value, whatever is in it; and no words panic.

use playbook_core::source::Span;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::class::class;
use super::model::{Act, Compose, ComposeVerb, Exec, Run, Verb, What};
use super::secret_words::mask;
use super::verbs::{VERBS, parse};
use crate::line::flags::{Group, Meaning};
use crate::line::word::Word;

/// Stands for a template in a line of these tests.
const HOLE: &str = "{}";

/// Words of a line; each hole is filled with `value`, or open.
fn words(line: &str, value: Option<&str>) -> Vec<Word> {
    let word = |written: &str| {
        let mut parts = written.split(HOLE).map(str::to_owned);
        let head = parts.next().unwrap_or_default();
        let rest: Vec<String> = parts.collect();
        let fixed = rest.is_empty();
        let fill = |value: &str| rest.iter().fold(head.clone(), |text, part| format!("{text}{value}{part}"));
        let text = if fixed { Some(head.clone()) } else { value.map(fill) };
        Word { text, head, fixed, rest, span: Span::default() }
    };
    line.split(' ').map(word).collect()
}

/// Values that would do harm in a shell or in docker, and any other.
fn value() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "",
        "-",
        "--",
        "-f",
        "--force",
        "--privileged",
        "-v /:/host",
        "a,b",
        "a,readonly",
        "a/b",
        "a b",
        "a:b",
        "/:/host",
        "a:/b:rw",
        "x=y",
        "80:80",
        "1-65535",
        "../../containers/a",
        "..",
        ".",
        "/etc",
        "a%2fb",
        "a?force=1",
        "| sh",
        "$(reboot)",
        "*",
        "a\n--force",
        "container:a",
        "compose",
        "docker",
        "rm",
        "\u{10FFFF}",
    ]);
    prop_oneof![hostile.prop_map(str::to_owned), ".{0,12}", "[-a-z=/,:. ]{0,8}"]
}

fn of_run(verb: &Verb) -> Option<&Run> {
    match verb {
        Verb::Run(run) => Some(run),
        _ => None,
    }
}

/// Is this the only thing that is said of a new container besides its image?
fn only(verb: &Verb, pointer: &str, wanted: &Value) -> bool {
    of_run(verb).is_some_and(|run| {
        let mut body = Value::Object(run.body.clone());
        let found = body.pointer_mut(pointer).map(Value::take);
        let emptied = |value: &Value| value.as_object().is_some_and(|host| host.values().all(Value::is_null));
        let rest = body.as_object().is_some_and(|body| {
            body.iter().all(|(key, value)| value.is_null() || (key == "HostConfig" && emptied(value)))
        });
        found.as_ref() == Some(wanted) && rest && run.command.is_empty() && run.image == "redis"
    })
}

fn of_compose(verb: &Verb) -> Option<&Compose> {
    match verb {
        Verb::Compose(compose) => Some(compose),
        _ => None,
    }
}

fn named(value: &str) -> Vec<String> {
    vec![value.to_owned()]
}

/// Lines with a hole, and whether the value went to its place and nowhere else.
type Place = fn(&Verb, &str) -> bool;
const PLACES: &[(&str, Place)] = &[
    ("restart {}", |verb, value| {
        *verb == Verb::Life { act: Act::Restart { seconds: None, signal: None }, containers: named(value) }
    }),
    ("stop -t 5 {}", |verb, value| {
        *verb == Verb::Life { act: Act::Stop { seconds: Some(5), signal: None }, containers: named(value) }
    }),
    ("rm {}", |verb, value| *verb == Verb::Remove { containers: named(value), force: false, volumes: false }),
    ("rename a {}", |verb, value| *verb == Verb::Rename { container: "a".into(), to: value.into() }),
    ("volume rm {}", |verb, value| *verb == Verb::VolumeRemove { names: named(value), force: false }),
    ("inspect {}", |verb, value| *verb == Verb::Inspect { what: None, names: named(value), size: false }),
    ("image inspect {}", |verb, value| {
        *verb == Verb::Inspect { what: Some(What::Image), names: named(value), size: false }
    }),
    ("ps --filter name={}", |verb, value| {
        *verb == Verb::Ps { all: false, last: None, size: false, filters: vec![("name".into(), value.into())] }
    }),
    ("pull redis:{}", |verb, value| *verb == Verb::Pull { image: format!("redis:{value}"), platform: None }),
    ("exec {} redis-cli GET {}", |verb, value| {
        let command = vec!["redis-cli".into(), "GET".into(), value.to_owned()];
        *verb == Verb::Exec(Exec { container: value.into(), command, ..Exec::default() })
    }),
    ("exec a {} x", |verb, value| {
        let command = vec![value.to_owned(), "x".into()];
        *verb == Verb::Exec(Exec { container: "a".into(), command, ..Exec::default() })
    }),
    (
        "exec -e A={} a ls",
        |verb, value| matches!(verb, Verb::Exec(exec) if exec.environment == [format!("A={value}")] && exec.command == ["ls"]),
    ),
    ("run {}", |verb, value| of_run(verb).is_some_and(|run| run.image == value && run.command.is_empty())),
    ("run redis {}", |verb, value| {
        of_run(verb).is_some_and(|run| run.image == "redis" && run.command == [value] && run.name.is_none())
    }),
    ("run --name {} redis", |verb, value| of_run(verb).is_some_and(|run| run.name.as_deref() == Some(value))),
    ("run -e A={} redis", |verb, value| only(verb, "/Env", &json!([format!("A={value}")]))),
    ("run -v {}:/data redis", |verb, value| {
        !value.contains(':') && only(verb, "/HostConfig/Binds", &json!([format!("{value}:/data")]))
    }),
    ("run -v ./{}/a:/data:ro redis", |verb, value| {
        !value.contains(':') && only(verb, "/HostConfig/Binds", &json!([format!("./{value}/a:/data:ro")]))
    }),
    ("run --mount type=volume,src={},dst=/data redis", |verb, value| {
        !value.contains(',')
            && only(verb, "/HostConfig/Mounts", &json!([{"Type": "volume", "Source": value, "Target": "/data"}]))
    }),
    ("run --network {} redis", |verb, value| only(verb, "/HostConfig/NetworkMode", &json!(value))),
    ("run --hostname {} redis", |verb, value| only(verb, "/Hostname", &json!(value))),
    ("run --user={} redis", |verb, value| only(verb, "/User", &json!(value))),
    ("run --label a={} redis", |verb, value| only(verb, "/Labels", &json!({"a": value}))),
    ("update --restart on-failure:{} a", |verb, value| {
        let Verb::Life { act: Act::Update(body), containers } = verb else { return false };
        let wanted = json!({"Name": "on-failure", "MaximumRetryCount": value.parse::<i64>().ok()});
        containers == &["a"] && body.len() == 1 && body["RestartPolicy"] == wanted
    }),
    ("update --memory {} a", |verb, _| {
        matches!(verb, Verb::Life { act: Act::Update(body), containers }
            if containers == &["a"] && body.len() == 1 && body["Memory"].is_i64())
    }),
    ("network connect {} a", |verb, value| {
        matches!(verb, Verb::Connect { network, container, endpoint }
            if network == value && container == "a" && endpoint.is_empty())
    }),
    ("network connect --alias {} n a", |verb, value| {
        !value.contains(',')
            && matches!(verb, Verb::Connect { endpoint, .. } if json!(endpoint) == json!({"Aliases": [value]}))
    }),
    ("compose -f {} ps", |verb, value| {
        of_compose(verb).is_some_and(|compose| {
            compose.files == [value] && compose.verb == ComposeVerb::Ps { services: vec![], all: false }
        })
    }),
    ("compose -p {} down", |verb, value| {
        of_compose(verb).is_some_and(|compose| {
            compose.project.as_deref() == Some(value)
                && matches!(&compose.verb, ComposeVerb::Down { services, volumes: false, .. } if services.is_empty())
        })
    }),
    ("compose restart {}", |verb, value| {
        of_compose(verb).is_some_and(
            |compose| matches!(&compose.verb, ComposeVerb::Life { services, .. } if *services == named(value)),
        )
    }),
    ("compose up -d --scale web={}", |verb, value| {
        of_compose(verb).is_some_and(|compose| {
            matches!(&compose.verb, ComposeVerb::Up(up)
                if Some(up.scale[0].1) == value.parse().ok() && up.scale.len() == 1 && up.services.is_empty())
        })
    }),
];

/// Lines in which a value would decide what the line does.
const NEVER: &[&str] = &[
    "{} a",
    "container {} a",
    "compose {} a",
    "ps --{}",
    "ps -{}",
    "ps --{}=x",
    "ps --all={}",
    "ps --filter {}",
    "ps --filter {}=x",
    "rm -f{} a",
    "run -e {} redis",
    "run -e {}=x redis",
    "run -v {}:{} redis",
    "run --mount {} redis",
    "run --mount {},dst=/data redis",
    "run --mount type={},dst=/data redis",
    "inspect --type {} a",
    "compose up -d --scale {}",
    "compose up -d --scale {}=1",
    "compose down --rmi {}",
];

/// Lines in which a value is part of a path of the Engine API.
const NAMED: &[&str] = &[
    "restart {}",
    "rm {}",
    "logs {}",
    "rename a {}",
    "exec {} ls",
    "inspect {}",
    "image inspect {}",
    "volume rm {}",
    "volume create {}",
    "network rm {}",
    "network connect {} a",
    "network connect n {}",
    "pull {}",
    "run {}",
    "run --name {} redis",
    "compose logs {}",
    "compose exec {} ls",
    "compose -p {} ps",
];

proptest! {
    #[test]
    fn a_value_goes_to_its_place_and_nowhere_else(at in 0..PLACES.len(), value in value()) {
        let (line, place) = PLACES[at];
        if let Ok(read) = parse(&words(line, Some(&value))) {
            prop_assert!(place(&read, &value), "{line} with {value:?}: {read:?}");
        }
    }

    #[test]
    fn a_value_never_decides_what_a_line_does(at in 0..NEVER.len(), value in value()) {
        let read = parse(&words(NEVER[at], Some(&value)));
        prop_assert!(read.is_err(), "{} with {value:?}: {read:?}", NEVER[at]);
    }

    #[test]
    fn no_words_panic(
        verb in 0..VERBS.len(),
        compose in 0..super::compose::VERBS.len() * 2,
        rest in prop::collection::vec((vocabulary(), ".{0,6}", any::<bool>(), any::<bool>()), 0..8),
    ) {
        let name = super::compose::VERBS.get(compose).map_or(VERBS[verb].name, |known| known.name);
        let mut line = words(name, None);
        if compose < super::compose::VERBS.len() {
            line.splice(0..0, words("compose", None));
        }
        for (head, tail, open, fixed) in rest {
            let text = if fixed { head.clone() } else { format!("{head}{tail}") };
            let rest = if fixed { Vec::new() } else { vec![tail] };
            line.push(Word { text: (fixed || !open).then_some(text), head, fixed, rest, span: Span::default() });
        }
        if let Ok(read) = parse(&line) {
            class(&read);
        }
        mask(line.iter().map(|word| word.text.clone().unwrap_or_default()).collect());
    }
}

/// The flags of every verb.
fn flags() -> Vec<Group> {
    let of_docker = VERBS.iter().flat_map(|verb| verb.flags.iter().copied());
    let of_compose = super::compose::VERBS.iter().flat_map(|verb| verb.flags.iter().copied());
    of_docker.chain(of_compose).chain([super::flags::GLOBAL, super::flags::COMPOSE]).collect()
}

fn vocabulary() -> impl Strategy<Value = String> {
    let known: Vec<String> = flags()
        .into_iter()
        .flatten()
        .map(|flag| format!("--{}=", flag.name))
        .chain(
            ["-n", "--", "-it", "-f", "-v", "a:/b", "[::1]:1:", "80-90:", "a=", "=", ",", ":", "é", "-é"]
                .map(String::from),
        )
        .collect();
    prop_oneof![prop::sample::select(known), ".{0,8}", "[-=/,:a-z{}.']{0,10}"]
}

#[test]
fn what_could_never_be_is_told_before_values_are_known() {
    for line in NEVER {
        assert!(parse(&words(line, None)).is_err(), "{line}");
    }
    for (line, _) in PLACES {
        parse(&words(line, None)).unwrap_or_else(|problems| panic!("{line}: {problems:?}"));
        let value = if line.contains(":{}") && line.contains("restart") || line.contains("scale") { "3" } else { "x" };
        let value = if line.contains("memory") { "512m" } else { value };
        let read = parse(&words(line, Some(value))).unwrap_or_else(|problems| panic!("{line}: {problems:?}"));
        let place = PLACES.iter().find(|(known, _)| known == line).expect("the line").1;
        assert!(place(&read, value), "{line}: {read:?}");
    }
}

#[test]
fn names_stay_within_their_part_of_a_path() {
    for value in
        ["", ".", "..", "../b", "/b", "b/../c", "a%2fb", "a b", "a,b", "../images", "a\nb", "a?x=y", "-a", "a#b", "b="]
    {
        for line in NAMED {
            assert!(parse(&words(line, Some(value))).is_err(), "{line} with {value:?}");
        }
    }
}

/// A flag that a verb takes and nobody reads would be left out without a word.
#[test]
fn every_flag_that_is_taken_is_read() {
    let readers = [
        include_str!("compose/mod.rs"),
        include_str!("compose/read.rs"),
        include_str!("containers.rs"),
        include_str!("exec.rs"),
        include_str!("life.rs"),
        include_str!("look.rs"),
        include_str!("networks.rs"),
        include_str!("pairs.rs"),
        include_str!("run/devices.rs"),
        include_str!("run/health.rs"),
        include_str!("run/mod.rs"),
        include_str!("run/mounts.rs"),
        include_str!("run/network.rs"),
        include_str!("run/ports.rs"),
        include_str!("volumes.rs"),
    ];
    let readers = readers.concat();
    for flag in flags().into_iter().flatten().filter(|flag| flag.meaning == Meaning::Read) {
        assert!(readers.contains(&format!("\"{}\"", flag.name)), "--{}", flag.name);
    }
}
