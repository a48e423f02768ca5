//! A directory that goes on from an older state: how it is found, and what is made anew once.

use common::ident::DirectoryGeneration;
use common::msg::MailboxState;

use super::{Stage, confirms, item, opened, state};
use crate::context::Session;
use crate::event::Effect;
use crate::mailbox::Mailbox;
use crate::persistence::Rows;
use crate::request::{DeliveryRequest, GroupRequest, Request};

/// What a terminal does that finds the directory to go on from an older state.
fn goes_back() -> [Request; 2] {
    [Request::Delivery(DeliveryRequest::StoredLost), Request::Group(GroupRequest::Restored { has_packages: false })]
}

#[test]
fn a_directory_whose_numbers_have_fallen_or_whose_memory_has_another_name_goes_on_from_an_older_state() {
    // What the directory says this time: acked, written, its name; whether that is older than what it said before.
    let table = [
        (5, 5, Some(1), false),
        (6, 6, Some(1), false),
        (4, 5, Some(1), true),
        (5, 4, Some(1), true),
        (5, 5, Some(2), true),
        (9, 9, Some(2), true),
        (5, 5, None, false),
    ];
    for (row, (acked, written, name, is_older)) in table.into_iter().enumerate() {
        let mut stage = Stage::new(&Rows::new());
        let told = |stage: &mut Stage, acked, written, name: Option<u8>| {
            if let Some(name) = name {
                stage.mailbox.handle_generation(DirectoryGeneration([name; 16]));
            }
            stage.mailbox.handle_session();
            stage.mailbox.handle_state(&mut stage.cx, MailboxState { acked, written, ..state(1) })
        };
        (stage.mailbox.counters.acked, stage.mailbox.counters.written) = (6, 6);
        assert_eq!(told(&mut stage, 5, 5, Some(1)), [], "row {row}: at first");
        let kept = stage.kept();
        let counters =
            [b"acked", b"written".as_slice()].map(|name| (name.to_vec(), 6_u64.to_be_bytes().to_vec().into()));
        stage.mailbox = Mailbox::load(&kept.into_iter().chain(counters).collect());
        let requests = told(&mut stage, acked, written, name);
        let wanted = goes_back();
        assert_eq!(requests, if is_older { &wanted[..] } else { &[] }, "row {row}");
        if is_older {
            assert_eq!((stage.mailbox.counters.acked, stage.mailbox.counters.written), (acked, written), "row {row}");
            // Until all is made anew, each session begins so.
            stage.mailbox.handle_session_lost();
            assert_eq!(told(&mut stage, acked, written, name), wanted, "row {row}: interrupted");
            stage.mailbox.handle_repaired(&mut stage.cx);
            stage.mailbox.handle_session_lost();
            assert_eq!(told(&mut stage, acked, written, name), [], "row {row}: done");
        }
        let mut effects = Vec::new();
        stage.cx.finish(&mut effects);
        assert!(!effects.contains(&Effect::NewTerminal), "row {row}: the directory is older, not this terminal");
    }
}

/// Bianca's mailbox with this many items taken, of which the directory has heard or not; the session is over.
fn taken(items: u64) -> Stage {
    let mut stage = Stage::begun(items);
    stage.come((1..=items).map(|number| item(number, 3, 3)).collect());
    (1..=items).for_each(|number| drop(stage.taken(number)));
    stage.again();
    stage
}

impl Stage {
    /// The session is over, and the program begins with what was written.
    fn again(&mut self) {
        let kept = self.kept();
        self.rows.extend(kept);
        self.rows.reverse();
        self.rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.rows.dedup_by(|(one, _), (other, _)| one == other);
        self.mailbox = Mailbox::load(&self.rows);
        self.cx.session = Session::CatchingUp;
        self.mailbox.handle_session();
    }

    fn told(&mut self, state: MailboxState) -> Vec<Request> {
        self.mailbox.handle_state(&mut self.cx, state)
    }
}

