//! JSON Schemas, made from the types. `schemas/` in the repository holds them; a test compares.

use playbook_core::check::native_schemas;
use playbook_core::event::Record;
use playbook_core::plan::Plan;
use playbook_core::registry::Registry;
use playbook_core::syntax::{Common, Header};
use playbook_core::timeline::Timeline;
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

/// Of `plan -o json`.
pub(crate) fn plan() -> Schema {
    generator().into_root_schema_for::<Plan>()
}

/// Of `run -o json` and the lines of a journal.
pub(crate) fn event() -> Schema {
    generator().into_root_schema_for::<Record>()
}

/// Of `timeline -o json`.
pub(crate) fn timeline() -> Schema {
    generator().into_root_schema_for::<Timeline>()
}

/// Of what authors write: the keys of the language, and the parameters of every action.
pub(crate) fn playbook(registry: &Registry) -> Schema {
    let mut generator = generator();
    let mut header = object(generator.root_schema_for::<Header>());
    let mut step = object(generator.root_schema_for::<Common>());
    let mut definitions = Map::new();
    for schema in [&mut header, &mut step] {
        if let Some(Value::Object(more)) = schema.remove("$defs") {
            definitions.extend(more);
        }
    }
    let mut actions = Vec::new();
    let step_properties = properties(&mut step);
    for kind in registry.kinds() {
        let mut schema = object(kind.schema(&mut generator));
        schema.entry("description").or_insert_with(|| json!(kind.summary()));
        step_properties.insert(kind.name().to_owned(), Value::Object(schema));
        actions.push(kind.name().to_owned());
    }
    for (name, schema) in native_schemas(&mut generator) {
        step_properties.insert(name.to_owned(), schema.to_value());
        if !matches!(name, "message" | "otherwise") {
            actions.push(name.to_owned());
        }
    }
    let steps = json!({"type": "array", "items": {"$ref": "#/$defs/Step"}});
    step_properties.insert("parallel".into(), steps.clone());
    step_properties.insert(
        "rollback".into(),
        json!({"anyOf": [{"const": "auto"}, {"type": "object", "properties": {"none": {"type": "string"}},
            "required": ["none"], "additionalProperties": false}, steps]}),
    );
    actions.extend(["parallel".to_owned(), "confirm".to_owned()]);
    let one_of: Vec<Value> = actions.iter().map(|name| json!({"required": [name]})).collect();
    step.insert("anyOf".into(), Value::Array(one_of));
    step.remove("$schema");
    step.insert("title".into(), json!("Step"));

    let mut target = Map::new();
    for provider in registry.providers() {
        target.insert(provider.name().to_owned(), provider.target_schema(&mut generator).to_value());
    }
    let targets = json!({"type": "object", "additionalProperties": {"type": "object", "properties": target}});
    let top = properties(&mut header);
    top.insert("targets".into(), targets);
    top.insert("steps".into(), steps.clone());
    top.insert("finally".into(), steps.clone());
    top.insert(
        "drill".into(),
        json!({"type": "object", "additionalProperties": false, "properties": {
        "targets": {"type": "object"}, "inputs": {"type": "object"}, "fault": steps, "after": steps,
        "untouched": {"type": "array", "items": {"type": "string"}}}}),
    );
    header.insert("required".into(), json!(["playbook", "steps"]));
    header.insert("title".into(), json!("Playbook"));
    for (name, schema) in generator.take_definitions(true) {
        definitions.entry(name).or_insert(schema);
    }
    definitions.insert("Step".into(), Value::Object(step));
    header.insert("$defs".into(), Value::Object(definitions));
    Schema::from(header)
}

fn object(schema: Schema) -> Map<String, Value> {
    match schema.to_value() {
        Value::Object(map) => map,
        other => Map::from_iter([("const".to_owned(), other)]),
    }
}

fn properties(schema: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let entry = schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    match entry {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}
