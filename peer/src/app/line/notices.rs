//! What the engine tells while somebody is logged in, and who shows it: calls are in [`super::calls`], messages in
//! [`super::mail`], groups in [`super::groups`], files in [`super::files`].

use super::outputs::Outputs;
use super::pending::Pending;
use super::question::SeenKey;
use super::session::Session;
use crate::app::Now;
use crate::app::texts::{self, mail, talk, verification};
use peer_core::command::Answer;
use peer_core::model::Conversation;
use peer_core::notice::{
    CallFailed, CallNotice, CallerRefused, ContactNotice, DirectoryNotice, NotChanged, Notice, SessionNotice,
};

impl Session {
    pub(super) fn notice(&mut self, notice: Notice, outputs: &mut Outputs) {
        self.model.learn(Now { instant: outputs.now, date: outputs.date }, &notice);
        match notice {
            Notice::Session(notice) => self.session_notice(notice, outputs),
            Notice::Directory(notice) => self.directory_notice(notice, outputs),
            Notice::Call(notice) => self.call_notice(notice, outputs),
            Notice::Message(notice) => self.message_notice(notice, outputs),
            Notice::Contact(notice) => self.contact_notice(notice, outputs),
            Notice::Group { group, news } => self.group_news(&group, &news, outputs),
            Notice::File(notice) => self.file_notice(notice, outputs),
            // For programs.
            Notice::Journal(_) => {}
        }
    }

    fn session_notice(&mut self, notice: SessionNotice, outputs: &mut Outputs) {
        match notice {
            SessionNotice::PasscodeChanged => self.passwd_done(texts::passcode::CHANGED, outputs),
            SessionNotice::KeyReplaced => self.passwd_done(texts::passcode::NEW_KEY, outputs),
            SessionNotice::KeyTakenOver => outputs.say(texts::passcode::KEY_TAKEN),
            SessionNotice::PasscodeNotChanged(why) => self.passwd_done(&texts::passcode::not_changed(why), outputs),
            // Asked only of a passcode that is not the one known here.
            SessionNotice::PasscodeProved => {
                self.passwd_done(&texts::passcode::not_changed(NotChanged::Meanwhile), outputs);
            }
            SessionNotice::TerminalNotRemoved(why) => {
                self.passwd_done(&texts::passcode::terminal_not_removed(why), outputs);
            }
            SessionNotice::FormerPasscode => outputs.say(texts::passcode::FORMER),
            SessionNotice::AlsoElsewhere { user } => outputs.say(&texts::also_elsewhere(&user)),
            SessionNotice::StoreFailed { at, detail } => {
                outputs.not_done();
                outputs.say(&texts::store_failed(at, &detail));
            }
            SessionNotice::NewTerminal => outputs.say(mail::NEW_TERMINAL),
            SessionNotice::Forgot { messages } => outputs.say(&texts::forgot(messages)),
            SessionNotice::Terminals { this, all } => {
                let removed = outputs.close(|pending| *pending == Pending::Passcode).is_some();
                if !removed {
                    outputs.close(|pending| *pending == Pending::Answer);
                }
                mail::terminals(this, &all).iter().for_each(|line| outputs.say(line));
                if removed {
                    self.take_up_entry(outputs);
                }
            }
            // They belong to the login, or are taken before they come here.
            SessionNotice::FirstContact { .. }
            | SessionNotice::OlderVault { .. }
            | SessionNotice::Identified { .. }
            | SessionNotice::WouldForget { .. }
            | SessionNotice::InviteProved { .. }
            | SessionNotice::Registered { .. }
            | SessionNotice::RegisterRefused { .. }
            | SessionNotice::LoginRefused { .. }
            | SessionNotice::LoggedIn { .. }
            | SessionNotice::LoggedOut { .. }
            | SessionNotice::Failed(_) => {}
        }
    }

