//! Recorded times in the zone that a reader asked for.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Shows times in one zone. What cannot be read as a time is shown as it is.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    zone: TimeZone,
}

impl Clock {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    fn zoned(&self, time: &str) -> Option<Zoned> {
        Some(time.parse::<Timestamp>().ok()?.to_zoned(self.zone.clone()))
    }

    fn format(&self, time: &str, format: &str) -> String {
        self.zoned(time).map_or_else(|| time.to_owned(), |zoned| zoned.strftime(format).to_string())
    }

    /// `2026-11-21 03:00:00 +00:00`.
    pub(super) fn full(&self, time: &str) -> String {
        self.format(time, "%Y-%m-%d %H:%M:%S %:z")
    }

    /// `2026-11-21, UTC+05:30`: lines under one such heading share a date and an offset.
    pub(super) fn day(&self, time: &str) -> String {
        self.format(time, "%Y-%m-%d, UTC%:z")
    }

    /// `03:00:00`.
    pub(super) fn time(&self, time: &str) -> String {
        self.format(time, "%H:%M:%S")
    }

    /// `Asia/Kolkata (+05:30)`, with each offset that the times have.
    pub(super) fn name<'t>(&self, times: impl IntoIterator<Item = &'t str>) -> String {
        let mut offsets: Vec<String> = Vec::new();
        for time in times {
            let offset = self.format(time, "%:z");
            if self.zoned(time).is_some() && !offsets.contains(&offset) {
                offsets.push(offset);
            }
        }
        let name = if self.zone == TimeZone::UTC { Some("UTC") } else { self.zone.iana_name() };
        match (name, offsets.is_empty()) {
            (Some(name), true) => name.to_owned(),
            (Some(name), false) => format!("{name} ({})", offsets.join(", then ")),
            (None, _) => format!("UTC{}", offsets.join(", then UTC")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_with_two_offsets_names_both() {
        let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
        let clock = Clock::new(zone);
        let times = ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"];
        assert_eq!(times.map(|time| clock.time(time)), ["01:30:00", "01:30:00"]);
        assert_eq!(times.map(|time| clock.day(time)), ["2026-11-01, UTC-04:00", "2026-11-01, UTC-05:00"]);
        assert_eq!(clock.name(times), "UTC-04:00, then UTC-05:00");
        assert_eq!(Clock::new(TimeZone::UTC).name(times), "UTC (+00:00)");
        assert_eq!(Clock::new(TimeZone::UTC).full("soon"), "soon");
    }
}
