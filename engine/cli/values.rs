//! Inputs: from the command line, a file, the environment, a question.

use std::collections::BTreeMap;
use std::path::Path;

use playbook_core::codes::Code;
use playbook_core::diagnostic::nearest;
use playbook_core::input::{Input, Inputs};
use playbook_core::syntax::InputType;
use playbook_core::syntax::de::Raw;
use serde_json::Value;

use crate::app::App;
use crate::args::Given;
use crate::compile::Compiled;
use crate::error::Failure;

/// Where values may come from.
pub(crate) struct Wanted<'a> {
    /// The playbook.
    pub compiled: &'a Compiled,
    /// The command line.
    pub given: &'a Given,
    /// Values that a run was started with.
    pub recorded: Option<&'a BTreeMap<String, Value>>,
    /// May a question be asked?
    pub ask: bool,
}

/// Gives every input its value, or says all that is missing or wrong.
pub(crate) fn resolve(app: &App, wanted: &Wanted<'_>) -> Result<Inputs, Failure> {
    let mut given = from_file(wanted.given)?;
    let declared = &wanted.compiled.checked.inputs;
    for text in &wanted.given.inputs {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Failure::input(Code::Usage, format!("`--input {text}` has no `=`"), "write --input name=value")
        })?;
        let secret = declared.iter().any(|input| input.name == name && input.kind == InputType::Secret);
        given.insert(name.to_owned(), from_argument(app, name, value, secret)?);
    }
    unknown(&given, declared)?;
    let mut inputs = Inputs::new();
    let mut missing = Vec::new();
    for input in declared {
        match value_of(app, wanted, input, given.get(&input.name))? {
            Some(value) => inputs.set(input, value),
            None if input.required => missing.push(input),
            // An optional input without a value is nothing, not undefined.
            None => inputs.set(input, Value::Null),
        }
    }
    if let Some(first) = missing.first() {
        let list: Vec<String> = missing.iter().map(|input| format!("--input {}=…", input.name)).collect();
        let about = first.description.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
        let names: Vec<String> = missing.iter().map(|input| format!("`{}`", input.name)).collect();
        return Err(Failure::input(
            Code::InputMissing,
            format!("{} has no value{about}", names.join(", ")),
            if first.kind == InputType::Secret { secret_help(first) } else { format!("add {}", list.join(" ")) },
        ));
    }
    for (name, value) in inputs.secrets() {
        app.secrets.add(name, value);
    }
    Ok(inputs)
}

fn secret_help(input: &Input) -> String {
    match (&input.from.env, &input.from.file) {
        (Some(name), _) => format!("set the environment variable {name}"),
        (None, Some(file)) => format!("put it into the file {file}"),
        (None, None) => format!("add --input {}=@FILE or {}=env:VARIABLE", input.name, input.name),
    }
}

fn value_of(app: &App, wanted: &Wanted<'_>, input: &Input, given: Option<&Raw>) -> Result<Option<Value>, Failure> {
    let accept = |raw: &Raw| {
        input.accept(raw).map(Some).map_err(|why| {
            let located = &wanted.compiled.located;
            let name = if located.path.is_some() { &located.name } else { wanted.compiled.checked.name() };
            let help = format!("`playbook show {name}` lists the inputs");
            Failure::input(Code::InputValue, format!("the input `{}`: {why}", input.name), help)
        })
    };
    let hidden = |value: &&Value| value.as_str().is_some_and(|text| text.starts_with("[secret:"));
    let kept = wanted.recorded.and_then(|recorded| recorded.get(&input.name)).filter(|value| !hidden(value));
    if let Some(raw) = given {
        let value = accept(raw)?;
        // What was planned, approved and done with one value does not go on with another.
        if let Some(kept) = kept.filter(|kept| Some(*kept) != value.as_ref()) {
            return Err(Failure::input(
                Code::InputValue,
                format!("the input `{}` was {kept} when the run began", input.name),
                "a run goes on with the inputs it began with; leave it out, or run the playbook anew",
            ));
        }
        return Ok(value);
    }
    if let Some(value) = kept.filter(|_| input.kind != InputType::Secret) {
        return Ok(Some(value.clone()).filter(|value| !value.is_null()));
    }
    if let Some(value) = input.from.env.as_ref().and_then(|name| app.env.get(name)).filter(|value| !value.is_empty()) {
        return accept(&Raw::One(value.clone()));
    }
    if let Some(file) = &input.from.file {
        let dir = wanted.compiled.located.path.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        if let Ok(text) = std::fs::read_to_string(dir.join(file)) {
            return accept(&Raw::One(without_line_break(text)));
        }
    }
    if let Some(default) = &input.default {
        return Ok(Some(default.clone()));
    }
    if let Some(question) = input.from.prompt.as_ref().filter(|_| wanted.ask) {
        return ask(input, question).map(Some);
    }
    match (input.required && wanted.ask, &input.description) {
        (true, about) => ask(input, about.as_deref().unwrap_or(&input.name)).map(Some),
        (false, _) => Ok(None),
    }
}

