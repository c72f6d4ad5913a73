//! Ctrl-C where no run listens to it: between the runs of a drill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use playbook_core::codes::Code;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::Failure;

/// Remembers that this process was told to stop, so that it can clear away what it made.
pub(crate) struct Interrupt {
    told: Arc<AtomicBool>,
}

impl Interrupt {
    /// From here on the process does not end by itself: [`Interrupt::check`] tells when it should.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::failed(
                Code::Internal,
                format!("signals cannot be heard: {error}"),
                "check the limits of this user",
            )
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let entered = runtime.enter();
        let [interrupt, terminate, hangup] = kinds.map(|kind| signal(kind).map_err(failed));
        drop(entered);
        let (interrupt, terminate, hangup) = (interrupt?, terminate?, hangup?);
        let told = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&told);
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                runtime.block_on(async move {
                    let (mut interrupt, mut terminate, mut hangup) = (interrupt, terminate, hangup);
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                    tell.store(true, Ordering::Relaxed);
                });
            })
            .map_err(failed)?;
        Ok(Self { told })
    }

    /// Ends what is under way if the process was told to stop.
    ///
    /// # Errors
    /// When it was.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.told.load(Ordering::Relaxed) { Err(Failure::cancelled()) } else { Ok(()) }
    }
}
