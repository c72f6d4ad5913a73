//! Takes secrets out of typed values, guided by their schema: what a program reads back (names of
//! fields, kinds, identifiers, digests, numbers, truth) stays as it is, even where a weak secret
//! happens to be part of it; what people and servers wrote is cleaned.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::secret::Secrets;

/// A value without secrets.
///
/// # Errors
/// When it cannot be written or read back, which is a fault in this program.
pub fn redacted<T: Serialize + DeserializeOwned + JsonSchema + Clone>(
    secrets: &Secrets,
    value: &T,
) -> Result<T, serde_json::Error> {
    if secrets.is_empty() {
        return Ok(value.clone());
    }
    let mut tree = serde_json::to_value(value)?;
    if !secrets.occurs(&tree) {
        return Ok(value.clone());
    }
    let schema = schema_of::<T>();
    Walk { definitions: schema.get("$defs"), secrets }.clean(schema, &mut tree);
    serde_json::from_value(tree)
}

/// The schema of a type, made once.
pub(crate) fn schema_of<T: JsonSchema>() -> &'static Value {
    static MADE: OnceLock<Mutex<HashMap<String, &'static Value>>> = OnceLock::new();
    let made = MADE.get_or_init(Mutex::default);
    let mut made = made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    made.entry(T::schema_id().into_owned()).or_insert_with(|| {
        let generator = SchemaSettings::draft2020_12().into_generator();
        Box::leak(Box::new(generator.into_root_schema_for::<T>().to_value()))
    })
}

struct Walk<'a> {
    definitions: Option<&'a Value>,
    secrets: &'a Secrets,
}

