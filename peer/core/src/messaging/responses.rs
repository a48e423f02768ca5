//! Which machine something is for that the directory says (protocol section 6).

use std::collections::BTreeMap;

use common::ident::UserId;
use common::msg::{CommitStatus, FromDirectory, ListedUser, MeetingWay, RequestNumber, WithdrawnMessage};

use super::Messaging;
use crate::context::Context;
use crate::destinations::Existence;
use crate::directory::requests::Answered;
use crate::directory::unfit;
use crate::meeting::Met;
use crate::model::{Conversation, PresenceInfo};
use crate::notice::{CallFailed, CallNotice, DirectoryNotice, DirectoryRefusal, GroupNews, NotSent, Notice, Person};
use crate::request::{Aim, DirectoryRequest, LookupReason, NotLookedUp, Question, Request};
use crate::verify::{Unusable, found};

impl Messaging {
    /// The directory says something, perhaps as the answer to a request.
    pub(crate) fn handle_directory_message(
        &mut self,
        cx: &mut Context,
        request: Option<RequestNumber>,
        message: FromDirectory,
    ) -> Vec<Request> {
        match message {
            FromDirectory::Mailbox(mailbox) => self.mailbox.handle_items(cx, mailbox.items),
            FromDirectory::Presence(presence) => {
                let there = PresenceInfo { status: presence.status, text: presence.text };
                self.directory.handle_presence(cx, presence.userid, there)
            }
            FromDirectory::Broadcast(broadcast) => self.directory.handle_broadcast(cx, broadcast),
            FromDirectory::Withdrawn(withdrawn) => {
                let place = |dropped: WithdrawnMessage| (self.groups.place(&dropped.room, &dropped.user), dropped);
                let reports: Vec<_> = withdrawn.messages.into_iter().map(place).collect();
                reports.iter().for_each(|(to, dropped)| self.files.handle_withdrawn(cx, to, dropped));
                self.delivery.handle_withdrawn(cx, reports)
            }
            FromDirectory::Meet(meet) => {
                match meet.how {
                    MeetingWay::File => self.files.handle_meet(cx, meet),
                    MeetingWay::Relay | MeetingWay::Punch | MeetingWay::Other => self.calls.handle_meet(cx, meet),
                }
                Vec::new()
            }
            FromDirectory::Record(record) => {
                cx.vouching.set_own(record);
                Vec::new()
            }
            FromDirectory::KeyPackageState(state) => self.groups.handle_key_packages(cx, &state),
            answer => match self.directory.handle_answer(request, &answer) {
                Some(Answered::Reply(asked)) => {
                    let question = asked.go_on(cx);
                    self.handle_answer(cx, question, answer)
                }
                Some(Answered::Failed(asked, error)) => {
                    let (question, why) = (asked.go_on(cx), DirectoryRefusal::from(&error));
                    let again_in = error.retry_after.unwrap_or(1);
                    vec![Request::Directory(DirectoryRequest::Failed { question, why, again_in })]
                }
                Some(Answered::Unfit(asked)) => vec![unfit(asked.go_on(cx))],
                None => Vec::new(),
            },
        }
    }

