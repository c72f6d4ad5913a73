//! A record that says where something was changed, and holds the record of who changed it.

use playbook_core::action::{Fault, FaultKind, UndoPart, UndoRecord};
use playbook_core::codes::Code;
use serde_json::{Value, json};

/// Where something was changed, by what program.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) program: String,
    pub(super) flags: Vec<String>,
    /// As the provider of the place names it.
    pub(super) place: Value,
    /// Of the server there.
    pub(super) identity: String,
}

pub(super) fn internal(what: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Internal, Code::Internal, what).help("report it with the journal of the run")
}

impl Record {
    pub(super) fn new(program: &str, flags: &[String], place: Value, identity: String) -> Self {
        Self { program: program.to_owned(), flags: flags.to_vec(), place, identity }
    }

    /// A record of this kind that says where the other one belongs.
    pub(super) fn wrap(&self, kind: &str, inner: UndoRecord, words: &[String]) -> UndoRecord {
        UndoRecord {
            kind: kind.to_owned(),
            data: json!({
                "program": self.program, "flags": self.flags, "place": self.place, "identity": self.identity,
                "kind": inner.kind, "data": inner.data, "words": words,
            }),
            blob: inner.blob,
            order: inner.order,
        }
    }

    /// Where it belongs, and the other one.
    pub(super) fn unwrap(part: &UndoPart) -> Result<(Self, UndoPart), Fault> {
        let broken = || internal(format!("a record of {} that cannot be read", part.record.kind));
        let data = &part.record.data;
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(broken);
        let texts = |name: &str| -> Result<Vec<String>, Fault> {
            let items = data.get(name).and_then(Value::as_array).ok_or_else(broken)?;
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(broken)).collect()
        };
        let place = data.get("place").cloned().ok_or_else(broken)?;
        let record = Self::new(&text("program")?, &texts("flags")?, place, text("identity")?);
        let inner = UndoRecord {
            kind: text("kind")?,
            data: data.get("data").cloned().ok_or_else(broken)?,
            blob: part.record.blob.clone(),
            order: part.record.order,
        };
        Ok((record, UndoPart { record: inner, after: part.after.clone(), words: texts("words")? }))
    }

    /// All parts of a step, and where they belong.
    pub(super) fn all(parts: &[UndoPart]) -> Result<(Self, Vec<UndoPart>), Fault> {
        let mut known: Option<Self> = None;
        let mut inner = Vec::with_capacity(parts.len());
        for part in parts {
            let (record, part) = Self::unwrap(part)?;
            if known.as_ref().is_some_and(|known| known.place != record.place) {
                return Err(internal("a step that changed two places"));
            }
            known = Some(record);
            inner.push(part);
        }
        Ok((known.ok_or_else(|| internal("a rollback of nothing"))?, inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use playbook_core::action::UndoOrder;

    #[test]
    fn what_is_wrapped_comes_out_as_it_was() {
        let place = json!({"namespace": "dash", "pod": "redis-0"});
        let record = Record::new("redis-cli", &["-n".into(), "2".into()], place, "redis:1".into());
        let inner = UndoRecord {
            kind: "redis.config/1".into(),
            data: json!({"a": [1]}),
            blob: Some(vec![1]),
            order: UndoOrder::MakesRoom,
        };
        let words = ["CONFIG".to_owned(), "SET".to_owned()];
        let wrapped = record.wrap("kubernetes.inner/1", inner.clone(), &words);
        let wrapped = UndoPart { record: wrapped, after: Some(json!(1)), words: Vec::new() };
        assert_eq!(wrapped.record.provider(), "kubernetes");
        let (known, part) = Record::unwrap(&wrapped).expect("reads");
        assert_eq!(known, record);
        assert_eq!(part, UndoPart { record: inner, after: Some(json!(1)), words: words.into() });
    }
}
