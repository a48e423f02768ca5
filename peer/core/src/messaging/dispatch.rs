//! Which machine does what another wants.

use common::msg::Body;

use super::Messaging;
use crate::context::Context;
use crate::files::OfferedFile;
use crate::model::Conversation;
use crate::request::{OpenedLetter, Request};

impl Messaging {
    /// Has a request done; what it leads to.
    pub(super) fn dispatch(&mut self, cx: &mut Context, request: Request) -> Vec<Request> {
        match request {
            Request::Ask { message, question } => self.directory.ask(cx, message, question).into_iter().collect(),
            Request::LookUp { user, reason } => self.directory.look_up(cx, user, reason).into_iter().collect(),
            Request::Unanswered(asked) => {
                let question = asked.go_on(cx);
                self.handle_unanswered(cx, question)
            }
            Request::Failed { question, error } => self.handle_failed(cx, question, &error),
            Request::FoundForCall { user, reason, found } => self.calls.handle_found(cx, (&user, reason), found),
            Request::Came(user) => {
                self.delivery.handle_retry(&Conversation::User(user.clone()));
                self.groups.handle_came(cx, &user);
                self.files.handle_presence(cx, Some(&user))
            }
            Request::Opened(letter) => self.handle_opened(cx, *letter),
            Request::RoomReady { to, room } => self.delivery.handle_room(cx, to, room),
            Request::Sealed { to, room, epoch, sealed } => self.delivery.handle_sealed(cx, to, (room, epoch), sealed),
            Request::Letter(letter) => self.delivery.handle_letter(cx, *letter),
            Request::NeedsRoom(to) => self.groups.handle_needs_room(cx, to),
            Request::Seal { to, room, letters } => self.groups.handle_seal(cx, to, room, letters),
            Request::Open(whole) => self.groups.handle_item(cx, *whole),
            Request::RoomGone(room) => self.groups.lose_room(cx, &room),
            Request::GoodbyeStored(to) => self.groups.handle_goodbye_stored(cx, to),
            Request::NotOnline(user) => self.groups.handle_not_online(cx, user),
            Request::Taken(item) => self.mailbox.handle_taken(cx, item),
            Request::NeedsCertificates { whole, missing } => self.mailbox.handle_needs(cx, *whole, missing),
            last => {
                self.carry_out(cx, last);
                Vec::new()
            }
        }
    }

    /// Has a request done that leads to nothing else.
    fn carry_out(&mut self, cx: &mut Context, request: Request) {
        match request {
            Request::Tell(message) => self.directory.tell(cx, message),
            Request::Watch(users) => self.directory.watch(cx, users),
            Request::Listed(listed) => self.tell_people(cx, &listed),
            Request::Fetch { link, from, file, offset } => self.files.handle_fetch(cx, link, &from, (file, offset)),
            Request::Send { to, letter } => self.delivery.handle_letter_to_send(cx, &to, letter),
            Request::Flush(to) => self.delivery.handle_mark(&to),
            Request::BackOff { to, next, until } => self.delivery.handle_back_off(&to, next, until),
            Request::ConversationOver(to) => self.delivery.handle_conversation_over(cx, &to),
            Request::GoodbyeAgain(to) => self.delivery.handle_goodbye_again(cx, &to),
            Request::ReceiverReplaced(to) => self.delivery.handle_receiver_replaced(&to),
            Request::StoredLost => self.delivery.handle_stored_lost(),
            Request::LettersTaken => self.delivery.handle_letters_taken(cx),
            Request::Broadcast(said) => {
                let from = said.sender.userid;
                self.delivery.handle_broadcast(cx, from, (said.id, said.message, said.date));
            }
            Request::LinkUp(user) => self.delivery.handle_link(&user),
            Request::LinkDown(user, link) => self.delivery.handle_link_gone(&user, link),
            Request::KeyDecided(user) => self.delivery.handle_retry(&Conversation::User(user)),
            Request::EpochEnded(room) => self.groups.handle_epoch_ended(&room),
            Request::CaughtUp => {
                self.groups.handle_caught_up(cx);
                self.delivery.handle_change();
            }
            Request::CountWritten => self.mailbox.handle_written(cx),
            // All others lead to something, and were done before.
            _ => {}
        }
    }

    /// What a letter means that was opened and is no text.
    fn handle_opened(&mut self, cx: &mut Context, letter: OpenedLetter) -> Vec<Request> {
        match (letter.body, letter.conversation) {
            (Body::Offer { name, size, files }, Conversation::User(_)) if !cx.is_me(&letter.from) => {
                let offered = OfferedFile { file: letter.id, name, size, files };
                self.files.handle_offer(cx, &letter.from, offered)
            }
            (Body::File { file, state }, Conversation::User(with)) => {
                self.files.handle_outcome(cx, &letter.from, &with, (file, state));
                Vec::new()
            }
            (body, conversation) => self.groups.handle_letter(cx, OpenedLetter { body, conversation, ..letter }),
        }
    }
}
