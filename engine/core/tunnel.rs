//! What lets one provider reach its target through another's: a Redis server inside of a cluster, and
//! `redis-cli` inside of a pod.
//!
//! Providers never know each other; the composition root hands the [`Way`]s of one to another, and its
//! [`Insider`]s. Invariant: who opens a [`Tunnel`] answers for what is sent through it. A tunnel looks
//! at no bytes, so a plan may open one only where what speaks through it can only read.

use std::sync::Arc;

use crate::action::{Draft, Fault, Provider, Target};
use crate::diagnostic::Diagnostics;
use crate::expr::{EvalError, Scope, Template};
use crate::ports::BoxFuture;
use crate::source::Span;
use crate::syntax::tree::Entry;

/// A stream of bytes both ways. In the terms of `futures-io`, because the core has no runtime.
pub trait Duplex: futures_io::AsyncRead + futures_io::AsyncWrite + Send + Unpin {}

impl<T: futures_io::AsyncRead + futures_io::AsyncWrite + Send + Unpin> Duplex for T {}

/// A way to reach what cannot be reached from here: a key of `via:`.
pub trait Way: Send + Sync {
    /// The key.
    fn name(&self) -> &'static str;

    /// Reads what stands under its key; problems go to `found`.
    fn read(&self, entry: &Entry, found: &mut Diagnostics) -> Option<Arc<dyn WayDraft>>;

    /// The JSON Schema of what stands under its key.
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;
}

/// A way with its templates still open.
pub trait WayDraft: Send + Sync {
    /// Its templates.
    fn templates(&self) -> Vec<&Template>;

    /// Fills in the templates. Nothing is connected yet; `name` is that of the target.
    ///
    /// # Errors
    /// When a template has no value or makes no sense.
    fn open(&self, name: &str, scope: &Scope) -> Result<Arc<dyn Tunnel>, EvalError>;
}

/// A way with all its values: leads to one place, where several ports may listen.
pub trait Tunnel: Send + Sync {
    /// What is at its end: `pod/redis-0`. Says the same before and after a connection.
    fn end(&self) -> String;

    /// How it is reached: `kubernetes dash@prod`. Says the same before and after a connection.
    fn way(&self) -> String;

    /// The port that the author named; it wins over that of an address. Without secrets.
    fn port(&self) -> Option<String>;

    /// What is known of its end since the last connection: `pod`, `redis-0`.
    fn facts(&self) -> Vec<(String, String)>;

    /// Opens a stream to a port there: a new one each time. It may be dropped half-way. An end that
    /// has gone is looked for again.
    ///
    /// # Errors
    /// When nobody is there, or this user may not. A connection that is refused at the end itself is
    /// an error of the stream.
    fn open<'a>(&'a self, port: &'a str) -> BoxFuture<'a, Result<Box<dyn Duplex>, Fault>>;
}

/// Knows a program that another provider is asked to run, so well that its commands can be planned,
/// carried out and taken back without the program: `redis-cli`.
pub trait Insider: Send + Sync {
    /// The program.
    fn program(&self) -> &'static str;

    /// Environment variables that the program, with these flags, takes a password from.
    fn environment(&self, flags: &[String]) -> &'static [&'static str];

    /// With these flags, does it talk to the place that it runs in, in a way that is known here? A flag
    /// that has no value yet is `None`.
    fn understands(&self, flags: &[Option<String>]) -> bool;

    /// What it does there; problems go to `found`.
    fn read(&self, command: &[Template], place: Span, found: &mut Diagnostics) -> Option<Arc<dyn Draft>>;

    /// What it acts on, given its flags, its environment, and a tunnel to the place that it runs in.
    ///
    /// # Errors
    /// When the flags make no sense.
    fn target(
        &self,
        name: &str,
        flags: &[String],
        environment: &dyn Fn(&str) -> Option<String>,
        tunnel: Arc<dyn Tunnel>,
    ) -> Result<Arc<dyn Target>, Fault>;

    /// Who takes back what was captured there.
    fn provider(&self) -> &dyn Provider;
}
