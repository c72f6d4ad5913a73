//! To which group a resource belongs, for rights that are made without asking a cluster.

/// `deployments` → (`deployments`, `apps`); `widgets.example.com` → (`widgets`, `example.com`).
/// None for a resource that is not known and names no group.
pub(super) fn group(resource: &str) -> Option<(String, String)> {
    if let Some((resource, group)) = resource.split_once('.') {
        return Some((resource.to_owned(), group.to_owned()));
    }
    let lower = resource.to_ascii_lowercase();
    let plain = SHORT.iter().find(|(short, _)| *short == lower).map_or(lower.as_str(), |(_, long)| long);
    let known = |(_, resources): &&(&str, &[&str])| {
        resources.iter().any(|known| *known == plain || known.strip_suffix('s') == Some(plain))
    };
    let (group, resources) = GROUPS.iter().find(known)?;
    let full = resources.iter().find(|known| **known == plain || known.strip_suffix('s') == Some(plain))?;
    Some(((*full).to_owned(), (*group).to_owned()))
}

const GROUPS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "pods",
            "services",
            "configmaps",
            "secrets",
            "namespaces",
            "nodes",
            "events",
            "endpoints",
            "serviceaccounts",
            "persistentvolumes",
            "persistentvolumeclaims",
            "replicationcontrollers",
            "resourcequotas",
            "limitranges",
        ],
    ),
    ("apps", &["deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions"]),
    ("batch", &["jobs", "cronjobs"]),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("policy", &["poddisruptionbudgets"]),
    ("networking.k8s.io", &["ingresses", "ingressclasses", "networkpolicies"]),
    ("rbac.authorization.k8s.io", &["roles", "rolebindings", "clusterroles", "clusterrolebindings"]),
    ("storage.k8s.io", &["storageclasses", "volumeattachments", "csidrivers", "csinodes"]),
    ("coordination.k8s.io", &["leases"]),
    ("discovery.k8s.io", &["endpointslices"]),
    ("apiextensions.k8s.io", &["customresourcedefinitions"]),
    ("metrics.k8s.io", &["podmetrics"]),
];

const SHORT: &[(&str, &str)] = &[
    ("po", "pods"),
    ("svc", "services"),
    ("cm", "configmaps"),
    ("ns", "namespaces"),
    ("no", "nodes"),
    ("ev", "events"),
    ("ep", "endpoints"),
    ("sa", "serviceaccounts"),
    ("pv", "persistentvolumes"),
    ("pvc", "persistentvolumeclaims"),
    ("rc", "replicationcontrollers"),
    ("quota", "resourcequotas"),
    ("limits", "limitranges"),
    ("deploy", "deployments"),
    ("sts", "statefulsets"),
    ("ds", "daemonsets"),
    ("rs", "replicasets"),
    ("cj", "cronjobs"),
    ("hpa", "horizontalpodautoscalers"),
    ("pdb", "poddisruptionbudgets"),
    ("ing", "ingresses"),
    ("ingress", "ingresses"),
    ("netpol", "networkpolicies"),
    ("networkpolicy", "networkpolicies"),
    ("sc", "storageclasses"),
    ("crd", "customresourcedefinitions"),
];
