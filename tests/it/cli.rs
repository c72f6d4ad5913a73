//! The program as a user runs it.

use std::process::Command;

/// The binary, without the environment of whoever runs the tests.
pub fn playbook() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playbook"));
    for name in
        ["CI", "NO_COLOR", "CLICOLOR_FORCE", "REDISCLI_AUTH", "PLAYBOOK_PATH", "PLAYBOOK_ENV", "PLAYBOOK_FAILPOINT"]
    {
        command.env_remove(name);
    }
    command.env("COLUMNS", "100").env("TERM", "dumb");
    command
}
