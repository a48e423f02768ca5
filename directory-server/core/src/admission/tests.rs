//! Who gets a place among the half-open connections, and who loses one.

use std::net::{IpAddr, Ipv6Addr};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_000);

/// Each in a network of its own.
fn source(n: usize) -> Source {
    of_network(n, 1)
}

fn of_network(network: usize, n: usize) -> Source {
    let (network, n) = (u32::try_from(network).unwrap(), u32::try_from(n).unwrap());
    Source::of(IpAddr::V4((0x0a00_0000 + (network << 8) + n).into()))
}

fn stranger(source: Source) -> Turn {
    Turn(Belonging { standing: Standing::Stranger, source })
}

/// Each connection is a number, its own and its owner's.
type Numbered = Admission<usize, usize>;

/// A newcomer who gets a place, and whom it was taken from; nothing if it waits.
fn comes(admission: &mut Numbered, from: usize, now: Timestamp, number: usize) -> Option<(Place, Option<usize>)> {
    comes_from(admission, source(from), now, number)
}

/// Whoever has to leave does so at once.
fn comes_from(admission: &mut Numbered, from: Source, now: Timestamp, number: usize) -> Option<(Place, Option<usize>)> {
    let (enters, evicted) = admits(admission, from, now, number).unwrap();
    let (turn, entering) = enters?;
    let place = admission.enter(turn, now, entering);
    (entering == number).then_some((place, evicted))
}

type Admits = (Option<(Turn, usize)>, Option<usize>);

fn admits(admission: &mut Numbered, from: Source, now: Timestamp, number: usize) -> Result<Admits, Crowded> {
    let Admitted { enters, evicted } = admission.admit(from, now, number, usize::MAX)?;
    let Some((place, evicted)) = evicted else { return Ok((enters, None)) };
    assert_eq!(enters, None, "its place is taken until it has left");
    Ok((admission.release(place), Some(evicted)))
}

/// As many as there is room for, and more who come again whenever they are turned away; numbered from 0.
fn crowd(of: impl Fn(usize) -> Source) -> Numbered {
    let mut admission = Admission::default();
    for n in 0..10_000 {
        if let Ok((Some((turn, number)), _)) = admits(&mut admission, of(n), NOW, n) {
            admission.enter(turn, NOW, number);
        }
    }
    assert_eq!(admission.half_open(), HALF_OPEN);
    assert!(admission.turns.len() > WAITING / 2);
    admission
}

#[test]
fn one_source_keeps_eight_and_hinders_nobody_else() {
    let mut admission = Admission::default();
    let admitted: Vec<_> = (0..8).map(|n| comes(&mut admission, 2, NOW, n).unwrap().0).collect();
    assert_eq!(admitted.len(), HALF_OPEN_PER_SOURCE);
    assert_eq!(admission.admit(source(2), NOW, 8, usize::MAX), Err(Crowded::Source));
    assert!(comes(&mut admission, 3, NOW, 9).is_some());
    assert_eq!(admission.release(admitted[0]), None);
    assert!(comes(&mut admission, 2, NOW, 10).is_some());
}

#[test]
fn where_all_places_are_taken_the_oldest_of_the_most_crowded_source_makes_room() {
    let mut admission = Admission::default();
    let crowd = HALF_OPEN / HALF_OPEN_PER_SOURCE;
    for n in 0..HALF_OPEN {
        assert_eq!(comes(&mut admission, n % crowd, NOW, n).unwrap().1, None);
    }
    let (honest, evicted) = comes(&mut admission, 1_000, NOW, usize::MAX).unwrap();
    assert_eq!(evicted, Some(0));
    // Those who were sent away come again, for as long as they like.
    for n in 0..100 * HALF_OPEN {
        if let Ok((enters, evicted)) = admits(&mut admission, source(n % crowd), NOW, n) {
            assert_ne!(evicted, Some(usize::MAX), "the honest one stays");
            enters.map(|(from, number)| admission.enter(from, NOW, number));
        }
        assert!(admission.half_open() <= HALF_OPEN);
    }
    let before = admission.half_open();
    admission.release(honest);
    admission.release(honest);
    assert_eq!(admission.half_open(), before - 1, "once");
}

