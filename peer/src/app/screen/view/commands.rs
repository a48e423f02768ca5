//! Lines that a user enters.

use common::limits::AWAY_TEXT;

use super::{Awaited, Output, Question, View};
use crate::app::exit;
use crate::app::grammar::{self, Entry, Request, Switch};
use crate::app::model::Directory;
use crate::app::passwd::{Opens, Passwd, Purpose};
use crate::app::texts::{self, help, mail, screen, talk};
use common::ident::UserId;
use peer_core::command::{
    Answer, Command, ContactCommand, DirectoryCommand, FileCommand, MessageCommand, SessionCommand, Ticket,
};
use peer_core::model::Conversation;

impl View {
    pub(super) fn at_destination(&mut self, line: &str) {
        let known = |id: &UserId| self.model.people.existing().contains(id);
        let entry = grammar::at_destination(line, |id| id.filter(known));
        self.entered(line, entry);
    }

    pub(super) fn entered(&mut self, line: &str, entry: Result<Entry, grammar::Refused>) {
        if grammar::reveals(line, &entry, &self.model.account.passcode) {
            return self.tell(texts::SECRET);
        }
        if entry != Ok(Entry::Nothing) {
            self.put(Output::Remember(line.to_owned()));
            self.overlays.popups.put_away();
        }
        match entry {
            Err(grammar::Refused(why)) => {
                // The next text begins anew; the arrow key brings this one back.
                self.tell(&why);
            }
            Ok(Entry::Nothing) => {}
            Ok(Entry::Request(request)) => self.request(request),
            Ok(Entry::Destination(to)) => self.talk(to),
            Ok(Entry::Message(text)) => {
                if let Some(to) = self.current.clone() {
                    self.send(to, text);
                }
            }
            Ok(Entry::Send { to, text }) => self.send(to, text),
        }
    }

    fn send(&mut self, to: Conversation, text: String) {
        let chat = self.chat(&to);
        (chat.news, chat.anchor) = (None, None);
        self.command(Command::Message(MessageCommand::Send { to, text, ticket: Ticket::default() }));
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Help(None) => self.show_page(screen::HELP, &screen::overview()),
            Request::Help(Some(topic)) => self.show_page(screen::HELP, &help::about(topic)),
            Request::Version => self.tell(&help::version()),
            Request::List => self.ask_engine(Awaited::List, Command::Directory(DirectoryCommand::List)),
            Request::Switch(user) => self.talk(Conversation::User(user)),
            Request::End if self.current.is_some() => self.end(talk::ENDED),
            Request::End => self.tell(talk::NO_CONVERSATION),
            Request::Logout => self.leave(exit::OK),
            Request::Verify(of) => match of.or(self.partner()) {
                None => self.tell(&help::wrong_arguments(&help::VERIFY)),
                Some(with) if with == *self.me() => self.tell(&talk::yourself()),
                Some(with) => self
                    .ask_engine(Awaited::Number(with.clone()), Command::Contact(ContactCommand::SafetyNumber { with })),
            },
            Request::Passwd => self.ask_passcode(Purpose::Change(Opens::SameKey)),
            Request::NewKey => self.ask_passcode(Purpose::Change(Opens::NewKey)),
            Request::Group { wish, group } => self.wish(wish, group),
            Request::Away(text) => self.away(text),
            // Another conversation is opened, and shows its past.
            Request::History { with: Some(with), .. } if self.current.as_ref() != Some(&with) => self.show(with),
            Request::History { count, .. } => self.look_up_older(count),
            Request::Find(words) => self.command(Command::Message(MessageCommand::Find { words })),
            Request::Why(of) => match of.or_else(|| self.current.clone()) {
                Some(of) => self.ask_engine(Awaited::Why, Command::Message(MessageCommand::Why { of })),
                None => self.tell(mail::WHOM),
            },
            Request::Block(user) if user == *self.me() => self.tell(&talk::yourself()),
            Request::Block(user) => self.command(Command::Contact(ContactCommand::Block { user })),
            Request::Unblock(user) => self.command(Command::Contact(ContactCommand::Unblock { user })),
            Request::Receipts(switch) => {
                let answer = if switch == Switch::On { Answer::Yes } else { Answer::No };
                self.command(Command::Message(MessageCommand::ReadReceipts(answer)));
                self.tell(mail::receipts(answer));
            }
            Request::OfferFile { to, path } => match to.or(self.partner()) {
                Some(to) => self.command(Command::File(FileCommand::Offer { to, path: path.into() })),
                None => self.tell(mail::WHOM),
            },
            Request::File { number, wish } => self.command(Command::File(FileCommand::Change { number, wish })),
            Request::Files => self.command(Command::File(FileCommand::All)),
            Request::Here(wish) => self.here(wish),
            Request::Terminals => self.ask_engine(Awaited::Terminals, Command::Session(SessionCommand::Terminals)),
            Request::RemoveTerminal(number) => {
                // Numbers are those of the list, so that is shown first.
                match self.model.account.terminal(number) {
                    Some(terminal) => self.ask_passcode(Purpose::Removal(terminal)),
                    None => self.ask_engine(Awaited::Terminals, Command::Session(SessionCommand::Terminals)),
                }
            }
        }
    }

    fn ask_passcode(&mut self, purpose: Purpose) {
        match self.model.directory {
            Directory::Here => self.ask(Question::Passcode(Passwd::Current(purpose))),
            Directory::Lost { .. } => self.tell(&purpose.out_of_reach()),
        }
    }

    fn away(&mut self, text: Option<String>) {
        let text = text.map(|text| text.replace('\n', " "));
        if text.as_ref().is_some_and(|text| text.len() > AWAY_TEXT) {
            return self.tell(mail::AWAY_TOO_LONG);
        }
        self.tell(&mail::away(text.as_deref()));
        self.command(Command::Directory(DirectoryCommand::Away { text }));
    }

    /// Whom the conversation is with, if it is one of two.
    pub(crate) fn partner(&self) -> Option<common::ident::UserId> {
        if let Some(Conversation::User(user)) = &self.current { Some(user.clone()) } else { None }
    }
}
