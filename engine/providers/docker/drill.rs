//! Servers of drills, in containers that are removed with them. No run records them: they are this
//! program's own, from their creation to their end.
//!
//! Drills wait for what is asked here. What they wait for is done by a thread per container, which owns
//! the connection to its output and removes it, also when the drill ends by an error.

use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use playbook_core::starter::{Started, Starter, Wanted};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::client::{Attached, Call, Keep, Place, Wire, open, part};
use super::faults;

/// Marks the containers of drills: `docker ps --filter label=playbook.drill`.
const LABEL: &str = "playbook.drill";
/// How long an engine may take to say what it has, and to remove a container.
const LOOK: Duration = Duration::from_secs(10);
/// How often a container is removed that does not go, and the time in between.
const TRIES: u32 = 50;
const AGAIN: Duration = Duration::from_millis(100);
/// How much of the last words of a container is kept, in bytes.
const WORDS: usize = 4 << 10;

/// What starts servers of drills in the engine that docker itself would take.
pub fn starter() -> Arc<dyn Starter> {
    Arc::new(Containers)
}

struct Containers;

impl Starter for Containers {
    fn find(&self, wanted: &Wanted) -> Result<String, Fault> {
        let wanted = wanted.clone();
        let (tell, told) = std_mpsc::channel();
        let thread = alone(async move {
            let found = async {
                let wire = wire()?;
                let image = find(&wire, &wanted).await?;
                Ok(format!("{image} in docker at {}", wire.opened().host))
            };
            let _ = tell.send(found.await);
        })?;
        let found = told.recv();
        let _ = thread.join();
        found.unwrap_or_else(|_| Err(faults::internal("nobody looked for an image")))
    }

    fn start(&self, wanted: &Wanted) -> Result<Box<dyn Started>, Fault> {
        let wanted = wanted.clone();
        let (tell, told) = std_mpsc::channel();
        let (order, ordered) = oneshot::channel();
        let words = Arc::new(Mutex::new(None));
        let said = Arc::clone(&words);
        let thread = alone(async move {
            match begin(&wanted).await {
                Ok((made, output)) => {
                    let _ = tell.send(Ok((made.name.clone(), made.port)));
                    attend(&made, output, ordered, &said).await;
                }
                Err(fault) => drop(tell.send(Err(fault))),
            }
        })?;
        let (name, port) = told.recv().unwrap_or_else(|_| Err(faults::internal("nobody started a container")))?;
        Ok(Box::new(Container { name, port, words, order: Some(order), thread: Some(thread) }))
    }
}