    fn handle_answer(&mut self, cx: &mut Context, question: Question, answer: FromDirectory) -> Vec<Request> {
        match (question, answer) {
            (Question::LookUp { user, reason }, FromDirectory::LookupReply(reply)) => {
                let found = found(&reply, &user);
                match reason {
                    LookupReason::File(number) => {
                        self.files.handle_sender(cx, number, found.unwrap_or_default());
                        Vec::new()
                    }
                    reason => {
                        let found = found.map_err(|Unusable| NotLookedUp::Refused(DirectoryRefusal::Unsound));
                        vec![Request::FoundForCall { user, reason, found }]
                    }
                }
            }
            (Question::Meeting(user), FromDirectory::MeetReply(reply)) => {
                self.calls.handle_met(cx, &user, Met::said(&reply))
            }
            (Question::FileMeeting(number), FromDirectory::MeetReply(reply)) => {
                self.files.handle_met(cx, number, reply.token)
            }
            (Question::List { listed }, FromDirectory::ListReply(reply)) => self.directory.handle_list(listed, reply),
            (Question::Proof(aim), FromDirectory::AuthChallenge(challenge)) => {
                self.directory.handle_proof_challenge(cx, aim, challenge).into_iter().collect()
            }
            (Question::Proof(aim) | Question::ProofEnd(aim), FromDirectory::AuthReply(reply)) => {
                self.directory.handle_proof(cx, aim, reply).into_iter().collect()
            }
            (Question::PasscodeChange, FromDirectory::PasscodeChallenge(challenge)) => {
                self.directory.handle_challenge(cx, challenge).into_iter().collect()
            }
            (Question::PasscodeUpload, FromDirectory::PasscodeReply(reply)) => {
                self.directory.handle_passcode_reply(cx, &reply);
                Vec::new()
            }
            (Question::KeyChange, FromDirectory::KeyChallenge(challenge)) => {
                self.directory.handle_key_challenge(cx, challenge).into_iter().collect()
            }
            (Question::KeyUpload, FromDirectory::KeyReply(reply)) => {
                self.directory.handle_key_reply(cx, reply);
                Vec::new()
            }
            (Question::Successors(users), FromDirectory::SuccessorsReply(reply)) => {
                Self::handle_successors(cx, users, &reply.successors)
            }
            (Question::ChangedKey(user), FromDirectory::SuccessorsReply(reply)) => {
                Self::handle_changed_key(cx, user, &reply.successors)
            }
            (Question::OwnTerminals, FromDirectory::TerminalsReply(reply)) => {
                self.directory.handle_own_terminals(cx, reply);
                Vec::new()
            }
            (Question::Reachable(user), FromDirectory::TerminalsReply(reply)) => {
                let near = self.nearest(cx, &user);
                self.directory.handle_reachable(cx, user, &reply, near);
                Vec::new()
            }
            (Question::Destination(user), FromDirectory::TerminalsReply(reply)) => {
                self.handle_destination(cx, &user, &reply)
            }
            (Question::Broadcast { id, text, ticket }, FromDirectory::BroadcastReply(_)) => {
                self.directory.handle_broadcast_taken(cx, (id, text), ticket);
                Vec::new()
            }
            (Question::Log { count, entries, before, pages }, FromDirectory::BroadcastLog(log)) => {
                self.directory.handle_log(cx, (count, entries), (before, pages), &log)
            }
            (question, answer) => self.handle_mail_answer(cx, question, answer),
        }
    }

    fn handle_mail_answer(&mut self, cx: &mut Context, question: Question, answer: FromDirectory) -> Vec<Request> {
        if is_carried_out(&answer) {
            self.mailbox.handle_carried_out(cx);
        }
        match (question, answer) {
            (Question::Mailbox, FromDirectory::MailboxState(state)) => self.mailbox.handle_state(cx, state),
            (Question::Piece, FromDirectory::FetchReply(reply)) => self.mailbox.handle_piece(cx, &reply.piece.0),
            (Question::Certificates, FromDirectory::CertificatesReply(reply)) => {
                self.mailbox.handle_certificates(cx, reply.certificates)
            }
            (Question::Replaced, FromDirectory::TerminalsReply(_)) => {
                self.mailbox.handle_replaced(cx);
                Vec::new()
            }
            (Question::Put { to, numbers, room }, FromDirectory::MailboxReply(reply)) => {
                self.delivery.handle_put(cx, &to, &numbers, room, &reply)
            }
            (Question::Epochs(rooms), FromDirectory::EpochsReply(reply)) => {
                self.groups.handle_epochs(cx, &rooms, &reply)
            }
            (Question::Overdue(rooms), FromDirectory::EpochsReply(reply)) => {
                self.groups.handle_overdue(cx, &rooms, &reply)
            }
            (Question::Commit { room, epoch }, FromDirectory::CommitReply(reply)) => {
                self.groups.handle_commit(cx, (room, epoch), &reply)
            }
            (Question::GiveUp(group), FromDirectory::CommitReply(reply)) => {
                self.groups.handle_given_up(cx, group, &reply)
            }
            (Question::Owner(group), FromDirectory::GroupReply(reply)) => {
                self.groups.handle_owner(cx, group, Ok(&reply))
            }
            (Question::Group(group), FromDirectory::GroupReply(reply)) => self.groups.handle_group(cx, group, &reply),
            (Question::Terminals(number), FromDirectory::TerminalsReply(reply)) => {
                self.groups.handle_terminals(cx, number, reply)
            }
            (Question::Leaves(number), FromDirectory::CertificatesReply(reply)) => {
                self.groups.handle_leaves(cx, number, reply.certificates)
            }
            (Question::Packages(user, number), FromDirectory::KeyPackageReply(reply)) => {
                self.groups.handle_packages(cx, (&user, number), &reply)
            }
            // Whatever else is no answer to it, and does not come here.
            _ => Vec::new(),
        }
    }

