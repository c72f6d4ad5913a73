//! What a plan of `up` says is what the run then records, with either compose.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compose::Compose;
use super::shop::{PROJECT, Shop};

/// A change, without what is only known afterwards: `running (healthy)` is running.
fn plain(change: &Value) -> String {
    let side = |name: &str| {
        let value = change[name]["value"].as_str().unwrap_or("(absent)");
        value.split(" (").next().unwrap_or_default().replace("exited", "stopped").replace("created", "stopped")
    };
    format!("{}: {} → {}", change["subject"].as_str().unwrap(), side("before"), side("after"))
}

fn of(changes: &Value) -> BTreeSet<String> {
    changes.as_array().into_iter().flatten().map(plain).collect()
}

impl Shop {
    /// Plans a line and runs it: the plan says so many changes, and the run records just those.
    #[track_caller]
    fn agrees(&self, line: &str, count: usize) {
        let file = self.file(&[line]);
        let plan = self.scene.run(&["plan", &file, "--live", "-o", "json"]).expect(0).json();
        let planned = of(&plan["steps"][0]["planned"]["changes"]);
        self.scene.run(&["run", &file, "--yes"]).expect(0);
        let states = self.scene.desk.everything();
        // The last of the journals is that of this run.
        let results: Vec<Value> = states
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event["type"] == "action.result")
            .collect();
        let last = results.iter().max_by_key(|event| event["time"].as_str().unwrap().to_owned()).unwrap();
        assert_eq!(of(&last["data"]["diff"]), planned, "{:?}: {line}", self.compose);
        assert_eq!(planned.len(), count, "{:?}: {line}: {planned:?}", self.compose);
    }
}

fn plans_of_up_come_true(compose: Compose) {
    let Some(shop) = Shop::new(compose) else { return };
    let image = format!("{}:1", shop.name);
    shop.engine().docker(&["tag", "busybox:test", &image]);
    let mut text = PROJECT.replace("busybox:test", &image);
    shop.write(&text);
    // A network, a volume, two containers.
    shop.agrees("compose up -d", 4);
    text = text.replace("sleep 1000", "sleep 2000");
    shop.write(&text);
    shop.agrees("compose up -d cache", 0);
    // Its configuration is another.
    shop.agrees("compose up -d", 1);
    // Its image is another, and there are two more.
    shop.engine().docker(&["tag", "redis:next", &image]);
    shop.agrees("compose up -d --scale web=3", 3);
    // One is started, two are too many.
    let webs = shop.engine().docker(&["ps", "-q", "--filter", &format!("ancestor={image}")]);
    shop.engine().docker(&[&["stop"][..], &webs.lines().collect::<Vec<_>>()].concat());
    shop.agrees("compose up -d", 3);
    text = text[..text.find("  web:").unwrap()].to_owned() + "volumes: {data: {}}\n";
    shop.write(&text);
    shop.agrees("compose up -d --remove-orphans --force-recreate", 2);
    shop.engine().docker(&["rmi", &image]);
}

#[test]
fn what_a_plan_of_up_says_happens_with_the_first_compose() {
    plans_of_up_come_true(Compose::V1);
}

#[test]
fn what_a_plan_of_up_says_happens_with_the_second_compose() {
    plans_of_up_come_true(Compose::V2);
}