#[test]
fn a_thousand_at_once_from_a_thousand_sources_get_their_places_in_order() {
    let mut admission = Admission::default();
    let mut places: Vec<Place> = (0..1_000).filter_map(|n| Some(comes(&mut admission, n, NOW, n)?.0)).collect();
    assert_eq!(places.len(), HALF_OPEN, "nobody lost a place");
    for n in HALF_OPEN..1_000 {
        let next = admission.release(places[n - HALF_OPEN]);
        assert_eq!(next, Some((stranger(source(n)), n)));
        places.push(admission.enter(stranger(source(n)), NOW, n));
    }
    assert_eq!(admission.release(places[900]), None);
}

#[test]
fn those_who_stand_in_the_door_make_room_after_a_while_and_for_new_sources_first() {
    let mut admission = Admission::default();
    for n in 0..HALF_OPEN {
        comes(&mut admission, n, NOW, n).unwrap();
    }
    // All of them come again, and then somebody else.
    (0..HALF_OPEN).for_each(|n| assert_eq!(comes(&mut admission, n, NOW, n), None));
    assert_eq!(comes(&mut admission, 1_000, NOW, 1_000), None);
    let later = NOW + PATIENCE;
    assert_eq!(
        admits(&mut admission, source(1_001), later, 1_001).unwrap(),
        (Some((stranger(source(1_000)), 1_000)), Some(0))
    );
}

#[test]
fn who_waits_is_bounded_and_those_of_a_source_with_many_go_first() {
    let mut admission = Admission::default();
    let sources = (HALF_OPEN + WAITING) / 2;
    for n in 0..HALF_OPEN + WAITING {
        comes(&mut admission, n % sources, NOW, n);
    }
    assert_eq!(admission.turns.len(), WAITING);
    assert_eq!(admission.admit(source(1), NOW, 1, usize::MAX), Err(Crowded::Everywhere), "the third of its source");
    comes(&mut admission, sources, NOW, 2);
    assert_eq!(admission.turns.len(), WAITING);
    assert_eq!(admission.turns.of_source(source(sources)), 1);
    assert!(admission.turns.waiting().any(|number| *number == 2));
}

#[test]
fn where_there_may_be_no_more_connections_those_who_have_been_here_come_before_those_who_wait() {
    let mut admission = Numbered::default();
    assert_eq!(admission.admit(source(1), NOW, 0, 0), Err(Crowded::Everywhere), "nobody waits who could go");
    admission.remember(source(20_000));
    for n in 0..HALF_OPEN + 100 {
        comes(&mut admission, n, NOW, n);
    }
    assert_eq!(admission.turns.len(), 100);
    let later = NOW + PATIENCE_WITH_THE_IDLE;
    let Admitted { enters, evicted } = admission.admit(source(20_000), later, 20_000, 0).unwrap();
    assert_eq!((enters, admission.turns.len()), (None, 100), "a stranger who waited has gone");
    let (place, _) = evicted.unwrap();
    assert_eq!(admission.release(place).unwrap().1, 20_000);
}

#[test]
fn released_connections_leave_nothing_behind() {
    let mut admission = Admission::default();
    let places: Vec<_> = (0..100).map(|n| comes(&mut admission, n / 2, NOW, n).unwrap().0).collect();
    for place in places {
        admission.release(place);
    }
    assert_eq!(admission.half_open(), 0);
    assert!(admission.turns.is_empty());
}

#[test]
fn a_crowd_of_a_few_networks_does_not_keep_others_waiting() {
    let mut admission = crowd(|n| of_network(n / 2_000, n / 8 % 250));
    for n in 0..100 {
        let (place, evicted) = comes(&mut admission, 1_000 + n, NOW, 20_000).unwrap();
        assert!(evicted.unwrap() < 10_000);
        admission.release(place);
        comes(&mut admission, 1_000 + n, NOW, 20_000).unwrap();
    }
    assert_eq!(comes_from(&mut admission, of_network(1, 255), NOW, 30_000), None, "from among them");
}

