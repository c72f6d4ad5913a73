//! Expected output as files. `PLAYBOOK_UPDATE=1` writes them.

use std::path::Path;

/// Compares text with a file, or writes the file.
pub fn check(path: &Path, text: &str) -> Result<(), String> {
    if std::env::var_os("PLAYBOOK_UPDATE").is_some() {
        std::fs::write(path, text).unwrap();
        return Ok(());
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == text {
        return Ok(());
    }
    Err(format!(
        "{} is not what came out (PLAYBOOK_UPDATE=1 writes it)\n--- expected\n{expected}\n--- came out\n{text}",
        path.display()
    ))
}