impl Walk<'_> {
    fn clean(&self, schema: &Value, value: &mut Value) {
        let fits = self.alternatives(schema);
        match value {
            Value::String(text) => {
                if !fits.iter().any(|schema| is_structure(schema)) {
                    self.secrets.text_in_place(text);
                }
            }
            Value::Array(items) => self.clean_items(&fits, items),
            Value::Object(map) => self.clean_fields(&fits, map),
            Value::Number(_) if fits.iter().any(|schema| schema.get("type").is_some()) => {}
            Value::Number(_) => {
                self.secrets.value(value);
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn clean_items(&self, fits: &[&Value], items: &mut [Value]) {
        for (at, item) in items.iter_mut().enumerate() {
            let of = fits.iter().find_map(|schema| schema.get("prefixItems")?.get(at).or_else(|| schema.get("items")));
            let of = of.or_else(|| fits.iter().find_map(|schema| schema.get("items")));
            match of {
                Some(schema) => self.clean(schema, item),
                None => {
                    self.secrets.value(item);
                }
            }
        }
    }

    fn clean_fields(&self, fits: &[&Value], map: &mut Map<String, Value>) {
        let mut fits: Vec<&&Value> = fits.iter().filter(|schema| tags_match(schema, map)).collect();
        // Who names the value of a tag knows it better than who takes any.
        fits.sort_by_key(|schema| std::cmp::Reverse(tags(schema).count()));
        let typed =
            |schema: &&&Value| schema.get("properties").is_some() || schema.get("additionalProperties").is_some();
        if !fits.iter().any(typed) {
            // Free data, such as a result.
            let mut free = Value::Object(std::mem::take(map));
            self.secrets.value(&mut free);
            if let Value::Object(cleaned) = free {
                *map = cleaned;
            }
            return;
        }
        for (key, value) in map.iter_mut() {
            let of = |schema: &&&Value| -> Option<Value> {
                let own = schema.get("properties").and_then(|properties| properties.get(key));
                own.or_else(|| schema.get("additionalProperties").filter(|more| more.is_object())).cloned()
            };
            // A flattened enum has its fields in one of several alternatives.
            match fits.iter().find_map(of) {
                Some(schema) => self.clean(&schema, value),
                None => {
                    self.secrets.value(value);
                }
            }
        }
    }

    /// The schemas that may apply, references followed.
    fn alternatives<'s>(&'s self, schema: &'s Value) -> Vec<&'s Value> {
        let mut open = vec![schema];
        let mut all = Vec::new();
        while let Some(schema) = open.pop() {
            all.push(schema);
            let named = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
            open.extend(named.and_then(|name| self.definitions?.get(name)));
            for list in ["anyOf", "oneOf", "allOf"] {
                open.extend(schema.get(list).and_then(Value::as_array).into_iter().flatten());
            }
        }
        all
    }
}

/// Is a text of this schema something that programs read?
fn is_structure(schema: &Value) -> bool {
    ["const", "enum", "pattern", "format"].iter().any(|key| schema.get(key).is_some())
}

/// Do the fields that tell kinds apart have the values of this alternative?
fn tags_match(schema: &Value, map: &Map<String, Value>) -> bool {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let there = required.filter_map(Value::as_str).all(|name| map.contains_key(name));
    there && tags(schema).all(|(name, tag)| map.get(name) == Some(tag))
}

/// Fields that can have only one value.
fn tags(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.filter_map(|(name, schema)| Some((name, schema.get("const")?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, StateCaptured, StepEnd, StepFinished};
    use serde_json::json;

    fn secrets(values: &[&str]) -> Secrets {
        let secrets = Secrets::new();
        values.iter().enumerate().for_each(|(n, value)| secrets.add(&format!("s{n}"), value));
        secrets
    }

    #[test]
    fn what_programs_read_stays_and_what_people_wrote_is_cleaned() {
        let event: Event = serde_json::from_value(json!({"type": "step.finished", "data": {
            "status": "failed", "changed": false, "duration_us": 4200,
            "fault": {"kind": "refused", "code": "PB0710", "message": "status ok failed 4200", "server_code": "ERR",
                "help": "changed", "happened": "no", "transient": false},
        }}))
        .unwrap();
        let weak = secrets(&["status", "ok", "failed", "4200", "changed", "refused", "kind", "step", "PB0710", "a"]);
        let Event::StepFinished(done) = redacted(&weak, &event).unwrap() else { panic!("another event") };
        assert_eq!((done.status, done.duration_us), (StepEnd::Failed, 4200));
        let fault = done.fault.unwrap();
        assert_eq!(fault.message, "[secret:s0] [secret:s1] [secret:s2] [secret:s3]");
        assert_eq!(fault.help, "[secret:s4]");
        assert_eq!(fault.code, crate::codes::Code::ServerError);
    }

    #[test]
    fn identifiers_and_kinds_stay() {
        let event: Event = serde_json::from_value(json!({"type": "state.captured", "data": {
            "part": 1, "subject": "keys of redis", "kind": "redis.keys/1", "record": null, "bytes": 0, "order": "data",
        }}))
        .unwrap();
        let Event::StateCaptured(captured) = redacted(&secrets(&["redis", "keys", "data"]), &event).unwrap() else {
            panic!("another event")
        };
        let StateCaptured { subject, kind, .. } = *captured;
        assert_eq!((subject.as_str(), kind.as_str()), ("[secret:s1] of [secret:s0]", "redis.keys/1"));
    }

    #[test]
    fn free_data_is_cleaned_whatever_its_shape() {
        let event = Event::StepFinished(Box::new(StepFinished {
            status: StepEnd::Ok,
            changed: true,
            duration_us: 1,
            result: Some(json!({"hunter22": ["x hunter22", 123_456]})),
            result_blob: None,
            fault: None,
            finish: None,
        }));
        let text = serde_json::to_string(&redacted(&secrets(&["hunter22", "123456"]), &event).unwrap()).unwrap();
        assert!(!text.contains("hunter22") && !text.contains("123456"), "{text}");
    }

    #[test]
    fn every_event_has_a_name_that_is_known() {
        assert!(Event::is_known("run.started") && Event::is_known("rollback.step") && !Event::is_known("moon.rose"));
    }
}
