//! Images that are fetched, and what is removed because nothing uses it.

use std::time::Duration;

use playbook_core::action::Fault;
use playbook_core::plan::{Change as Diff, Image};
use serde_json::{Value, json};

use super::item::{Made, Seen, applied};
use crate::docker::client::{Call, Reader, Writer, credentials};
use crate::docker::record::{Kept, Thing};
use crate::docker::standing::id;

/// How long a registry may take.
const FETCH: Duration = Duration::from_secs(3600);

/// `pull`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pull {
    pub(super) image: String,
    pub(super) platform: Option<String>,
}

/// `NAME` and `TAG` of a reference; a digest stands where a tag would.
pub(in crate::docker) fn reference(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, digest);
    }
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

impl Pull {
    pub(super) async fn look(&self, reader: &Reader<'_>) -> Result<Seen, Fault> {
        let thing = reader.find(&Call::get(Thing::Image.read(&self.image))).await?.unwrap_or(Value::Null);
        let before = Some(id(&thing).to_owned()).filter(|id| !id.is_empty());
        Ok(Seen { kept: Kept::Tag { image: self.image.clone(), before }, blob: None, thing })
    }

    pub(super) async fn apply(&self, writer: &Writer<'_>, seen: &Seen) -> Result<Made, Fault> {
        fetch(writer, &self.image, self.platform.as_deref()).await?;
        let now = writer.reading().find(&Call::get(Thing::Image.read(&self.image))).await?.unwrap_or(Value::Null);
        let (before, after) = (id(&seen.thing), id(&now));
        let changed = before != after;
        let side = |id: &str| if id.is_empty() { Image::Absent } else { Image::of(short(id)) };
        let diff = Diff::new(format!("image {}", self.image), side(before), side(after));
        let row = json!({"image": self.image, "id": after, "changed": changed, "size": now.get("Size")});
        Ok(Made { applied: applied(changed, json!({"id": after}), if changed { vec![diff] } else { vec![] }), row })
    }
}

/// Fetches an image.
///
/// # Errors
/// When the registry does not have it, or cannot be reached.
pub(super) async fn fetch(writer: &Writer<'_>, image: &str, platform: Option<&str>) -> Result<(), Fault> {
    let (name, tag) = reference(image);
    let login = credentials::of(writer.reading(), image).await?;
    let mut call = Call::post("/images/create").query("fromImage", name).query("tag", tag).within(FETCH).login(login);
    if let Some(platform) = platform {
        call = call.query("platform", platform);
    }
    writer.lines(&call, &mut |_| Ok(())).await
}

/// An id for people.
pub(in crate::docker) fn short(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}

/// `prune`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prune {
    pub(super) what: Thing,
    pub(super) all: bool,
    pub(super) filters: Vec<(String, String)>,
}

impl Prune {
    /// What would go, as far as a look can tell.
    pub(super) async fn unused(&self, reader: &Reader<'_>) -> Result<Option<Vec<String>>, Fault> {
        if !self.filters.is_empty() {
            return Ok(None);
        }
        let filters = |pairs: Value| pairs.to_string();
        let named = |list: &Value, at: &str| -> Vec<String> {
            let all = list.as_array().or_else(|| list.get("Volumes")?.as_array());
            all.into_iter().flatten().filter_map(|one| one.pointer(at)?.as_str().map(str::to_owned)).collect()
        };
        Ok(match self.what {
            Thing::Container => {
                let ended = filters(json!({"status": ["created", "exited", "dead"]}));
                let call = Call::get("/containers/json").query("all", "1").query("filters", ended);
                let list = named(&reader.get(&call).await?, "/Names/0");
                Some(list.into_iter().map(|name| name.trim_start_matches('/').to_owned()).collect())
            }
            Thing::Volume => {
                let call = Call::get("/volumes").query("filters", filters(json!({"dangling": ["true"]})));
                Some(named(&reader.get(&call).await?, "/Name"))
            }
            Thing::Image if !self.all => {
                let call = Call::get("/images/json").query("filters", filters(json!({"dangling": ["true"]})));
                Some(named(&reader.get(&call).await?, "/Id"))
            }
            Thing::Image | Thing::Network => None,
        })
    }

    pub(super) fn look(&self) -> Seen {
        let name = "without a use".to_owned();
        let kept = Kept::Removed { what: self.what, id: String::new(), name };
        Seen { kept, blob: None, thing: Value::Null }
    }

    pub(super) async fn apply(&self, writer: &Writer<'_>) -> Result<Made, Fault> {
        let mut filters = serde_json::Map::new();
        for (name, value) in &self.filters {
            let list = filters.entry(name.clone()).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(value.as_str().into());
            }
        }
        if self.all {
            // Of images all that no container uses; of volumes also those with a name.
            let (name, value) = if self.what == Thing::Image { ("dangling", "false") } else { ("all", "true") };
            filters.insert(name.to_owned(), json!([value]));
        }
        let call = Call::post(format!("{}/prune", self.what.path()))
            .query("filters", Value::Object(filters).to_string())
            .within(FETCH);
        let answer = writer.send(&call).await?.body;
        let lists = ["ContainersDeleted", "VolumesDeleted", "NetworksDeleted", "ImagesDeleted"];
        let deleted: Vec<Value> =
            lists.iter().filter_map(|list| answer.get(list)?.as_array()).flatten().cloned().collect();
        let bytes = answer.get("SpaceReclaimed").and_then(Value::as_u64).unwrap_or_default();
        let title = format!("{}s without a use", self.what.word());
        let diff = (!deleted.is_empty()).then(|| Diff::new(title, Image::of(deleted.len()), Image::of(0)));
        let row = json!({"deleted": deleted, "count": deleted.len(), "reclaimed": bytes});
        let after = json!({"count": deleted.len(), "reclaimed": bytes});
        Ok(Made { applied: applied(!deleted.is_empty(), after, diff.into_iter().collect()), row })
    }

    pub(super) fn words(&self) -> Vec<String> {
        vec![self.what.word().to_owned(), "prune".to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn references_are_split_as_docker_splits_them() {
        assert_eq!(reference("redis"), ("redis", "latest"));
        assert_eq!(reference("redis:7"), ("redis", "7"));
        assert_eq!(reference("host:5000/redis"), ("host:5000/redis", "latest"));
        assert_eq!(reference("host:5000/redis:7"), ("host:5000/redis", "7"));
        assert_eq!(reference("redis@sha256:ab"), ("redis", "sha256:ab"));
    }
}
