//! What the directory says, and which part of the office it is for (protocol section 6).

use common::msg::FromDirectory;

use super::desk::Asked;
use super::outbox::Way;
use super::people::not_found;
use super::{Post, PresenceInfo, Step, inbox};
use crate::model::Conversation;
use crate::notice::{CallNotice, DirectoryNotice, GroupNews, MessageNotice, Next, NotSent, Notice, SessionNotice};

impl Post {
    /// The directory says something; gives it back if it is not said by itself but as an answer.
    pub(crate) fn said(&mut self, step: &mut Step<'_>, message: FromDirectory) -> Option<FromDirectory> {
        match message {
            FromDirectory::Mailbox(mailbox) => self.take_items(step, mailbox.items),
            FromDirectory::KeyPackageState(state) => self.rooms.publish(&mut self.desk, step, state),
            FromDirectory::Presence(presence) => {
                let there = PresenceInfo { status: presence.status, text: presence.text };
                self.presence(step, presence.userid, there);
            }
            FromDirectory::Broadcast(broadcast) => self.broadcast_came(step, &broadcast),
            answer => return Some(answer),
        }
        None
    }

    /// An answer to what the office asked.
    pub(crate) fn answered(&mut self, step: &mut Step<'_>, asked: Asked, answer: FromDirectory) {
        match (asked, answer) {
            (Asked::Mailbox, FromDirectory::MailboxState(state)) => self.mailbox_state(step, state),
            (Asked::Piece, FromDirectory::FetchReply(reply)) => self.fetched(step, &reply.piece.0),
            (Asked::Put { to, numbers, room }, FromDirectory::MailboxReply(reply)) => {
                self.put_answered(step, &to, &numbers, room, &reply);
            }
            (Asked::Commit { room, epoch }, FromDirectory::CommitReply(reply)) => {
                self.commit_answered(step, room, epoch, reply.status);
            }
            (Asked::GiveUp(group), FromDirectory::CommitReply(reply)) => self.given_up(step, group, reply.status),
            (Asked::Group(group), FromDirectory::GroupReply(reply)) => self.group_found(step, group, &reply),
            (Asked::Terminals(errand), FromDirectory::TerminalsReply(reply)) => {
                self.terminals_came(step, errand, reply)
            }
            (Asked::Packages(user, errand), FromDirectory::KeyPackageReply(reply)) => {
                self.packages_came(step, &user, errand, reply);
            }
            (Asked::Certificates, FromDirectory::CertificatesReply(reply)) => self.certificates_came(step, reply),
            (Asked::Broadcast { id, text, ticket }, FromDirectory::BroadcastReply(_)) => {
                self.broadcast_taken(step, id, text, ticket);
            }
            (Asked::Log { count, entries }, FromDirectory::BroadcastLog(log)) => {
                self.log_came(step, count, entries, &log);
            }
            (Asked::Replaced, FromDirectory::TerminalsReply(_)) => {
                self.replaced = None;
                step.keep(vec![inbox::is_replaced()]);
            }
            (Asked::OwnTerminals, FromDirectory::TerminalsReply(reply)) => {
                let all = reply.users.into_iter().flat_map(|user| user.terminals).collect();
                step.tell(Notice::Session(SessionNotice::Terminals { this: self.me.terminal, all }));
            }
            (Asked::Reachable(user), FromDirectory::TerminalsReply(reply)) => {
                let is_there = reply.users.iter().any(|listed| listed.userid == user && !listed.terminals.is_empty());
                step.tell(if is_there { Notice::Call(CallNotice::Offline { with: user }) } else { not_found(user) });
            }
            // Whatever else is no answer to it, and does not come here.
            _ => {}
        }
    }

    /// The directory asks for patience.
    pub(crate) fn refused(&mut self, step: &mut Step<'_>, asked: Asked, retry_after: u64) {
        let until = step.now.tick + retry_after.clamp(1, 60);
        match asked {
            Asked::Put { to, numbers, .. } => {
                for number in numbers {
                    self.outbox.take_way(&to, number, Way::Waiting, step.now.date);
                }
                self.sending.hold(&to, Next::Directory, Some(until));
            }
            Asked::Terminals(_) | Asked::Packages(..) | Asked::Commit { .. } => self.errands.put_off(until),
            Asked::Broadcast { text, ticket, .. } => {
                let (to, why) = (Conversation::Everyone, NotSent::TooFast { retry_after });
                step.tell(Notice::Message(MessageNotice::NotSent { to, text, why, ticket }));
            }
            Asked::Reachable(user) => step.tell(not_found(user)),
            Asked::Group(_) | Asked::Log { .. } | Asked::OwnTerminals => {
                step.tell(Notice::Directory(DirectoryNotice::TooFast { retry_after }))
            }
            Asked::GiveUp(group) => step.tell(Notice::Group { group, news: GroupNews::DirectoryLost }),
            Asked::Mailbox | Asked::Piece | Asked::Certificates | Asked::Replaced => {}
            Asked::Lookup { .. } | Asked::List(_) | Asked::PasscodeChange | Asked::PasscodeUpload => {}
        }
    }
}