#[test]
fn what_the_directory_has_carried_out_it_counts_from_then_on() {
    for (written, is_older) in [(1, true), (2, false)] {
        let mut stage = Stage::begun(0);
        (0..2).for_each(|_| stage.mailbox.handle_written(&mut stage.cx));
        (0..2).for_each(|_| stage.mailbox.handle_carried_out(&mut stage.cx));
        stage.again();
        let requests = stage.told(MailboxState { written, ..state(1) });
        assert_eq!(requests, if is_older { goes_back().into() } else { Vec::new() }, "written {written}");
    }
}

#[test]
fn what_was_acknowledged_in_front_of_more_mail_is_known_to_the_directory() {
    for (acked, is_older) in [(0, true), (1, false)] {
        let mut stage = Stage::begun(2);
        stage.come(vec![item(1, 3, 3)]);
        stage.taken(1);
        stage.come(vec![item(2, 3, 3)]);
        stage.taken(2);
        stage.again();
        let requests = stage.told(MailboxState { acked, ..state(1) });
        assert_eq!(requests, if is_older { goes_back().into() } else { Vec::new() }, "acked {acked}");
    }
}

#[test]
fn another_item_under_a_number_that_was_taken_shows_that_the_directory_has_forgotten() {
    let mut stage = taken(2);
    assert_eq!(stage.told(state(2)), []);
    assert_eq!(stage.come(vec![item(1, 3, 3), item(2, 4, 4)])[..2], goes_back());
    assert_eq!((stage.mailbox.counters.acked, stage.mailbox.told.is_repairing), (1, true));
    // It is mail like any other.
    assert_eq!(stage.mailbox.waiting, Some(1));
    let requests = stage.taken(2);
    assert!(confirms(&requests, 2), "{requests:?}");
}

#[test]
fn what_was_taken_and_not_acknowledged_comes_again_or_the_directory_has_forgotten() {
    // Which come again, how many the directory says are lost, whether it has forgotten.
    for (again, lost, is_older) in [(2, 0, false), (1, 0, true), (0, 0, true), (1, 1, false), (0, 2, false)] {
        let mut stage = taken(2);
        let mut requests = stage.told(MailboxState { lost, ..state(again) });
        if again > 0 {
            requests.extend(stage.come((1..=again).map(|number| item(number, 3, 3)).collect()));
        }
        let goes = goes_back();
        assert_eq!(requests.contains(&goes[1]), is_older, "{again} come again, {lost} lost");
        assert_eq!(requests.last(), Some(&Request::Group(GroupRequest::CaughtUp)));
        if is_older {
            // New mail gets the numbers once more.
            assert_eq!(opened(&stage.come(vec![item(again + 1, 5, 5)])).item.item, again + 1);
        }
    }
}

#[test]
fn a_repair_that_is_interrupted_goes_on_with_the_key_packages_that_it_has_made() {
    let goes_on = Request::Group(GroupRequest::Restored { has_packages: true });
    let mut stage = taken(2);
    stage.told(MailboxState { acked: 2, written: 0, ..state(0) });
    stage.again();
    assert_eq!(stage.told(state(0))[..2], goes_back());
    stage.again();
    assert_eq!(stage.told(state(0))[..2], goes_back(), "they may not have arrived");
    stage.mailbox.handle_packages_made(&mut stage.cx);
    for _ in 0..8 {
        stage.again();
        assert_eq!(stage.told(state(0))[1], goes_on, "no others drive out what opens the mail that waits");
    }
    // It has come to be older still, and gives out those again that were used.
    stage.mailbox.handle_generation(DirectoryGeneration([1; 16]));
    stage.told(state(0));
    stage.mailbox.handle_packages_made(&mut stage.cx);
    stage.again();
    stage.mailbox.handle_generation(DirectoryGeneration([2; 16]));
    assert_eq!(stage.told(state(0))[..2], goes_back());
    stage.mailbox.handle_packages_made(&mut stage.cx);
    stage.mailbox.handle_repaired(&mut stage.cx);
    stage.mailbox.handle_session_lost();
    stage.cx.session = Session::CatchingUp;
    assert_eq!(stage.told(state(0)), [Request::Group(GroupRequest::CaughtUp)], "nothing is left to do");
}