#[test]
fn whence_somebody_has_logged_in_before_one_does_not_wait_behind_a_crowd_from_everywhere() {
    let mut admission = crowd(|n| source(n / 8));
    assert_eq!(comes(&mut admission, 5_000, NOW, 20_000), None, "as far away as everybody else");
    admission.remember(source(6_000));
    let (place, evicted) = comes(&mut admission, 6_000, NOW, 20_001).unwrap();
    assert!(evicted.is_some_and(|evicted| evicted < 10_000));
    // The others come again and again, and take that place from nobody.
    for n in 0..10_000 {
        if let Ok((enters, evicted)) = admits(&mut admission, source(n / 8), NOW + PATIENCE_WITH_THE_IDLE, n) {
            assert_ne!(evicted, Some(20_001));
            enters.map(|(turn, number)| admission.enter(turn, NOW + PATIENCE_WITH_THE_IDLE, number));
        }
        admission.begin(place);
    }
    // And half of the places is all there is for those who are known.
    let more = 10_000..14_000;
    more.clone().for_each(|n| admission.remember(source(n)));
    let known = more.filter(|n| comes(&mut admission, *n, NOW + PATIENCE_WITH_THE_IDLE, 30_000).is_some()).count();
    assert!((HALF_OPEN / 2 - 2..=HALF_OPEN / 2).contains(&known), "{known}");
}

#[test]
fn a_site_has_sixty_four_and_a_provider_no_more_turns_than_another() {
    let of = |provider: u16, site: u16, n: u16| Source::of(Ipv6Addr::new(0x2001, provider, site, n, 0, 0, 0, 1).into());
    let mut admission = Numbered::default();
    (0..HALF_OPEN_PER_SITE as u16).for_each(|n| assert!(comes_from(&mut admission, of(1, 1, n), NOW, 0).is_some()));
    assert_eq!(admission.admit(of(1, 1, 1_000), NOW, 0, usize::MAX), Err(Crowded::Source));
    // One provider's sites fill the house, and whoever comes from another one comes next.
    let site = |n: usize| u16::try_from(n / HALF_OPEN_PER_SITE).unwrap();
    let mut admission = crowd(|n| of(1, site(n), u16::try_from(n % HALF_OPEN_PER_SITE).unwrap()));
    assert!(comes_from(&mut admission, of(2, 1, 1), NOW, 20_000).unwrap().1.is_some());
    // Within it, a site with one place comes before those with more.
    assert!(comes_from(&mut admission, of(1, 1_000, 1), NOW, 20_001).unwrap().1.is_some());
}

#[test]
fn whoever_has_begun_nothing_has_two_seconds_and_whoever_has_five_while_others_wait() {
    let mut admission = Numbered::default();
    let places: Vec<_> = (0..HALF_OPEN).map(|n| comes(&mut admission, n, NOW, n).unwrap().0).collect();
    admission.begin(places[0]);
    assert!(!admission.must_leave(places[1], NOW + LOGIN_DEADLINE), "nobody waits");
    assert_eq!(comes(&mut admission, 1_000, NOW, 1_000), None);
    assert_eq!(comes(&mut admission, 1_001, NOW, 1_001), None);
    let mut must_leave = |place: usize, after| admission.must_leave(places[place], NOW + after);
    let moment = Duration::from_nanos(1);
    assert!(!must_leave(1, PATIENCE_WITH_THE_IDLE - moment) && must_leave(1, PATIENCE_WITH_THE_IDLE));
    assert!(!must_leave(0, PATIENCE - moment) && must_leave(0, PATIENCE));
    assert!(!must_leave(2, LOGIN_DEADLINE), "two wait, and two leave");
    let (turn, number) = admission.release(places[0]).unwrap();
    assert_eq!(turn, stranger(source(1_000)));
    admission.enter(turn, NOW, number);
    let (place, _) =
        admission.admit(source(1_002), NOW + PATIENCE_WITH_THE_IDLE, 1_002, usize::MAX).unwrap().evicted.unwrap();
    assert_eq!(place, places[2], "the oldest that stays");
}

#[test]
fn nobody_has_to_leave_for_whom_nobody_waits_and_a_place_is_taken_until_it_is_left() {
    let mut admission = Numbered::default();
    for n in 0..HALF_OPEN {
        comes(&mut admission, n / 8, NOW, n).unwrap();
    }
    let first = admission.admit(source(1_000), NOW, 1_000, usize::MAX).unwrap();
    let second = admission.admit(source(1_001), NOW, 1_001, usize::MAX).unwrap();
    assert_eq!((first.enters, second.enters), (None, None));
    let (first, second) = (first.evicted.unwrap(), second.evicted.unwrap());
    assert_ne!(first, second);
    assert_eq!(admission.half_open(), HALF_OPEN);
    assert_eq!(admission.release(first.0), Some((stranger(source(1_000)), 1_000)));
    assert_eq!(admission.release(second.0), Some((stranger(source(1_001)), 1_001)));
}

