//! Times and durations as people read them.

use rusqlite::Connection;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `21 Nov 14:05`, local time.
pub(super) fn moment(seconds: u64) -> String {
    // SQLite is linked anyway, and knows the time zone; a library for this would be one more.
    let local = Connection::open_in_memory().and_then(|connection| {
        connection.query_row(
            "SELECT strftime('%d', ?1, 'unixepoch', 'localtime'), strftime('%m', ?1, 'unixepoch', 'localtime'),
                    strftime('%H:%M', ?1, 'unixepoch', 'localtime')",
            [seconds],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
        )
    });
    let Ok((day, month, time)) = local else { return format!("{seconds} s after the epoch") };
    let month = month.parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"?");
    format!("{} {month} {time}", day.trim_start_matches('0'))
}

/// Times as log files have them, many of them.
pub(super) struct Calendar(Connection);

impl Calendar {
    pub(super) fn new() -> rusqlite::Result<Self> {
        Connection::open_in_memory().map(Self)
    }

    /// `2025-11-21T14:05:00`, in UTC.
    pub(super) fn utc(&self, seconds: u64) -> String {
        self.text("SELECT strftime('%Y-%m-%dT%H:%M:%S', ?1, 'unixepoch')", seconds).unwrap_or_default()
    }

    /// `21 Nov 14:05:00`, local time, of a time in UTC; that itself if it is none.
    pub(super) fn local(&self, utc: &str) -> String {
        let part = |sql| self.text(sql, utc);
        let month = part("SELECT strftime('%m', ?1, 'localtime')").and_then(|month| month.parse::<usize>().ok());
        let month = month.and_then(|month| MONTHS.get(month.checked_sub(1)?));
        let day = part("SELECT strftime('%d', ?1, 'localtime')");
        match (day, month, part("SELECT strftime('%H:%M:%S', ?1, 'localtime')")) {
            (Some(day), Some(month), Some(time)) => format!("{} {month} {time}", day.trim_start_matches('0')),
            _ => utc.to_owned(),
        }
    }

    fn text(&self, sql: &str, value: impl rusqlite::ToSql) -> Option<String> {
        self.0.prepare_cached(sql).and_then(|mut query| query.query_row([value], |row| row.get(0))).ok()?
    }
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

    #[test]
    fn a_moment_has_a_day_a_month_and_a_time() {
        let text = moment(1_763_733_900);
        let parts: Vec<_> = text.split(' ').collect();
        assert!(matches!(parts[..], ["21" | "22", "Nov", time] if time.len() == 5), "{text}");
    }
}
