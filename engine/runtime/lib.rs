//! Tokio, files and signals: carries out what the core decides, and records it first.
