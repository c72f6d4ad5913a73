//! `rollout history` and `top`.

use super::cluster::{Cluster, Options, Role};
use crate::live::{Desk, Done};

fn run(cluster: &Cluster, namespace: &str, desk: &Desk, steps: &str) -> Done {
    let config = cluster.kubeconfig(&cluster.user(Role::Admin), &cluster.url(), namespace);
    let target = format!("{{kubernetes: {{kubeconfig: '{}'}}}}", config.display());
    let file = desk.file("t.yaml", &format!("playbook: t\ntargets: {{k8s: {target}}}\nsteps:\n{steps}"));
    desk.run(&["run", &file])
}

fn workload(kind: &str, image: &str, more: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: w, annotations: {{kubernetes.io/change-cause: to {image}}}}}, \
         spec: {{{more} selector: {{matchLabels: {{app: {kind}}}}}, template: {{metadata: {{labels: {{app: {kind}}}}}, \
         spec: {{containers: [{{name: app, image: '{image}'}}]}}}}}}}}"
    )
}

#[test]
fn revisions_are_listed_with_cause_and_image() {
    let Some(cluster) = Cluster::shared() else { return };
    for (kind, short, more) in
        [("Deployment", "deploy", ""), ("StatefulSet", "sts", "serviceName: w,"), ("DaemonSet", "ds", "")]
    {
        let namespace = cluster.namespace();
        for image in ["redis:test", "redis:next"] {
            cluster.apply(&namespace, &workload(kind, image, more));
            let plural = format!("{}s", kind.to_lowercase());
            let path = format!("/apis/apps/v1/namespaces/{namespace}/{plural}/w");
            cluster.wait(&path, |it| it["metadata"]["generation"] == it["status"]["observedGeneration"]);
        }
        let steps = format!(
            "  - id: all
    kubectl: rollout history {short}/w
    expect:
      - result.count == 2
      - result['items'][0].images == ['redis:test'] and result['items'][0].revision == 1
      - result['items'][1].change_cause == 'to redis:next'
  - id: one
    kubectl: rollout history {short}/w --revision=1
    expect: result.template.spec.containers[0].image == 'redis:test'
  - {{id: none, kubectl: rollout history {short}/w --revision=9, on_failure: continue}}
"
        );
        let done = run(cluster, &namespace, &Desk::new(), &steps);
        assert!(done.out().contains("has no revision 9"), "{kind}: {}{}", done.out(), done.err());
        assert!(done.out().contains("1 failed, 2 ok"), "{kind}: {}{}", done.out(), done.err());
    }
}

#[test]
fn without_a_metrics_api_top_says_so() {
    let Some(cluster) = Cluster::shared() else { return };
    let done = run(cluster, "default", &Desk::new(), "  - {kubectl: top pods}\n").expect(1);
    assert!(done.out().contains("the cluster has no metrics of pods"), "{}", done.out());
}

/// The metrics API as custom resources: what serves it is of no concern.
#[test]
fn what_is_used_comes_in_whole_numbers() {
    let options = Options { without_controllers: true, ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    for (kind, plural, scope) in [("PodMetrics", "pods", "Namespaced"), ("NodeMetrics", "nodes", "Cluster")] {
        cluster.apply(
            "",
            &format!(
                "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: {plural}.metrics.k8s.io, \
                 annotations: {{api-approved.kubernetes.io: 'unapproved, a test'}}}}, spec: {{group: metrics.k8s.io, scope: {scope}, \
                 names: {{kind: {kind}, plural: {plural}, singular: {plural}x}}, versions: [{{name: v1beta1, served: true, storage: true, \
                 schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}]}}}}"
            ),
        );
    }
    for (name, cpu, memory) in [("small", "1500u", "1Mi"), ("big", "250m", "64Mi")] {
        cluster.apply(
            "default",
            &format!(
                "{{apiVersion: metrics.k8s.io/v1beta1, kind: PodMetrics, metadata: {{name: {name}, labels: {{is: {name}}}}}, \
                 containers: [{{name: app, usage: {{cpu: {cpu}, memory: {memory}}}}}]}}"
            ),
        );
    }
    cluster.apply("", "{apiVersion: v1, kind: Node, metadata: {name: n}}");
    cluster.patch(
        "/api/v1/nodes/n/status",
        &serde_json::json!({"status": {"allocatable": {"cpu": "2", "memory": "1Gi"}}}),
    );
    cluster.apply("", "{apiVersion: metrics.k8s.io/v1beta1, kind: NodeMetrics, metadata: {name: n}, usage: {cpu: '0.5', memory: 256Mi}}");
    let done = run(
        &cluster,
        "default",
        &Desk::new(),
        "  - id: pods
    kubectl: top pods --sort-by=memory
    expect: [\"result['items'][0].name == 'big'\", \"result['items'][0].cpu == 250\", \"result['items'][0].memory == 67108864\", \"result['items'][1].cpu == 2\"]
  - {id: chosen, kubectl: top pods -l is=small, expect: result.count == 1}
  - {id: one, kubectl: top pod small, expect: result.count == 1}
  - id: nodes
    kubectl: top nodes
    expect: [\"result['items'][0].cpu == 500\", \"result['items'][0].cpu_percent == 25\", \"result['items'][0].memory_percent == 25\"]
",
    );
    assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
}
