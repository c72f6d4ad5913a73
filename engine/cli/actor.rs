//! Who is at the keyboard, and how that is known.

use std::collections::BTreeMap;

use playbook_core::event::{Actor, ActorKind};

/// The person who runs this process.
pub(crate) fn person(env: &BTreeMap<String, String>, via: &str) -> Actor {
    let uid = rustix::process::getuid().as_raw();
    let sudo = env.get("SUDO_USER").filter(|name| uid == 0 && !name.is_empty());
    let (id, by) = match sudo {
        Some(name) => (name.clone(), "sudo"),
        None => match login(uid) {
            Some(name) => (name, "os_user"),
            None => (format!("uid:{uid}"), "os_user"),
        },
    };
    let via = if env.get("CI").is_some_and(|value| !value.is_empty()) { "ci" } else { via };
    Actor {
        kind: ActorKind::Human,
        id: Some(id),
        by: Some(by.to_owned()),
        via: Some(via.to_owned()),
        host: Some(host()),
    }
}

/// The login that belongs to a user id: from passwd(5), not from `$USER`, which anyone can set.
fn login(uid: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>().ok()? == uid).then(|| name.to_owned())
    })
}

/// The name of this machine.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
