//! Objects that run something: Job, Deployment.

use serde_json::{Map, Value, json};

use super::{object, with};
use crate::kubernetes::line::measure::at_least;
use crate::kubernetes::line::model::{Create, Number};
use crate::kubernetes::line::objects::type_and_name;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

fn command(reader: &Reader) -> Vec<String> {
    reader.rest.iter().flatten().map(Piece::value).collect()
}

pub(super) fn job(reader: &Reader, name: &str) -> Result<Create, Problem> {
    match (reader.last("from"), reader.last("image")) {
        (Some(from), Some(_)) => Err(from.problem("both --from and --image", "leave one of them out")),
        (None, None) => Err(reader.missing("image or --from", "--image=IMAGE -- COMMAND, or --from=cronjob/NAME")),
        (Some(from), None) => {
            let (kind, cronjob) = type_and_name(from)?;
            if !["cronjob", "cronjobs", "cj", "cronjobs.batch", "cronjob.batch"].contains(&kind.as_str()) {
                return Err(from.problem(format!("a job is not made from a {kind}"), "write --from=cronjob/NAME"));
            }
            if reader.rest.is_some() {
                return Err(from.problem("both --from and a command", "leave one of them out"));
            }
            Ok(Create::JobFrom { name: name.to_owned(), cronjob })
        }
        (None, Some(image)) => {
            let mut container = json!({"name": name, "image": image.value()});
            let command = command(reader);
            if !command.is_empty() {
                container["command"] = json!(command);
            }
            let template = json!({"spec": {"containers": [container], "restartPolicy": "Never"}});
            Ok(with(object("batch/v1", "Job", name), json!({"spec": {"template": template}})))
        }
    }
}

pub(super) fn deployment(reader: &Reader, name: &str) -> Result<Create, Problem> {
    let images: Vec<String> = reader.lists("image").iter().map(Piece::value).collect();
    if images.is_empty() {
        return Err(reader.missing("image", "--image=REPOSITORY:TAG"));
    }
    let command = command(reader);
    if images.len() > 1 && !command.is_empty() {
        return Err(reader.wrong("several images and one command", "write a manifest, and apply -f FILE"));
    }
    let mut containers: Vec<Value> =
        images.iter().map(|image| json!({"name": called(image), "image": image})).collect();
    if let Some(first) = containers.first_mut() {
        if !command.is_empty() {
            first["command"] = json!(command);
        }
        if let Some(Number::Known(port)) = reader.last("port").map(|piece| at_least(1, piece)).transpose()? {
            first["ports"] = json!([{"containerPort": port}]);
        }
    }
    let replicas = match reader.last("replicas").map(|piece| at_least(0, piece)).transpose()? {
        Some(Number::Known(replicas)) => replicas,
        Some(Number::Open) | None => 1,
    };
    let labels: Map<String, Value> = [("app".to_owned(), Value::from(name))].into_iter().collect();
    let mut made = object("apps/v1", "Deployment", name);
    made["metadata"]["labels"] = Value::Object(labels.clone());
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": containers}});
    let spec = json!({"replicas": replicas, "selector": {"matchLabels": labels}, "template": template});
    Ok(with(made, json!({"spec": spec})))
}

/// The name of a container, from its image: the last part without tag and digest.
fn called(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let plain = last.split(['@', ':']).next().unwrap_or(last);
    plain.chars().map(|c| if c == '_' || c == '.' { '-' } else { c.to_ascii_lowercase() }).collect()
}
