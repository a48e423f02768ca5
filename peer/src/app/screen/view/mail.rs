//! Messages: what somebody said, how far one's own have come, what was looked up.

use common::ident::UserId;

use super::chat::Message;
use super::questions::Question;
use super::{Awaited, Focus, Output, View};
use crate::app::texts::{files, local_commands, mail, talk};
use peer_core::command::{Command, MessageCommand};
use peer_core::model::{Conversation, DeliveryStatus, StoredMessage};
use peer_core::notice::{MessageNotice, Next, NotSent};

impl View {
    pub(super) fn message_notice(&mut self, notice: MessageNotice) {
        match notice {
            MessageNotice::Text { from, text, id, date } => {
                let message =
                    Message { author: from.clone(), id, text, date, mark: DeliveryStatus::Received { read: true } };
                self.said(&Conversation::User(from), message);
            }
            MessageNotice::Arrived(arrivals) => {
                for arrival in arrivals {
                    let (author, id, text, date) = (arrival.from, arrival.id, arrival.text, arrival.date);
                    let message = Message { author, id, text, date, mark: DeliveryStatus::Received { read: false } };
                    self.said(&arrival.conversation, message);
                }
            }
            MessageNotice::Sent { record, .. } => {
                let to = record.name.conversation.clone();
                self.chat(&to).say(record.into());
            }
            MessageNotice::Marked { to, ids, mark, .. } => {
                let me = self.me().clone();
                self.chat(&to).mark(&me, &ids, mark);
            }
            MessageNotice::Waiting { to, waiting, next } => {
                // Of somebody who is not there the title says how many wait.
                if let Some(words) = mail::waiting(&to, waiting, &next).filter(|_| next != Next::Receiver) {
                    self.note(&to, &words);
                }
            }
            MessageNotice::NotSent { to, text, why: why @ NotSent::NoSuchUser { .. }, .. } => {
                self.tell(&mail::not_sent(&to, &text, &why));
                if self.is_current(&to) && self.composer.typed.is_empty() {
                    self.put(Output::Entry(text));
                }
            }
            MessageNotice::NoSuchUser { user, texts, near } => {
                self.tell(&mail::no_such_user(&user, texts, near.as_ref()));
            }
            MessageNotice::Withdrawn { to, text, users, reason, .. } => {
                self.note(&to, &mail::withdrawn(&to, &text, &users, reason));
                if !self.is_current(&to) {
                    self.tell(&mail::withdrawn(&to, &text, &users, reason));
                }
            }
            MessageNotice::Again { to, text, .. } => self.note(&to, &local_commands::sent_again(&to, &text)),
            MessageNotice::Readers { to, id, text, users, .. } => {
                self.note(&to, &mail::readers(&to, &text, &users));
                self.ask(Question::Again { to, id, users });
            }
            MessageNotice::NotFailed { .. } => self.tell(local_commands::NOTHING_TO_RETRY),
            MessageNotice::NotSent { to, text, why, .. } => {
                self.note(&to, &mail::not_sent(&to, &text, &why));
                if !self.is_current(&to) {
                    self.tell(&mail::not_sent(&to, &text, &why));
                } else if self.composer.typed.is_empty() {
                    self.put(Output::Entry(text));
                }
            }
            MessageNotice::History { with, records, unread } => self.recalled(&with, records, unread),
            MessageNotice::Found { words, records } => self.show_search(&words, records),
            MessageNotice::Explained { of, messages } => {
                if self.awaits(&Awaited::Why) {
                    let mut lines = mail::explained(&of, &messages, &self.zone);
                    lines.extend(self.model.conversations.connection(&of).and_then(talk::connection));
                    let vouched = self.model.vouched(&of);
                    lines.extend(vouched.map(|(with, at)| talk::vouched(with, at, self.now.date, &self.zone)));
                    lines.extend(self.model.transfers.waiting(&of).filter_map(files::waiting));
                    self.show_page(&of.to_string(), &lines);
                }
            }
            MessageNotice::Frozen { with, why } => {
                self.note(&with, &mail::frozen(&with, &why));
                self.tell(&mail::frozen(&with, &why));
            }
            MessageNotice::Dropped { with, from, why } => {
                self.note(&with, &mail::dropped(&with, &from, &why));
                self.tell(&mail::dropped(&with, &from, &why));
            }
            MessageNotice::Lost { count } => self.tell(&mail::mail_lost(count)),
        }
    }

    /// Somebody else said something.
    fn said(&mut self, to: &Conversation, message: Message) {
        let here = self.is_current(to);
        let seen = here && self.looks_here();
        let named = mentions(&message.text, self.me());
        let (author, text) = (message.author.clone(), message.text.clone());
        let chat = self.chat(to);
        let number = chat.next_number();
        chat.say(message);
        if chat.next_number() == number {
            return;
        }
        if !seen {
            chat.mentioned |= named && !matches!(to, Conversation::User(_));
        }
        if here && !seen {
            chat.news.get_or_insert(number);
        }
        self.alert(to, &author, &text, named);
        if seen {
            self.model.conversations.saw(to);
            self.command(Command::Message(MessageCommand::Seen { with: to.clone() }));
        }
    }

    fn recalled(&mut self, with: &Conversation, records: Vec<StoredMessage>, unread: usize) {
        let me = self.me().clone();
        let here = self.is_current(with);
        let chat = self.chat(with);
        chat.recall(records);
        if unread > 0 && chat.news.is_none() {
            chat.mark_news(&me, unread);
        }
        if here {
            self.saw(with);
        }
        self.seek();
    }

    /// Whether somebody looks at this screen, as far as the terminal tells.
    pub(super) fn looks_here(&self) -> bool {
        self.attention.focus == Focus::In
    }
}

/// Whether a text calls somebody by name.
fn mentions(text: &str, user: &UserId) -> bool {
    let text = text.to_lowercase();
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
        .any(|word| word.trim_end_matches(['.', '-']) == user.as_str())
}
