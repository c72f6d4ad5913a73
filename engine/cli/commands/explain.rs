//! `playbook explain`.

use playbook_core::codes::Code;
use playbook_core::diagnostic::nearest;

use crate::app::App;
use crate::args::Explain;
use crate::error::Failure;

pub(super) fn explain(app: &App, args: &Explain) -> Result<u8, Failure> {
    let Some(text) = &args.code else {
        for code in Code::ALL {
            app.out.line(&format!("{code}  {}", code.title()));
        }
        return Ok(0);
    };
    match Code::find(text) {
        Some(code) => app.out.print(code.page()),
        None => {
            let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
            let near = nearest(text, known).map(|near| format!("did you mean {near}? ")).unwrap_or_default();
            return Err(Failure::input(
                Code::Usage,
                format!("there is no code `{text}`"),
                format!("{near}`playbook explain` lists them"),
            ));
        }
    }
    Ok(0)
}