/// Asks at the terminal until the value is accepted.
fn ask(input: &Input, question: &str) -> Result<Value, Failure> {
    let gone = |error: dialoguer::Error| {
        Failure::input(Code::InputMissing, format!("`{}` has no value: {error}", input.name), secret_help(input))
    };
    loop {
        let prompt = format!("{} ({})", question.trim_end_matches('?'), input.name);
        let text = if input.kind == InputType::Secret {
            dialoguer::Password::new().with_prompt(prompt).interact().map_err(gone)?
        } else {
            dialoguer::Input::<String>::new().with_prompt(prompt).interact_text().map_err(gone)?
        };
        match input.accept(&Raw::One(text)) {
            Ok(value) => return Ok(value),
            Err(why) => {
                let _ = console::Term::stderr().write_line(&why);
            }
        }
    }
}

fn from_argument(app: &App, name: &str, value: &str, secret: bool) -> Result<Raw, Failure> {
    if let Some(file) = value.strip_prefix('@') {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::input(Code::InputValue, format!("`{name}` is to come from {file}: {error}"), "check the path")
        })?;
        return Ok(Raw::One(without_line_break(text)));
    }
    if let Some(variable) = value.strip_prefix("env:") {
        return app.env.get(variable).map(|text| Raw::One(text.clone())).ok_or_else(|| {
            Failure::input(
                Code::InputValue,
                format!("`{name}` is to come from the environment variable {variable}, which is not set"),
                format!("export {variable}=…"),
            )
        });
    }
    if secret {
        return Err(Failure::input(
            Code::SecretInTheOpen,
            format!("the secret `{name}` on the command line, where every process can read it"),
            format!("write --input {name}=@FILE or --input {name}=env:VARIABLE"),
        ));
    }
    Ok(Raw::One(value.to_owned()))
}

fn from_file(given: &Given) -> Result<BTreeMap<String, Raw>, Failure> {
    let Some(path) = &given.input_file else { return Ok(BTreeMap::new()) };
    let wrong = |why: String| {
        let help = "the file holds names and values: {new_limit: 3gb}";
        Failure::input(Code::InputValue, format!("{}: {why}", path.display()), help)
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let values: BTreeMap<String, serde_yaml::Value> =
        serde_yaml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    values
        .into_iter()
        .map(|(name, value)| {
            let raw = match &value {
                serde_yaml::Value::Sequence(items) => {
                    items.iter().map(scalar).collect::<Option<Vec<_>>>().map(Raw::Many)
                }
                single => scalar(single).map(Raw::One),
            };
            raw.map(|raw| (name.clone(), raw)).ok_or_else(|| wrong(format!("`{name}` is neither a value nor a list")))
        })
        .collect()
}

fn scalar(value: &serde_yaml::Value) -> Option<String> {
    match value {
        serde_yaml::Value::String(text) => Some(text.clone()),
        serde_yaml::Value::Bool(value) => Some(value.to_string()),
        serde_yaml::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn unknown(given: &BTreeMap<String, Raw>, declared: &[Input]) -> Result<(), Failure> {
    let known: Vec<&str> = declared.iter().map(|input| input.name.as_str()).collect();
    match given.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let help = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "this playbook has no inputs".into(),
                None => format!("its inputs: {}", known.join(", ")),
            };
            Err(Failure::input(Code::UnknownInput, format!("there is no input `{name}`"), help))
        }
    }
}

fn without_line_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}