    fn directory_notice(&mut self, notice: DirectoryNotice, outputs: &mut Outputs) {
        match notice {
            DirectoryNotice::People { people, groups } => {
                if outputs.close(|pending| matches!(pending, Pending::People | Pending::Names)) == Some(Pending::Names)
                {
                    return;
                }
                let gone = |user: &common::ident::UserId| self.model.people.gone(user);
                let rows = texts::format::people(&people, &groups, gone, &outputs.options.zone);
                rows.iter().for_each(|row| outputs.say(row));
            }
            DirectoryNotice::NoPeople => {
                let asked = |pending: &Pending| {
                    matches!(
                        pending,
                        Pending::People
                            | Pending::Names
                            | Pending::Answer
                            | Pending::History(Conversation::Everyone, _)
                    )
                };
                match outputs.close(asked) {
                    Some(Pending::Names) => {}
                    Some(Pending::People) => outputs.say(talk::NO_LIST),
                    _ => outputs.say(mail::OUT_OF_REACH),
                }
            }
            DirectoryNotice::Presence { user, status, text } => self.presence(&user, status, text.as_deref(), outputs),
            DirectoryNotice::Restored { again, groups } => {
                mail::restored(again, &groups).iter().for_each(|line| outputs.say(line));
            }
            DirectoryNotice::Lost { retry_in, why } => {
                outputs.directory_lost();
                outputs.say(&texts::server_lost(retry_in, why));
            }
            // A loss is told once, not with every attempt.
            DirectoryNotice::StillLost { .. } => {}
            DirectoryNotice::NotItself(failure) => {
                let report = texts::failure::report(&failure, &outputs.options.zone);
                report.lines.iter().for_each(|line| outputs.say(line));
            }
            DirectoryNotice::Back => outputs.say(texts::SERVER_BACK),
            DirectoryNotice::Refused(why) => {
                if outputs.refused() != Some(Pending::Names) {
                    outputs.say(&texts::refused(why));
                }
            }
        }
    }

    fn call_notice(&mut self, notice: CallNotice, outputs: &mut Outputs) {
        match notice {
            CallNotice::Established { with } => self.established(with, outputs),
            CallNotice::Received { from } => self.received(from, outputs),
            CallNotice::Way { with, way, vouched } => self.way(&with, talk::way(&with, way), vouched, outputs),
            CallNotice::Moved { with, before, way, vouched } => {
                self.way(&with, talk::moved(&with, before, way), vouched, outputs);
            }
            CallNotice::Ended { with, by } => self.ended(&with, by, outputs),
            CallNotice::LinkLost { with, then, why } => self.lost(&with, then, why, outputs),
            CallNotice::Failed { to, why } => self.call_failed(&to, &why, outputs),
            CallNotice::Offline { with } => {
                self.by_mail(&mail::offline(&with), with, &CallFailed::NotFound, outputs);
            }
            CallNotice::ByMail { with, why } => {
                self.sought.insert(with.clone());
                self.by_mail(&talk::by_mail(&with, &why), with, &why, outputs);
            }
            CallNotice::Asked { from } => self.asked(from, outputs),
            CallNotice::AskedNoMore { from } => self.asked_no_more(&from, outputs),
            // Shown together with KeyChanged, which says more.
            CallNotice::CallerRefused { why: CallerRefused::KeyChanged, .. } => {}
            CallNotice::CallerRefused { claimed, source, why } => {
                outputs.say(&talk::caller_refused(claimed.as_ref(), source.ip(), why));
            }
        }
    }

    fn contact_notice(&mut self, notice: ContactNotice, outputs: &mut Outputs) {
        match notice {
            ContactNotice::KeyChanged { of, how, since, old, new } => {
                self.key_changed(of, SeenKey { how, since, old, new }, outputs);
            }
            ContactNotice::KeyDecided { of, decision } => self.key_decided(&of, decision, outputs),
            ContactNotice::SafetyNumber { with, digits, .. } => self.safety_number(with, digits, outputs),
            ContactNotice::NumberConfirmed { with, verified } => {
                outputs.close(|pending| *pending == Pending::Confirmation);
                outputs.say(&verification::number_confirmed(&with, verified));
                self.call_after_all(&with, if verified { Answer::Yes } else { Answer::No }, outputs);
            }
            ContactNotice::Unblocked { user } => {
                outputs.close(|pending| *pending == Pending::Answer);
                outputs.say(&mail::unblocked(&user));
            }
        }
    }
}
