//! Which machine does what another wants.

use common::ident::UserId;
use common::msg::{Body, EntryName};

use super::Messaging;
use crate::context::Context;
use crate::files::model::LeftOut;
use crate::files::{OfferedFile, Told};
use crate::model::Conversation;
use crate::request::{DeliveryRequest, DirectoryRequest, GroupRequest, MailboxRequest, OpenedLetter, Request};

impl Messaging {
    /// Has a request done; what it leads to.
    pub(super) fn dispatch(&mut self, cx: &mut Context, request: Request) -> Vec<Request> {
        match request {
            Request::Directory(request) => self.dispatch_to_directory(cx, request),
            Request::Delivery(request) => self.dispatch_to_delivery(cx, request),
            Request::Group(request) => self.dispatch_to_groups(cx, request),
            Request::Mailbox(MailboxRequest::Taken(item)) => self.mailbox.handle_taken(cx, item),
            Request::Mailbox(MailboxRequest::NeedsCertificates { whole, missing }) => {
                self.mailbox.handle_needs(cx, *whole, missing)
            }
            Request::Mailbox(MailboxRequest::Repaired) => {
                self.mailbox.handle_repaired(cx);
                Vec::new()
            }
            Request::Mailbox(MailboxRequest::PackagesMade) => {
                self.mailbox.handle_packages_made(cx);
                Vec::new()
            }
            Request::Mailbox(MailboxRequest::CountWritten) => {
                self.mailbox.handle_written(cx);
                Vec::new()
            }
            Request::Fetch { link, from, file, offset } => {
                self.files.handle_fetch(cx, link, &from, (file, offset));
                Vec::new()
            }
            Request::FoundForCall { user, reason, found } => self.calls.handle_found(cx, (&user, reason), found),
            Request::Came(user) => {
                if cx.contacts.is_chosen(&user) && cx.contacts.key(&user).is_some() && !cx.is_me(&user) {
                    cx.vouching.want(&user);
                }
                self.delivery.handle_retry(&Conversation::User(user.clone()));
                self.groups.handle_came(cx, &user);
                let mut requests: Vec<Request> = self.ask_about(cx, &user).into_iter().collect();
                requests.extend(self.calls.handle_came(cx, &user));
                requests.extend(self.files.handle_presence(cx, Some(&user)));
                requests
            }
            Request::Opened(letter) => self.handle_opened(cx, *letter),
            Request::Listed(listed) => {
                self.tell_people(cx, &listed);
                Vec::new()
            }
        }
    }

    fn dispatch_to_directory(&mut self, cx: &mut Context, request: DirectoryRequest) -> Vec<Request> {
        match request {
            DirectoryRequest::Ask { message, question } => {
                self.directory.ask(cx, message, question).into_iter().collect()
            }
            DirectoryRequest::LookUp { user, reason } => self.directory.look_up(cx, user, reason).into_iter().collect(),
            DirectoryRequest::Unanswered(asked) => {
                let question = asked.go_on(cx);
                self.handle_unanswered(cx, question)
            }
            DirectoryRequest::Failed { question, why, again_in } => self.handle_failed(cx, question, (why, again_in)),
            DirectoryRequest::Tell(message) => {
                self.directory.tell(cx, message);
                Vec::new()
            }
            DirectoryRequest::Watch(users) => {
                // Whoever shares a room of two with us has not been chosen by that (decision D48).
                let members = self.groups.members_of_groups();
                let watched = |user: &UserId| cx.is_me(user) || cx.contacts.is_chosen(user) || members.contains(user);
                let users: Vec<UserId> = users.into_iter().filter(watched).collect();
                self.directory.watch(cx, users);
                Vec::new()
            }
        }
    }

