//! Flags that take one of a few words.

use super::problem::Problem;
use super::reader::Reader;

/// The value of a flag, written out, if it is one of `known`.
pub(crate) fn choice<'a>(reader: &'a Reader, name: &str, known: &[&str]) -> Result<Option<&'a str>, Problem> {
    let Some(given) = reader.written(name)? else { return Ok(None) };
    if known.contains(&given) {
        return Ok(Some(given));
    }
    let otherwise = format!("one of {}", known.join(", "));
    Err(reader.bad(name, &format!("`{given}` is not one of the choices"), "").near(given, known, otherwise))
}
