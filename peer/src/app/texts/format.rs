//! Forms of values in texts: durations, days, addresses, the `list` table.

use common::ident::UserId;
use unicode_width::UnicodeWidthStr;

use peer_core::notice::{KeyState, ListedGroup, Person};

const LONG_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SECONDS_PER_DAY: u64 = 86_400;

/// Characters of a text that are repeated when it is spoken of.
const QUOTED: usize = 30;

/// The beginning of a text, on one line, to recognise it by.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted: String = text.chars().map(|c| if c == '\n' { ' ' } else { c }).take(QUOTED).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    quoted
}

/// Seconds as `40 s`, `5 min` or `3 h`, rounded up: nobody is told to come back too early.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}

/// The day of a moment (seconds since the epoch, UTC) as `3 Nov`.
pub(crate) fn day(since_epoch: u64) -> String {
    let (_, month, day) = civil(since_epoch / SECONDS_PER_DAY);
    format!("{day} {}", name_of(month, &MONTHS))
}

/// The same as `Friday 20 November`.
pub(crate) fn long_day(since_epoch: u64) -> String {
    let (_, month, day) = civil(since_epoch / SECONDS_PER_DAY);
    // The first day of the epoch was a Thursday.
    let weekday = name_of(since_epoch / SECONDS_PER_DAY % 7 + 1, &WEEKDAYS);
    format!("{weekday} {day} {}", name_of(month, &LONG_MONTHS))
}