#[test]
fn what_waits_for_more_has_a_bound_and_whoever_has_most_of_it_goes() {
    const SHARE: usize = HALF_OPEN_BYTES / 64;
    let mut admission = Numbered::default();
    // Four of each source, and one that has little.
    let places: Vec<_> = (0..64).map(|n| comes(&mut admission, n / 4, NOW, n).unwrap().0).collect();
    let (honest, _) = comes(&mut admission, 1_000, NOW, 1_000).unwrap();
    places.iter().for_each(|place| assert_eq!(admission.wait_for_more(*place, SHARE), None));
    assert_eq!(admission.wait_for_more(places[5], SHARE - 1_000), None);
    assert_eq!(admission.wait_for_more(honest, 1_000), None, "no byte too many");
    let gone = admission.wait_for_more(honest, 1_001).unwrap();
    assert!(places.contains(&gone.0) && !(4..8).contains(&gone.1), "one of a source that has most: {}", gone.1);
    // What goes is counted no longer, and counted once.
    assert_eq!(admission.wait_for_more(gone.0, HALF_OPEN_BYTES), None);
    assert_eq!(admission.release(gone.0), None);
    assert_eq!(admission.wait_for_more(honest, SHARE + 1_000), None);
    // Who has more alone than others together goes, though it has come last.
    assert_eq!(admission.wait_for_more(honest, 5 * SHARE).map(|gone| gone.1), Some(1_000));
    // And what has been handled or has left makes room.
    assert_eq!(admission.release(places[5]), None);
    let (late, _) = comes(&mut admission, 1_001, NOW, 1_001).unwrap();
    assert_eq!(admission.wait_for_more(late, 2 * SHARE), None);
    assert_eq!(admission.wait_for_more(late, 0), None);
    let (later, _) = comes(&mut admission, 1_002, NOW, 1_002).unwrap();
    assert_eq!(admission.wait_for_more(later, 2 * SHARE), None);
}

#[test]
fn many_networks_of_a_site_count_together() {
    let of = |site: u16, n: u16| Source::of(Ipv6Addr::new(0x2001, 0xdb8, site, n, 0, 0, 0, 1).into());
    let mut admission = Numbered::default();
    let mut enter = |source| comes_from(&mut admission, source, NOW, usize::from(source == of(1, 1))).unwrap().0;
    let (large, small): (Place, Vec<Place>) = (enter(of(1, 1)), (0..8).map(|n| enter(of(2, n))).collect());
    assert_eq!(admission.wait_for_more(large, HALF_OPEN_BYTES / 3), None);
    let gone = small.iter().find_map(|place| admission.wait_for_more(*place, HALF_OPEN_BYTES / 8));
    assert_eq!(gone.map(|gone| gone.1), Some(0), "one of the site's");
}

#[test]
fn a_login_that_was_begun_is_not_thrown_out_before_its_time_also_where_its_source_has_too_many() {
    let mut admission = Numbered::default();
    let places: Vec<_> = (0..HALF_OPEN).map(|n| comes(&mut admission, n / 8, NOW, n).unwrap().0).collect();
    places.iter().for_each(|place| admission.begin(*place));
    let soon = NOW + PATIENCE_WITH_THE_IDLE;
    assert_eq!(
        admits(&mut admission, source(1_000), soon, 1_000).unwrap(),
        (None, None),
        "a login is under way in each"
    );
    // Where one of the source with the most has begun nothing, that one makes room, however old the others are.
    let first = admission.release(places[8]).unwrap();
    assert_eq!(first, (stranger(source(1_000)), 1_000));
    admission.enter(stranger(source(0)), soon, 2_000);
    let evicted = (Some((stranger(source(1_001)), 1_001)), Some(2_000));
    assert_eq!(admits(&mut admission, source(1_001), soon, 1_001).unwrap(), evicted);
    admission.enter(stranger(source(1_001)), soon, 1_001);
    assert_eq!(
        admits(&mut admission, source(1_002), NOW + PATIENCE, 1_002).unwrap().1,
        Some(16),
        "it has had its time"
    );
}
