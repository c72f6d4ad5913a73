//! A redis-server that is not installed here, in a container of somebody who knows containers.

use std::io;

use playbook_core::starter::Wanted;

use super::throwaway::{LISTS, absent};

/// Images that have `redis-server`.
const IMAGES: &[&str] = &["redis", "valkey/valkey", "redis/redis-stack-server"];
/// Where it listens in its container.
const PORT: u16 = 6379;
/// Commands that the settings leave to connections of the same machine. In a container that is nobody;
/// its port is published to this machine only.
const LOCAL: &[&str] = &["enable-debug-command", "enable-module-command", "enable-protected-configs"];

/// The server with these settings, as arguments: they are those of redis.conf.
pub(super) fn wanted(settings: &[(String, String)], image: Option<&str>) -> io::Result<Wanted> {
    let mut args = Vec::new();
    let mut give = |name: &str, value: &str| {
        args.push(format!("--{name}"));
        if LISTS.contains(&name) && !value.is_empty() {
            args.extend(value.split_whitespace().map(str::to_owned));
        } else {
            args.push(value.to_owned());
        }
    };
    for (name, value) in absent(settings) {
        give(name, value);
    }
    for (name, value) in settings {
        if value.starts_with("--") {
            let why =
                format!("the setting {name} begins with --, which cannot be told to a redis-server in a container");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let open = LOCAL.contains(&name.as_str()) && value == "local";
        give(name, if open { "yes" } else { value });
    }
    // The last word wins: it is reached through the port that is published.
    for (name, value) in [("port", PORT.to_string()), ("bind", "0.0.0.0".into()), ("protected-mode", "no".into())] {
        give(name, &value);
    }
    let image = image.map(str::to_owned);
    Ok(Wanted { images: IMAGES, image, program: "redis-server", args, port: PORT })
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn settings_become_arguments() {
        let settings = [("save", "60 1"), ("requirepass", "a b"), ("enable-debug-command", "local")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let args = wanted(&settings, None).unwrap().args;
        let own = ["--port", "6379", "--bind", "0.0.0.0", "--protected-mode", "no"];
        let given =
            ["--appendonly", "no", "--save", "60", "1", "--requirepass", "a b", "--enable-debug-command", "yes"];
        assert_eq!(args, [&given[..], &own[..]].concat());
        assert!(wanted(&[("requirepass".into(), "--x".into())], None).is_err());
    }
}
