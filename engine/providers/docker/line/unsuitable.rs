//! What docker and compose can do and a step cannot, and what to write instead.

use crate::line::problem::Problem;

/// Why this verb of docker cannot be a step.
pub(super) fn docker(at: usize, name: &str) -> Option<Problem> {
    let help = match name {
        "attach" | "container attach" => "write logs CONTAINER for what it prints, or exec CONTAINER COMMAND",
        "commit" | "container commit" | "tag" | "image tag" | "save" | "image save" | "load" | "image load"
        | "import" | "image import" | "export" | "container export" | "push" | "image push" | "image history"
        | "history" => "it makes or moves images, which a runbook seldom does; run it by shell:",
        "build" | "image build" | "buildx" | "builder" | "builder build" | "bake" => {
            "a step builds nothing; build the image beforehand, or by shell:"
        }
        "builder prune" | "buildx prune" => "run it by shell:",
        "cp" | "container cp" => {
            "write exec CONTAINER cat FILE and save: the result; to put a file in, mount its folder, or use shell:"
        }
        "create" | "container create" => "write run -d …, or compose up --no-start",
        "rmi" | "image rm" | "image remove" => "write image prune, with --filter, or run it by shell:",
        "system prune" => "prune one kind at a time: container prune, image prune, network prune, volume prune",
        "system events" | "events" => "it never ends; use until: on a step that looks: inspect CONTAINER",
        "login" | "logout" => "credentials of registries belong to the engine's host; sign in there beforehand",
        "search" => "name the image: pull IMAGE:TAG",
        "swarm" | "service" | "stack" | "node" | "secret" | "config" | "swarm ca" => {
            "swarms are not known here; run it by shell:"
        }
        "context" => "where to connect belongs to the target: targets: {engine: {docker: {context: …}}}",
        "plugin" | "manifest" | "trust" | "checkpoint" | "scout" | "model" | "sbom" | "debug" | "init"
        | "extension" | "system dial-stdio" | "volume update" => "it is not known here; run it by shell:",
        "help" | "completion" => "it is for people at a terminal; leave it out",
        "sudo" => "leave it out; playbook itself speaks to the engine, as whoever runs it",
        "cd" => "leave it out; paths are relative to the playbook's folder, and compose takes --project-directory",
        _ => return None,
    };
    Some(Problem::unsuitable(at, format!("docker {name} cannot be a step"), help))
}

/// Why this verb of compose cannot be a step.
pub(super) fn compose(at: usize, name: &str) -> Option<Problem> {
    let help = match name {
        "build" | "push" | "publish" | "bridge" => {
            "a step builds nothing and publishes nothing; do it beforehand, or by shell:"
        }
        "config" | "convert" | "viz" | "volumes" => "`playbook plan` of compose up -d shows what would change",
        "create" => "write compose up --no-start",
        "attach" => "write compose logs SERVICE for what it prints, or compose exec SERVICE COMMAND",
        "cp" => "write compose exec SERVICE cat FILE and save: the result; to put a file in, mount its folder",
        "events" | "watch" | "stats" => "it never ends; write compose ps or docker: stats, with until: on the step",
        "commit" | "export" => "it makes images or archives, which a runbook seldom does; run it by shell:",
        "wait" => "write docker: wait CONTAINER",
        "port" => "write compose ps; the ports are in the result",
        "version" => "write version, without compose",
        "help" => "it is for people at a terminal; leave it out",
        "bundle" | "migrate-to-labels" | "alpha" => "it is not known here; run it by shell:",
        _ => return None,
    };
    Some(Problem::unsuitable(at, format!("compose {name} cannot be a step"), help))
}
