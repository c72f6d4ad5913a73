//! Expected output as files. `PLAYBOOK_UPDATE=1` writes them.

use std::path::Path;

/// Lines that are shown of each side.
const SHOWN: usize = 60;

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
    // Of a long file from the first line that differs.
    let same = expected.lines().zip(text.lines()).take_while(|(one, other)| one == other).count();
    let from = |text: &str| text.lines().skip(same).take(SHOWN).collect::<Vec<_>>().join("\n");
    Err(format!(
        "{}:{} is not what came out (PLAYBOOK_UPDATE=1 writes it)\n--- expected\n{}\n--- came out\n{}",
        path.display(),
        same + 1,
        from(&expected),
        from(text)
    ))
}
