//! The real clock and real randomness.

use playbook_core::ports::{Clock, Now, Randomness};

/// The clocks of this machine.
pub struct SystemClock {
    boot: String,
}

impl SystemClock {
    /// Finds out which boot this is.
    pub fn new() -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        Self { boot: boot.map_or_else(|_| "unknown".into(), |id| id.trim().to_owned()) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        // CLOCK_BOOTTIME counts while the machine sleeps; see clock_gettime(2).
        #[cfg(target_os = "linux")]
        let id = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let id = rustix::time::ClockId::Monotonic;
        let time = rustix::time::clock_gettime(id);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        Now { wall: jiff::Timestamp::now(), mono_us: seconds * 1_000_000 + nanos / 1000 }
    }

    fn boot(&self) -> &str {
        &self.boot
    }
}

/// Randomness from the operating system's generator, good enough for jitter and ids.
pub struct Random;

impl Randomness for Random {
    fn next(&self) -> u64 {
        fastrand::u64(..)
    }
}