/// A container of a drill. Removed when dropped.
struct Container {
    name: String,
    port: u16,
    words: Arc<Mutex<Option<String>>>,
    order: Option<oneshot::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// What becomes of a container when its drill is over.
enum Order {
    Remove,
    Keep,
}

impl Container {
    fn end(&mut self, order: Order) {
        if let Some(ear) = self.order.take() {
            let _ = ear.send(order);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Started for Container {
    fn port(&self) -> u16 {
        self.port
    }

    fn ended(&self) -> Option<String> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(mut self: Box<Self>) -> String {
        self.end(Order::Keep);
        format!("docker rm -f -v {}", self.name)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.end(Order::Remove);
    }
}

/// A container that was made.
struct Made {
    wire: Wire,
    name: String,
    port: u16,
}

impl Made {
    fn path(&self, end: &str) -> String {
        format!("/containers/{}{end}", part(&self.name))
    }

    /// Removes it with its volumes, however it is, and waits until it has gone: the engine may be about
    /// to do the same. Where it cannot be done there is nobody left to tell: its label says what it is.
    async fn remove(&self) {
        let call = Call::delete(self.path("")).query("force", "1").query("v", "1").within(LOOK);
        for _ in 0..TRIES {
            match self.wire.errand(&call).await {
                Err(fault) if fault.server_code.as_deref() != Some("404") => tokio::time::sleep(AGAIN).await,
                _ => return,
            }
        }
    }
}

/// Does something on a thread of its own, which may be waited for where a task may not.
fn alone(work: impl Future<Output = ()> + Send + 'static) -> Result<JoinHandle<()>, Fault> {
    let failed = |error: std::io::Error| faults::internal(format!("no thread for a container: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    std::thread::Builder::new().name("drill".into()).spawn(move || runtime.block_on(work)).map_err(failed)
}

/// Waits for the end of a drill; meanwhile keeps what the container says.
async fn attend(made: &Made, output: Attached<'_>, ordered: oneshot::Receiver<Order>, words: &Mutex<Option<String>>) {
    let listen = async {
        let last = match output.read(false, Keep::Last(WORDS)).await {
            Ok(output) => output.text,
            Err(fault) => fault.message,
        };
        *words.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        std::future::pending::<()>().await;
    };
    let order = tokio::select! {
        order = ordered => order.unwrap_or(Order::Remove),
        () = listen => Order::Remove,
    };
    if matches!(order, Order::Remove) {
        made.remove().await;
    }
}

/// The engine that docker itself would take.
fn wire() -> Result<Wire, Fault> {
    let opened = open(&Place::default())?;
    if !opened.is_local() {
        let message = format!("the engine at {} is not on this machine, and a drill needs one that is", opened.host);
        return Err(none(
            message,
            "docker context ls shows others; DOCKER_HOST=unix:///var/run/docker.sock takes this one's",
        ));
    }
    Ok(Wire::new(opened))
}

fn none(message: impl Into<String>, help: &str) -> Fault {
    Fault::new(FaultKind::Invalid, Code::Drill, message).help(help)
}

/// The image to start: the one that was named, else the newest of the first name that is there.
async fn find(wire: &Wire, wanted: &Wanted) -> Result<String, Fault> {
    let host = &wire.opened().host;
    if let Some(image) = &wanted.image {
        let there = wire.find(&Call::get(format!("/images/{}/json", part(image))).within(LOOK)).await?;
        return match there {
            Some(_) => Ok(image.clone()),
            None => Err(none(format!("docker at {host} has no image {image}"), &format!("docker pull {image}"))),
        };
    }
    let images = wire.find(&Call::get("/images/json").within(LOOK)).await?.unwrap_or(Value::Null);
    choose(&images, wanted.images).ok_or_else(|| {
        let pull = wanted.images.first().copied().unwrap_or(wanted.program);
        none(format!("docker at {host} has no image of {}", wanted.images.join(", ")), &format!("docker pull {pull}"))
    })
}

/// The newest image of the first name that has any.
fn choose(images: &Value, names: &[&str]) -> Option<String> {
    let images = images.as_array().map_or(&[][..], Vec::as_slice);
    let tagged = images.iter().flat_map(|image| {
        let tags = image.get("RepoTags").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let created = image.get("Created").and_then(Value::as_i64).unwrap_or(0);
        tags.iter().filter_map(Value::as_str).map(move |tag| (created, tag))
    });
    let tagged: Vec<(i64, &str)> = tagged.collect();
    names.iter().find_map(|name| {
        let of = tagged.iter().filter(|(_, tag)| is_named(tag, name));
        of.max_by_key(|(created, tag)| (*created, std::cmp::Reverse(*tag))).map(|(_, tag)| (*tag).to_owned())
    })
}

/// Is it an image of this name, with or without the registry that it came from?
fn is_named(tag: &str, name: &str) -> bool {
    let repository = tag.rsplit_once(':').map_or(tag, |(repository, _)| repository);
    let full = if name.contains('/') { format!("/{name}") } else { format!("/library/{name}") };
    repository == name || repository.ends_with(&full)
}

/// Makes a container and starts it. Nothing is left of one that does not start.
async fn begin(wanted: &Wanted) -> Result<(Made, Attached<'static>), Fault> {
    let wire = wire()?;
    let image = find(&wire, wanted).await?;
    let port = format!("{}/tcp", wanted.port);
    let body = json!({
        "Image": image,
        // What an image does before its program is not for a throwaway.
        "Entrypoint": [wanted.program],
        "Cmd": wanted.args,
        "Labels": {LABEL: "1"},
        "ExposedPorts": {&port: {}},
        "HostConfig": {"AutoRemove": true, "PortBindings": {&port: [{"HostIp": "127.0.0.1", "HostPort": ""}]}},
    });
    let name = format!("{}-{:08x}", LABEL.replace('.', "-"), random());
    let mut made = Made { wire, name: name.clone(), port: 0 };
    made.wire.errand(&Call::post("/containers/create").query("name", name).body(body)).await?;
    match run(&mut made, &port).await {
        Ok(output) => Ok((made, output)),
        Err(fault) => {
            made.remove().await;
            Err(fault)
        }
    }
}

async fn run(made: &mut Made, port: &str) -> Result<Attached<'static>, Fault> {
    let attach = Call::post(made.path("/attach")).query("stream", "1").query("stdout", "1").query("stderr", "1");
    let output = made.wire.attend(&attach).await?;
    made.wire.errand(&Call::post(made.path("/start"))).await?;
    // One that ended at once is removed by the engine already; its last words tell why.
    let seen = made.wire.find(&Call::get(made.path("/json"))).await?.unwrap_or(Value::Null);
    made.port = published(&seen, port).unwrap_or(0);
    Ok(output)
}

/// The port of the loopback interface that leads to one of a container.
fn published(container: &Value, port: &str) -> Option<u16> {
    let bindings = container.get("NetworkSettings")?.get("Ports")?.get(port)?.as_array()?;
    bindings.iter().find_map(|binding| binding.get("HostPort")?.as_str()?.parse().ok())
}

/// Tells the containers of drills that run beside one another apart.
fn random() -> u32 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id()) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_image_of_the_first_name_is_taken() {
        let images = json!([
            {"Created": 1, "RepoTags": ["redis:6", "other:1"]},
            {"Created": 3, "RepoTags": ["mirror.example:5000/library/redis:7.2", "redis:7"]},
            {"Created": 9, "RepoTags": ["valkey/valkey:8"]},
            {"Created": 10, "RepoTags": ["bitnami/redis:9", "myredis:1"]},
            {"Created": 11, "RepoTags": null},
        ]);
        let names = &["redis", "valkey/valkey"];
        assert_eq!(choose(&images, names).as_deref(), Some("mirror.example:5000/library/redis:7.2"));
        assert_eq!(choose(&images, &["valkey/valkey", "redis"]).as_deref(), Some("valkey/valkey:8"));
        assert_eq!(choose(&images, &["nothing"]), None);
        assert_eq!(choose(&Value::Null, names), None);
    }

    #[test]
    fn a_published_port_is_read_from_the_container() {
        let ports = json!({"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "49153"}], "1/tcp": null});
        let container = json!({"NetworkSettings": {"Ports": ports}});
        assert_eq!(published(&container, "6379/tcp"), Some(49153));
        assert_eq!((published(&container, "1/tcp"), published(&Value::Null, "1/tcp")), (None, None));
    }
}
