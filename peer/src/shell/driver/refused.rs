//! What becomes of the commands of the user whose step the disk would not keep: each is answered, and by what the disk
//! has said. A text that was to be sent is given back.

use peer_core::command::{Command, ContactCommand, FileCommand, KeyDecision, MessageCommand, Ticket};
use peer_core::event::{Effect, Input};
use peer_core::model::Conversation;
use peer_core::notice::{
    CallFailed, CallNotice, DirectoryNotice, GroupNews, MessageNotice, NotSent, Notice, SessionNotice, StoreUse,
};

/// What a command is told at once that wants something kept, while nothing can be; nothing for others, calls among them,
/// which are not held up by a disk.
pub(super) fn at_once(ticket: &Ticket, command: &Command, detail: &str) -> Option<Notice> {
    match command {
        Command::Message(MessageCommand::Send { to, text, .. }) => {
            let (to, text, why) = (to.clone(), text.clone(), NotSent::NotKept { detail: detail.to_owned() });
            Some(Notice::Message(MessageNotice::NotSent { to, text, why, ticket: ticket.clone() }))
        }
        Command::Group { .. }
        | Command::File(FileCommand::Change { .. } | FileCommand::Offer { .. })
        | Command::Contact(
            ContactCommand::ConfirmNumber { .. }
            | ContactCommand::DecideKey { decision: KeyDecision::Accept | KeyDecision::Block, .. }
            | ContactCommand::Block { .. }
            | ContactCommand::Unblock { .. },
        ) => Some(Notice::Session(SessionNotice::StoreFailed { at: StoreUse::Command, detail: detail.to_owned() })),
        Command::Message(_)
        | Command::File(FileCommand::All)
        | Command::Session(_)
        | Command::Call(_)
        | Command::Contact(
            ContactCommand::SafetyNumber { .. } | ContactCommand::DecideKey { decision: KeyDecision::Verify, .. },
        )
        | Command::Directory(_)
        | Command::Journal(_) => None,
    }
}

/// An answer while the session begins again because of the disk: if it says that the directory is out of reach, the disk has
/// the word instead.
pub(super) fn by_disk(notice: Notice, detail: &str) -> Notice {
    let detail = detail.to_owned();
    match notice {
        Notice::Directory(DirectoryNotice::NoPeople) | Notice::Group { news: GroupNews::DirectoryLost, .. } => {
            Notice::Session(SessionNotice::StoreFailed { at: StoreUse::Command, detail })
        }
        Notice::Message(MessageNotice::NotSent { to, text, why: NotSent::DirectoryLost, ticket }) => {
            Notice::Message(MessageNotice::NotSent { to, text, why: NotSent::NotKept { detail }, ticket })
        }
        Notice::Call(CallNotice::Failed { to, why: CallFailed::DirectoryLost }) => {
            Notice::Call(CallNotice::Failed { to, why: CallFailed::Local { detail } })
        }
        notice => notice,
    }
}

/// The commands that one step is for, until it is known whether it was kept.
#[derive(Debug)]
pub(super) struct Refused {
    /// In the disk's words; nothing while all was kept.
    why: Option<String>,
    /// What the user wanted to send.
    text: Option<(Conversation, String)>,
    /// The command that the step is of, until it is answered.
    command: Option<Ticket>,
    /// Commands of before whose answers were not kept, and what they were to send.
    others: Vec<(Ticket, Option<(Conversation, String)>)>,
}

impl Refused {
    /// Of a step that nothing has been refused of yet.
    pub(super) fn of(input: &Input) -> Self {
        let (command, text) = match input {
            Input::Command(ticket, Command::Message(MessageCommand::Send { to, text, .. })) => {
                (Some(ticket.clone()), Some((to.clone(), text.clone())))
            }
            // Nobody has asked for it.
            Input::Command(_, Command::Message(MessageCommand::Seen { .. })) => (None, None),
            Input::Command(ticket, _) | Input::FileRead { ticket, .. } => (Some(ticket.clone()), None),
            _ => (None, None),
        };
        Self { why: None, text, command, others: Vec::new() }
    }

    /// Whether the user has asked for the step and is told what becomes of it.
    pub(super) fn is_asked_for(&self) -> bool {
        self.command.is_some()
    }

    pub(super) fn is_refused(&self) -> bool {
        self.why.is_some()
    }

    /// The disk has refused the step.
    pub(super) fn refuse(&mut self, why: Option<String>) {
        self.why = self.why.take().or(why);
    }

    /// An effect is carried out: it may answer the command.
    pub(super) fn see(&mut self, effect: &Effect) {
        if let Effect::Answer(ticket, _) = effect {
            self.command = self.command.take().filter(|command| command != ticket);
        }
    }

    /// An effect is not carried out.
    pub(super) fn miss(&mut self, effect: Effect) {
        if let Effect::Answer(ticket, notice) = effect
            && self.command.as_ref() != Some(&ticket)
            && self.others.iter().all(|(other, _)| *other != ticket)
        {
            let text = match notice {
                Notice::Message(MessageNotice::Sent { record, .. }) => Some((record.name.conversation, record.text)),
                _ => None,
            };
            self.others.push((ticket, text));
        }
    }

    /// What the commands are told that have had no answer.
    pub(super) fn answers(self) -> Vec<(Ticket, Notice)> {
        let Self { why: Some(detail), text, command, others } = self else { return Vec::new() };
        let refused = |(ticket, text): (Ticket, Option<(Conversation, String)>)| {
            let notice = match text {
                Some((to, text)) => {
                    let why = NotSent::NotKept { detail: detail.clone() };
                    Notice::Message(MessageNotice::NotSent { to, text, why, ticket: ticket.clone() })
                }
                None => Notice::Session(SessionNotice::StoreFailed { at: StoreUse::Command, detail: detail.clone() }),
            };
            (ticket, notice)
        };
        command.map(|ticket| (ticket, text)).into_iter().chain(others).map(refused).collect()
    }
}

#[cfg(test)]
mod tests {
    use common::ident::{GroupName, UserId};

    use super::*;

    #[test]
    fn while_the_disk_is_to_blame_no_answer_blames_the_directory() {
        let (to, disk) = (UserId::parse("bianca").unwrap(), || "no space left".to_owned());
        let failed = Notice::Session(SessionNotice::StoreFailed { at: StoreUse::Command, detail: disk() });
        let group = GroupName::parse("plans").unwrap();
        let not_sent = |why| {
            let (to, text, ticket) = (Conversation::Everyone, "Hello".to_owned(), Ticket::default());
            Notice::Message(MessageNotice::NotSent { to, text, why, ticket })
        };
        let call = |why| Notice::Call(CallNotice::Failed { to: to.clone(), why });
        for (said, told) in [
            (Notice::Directory(DirectoryNotice::NoPeople), failed.clone()),
            (Notice::Group { group, news: GroupNews::DirectoryLost }, failed),
            (not_sent(NotSent::DirectoryLost), not_sent(NotSent::NotKept { detail: disk() })),
            (call(CallFailed::DirectoryLost), call(CallFailed::Local { detail: disk() })),
            (not_sent(NotSent::TooLong), not_sent(NotSent::TooLong)),
            (call(CallFailed::NotFound), call(CallFailed::NotFound)),
        ] {
            assert_eq!(by_disk(said, &disk()), told);
        }
    }
}
