//! `playbook timeline`.

use playbook_core::codes::Code;
use playbook_core::timeline::Timeline as Made;
use playbook_runtime::load;

use crate::app::App;
use crate::args::{Timeline, TimelineOutput};
use crate::error::Failure;
use crate::render;

pub(super) fn timeline(app: &App, args: &Timeline) -> Result<u8, Failure> {
    let store = app.store();
    let run = store.find(&args.run)?;
    let loaded = load(store.as_ref(), &run)?;
    let made = Made::of(&loaded.records, Some(&loaded.head), Some(&loaded.verdict));
    match args.output {
        TimelineOutput::Json => app.out.line(&serde_json::to_string_pretty(&made).unwrap_or_default()),
        TimelineOutput::Markdown => {
            let zone = jiff::tz::TimeZone::get(&args.tz).map_err(|error| {
                Failure::input(
                    Code::Usage,
                    format!("there is no time zone `{}`: {error}", args.tz),
                    "write for example Europe/Berlin",
                )
            })?;
            let options =
                render::MarkdownOptions { zone, max_chars: args.max_chars, ..render::MarkdownOptions::default() };
            app.out.print(&render::timeline_md(&made, &options));
        }
    }
    Ok(0)
}
