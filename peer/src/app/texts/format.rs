//! Forms of values in texts: durations, addresses, the `list` table; days and clocks in the zone that is handed in, those
//! for programs in UTC.

use std::fmt::Display;

use common::ident::UserId;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use unicode_width::UnicodeWidthStr;

use peer_core::notice::{KeyState, ListedGroup, Person};

/// Characters of a text that are repeated when it is spoken of.
const QUOTED: usize = 30;

/// Why something failed, in words: the number that the system gives an error tells people nothing.
pub(crate) fn reason(why: impl Display) -> String {
    let why = why.to_string();
    match why.rsplit_once(" (os error ") {
        Some((words, number)) if number.trim_end_matches(')').bytes().all(|byte| byte.is_ascii_digit()) => {
            words.to_owned()
        }
        _ => why,
    }
}

/// The beginning of a text, on one line, to recognise it by.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted: String = text.chars().map(|c| if c == '\n' { ' ' } else { c }).take(QUOTED).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    quoted
}

/// ` Did you mean bianca?`, or nothing.
pub(crate) fn did_you_mean(near: Option<&UserId>) -> String {
    near.map(|near| format!(" Did you mean {near}?")).unwrap_or_default()
}

/// Seconds as `40 s`, `5 min` or `3 h`, rounded up: nobody is told to come back too early.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}

/// The day of a moment (seconds since the epoch) as `3 Nov`, in the zone of whoever reads it.
pub(crate) fn day(since_epoch: u64, zone: &TimeZone) -> String {
    local(since_epoch, zone).strftime("%-d %b").to_string()
}

/// The same as `Friday 20 November`.
pub(crate) fn long_day(since_epoch: u64, zone: &TimeZone) -> String {
    local(since_epoch, zone).strftime("%A %-d %B").to_string()
}

/// The time of day as `14:02`.
pub(crate) fn clock(since_epoch: u64, zone: &TimeZone) -> String {
    local(since_epoch, zone).strftime("%H:%M").to_string()
}

/// A moment (seconds since the epoch) as `3 Nov 14:02`.
pub(crate) fn moment(since_epoch: u64, zone: &TimeZone) -> String {
    local(since_epoch, zone).strftime("%-d %b %H:%M").to_string()
}

/// A moment as names of files have it: `2026-11-20-1402`, which sort as they came.
pub(crate) fn file_date(since_epoch: u64, zone: &TimeZone) -> String {
    local(since_epoch, zone).strftime("%F-%H%M").to_string()
}

/// What the zone is called at a moment: `CET`, or `-03` where its times have no name.
pub(crate) fn zone_name(since_epoch: u64, zone: &TimeZone) -> String {
    local(since_epoch, zone).strftime("%Z").to_string()
}

/// Whether two moments are on one day of whoever reads them.
pub(crate) fn is_same_day(one: u64, other: u64, zone: &TimeZone) -> bool {
    local(one, zone).date() == local(other, zone).date()
}

/// A moment (milliseconds since the epoch) as `2026-11-20T14:02:11.482Z` (RFC 3339), for programs: always UTC.
pub(crate) fn timestamp(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    time.unwrap_or(Timestamp::MAX).strftime("%FT%T.%3fZ").to_string()
}

/// A moment in a zone. One too far away for any calendar, as somebody else may send it, becomes the last there is.
pub(crate) fn local(since_epoch: u64, zone: &TimeZone) -> ZonedDateTime {
    let time = i64::try_from(since_epoch).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or(Timestamp::MAX).to_zoned_datetime(zone.clone())
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
pub(crate) fn people(
    people: &[Person],
    groups: &[ListedGroup],
    gone: impl Fn(&UserId) -> Option<u64>,
    zone: &TimeZone,
) -> Vec<String> {
    // The least widths keep the table the same from one call to the next.
    let mut widths = [8, 24];
    let row = |id: &str, state: String, key: &str| [id.to_owned(), state, key.to_owned()];
    let people =
        people.iter().map(|person| row(person.user.as_str(), state(person, gone(&person.user), zone), key(person.key)));
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

fn state(person: &Person, gone: Option<u64>, zone: &TimeZone) -> String {
    let there = match (&person.away, person.online_since) {
        (Some(text), Some(_)) if text.is_empty() => "away".to_owned(),
        (Some(text), Some(_)) => format!("away: {}", quoted(text)),
        (None, Some(_)) => "online".to_owned(),
        (_, None) => gone.map_or_else(|| "offline".to_owned(), |since| format!("offline since {}", day(since, zone))),
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

/// Users, one after another.
pub(crate) fn listed(users: &[UserId]) -> String {
    users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ")
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
    fn a_reason_has_no_number_of_the_system() {
        let missing = std::io::Error::from_raw_os_error(2);
        assert!(missing.to_string().contains("os error"));
        assert_eq!(reason(missing), "No such file or directory");
        assert_eq!(reason("not a file (os error x)"), "not a file (os error x)");
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
        assert_eq!(day(0, &TimeZone::UTC), "1 Jan");
        assert_eq!(day(951_782_400, &TimeZone::UTC), "29 Feb");
        assert_eq!(day(951_868_800, &TimeZone::UTC), "1 Mar");
        assert_eq!(day(1_793_663_999, &TimeZone::UTC), "2 Nov");
        assert_eq!(day(1_793_664_000, &TimeZone::UTC), "3 Nov");
        assert_eq!(day(1_798_761_599, &TimeZone::UTC), "31 Dec");
    }

    /// A zone that turns its clocks, by rule and not by a file of this machine.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    #[test]
    fn what_is_shown_is_local_before_and_after_the_clocks_are_turned() {
        for (seconds, there, long, name) in [
            // 2026-03-29 and 2026-10-25, 01:00 UTC: the last second of one offset, and the first of the other.
            (1_774_745_999, "29 Mar 01:59", "Sunday 29 March", "CET"),
            (1_774_746_000, "29 Mar 03:00", "Sunday 29 March", "CEST"),
            (1_792_889_999, "25 Oct 02:59", "Sunday 25 October", "CEST"),
            (1_792_890_000, "25 Oct 02:00", "Sunday 25 October", "CET"),
            // Another day there, in winter and in summer.
            (1_798_759_800, "1 Jan 00:30", "Friday 1 January", "CET"),
            (1_782_858_600, "1 Jul 00:30", "Wednesday 1 July", "CEST"),
        ] {
            let zone = berlin();
            assert_eq!(moment(seconds, &zone), there);
            assert_eq!(format!("{} {}", day(seconds, &zone), clock(seconds, &zone)), there);
            assert_eq!((long_day(seconds, &zone), zone_name(seconds, &zone)), (long.into(), name.into()));
        }
        // 22:59 and 23:00 UTC of 31 December.
        assert!(!is_same_day(1_798_757_999, 1_798_758_000, &berlin()));
        assert!(is_same_day(1_798_757_999, 1_798_758_000, &TimeZone::UTC));
        assert_eq!(moment(1_798_759_800, &TimeZone::UTC), "31 Dec 23:30");
        assert_eq!(file_date(1_798_759_800, &berlin()), "2027-01-01-0030");
    }

    #[test]
    fn a_moment_that_no_calendar_has_keeps_its_form() {
        assert_eq!((clock(u64::MAX, &berlin()).len(), day(u64::MAX, &berlin()).as_str()), (5, "30 Dec"));
        assert!(timestamp(u64::MAX).starts_with("9999-12-30T"));
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
            chosen: true,
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
            &TimeZone::UTC,
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
