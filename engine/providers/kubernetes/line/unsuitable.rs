//! What kubectl can do and a step cannot, and what to write instead.

use crate::line::problem::Problem;

/// Why this verb cannot be a step.
pub(super) fn verb(at: usize, name: &str) -> Option<Problem> {
    let help = match name {
        "edit" => "a step opens no editor; write patch TYPE/NAME -p '{…}'",
        "replace" => "write apply -f FILE; for a new object delete the old one in a step of its own",
        "cp" => "write exec POD -- cat FILE, and save: the result; into a pod, mount a ConfigMap",
        "port-forward" => "reach the service through its target: via: {kubernetes: {service: NAME}}",
        "attach" => "write logs POD for what it prints, or exec POD -- COMMAND",
        "run" => {
            "write create deployment NAME --image=IMAGE, create job NAME --image=IMAGE -- COMMAND, or apply -f FILE"
        }
        "expose" => "write create service clusterip NAME --tcp=PORT:TARGETPORT, or apply -f FILE",
        "taint" => "write patch node/NAME -p '{\"spec\": {\"taints\": […]}}', or cordon NODE",
        "debug" => "write exec POD -- COMMAND; for an ephemeral container, apply a pod with -f",
        "proxy" => "use http: with a target; via: {kubernetes: …} reaches what is in the cluster",
        "config" => "contexts and credentials belong to the target: targets: {cluster: {kubernetes: {context: …}}}",
        "diff" => "`playbook plan` shows what apply -f would change",
        "explain" => "write api-resources for what there is; the fields are in the Kubernetes reference",
        "api-versions" => "write api-resources",
        "cluster-info" => "write version, or get nodes; the plan names the cluster",
        "kustomize" => "build the manifests beforehand, and name the file: apply -f FILE",
        "certificate" => "write patch csr/NAME --subresource=status …, or do it by hand in a manual: step",
        "completion" | "options" | "plugin" | "help" | "alpha" | "kuberc" => {
            "it is for people at a terminal; leave it out"
        }
        "set selector" | "set serviceaccount" | "set sa" | "set subject" => "write patch TYPE/NAME -p '{…}'",
        "auth whoami" => "leave it out; the plan and the journal tell who acts",
        "auth reconcile" => "write apply -f FILE",
        "rolling-update" => "write set image deploy/NAME CONTAINER=IMAGE",
        "rollout stop" => "write rollout pause, or rollout undo",
        _ => return None,
    };
    Some(Problem::unsuitable(at, format!("kubectl {name} cannot be a step"), help))
}
