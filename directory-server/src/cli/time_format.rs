//! Times, durations and sizes as administrators read them: local time, in the zone that is handed in.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `21 Nov 14:05`, of a time in seconds since the epoch.
pub(super) fn date_and_time(seconds: u64, zone: &TimeZone) -> String {
    let Some(time) = since_epoch(seconds) else { return format!("{seconds} s after the epoch") };
    time.to_zoned_datetime(zone.clone()).strftime("%-d %b %H:%M").to_string()
}

/// `2025-11-21T14:05:00`, in UTC, as log files have it.
pub(super) fn utc(since_epoch: Duration) -> String {
    self::since_epoch(since_epoch.as_secs()).map_or_else(String::new, |time| time.strftime("%FT%T").to_string())
}

/// `21 Nov 14:05:00`, of a time in UTC as log files have it; the text itself if it is none.
pub(super) fn local(utc: &str, zone: &TimeZone) -> String {
    let Ok(time) = utc.parse::<Timestamp>() else { return utc.to_owned() };
    time.to_zoned_datetime(zone.clone()).strftime("%-d %b %H:%M:%S").to_string()
}

fn since_epoch(seconds: u64) -> Option<Timestamp> {
    i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
}

/// `3 d 4 h`, the two largest units.
pub(super) fn duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, name) in units {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 s".into() } else { parts.join(" ") }
}

/// `1.2 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    let tenths = |unit: u64| (bytes * 10 + unit / 2) / unit;
    let shown = |unit: u64, name: &str| format!("{}.{} {name}", tenths(unit) / 10, tenths(unit) % 10);
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => shown(1000, "kB"),
        1_000_000..1_000_000_000 => shown(1_000_000, "MB"),
        _ => shown(1_000_000_000, "GB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_two_units_and_sizes_one_decimal() {
        assert_eq!(duration(3 * 86_400 + 4 * 3600 + 59), "3 d 4 h");
        assert_eq!(duration(61), "1 min 1 s");
        assert_eq!(duration(0), "0 s");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_200_000), "1.2 MB");
        assert_eq!(bytes(45_056), "45.1 kB");
    }

    /// A zone that turns its clocks, by rule and not by a file of this machine.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    #[test]
    fn a_time_is_local_before_and_after_the_clocks_are_turned() {
        for (seconds, utc, berlin) in [
            (1_763_733_900, "21 Nov 14:05", "21 Nov 15:05"),
            // 2025-03-30 and 2025-10-26, 01:00 UTC: the last second of one offset, and the first of the other.
            (1_743_296_399, "30 Mar 00:59", "30 Mar 01:59"),
            (1_743_296_400, "30 Mar 01:00", "30 Mar 03:00"),
            (1_761_440_399, "26 Oct 00:59", "26 Oct 02:59"),
            (1_761_440_400, "26 Oct 01:00", "26 Oct 02:00"),
            // Another day there.
            (1_767_223_800, "31 Dec 23:30", "1 Jan 00:30"),
        ] {
            assert_eq!(
                (date_and_time(seconds, &TimeZone::UTC), date_and_time(seconds, &self::berlin())),
                (utc.into(), berlin.into())
            );
        }
        assert_eq!(date_and_time(u64::MAX, &TimeZone::UTC), "18446744073709551615 s after the epoch");
    }

    #[test]
    fn a_time_of_the_log_becomes_local_and_anything_else_stays() {
        assert_eq!(local("2025-07-01T22:05:09.123456Z", &berlin()), "2 Jul 00:05:09");
        assert_eq!(local("2025-11-21T14:05:09Z", &TimeZone::UTC), "21 Nov 14:05:09");
        assert_eq!(local("yesterday", &berlin()), "yesterday");
        assert_eq!(utc(Duration::from_secs(1_763_733_900)), "2025-11-21T14:05:00");
    }
}