    fn dispatch_to_delivery(&mut self, cx: &mut Context, request: DeliveryRequest) -> Vec<Request> {
        let delivery = &mut self.delivery;
        match request {
            DeliveryRequest::RoomReady { to, room } => return delivery.handle_room(cx, to, room),
            DeliveryRequest::Sealed { to, room, epoch, sealed } => {
                return delivery.handle_sealed(cx, to, (room, epoch), sealed);
            }
            DeliveryRequest::Letter(letter) => return delivery.handle_letter(cx, *letter),
            DeliveryRequest::Send { to, letter } => delivery.handle_letter_to_send(cx, &to, letter),
            DeliveryRequest::Flush(to) => delivery.handle_mark(&to),
            DeliveryRequest::SayAgain { to, epoch, whom } => delivery.handle_say_again(cx, &to, epoch, &whom),
            DeliveryRequest::ConfirmAgain(user) => delivery.handle_confirm_again(cx, user),
            DeliveryRequest::Retry(to) => delivery.handle_retry(&to),
            DeliveryRequest::BackOff { to, next, until } => delivery.handle_back_off(&to, next, until),
            DeliveryRequest::ConversationOver(to) => delivery.handle_conversation_over(cx, &to),
            DeliveryRequest::GoodbyeAgain(to) => delivery.handle_goodbye_again(cx, &to),
            DeliveryRequest::ReceiverReplaced(to) => delivery.handle_receiver_replaced(cx, &to),
            DeliveryRequest::StoredLost => delivery.handle_stored_lost(cx),
            DeliveryRequest::Restored(groups) => {
                delivery.handle_restored(cx, groups);
                return self.files.handle_restored(cx);
            }
            DeliveryRequest::LettersTaken => delivery.handle_letters_taken(cx),
            DeliveryRequest::Broadcast(said) => {
                let from = said.sender.userid;
                delivery.handle_broadcast(cx, from, (said.id, said.message, said.date));
            }
            DeliveryRequest::LinkUp(user) => {
                delivery.handle_link(&user);
                self.files.handle_link(cx, &user);
            }
            DeliveryRequest::LinkDown(user, link) => delivery.handle_link_gone(&user, link),
            DeliveryRequest::NoSuchUser(user) => {
                let near = self.nearest(cx, &user);
                if let Some(contact) = cx.contacts.let_go(&user) {
                    cx.keep_seen(contact);
                }
                self.files.handle_no_such_user(cx, &user, near.as_ref());
                self.delivery.handle_no_such_user(cx, user, near);
            }
            DeliveryRequest::KeyDecided(user) => {
                delivery.handle_retry(&Conversation::User(user.clone()));
                return self.groups.handle_key_decided(cx, &user);
            }
        }
        Vec::new()
    }

    fn dispatch_to_groups(&mut self, cx: &mut Context, request: GroupRequest) -> Vec<Request> {
        match request {
            GroupRequest::NeedsRoom(to) => self.groups.handle_needs_room(cx, to),
            GroupRequest::Seal { to, room, letters } => self.groups.handle_seal(cx, to, room, letters),
            GroupRequest::Open(whole) => self.groups.handle_item(cx, *whole),
            GroupRequest::RoomGone(room) => self.groups.handle_room_gone(cx, &room),
            GroupRequest::RoomMoved(room) => self.groups.handle_room_moved(cx, &room),
            GroupRequest::GoodbyeStored(to) => self.groups.handle_goodbye_stored(cx, to),
            GroupRequest::Restored { has_packages } => self.groups.handle_restored(cx, has_packages),
            GroupRequest::NotOnline(user) => self.groups.handle_not_online(cx, user),
            GroupRequest::EpochEnded(room) => {
                self.groups.handle_epoch_ended(cx, &room);
                Vec::new()
            }
            GroupRequest::CaughtUp => {
                let requests = self.groups.handle_caught_up(cx);
                self.delivery.handle_caught_up(cx);
                requests
            }
        }
    }

    /// What a letter means that was opened and is no text.
    fn handle_opened(&mut self, cx: &mut Context, letter: OpenedLetter) -> Vec<Request> {
        match (letter.body, letter.conversation) {
            (Body::Offer { name, size, files, content, left_out, left_out_names }, Conversation::User(_))
                if !cx.is_me(&letter.from) =>
            {
                let names = left_out_names.into_iter().map(|EntryName(name)| name).collect();
                let left_out = LeftOut { count: left_out.unwrap_or_default(), names };
                let offered = OfferedFile { file: letter.id, name, size, files, content, left_out };
                self.files.handle_offer(cx, &letter.from, offered)
            }
            (Body::File { file, state, changed, reason }, Conversation::User(with)) => {
                let told = Told { file, outcome: state, changed, reason };
                self.files.handle_outcome(cx, &letter.from, &with, told);
                Vec::new()
            }
            (body, conversation) => self.groups.handle_letter(cx, OpenedLetter { body, conversation, ..letter }),
        }
    }
}