/// The time of day (UTC) as `14:02`.
pub(crate) fn clock(since_epoch: u64) -> String {
    let minutes = since_epoch % SECONDS_PER_DAY / 60;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The name of a month or a day, counted from one.
fn name_of(number: u64, names: &[&'static str]) -> &'static str {
    let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    place.and_then(|place| names.get(place)).copied().unwrap_or_default()
}

/// A moment (milliseconds since the epoch) as `2026-11-20T14:02:11.482Z` (RFC 3339).
pub(crate) fn timestamp(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (year, month, day) = civil(seconds / SECONDS_PER_DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", milliseconds % 1000)
}

/// Year, month (from 1) and day (from 1) of a day since the epoch, in years that begin on 1 March so that the leap day is
/// the last one (Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12 + 1;
    let year = year_of_era + days / 146_097 * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// A moment (seconds since the epoch, UTC) as `3 Nov 14:02`.
pub(crate) fn moment(since_epoch: u64) -> String {
    format!("{} {}", day(since_epoch), clock(since_epoch))
}

/// `1 message`, `2 messages`.
pub(crate) fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `dir.example.org:7420` as people would type it.
pub(crate) fn without_default_port(server: &str) -> &str {
    server
        .rsplit_once(':')
        .filter(|(_, port)| port.parse() == Ok(common::limits::DIRECTORY_PORT))
        .map_or(server, |(host, _)| host)
}

/// Rows of cells below a heading, the cells of a column filled up to the same width.
pub(crate) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> Vec<[String; N]> {
    let rows = || std::iter::once(heading).chain(rows.iter().map(|row| row.each_ref().map(String::as_str)));
    let widths: [usize; N] =
        std::array::from_fn(|column| rows().map(|row| row[column].width()).max().unwrap_or_default());
    let filled = |row: [&str; N]| {
        std::array::from_fn(|column| {
            let cell = row[column];
            format!("{cell}{}", " ".repeat(widths[column].saturating_sub(cell.width())))
        })
    };
    rows().map(filled).collect()
}

/// The `list` table, the heading first; `gone` says since when somebody is not there, where that is known.
pub(crate) fn people(people: &[Person], groups: &[ListedGroup], gone: impl Fn(&UserId) -> Option<u64>) -> Vec<String> {
    // The least widths keep the table the same from one call to the next.
    let mut widths = [8, 24];
    let row = |id: &str, state: String, key: &str| [id.to_owned(), state, key.to_owned()];
    let people =
        people.iter().map(|person| row(person.user.as_str(), state(person, gone(&person.user)), key(person.key)));
    let groups = groups.iter().map(|group| row(&group.group.to_string(), group_state(group), &admins(group)));
    let rows: Vec<[String; 3]> =
        std::iter::once(row("ID", "STATE".to_owned(), "KEY")).chain(people).chain(groups).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let [id_width, state_width] = widths;
    rows.iter().map(|[id, state, key]| format!("{id:id_width$}  {state:state_width$}  {key}")).collect()
}

fn state(person: &Person, gone: Option<u64>) -> String {
    let there = match (&person.away, person.online_since) {
        (Some(text), Some(_)) if text.is_empty() => "away".to_owned(),
        (Some(text), Some(_)) => format!("away: {}", quoted(text)),
        (None, Some(_)) => "online".to_owned(),
        (_, None) => gone.map_or_else(|| "offline".to_owned(), |since| format!("offline since {}", day(since))),
    };
    with_unread(there, person.unread)
}

fn group_state(group: &ListedGroup) -> String {
    let mut state = format!("{}, {} online", count(group.members, "member", "members"), group.online);
    if group.waiting > 0 {
        state.push_str(&format!(", {} ask to join", group.waiting));
    }
    with_unread(state, group.unread)
}

fn with_unread(state: String, unread: usize) -> String {
    match unread {
        0 => state,
        unread => format!("{state}, {}", count(unread, "new message", "new messages")),
    }
}

fn admins(group: &ListedGroup) -> String {
    let admins: Vec<&str> = group.admins.iter().map(common::ident::UserId::as_str).collect();
    format!("{}: {}", if admins.len() == 1 { "admin" } else { "admins" }, admins.join(", "))
}

fn key(key: KeyState) -> &'static str {
    match key {
        KeyState::Verified => "verified",
        KeyState::NotVerified => "not verified",
        KeyState::Changed => "changed",
        KeyState::Blocked => "blocked",
    }
}

#[cfg(test)]
mod tests {
    use common::ident::GroupName;

    use super::*;

    #[test]
    fn long_texts_are_recognised_by_their_beginning() {
        assert_eq!(quoted("one\ntwo"), "one two");
        assert_eq!(quoted(&"é".repeat(31)), format!("{}…", "é".repeat(30)));
    }

    #[test]
    fn durations_are_rounded_up() {
        assert_eq!(duration(10), "10 s");
        assert_eq!(duration(300), "5 min");
        assert_eq!(duration(241), "5 min");
        assert_eq!(duration(86_400), "24 h");
    }

    #[test]
    fn days_are_right_around_the_leap_day_and_the_new_year() {
        assert_eq!(day(0), "1 Jan");
        assert_eq!(day(951_782_400), "29 Feb");
        assert_eq!(day(951_868_800), "1 Mar");
        assert_eq!(day(1_793_663_999), "2 Nov");
        assert_eq!(day(1_793_664_000), "3 Nov");
        assert_eq!(day(1_798_761_599), "31 Dec");
    }

    #[test]
    fn moments_for_programs_are_those_of_the_standard() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(951_782_400_001), "2000-02-29T00:00:00.001Z");
        assert_eq!(timestamp(1_763_647_331_482), "2025-11-20T14:02:11.482Z");
        assert_eq!(timestamp(1_798_761_599_999), "2026-12-31T23:59:59.999Z");
    }

    #[test]
    fn the_default_port_is_left_out_where_people_type() {
        assert_eq!(without_default_port("dir.example.org:7420"), "dir.example.org");
        assert_eq!(without_default_port("dir.example.org:1"), "dir.example.org:1");
        assert_eq!(without_default_port("[::1]:7420"), "[::1]");
    }

    #[test]
    fn the_table_has_the_columns_of_the_manual() {
        let person = |id: &str, online_since, away: Option<&str>, unread, key| Person {
            user: UserId::parse(id).unwrap(),
            online_since,
            away: away.map(str::to_owned),
            unread,
            key,
        };
        let team = ListedGroup {
            group: GroupName::parse("team").unwrap(),
            members: 5,
            online: 2,
            admins: vec![UserId::parse("bianca").unwrap()],
            unread: 0,
            waiting: 0,
        };
        let table = people(
            &[
                person("bianca", Some(1), None, 0, KeyState::Verified),
                person("carol", Some(1), None, 3, KeyState::NotVerified),
                person("dave", Some(1), Some("lunch"), 0, KeyState::NotVerified),
                person("erin", None, None, 0, KeyState::Verified),
            ],
            &[team],
            |user| (user.as_str() == "erin").then_some(1_795_132_800),
        );
        assert_eq!(
            table,
            [
                "ID        STATE                     KEY",
                "bianca    online                    verified",
                "carol     online, 3 new messages    not verified",
                "dave      away: lunch               not verified",
                "erin      offline since 20 Nov      verified",
                "#team     5 members, 2 online       admin: bianca",
            ]
        );
    }
}