    /// The directory would not, or could not; it may be asked again after so many seconds.
    pub(super) fn handle_failed(
        &mut self,
        cx: &mut Context,
        question: Question,
        (why, again_in): (DirectoryRefusal, u64),
    ) -> Vec<Request> {
        let until = cx.now.tick + again_in.clamp(1, 60);
        match question {
            Question::LookUp { reason: LookupReason::File(number), .. } => self.files.handle_sender(cx, number, None),
            Question::LookUp { user, reason } => {
                return vec![Request::FoundForCall { user, reason, found: Err(NotLookedUp::Refused(why)) }];
            }
            Question::Meeting(user) => return self.calls.handle_met(cx, &user, None),
            Question::FileMeeting(number) => return self.files.handle_met(cx, number, None),
            Question::Proof(aim) | Question::ProofEnd(aim) => {
                self.directory.handle_passcode_refused(cx, aim, why);
            }
            Question::PasscodeChange | Question::PasscodeUpload => {
                self.directory.handle_passcode_refused(cx, Aim::Change, why);
            }
            Question::KeyChange | Question::KeyUpload => self.directory.handle_passcode_refused(cx, Aim::Rekey, why),
            Question::ChangedKey(user) => return Self::handle_changed_key(cx, user, &[]),
            Question::Put { to, numbers, .. } => self.delivery.handle_put_refused(cx, &to, &numbers, (why, until)),
            Question::Terminals(_) | Question::Leaves(_) | Question::Packages(..) | Question::Commit { .. } => {
                self.groups.handle_operation_refused(cx, why, until);
            }
            Question::Broadcast { text, ticket, .. } => {
                self.directory.handle_broadcast_refused(cx, text, NotSent::Refused(why), ticket);
            }
            Question::Reachable(to) => cx.tell(CallNotice::Failed { to, why: CallFailed::DirectoryRefused(why) }),
            Question::Destination(to) => return self.handle_existence(cx, &to, Existence::Untold),
            Question::Group(group) => cx.tell(Notice::Group { group, news: GroupNews::Refused(why) }),
            Question::GiveUp(group) => self.groups.handle_give_up_refused(cx, group, GroupNews::Refused(why)),
            Question::Owner(group) => return self.groups.handle_owner(cx, group, Err(GroupNews::Refused(why))),
            Question::List { .. } | Question::Log { .. } | Question::OwnTerminals => {
                cx.tell(DirectoryNotice::Refused(why));
            }
            Question::Mailbox | Question::Piece | Question::Certificates => self.mailbox.handle_refused(until),
            Question::Epochs(rooms) => self.groups.handle_epochs_refused(rooms, until),
            Question::Replaced | Question::Successors(_) if matches!(why, DirectoryRefusal::TooFast { .. }) => {
                self.later.add(question, until);
            }
            // Asked at the next session, or at the next look.
            Question::Replaced | Question::Overdue(_) | Question::Successors(_) => {}
        }
        Vec::new()
    }

