//! Texts over links.

use super::world::*;
use crate::command::Ticket;
use crate::event::{Accept, Input, LinkId};
use crate::model::Conversation;
use crate::notice::{CallNotice, MessageNotice, NotSent, Notice};

#[test]
fn texts_from_a_link_that_was_not_accepted_are_never_shown() {
    let mut world = World::new(&[(Ali, Accept::All), (Bianca, Accept::Ask)]);
    world.call(Ali, Bianca);
    let link = *world.dials.keys().next().unwrap();
    world.input(Bianca, Input::Text { link, chat: chat("let me in") });
    world.input(Bianca, Input::Text { link: LinkId(999), chat: chat("or me") });
    world.settle();
    assert_eq!(world.told(Bianca), [Notice::Call(CallNotice::Asked { from: ali() })]);
}

#[test]
fn a_text_that_cannot_be_sent_is_reported_and_the_conversation_goes_on() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    for text in ["x".repeat(16 * 1024 + 1), "\u{1}".repeat(16 * 1024)] {
        world.command(Ali, say(Conversation::User(bianca()), &text));
        let (to, why) = (Conversation::User(bianca()), NotSent::TooLong);
        assert_eq!(
            world.told(Ali),
            [Notice::Message(MessageNotice::NotSent { to, text, why, ticket: Ticket::default() })]
        );
    }
    world.command(Ali, say(Conversation::User(bianca()), &"\"".repeat(16 * 1024)));
    assert!(matches!(&world.told(Bianca)[..], [Notice::Message(MessageNotice::Text { .. })]));
}
