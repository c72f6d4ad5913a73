//! One connection with one request on it: the engine may be restarted at any moment, and a connection
//! that was kept would only be found broken by a request that may or may not have arrived.

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use playbook_core::action::Fault;
use tokio::task::JoinHandle;

use super::connect::{Connection, connect};
use super::open::{Opened, Road};
use super::ssh::Words;
use crate::docker::faults;

/// A connection to the engine.
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    words: Option<Words>,
    _driver: Driver,
}

/// Moves the bytes; ends with the connection.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    /// Connects. What goes wrong here, no request was part of.
    pub(super) async fn open(opened: &Opened) -> Result<Self, Fault> {
        let Connection { stream, words } = connect(opened).await?;
        let made = handshake(TokioIo::new(stream)).await;
        let (sender, driver) = made.map_err(|error| faults::lost(&error.to_string(), &opened.host, false))?;
        let driver = tokio::spawn(async move {
            // How it ended, whoever waits for an answer is told.
            let _ = driver.with_upgrades().await;
        });
        let mut link = Self { sender, words, _driver: Driver(driver) };
        if link.words.is_some() {
            link.knock(opened).await?;
        }
        Ok(link)
    }

    /// Is there an engine at the other end of the program? A program that was started has reached nobody yet.
    async fn knock(&mut self, opened: &Opened) -> Result<(), Fault> {
        let request = Request::get("/_ping").header(hyper::header::HOST, host(opened)).body(Full::default());
        let request = request.map_err(|error| faults::internal(error.to_string()))?;
        let answered = async {
            let answer = self.send(request).await?;
            answer.into_body().collect().await.map_err(|error| words(&error))
        };
        match answered.await {
            Ok(_) => Ok(()),
            Err(why) => Err(faults::unlinked(&self.why(why).await, &opened.host)),
        }
    }

    /// Sends a request, and waits for the head of the answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, String> {
        self.sender.ready().await.map_err(|error| words(&error))?;
        self.sender.send_request(request).await.map_err(|error| words(&error))
    }

    /// Why it broke: what the program says that it goes through, if it says anything.
    pub(super) async fn why(&self, error: String) -> String {
        let Some(words) = &self.words else { return error };
        let said = words.last().await;
        if said.is_empty() { error } else { format!("ssh says: {said}") }
    }
}

/// The host of a request. No engine looks at it, and HTTP needs one.
pub(super) fn host(opened: &Opened) -> String {
    match &opened.road {
        Road::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
        Road::Tcp { host, port, .. } => format!("{host}:{port}"),
        _ => "docker".into(),
    }
}

/// An error and its causes in one line.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}