    /// A question is not answered any more: the session is gone.
    pub(super) fn handle_unanswered(&mut self, cx: &mut Context, question: Question) -> Vec<Request> {
        match question {
            Question::LookUp { reason: LookupReason::File(number), .. } => {
                self.files.handle_sender(cx, number, None);
            }
            Question::LookUp { user, reason } => {
                return vec![Request::FoundForCall { user, reason, found: Err(NotLookedUp::Unreachable) }];
            }
            Question::Meeting(user) => return self.calls.handle_met(cx, &user, None),
            Question::FileMeeting(number) => return self.files.handle_met(cx, number, None),
            Question::Broadcast { text, ticket, .. } => {
                self.directory.handle_broadcast_refused(cx, text, NotSent::DirectoryLost, ticket);
            }
            Question::Group(group) => cx.tell(Notice::Group { group, news: GroupNews::DirectoryLost }),
            Question::Owner(group) => return self.groups.handle_owner(cx, group, Err(GroupNews::DirectoryLost)),
            Question::List { .. } | Question::Log { .. } => cx.tell(DirectoryNotice::NoPeople),
            Question::Reachable(to) => cx.tell(CallNotice::Failed { to, why: CallFailed::DirectoryLost }),
            Question::Destination(to) => return self.handle_existence(cx, &to, Existence::Untold),
            Question::ChangedKey(user) => return Self::handle_changed_key(cx, user, &[]),
            Question::Proof(_)
            | Question::ProofEnd(_)
            | Question::PasscodeChange
            | Question::PasscodeUpload
            | Question::KeyChange
            | Question::KeyUpload => {
                self.directory.handle_passcode_unanswered(cx, &question);
            }
            // Asked again when the session stands again.
            Question::OwnTerminals
            | Question::Mailbox
            | Question::Piece
            | Question::Certificates
            | Question::Replaced
            | Question::Put { .. }
            | Question::GiveUp(_)
            | Question::Epochs(_)
            | Question::Overdue(_)
            | Question::Successors(_)
            | Question::Commit { .. }
            | Question::Terminals(_)
            | Question::Leaves(_)
            | Question::Packages(..) => {}
        }
        Vec::new()
    }

    /// Tells who is online, with what is known of them here, and which groups there are.
    pub(super) fn tell_people(&self, cx: &mut Context, listed: &[ListedUser]) {
        let mut people: BTreeMap<&UserId, Option<&ListedUser>> = cx.contacts.users().map(|user| (user, None)).collect();
        people.extend(listed.iter().map(|listed| (&listed.userid, Some(listed))));
        let mut people: Vec<Person> = people
            .into_iter()
            .filter(|(user, _)| !cx.is_me(user))
            .map(|(user, listed)| Person {
                user: user.clone(),
                online_since: listed.and_then(|listed| listed.online_since),
                away: listed.and_then(|listed| listed.away.clone()),
                unread: self.delivery.unread(&Conversation::User(user.clone())),
                chosen: cx.contacts.is_chosen(user),
                key: cx.contacts.state(user),
            })
            .collect();
        people.sort_by_key(|person| person.online_since.is_none());
        let groups = self.groups.listed(cx, |conversation| self.delivery.unread(conversation));
        cx.tell(DirectoryNotice::People { people, groups });
    }
}

/// Whether the directory says that it has done, and counted, what it was given (`written` of `MAILBOXSTATE`).
fn is_carried_out(answer: &FromDirectory) -> bool {
    match answer {
        FromDirectory::MailboxReply(reply) => reply.stored > 0,
        FromDirectory::CommitReply(reply) => reply.status == CommitStatus::Accepted,
        _ => false,
    }
}
