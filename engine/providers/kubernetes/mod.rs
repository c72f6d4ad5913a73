//! Kubernetes: kubectl lines, understood without kubectl.

#[allow(dead_code, unused_imports, reason = "what carries the lines out is being built")]
mod line;
