//! What starts a server that is thrown away afterwards, where its program is not installed: in a
//! container.
//!
//! Who knows the program ([`Wanted`]) and who knows containers ([`Starter`]) do not know each other;
//! the composition root hands the one to the other.

use crate::action::Fault;

/// A server, as who knows its program describes it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Images that have the program, by their names without a tag: the first that is there is taken.
    pub images: &'static [&'static str],
    /// This image and no other, with its tag: a person named it.
    pub image: Option<String>,
    /// The program.
    pub program: &'static str,
    /// Its arguments.
    pub args: Vec<String>,
    /// The port on which it listens there.
    pub port: u16,
}

/// Starts servers in containers of images that are there already. Its calls wait for their end: they
/// are not for tasks.
pub trait Starter: Send + Sync {
    /// The image that would be started, and where: `redis:7 in docker at unix:///var/run/docker.sock`.
    ///
    /// # Errors
    /// When there is none, with how to get one; when there is nobody to ask.
    fn find(&self, wanted: &Wanted) -> Result<String, Fault>;

    /// Starts it. Its port is published on the loopback interface.
    ///
    /// # Errors
    /// As [`Starter::find`], and when the container cannot be started.
    fn start(&self, wanted: &Wanted) -> Result<Box<dyn Started>, Fault>;
}

/// A server that was started. It is removed, with its data, when this is dropped.
pub trait Started: Send {
    /// Its port on the loopback interface.
    fn port(&self) -> u16;

    /// What it said last, once it has ended.
    fn ended(&self) -> Option<String>;

    /// Leaves it running; gives the command that ends it.
    fn keep(self: Box<Self>) -> String;
}
