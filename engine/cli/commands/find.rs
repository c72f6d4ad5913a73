//! `playbook find`: from what hurts to what helps.

use playbook_core::codes::Code;
use playbook_core::syntax::Header;

use crate::app::App;
use crate::args::{Find, Output};
use crate::compile::{Overrides, examine};
use crate::error::Failure;
use crate::locate;

pub(super) fn find(app: &App, args: &Find) -> Result<u8, Failure> {
    let words = args.words.join(" ");
    if words.is_empty() && args.alert.is_none() && args.error.is_none() {
        return Err(Failure::input(Code::Usage, "nothing to look for", "give the text of an error, or --alert NAME"));
    }
    let mut hits: Vec<(u32, String, Header, String)> = Vec::new();
    for located in locate::all(app) {
        let read = examine(app, &located, Overrides::default());
        let Some(authored) = read.authored else { continue };
        let header = authored.header;
        let (score, why) = score(&header, &words, args);
        if score > 0 {
            hits.push((score, locate::stem(&located.name), header, why));
        }
    }
    hits.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    match args.output {
        Output::Json => {
            let rows: Vec<_> = hits
                .iter()
                .map(|(score, name, header, why)| {
                    serde_json::json!({"name": name, "title": header.title, "score": score, "because": why})
                })
                .collect();
            app.out.line(&serde_json::to_string_pretty(&rows).unwrap_or_default());
        }
        Output::Text | Output::Markdown => {
            for (_, name, header, why) in &hits {
                app.out.line(&format!("{name}  {}", header.title.as_deref().unwrap_or_default()));
                app.out.line(&format!("    {why}"));
                app.out.line(&format!("    playbook run {name}"));
            }
            if hits.is_empty() {
                app.out.error("no playbook knows this; `playbook list` shows all");
            }
        }
    }
    Ok(u8::from(hits.is_empty()))
}

/// How well a playbook fits, and what of it.
fn score(header: &Header, words: &str, args: &Find) -> (u32, String) {
    let symptoms = &header.symptoms;
    let mut best = (0, String::new());
    let mut offer = |points: u32, why: String| {
        if points > best.0 {
            best = (points, why);
        }
    };
    for alert in &symptoms.alerts {
        let wanted = args.alert.as_deref().unwrap_or(words);
        if !wanted.is_empty() && alert.eq_ignore_ascii_case(wanted) {
            offer(1000, format!("alert {alert}"));
        }
    }
    for error in &symptoms.errors {
        let wanted = args.error.as_deref().unwrap_or(words);
        let points = likeness(error, wanted);
        if points > 0 {
            offer(400 + points, format!("error \"{error}\""));
        }
    }
    if !words.is_empty() {
        for observation in &symptoms.observations {
            offer(likeness(observation, words), format!("symptom: {observation}"));
        }
        let name = header.playbook.value.replace('-', " ");
        offer(likeness(&name, words), format!("its name: {}", header.playbook.value));
        for text in [&header.title, &header.description].into_iter().flatten() {
            offer(likeness(text, words) / 2, "its description".into());
        }
    }
    best
}

/// How much of what is sought stands in a text: 0 to 100. A text within the other counts in full.
fn likeness(text: &str, wanted: &str) -> u32 {
    let plain = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() > 1)
            .map(str::to_owned)
            .collect()
    };
    let (text, wanted) = (plain(text), plain(wanted));
    if wanted.is_empty() || text.is_empty() {
        return 0;
    }
    let hits = wanted
        .iter()
        .filter(|word| text.iter().any(|other| other == *word || other.starts_with(word.as_str())))
        .count();
    // Log lines carry much around the error: then the error is sought in the line.
    let back = text.iter().filter(|word| wanted.contains(word)).count();
    let share = (hits * 100 / wanted.len()).max(back * 100 / text.len());
    if share >= 50 { share as u32 } else { 0 }
}
