//! `playbook schema`.

use crate::app::App;
use crate::args::{Schema, SchemaOf};
use crate::error::Failure;
use crate::schemas;

pub(super) fn schema(app: &App, args: &Schema) -> Result<u8, Failure> {
    let schema = match args.what {
        SchemaOf::Playbook => schemas::playbook(&app.registry),
        SchemaOf::Plan => schemas::plan(),
        SchemaOf::Event => schemas::event(),
        SchemaOf::Timeline => schemas::timeline(),
    };
    app.out.line(&serde_json::to_string_pretty(&schema).unwrap_or_default());
    Ok(0)
}
