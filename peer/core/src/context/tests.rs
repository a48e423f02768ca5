use common::testkit::Example;

use super::*;

#[test]
fn mail_holds_a_new_link_back_for_a_few_seconds_to_the_tick() {
    let (bianca, mut links) = (Example::Bianca.user().unwrap(), Links::default());
    links.insert(bianca.clone(), LinkId(1), Direction::Ours, 100);
    let mut held_at = |tick| {
        links.expire(tick);
        links.of(&bianca).unwrap().mail_first_until
    };
    assert_eq!(held_at(100 + MAIL_FIRST - 1), Some(100 + MAIL_FIRST));
    assert_eq!(held_at(100 + MAIL_FIRST), None);
    links.renew(200);
    assert_eq!(links.of(&bianca).unwrap().mail_first_until, Some(200 + MAIL_FIRST));
}
