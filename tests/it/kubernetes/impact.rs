//! What a live plan says of what stands around a change.

use serde_json::json;

use super::cluster::Role;
use super::lines::Scene;

impl Scene {
    fn plan_of(&self, line: &str) -> String {
        let step = json!({"id": "it", "kubectl": line, "confirm": "Sure?"});
        let done = self.run(&["plan", &self.file(&format!("  - {step}\n")), "--live"]).expect(0);
        // Words that a narrow terminal breaks up.
        done.out().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn apply(&self, yaml: &str) {
        self.cluster.apply(&self.namespace, yaml);
    }

    fn pods_of_web(&self) -> u64 {
        let path = format!("/api/v1/namespaces/{}/pods", self.namespace);
        let list = self.cluster.wait(&path, |list| list["items"].as_array().is_some_and(|items| items.len() == 2));
        list["items"].as_array().unwrap().len() as u64
    }
}

#[track_caller]
fn says(plan: &str, words: &str) {
    assert!(plan.contains(words), "{words}\n{plan}");
}

#[test]
fn a_restart_tells_the_headroom_of_disruption_budgets() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.apply(
        "{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: half}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}",
    );
    let _ready = scene.cluster.keep_ready(&scene.namespace);
    let budget = format!("/apis/policy/v1beta1/namespaces/{}/poddisruptionbudgets/half", scene.namespace);
    scene.cluster.wait(&budget, |budget| budget["status"]["currentHealthy"] == 2);
    let plan = scene.plan_of("rollout restart deploy/web");
    says(&plan, "2 pods of deployment/web in");
    says(&plan, "PodDisruptionBudget half allows 1 disruptions now (2 of 2 healthy)");
}

#[test]
fn a_scale_tells_who_would_undo_it_and_what_a_quota_leaves() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.pods_of_web();
    scene.apply(
        "{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: auto}, spec: {minReplicas: 2, maxReplicas: 4, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}}\n---\n{apiVersion: v1, kind: ResourceQuota, metadata: {name: few}, spec: {hard: {pods: '3'}}}",
    );
    let quota = format!("/api/v1/namespaces/{}/resourcequotas/few", scene.namespace);
    scene.cluster.wait(&quota, |quota| quota["status"]["used"]["pods"] == "2");
    let plan = scene.plan_of("scale deploy/web --replicas=6");
    says(&plan, "HorizontalPodAutoscaler auto sets the replicas of deployment/web in");
    says(&plan, "asks for 4 more pods, and ResourceQuota few has 1 of 3 left");
}

#[test]
fn a_delete_tells_what_goes_with_it() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.pods_of_web();
    let plan = scene.plan_of("delete deploy/web");
    says(&plan, "goes with it: 2 Pods (web-");
    says(&plan, "1 ReplicaSet (web-");
    let plan = scene.plan_of("delete deploy/web --cascade=orphan");
    says(&plan, "stays behind without an owner:");
    let plan = scene.plan_of(&format!("delete namespace {}", scene.namespace));
    says(&plan, "everything in it goes: 1 ConfigMap");
    says(&plan, "1 Deployment (web)");
}

#[test]
fn a_delete_of_a_claim_tells_what_becomes_of_the_data() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    for policy in ["Delete", "Retain"] {
        let name = policy.to_lowercase();
        scene.apply(&format!(
            "{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {ns}-{name}}}, spec: {{capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce], persistentVolumeReclaimPolicy: {policy}, hostPath: {{path: /tmp/{ns}-{name}}}}}}}\n---\n{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: {name}}}, spec: {{storageClassName: '', volumeName: {ns}-{name}, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}}}",
            ns = scene.namespace
        ));
        let claim = format!("/api/v1/namespaces/{}/persistentvolumeclaims/{name}", scene.namespace);
        scene.cluster.wait(&claim, |claim| claim["status"]["phase"] == "Bound");
    }
    scene.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: user}, spec: {containers: [{name: a, image: x}], volumes: [{name: d, persistentVolumeClaim: {claimName: delete}}]}}",
    );
    let plan = scene.plan_of("delete pvc/delete");
    says(&plan, "is destroyed: volume");
    says(&plan, "until no pod uses it: user");
    says(&scene.plan_of("delete pvc/retain"), "and its data stay (reclaim policy Retain)");
    says(&scene.plan_of("delete pod/user"), "nobody but a rollback makes pod/user in");
}

#[test]
fn a_drain_tells_which_pods_go_and_refuses_what_would_be_lost() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let node = format!("{}-node", scene.namespace);
    scene.apply(&format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: {node}}}}}\n---\n{{apiVersion: v1, kind: Pod, metadata: {{name: lone}}, spec: {{nodeName: {node}, terminationGracePeriodSeconds: 0, containers: [{{name: a, image: x}}], volumes: [{{name: d, emptyDir: {{}}}}]}}}}"
    ));
    let step = json!({"id": "it", "kubectl": format!("drain {node}"), "confirm": "Sure?"});
    let refused = scene.run(&["plan", &scene.file(&format!("  - {step}\n")), "--live"]).out();
    let refused = refused.split_whitespace().collect::<Vec<_>>().join(" ");
    says(&refused, "it has data on the node (--delete-emptydir-data gives it up)");
    let line = format!("drain {node} --delete-emptydir-data --force --grace-period=0");
    says(&scene.plan_of(&line), "pod/lone in");
    let step = json!({"id": "it", "kubectl": line, "confirm": "Sure?"});
    scene.run(&["run", &scene.file(&format!("  - {step}\n")), "--yes"]).expect(0);
    assert_eq!(scene.cluster.get(&format!("/api/v1/nodes/{node}"))["spec"]["unschedulable"], true);
    assert!(scene.cluster.find(&format!("/api/v1/namespaces/{}/pods/lone", scene.namespace)).is_none());
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(scene.cluster.get(&format!("/api/v1/nodes/{node}"))["spec"].get("unschedulable"), None);
    scene.cluster.delete(&format!("/api/v1/nodes/{node}"));
}

#[test]
fn an_earlier_revision_comes_back_and_goes_again() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let sets = format!("/apis/apps/v1/namespaces/{}/replicasets", scene.namespace);
    let count = |wanted: usize| {
        scene.cluster.wait(&sets, |list| list["items"].as_array().is_some_and(|items| items.len() == wanted));
    };
    count(1);
    scene.run(&["run", &scene.file("  - kubectl: set image deploy/web app=redis:next\n")]).expect(0);
    count(2);
    let image = || scene.web()["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let file = scene.file("  - {id: back, kubectl: rollout undo deploy/web}\n");
    says(&scene.run(&["plan", &file, "--live"]).out(), "redis:next → busybox:test");
    scene.run(&["run", &file]).expect(0);
    assert_eq!(image(), "busybox:test");
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(image(), "redis:next");
    let wrong = scene.file("  - {id: back, kubectl: rollout undo deploy/web --to-revision=9}\n");
    says(&scene.run(&["run", &wrong]).expect(1).out(), "has no revision 9");
}
