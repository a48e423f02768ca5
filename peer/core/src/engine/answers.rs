//! Requests to the directory and what becomes of them (protocol sections 3.4 and 6).
//!
//! Every request of this terminal waits in the one table of the post office's desk; this finds the machine that asked.

#[cfg(test)]
mod tests;

use common::ident::UserId;
use common::msg::{
    Error, ErrorCode, FromDirectory, ListReply, ListReq, ListedUser, LookupReq, PasscodeStatus, RequestNumber,
};

use super::{Directory, Effect, Engine, Now, PasscodeStep, Purpose, Unreachable};
use crate::directory::requests::{Answered, Refused};
use crate::notice::{DirectoryNotice, NotChanged, Notice, SessionNotice};
use crate::post::Asked;
use crate::verify::{LookupResult, found};

/// Users a list may have before it is cut; the directory pages, so it could go on for ever.
const LIST_MAX: usize = 10_000;
/// Seconds until a request is made again that the directory answered with something else. Chosen arbitrarily: it is broken.
const UNFIT_RETRY: u64 = 60;

impl Engine {
    /// Asks where and who a user is.
    pub(super) fn look_up_user(&mut self, purpose: Purpose, user: UserId, out: &mut Vec<Effect>) {
        let request = LookupReq { userid: self.me.user.clone(), lookup: user.clone() };
        self.post.desk().put(out, request.into(), Asked::Lookup { purpose, user });
    }

    /// Asks who is online.
    pub(super) fn list(&mut self, out: &mut Vec<Effect>) {
        match self.directory {
            Directory::Up => self.post.desk().put(out, ListReq { after: None }.into(), Asked::List(Vec::new())),
            Directory::Down => self.listed(Err(Unreachable), out),
        }
    }

    /// Begins with a change of the passcode, which the shell knows; one that is under way is given up.
    pub(super) fn change_passcode(&mut self, out: &mut Vec<Effect>) {
        if self.directory == Directory::Down {
            return out
                .push(Effect::Notify(Notice::Session(SessionNotice::PasscodeNotChanged(NotChanged::DirectoryLost))));
        }
        let desk = self.post.desk();
        desk.forget_passcode_change();
        let request = desk.number("PASSCODEREQ", "PASSCODECHALLENGE", Asked::PasscodeChange);
        out.extend(request.map(|request| Effect::Passcode(PasscodeStep::Begin { request })));
    }

    /// The directory says something: by itself, or as an answer.
    pub(super) fn said(
        &mut self,
        now: Now,
        request: Option<RequestNumber>,
        message: FromDirectory,
        out: &mut Vec<Effect>,
    ) {
        let message = {
            let (post, mut step) = self.post(now, out);
            match post.said(&mut step, message) {
                Some(answer) => answer,
                None => return,
            }
        };
        match self.post.desk().answered(request, &message) {
            Some(Answered::Reply(asked)) => self.answered(now, asked, message, out),
            Some(Answered::Failed(asked, error)) => self.failed(now, asked, &error, out),
            Some(Answered::Unfit(asked)) => self.unfit(now, asked, out),
            None => {}
        }
    }

    /// The directory says something that this version does not know.
    pub(super) fn misunderstood(&mut self, now: Now, request: RequestNumber, out: &mut Vec<Effect>) {
        if let Some(asked) = self.post.desk().misunderstood(request) {
            self.unfit(now, asked, out);
        }
    }

    fn answered(&mut self, now: Now, asked: Asked, answer: FromDirectory, out: &mut Vec<Effect>) {
        match (asked, answer) {
            (Asked::Lookup { purpose, user }, FromDirectory::LookupReply(reply)) => {
                let result = Ok(found(&reply, &user));
                self.looked_up(now, purpose, &user, result, out);
            }
            (Asked::List(listed), FromDirectory::ListReply(reply)) => self.page_came(listed, reply, out),
            (Asked::PasscodeChange, FromDirectory::PasscodeChallenge(challenge)) => {
                let request = self.post.desk().number("PASSCODEUPLOAD", "PASSCODEREPLY", Asked::PasscodeUpload);
                let challenge = Box::new(challenge);
                out.extend(request.map(|request| Effect::Passcode(PasscodeStep::Seal { request, challenge })));
            }
            (Asked::PasscodeUpload, FromDirectory::PasscodeReply(reply)) => match reply.status {
                PasscodeStatus::Changed => {
                    out.push(Effect::Passcode(PasscodeStep::Changed));
                    out.push(Effect::Notify(Notice::Session(SessionNotice::PasscodeChanged)));
                }
                PasscodeStatus::Refused => passcode_not_changed(NotChanged::Meanwhile, out),
            },
            (asked, answer) => {
                let (post, mut step) = self.post(now, out);
                post.answered(&mut step, asked, answer);
            }
        }
    }

    /// The directory would not, or could not.
    fn failed(&mut self, now: Now, asked: Asked, error: &Error, out: &mut Vec<Effect>) {
        match asked {
            Asked::PasscodeChange | Asked::PasscodeUpload => passcode_not_changed(
                match error.code {
                    ErrorCode::RateLimited => NotChanged::TooFast { retry_after: error.retry_after.unwrap_or(60) },
                    ErrorCode::Unavailable => NotChanged::Meanwhile,
                    _ => NotChanged::Unsure,
                },
                out,
            ),
            asked if asked.is_of_the_engine() => {
                let of_a_caller = matches!(asked, Asked::Lookup { purpose: Purpose::Caller(_), .. });
                // A caller who makes us ask too often is no business of the user.
                if error.code == ErrorCode::RateLimited && !of_a_caller {
                    let retry_after = error.retry_after.unwrap_or(1);
                    out.push(Effect::Notify(Notice::Directory(DirectoryNotice::TooFast { retry_after })));
                }
                self.unanswered(now, asked, out);
            }
            asked => {
                let (post, mut step) = self.post(now, out);
                post.refused(&mut step, asked, error.retry_after.unwrap_or(1));
            }
        }
    }

    /// The directory answered with something that is no answer.
    fn unfit(&mut self, now: Now, asked: Asked, out: &mut Vec<Effect>) {
        let error = Error { retry_after: Some(UNFIT_RETRY), ..Error::new(ErrorCode::Other) };
        self.failed(now, asked, &error, out);
    }

    /// A request of the engine's own is not answered any more.
    fn unanswered(&mut self, now: Now, asked: Asked, out: &mut Vec<Effect>) {
        match asked {
            Asked::Lookup { purpose, user } => self.looked_up(now, purpose, &user, Err(Unreachable), out),
            Asked::List(_) => self.listed(Err(Unreachable), out),
            Asked::PasscodeChange | Asked::PasscodeUpload => passcode_not_changed(NotChanged::Unsure, out),
            _ => {}
        }
    }

    /// The session is gone. Gives what the post office had asked.
    pub(super) fn session_gone(&mut self, now: Now, out: &mut Vec<Effect>) -> Vec<Asked> {
        let (engine, post) = self.post.desk().close().into_iter().partition(Asked::is_of_the_engine);
        let engine: Vec<Asked> = engine;
        engine.into_iter().for_each(|asked| self.unanswered(now, asked, out));
        post
    }

    /// Requests of this step that were not made fail at its end, so that whoever asked has come to rest before.
    pub(super) fn settle_refused(&mut self, now: Now, out: &mut Vec<Effect>) {
        for refused in self.post.desk().refused() {
            match refused {
                Refused::Closed(asked) if asked.is_of_the_engine() => self.unanswered(now, asked, out),
                Refused::Closed(asked) | Refused::Full(asked) => {
                    self.failed(now, asked, &Error::new(ErrorCode::RateLimited), out);
                }
            }
        }
    }

    fn looked_up(
        &mut self,
        now: Now,
        purpose: Purpose,
        user: &UserId,
        found: Result<Option<LookupResult>, Unreachable>,
        out: &mut Vec<Effect>,
    ) {
        match purpose {
            Purpose::Call => self.found_callee(now, user, found, out),
            Purpose::Caller(link) => self.found_caller(now, link, found, out),
            Purpose::Number => self.found_number(now, user, found, out),
            Purpose::File(number) => {
                let (post, mut step) = self.post(now, out);
                post.found_sender(&mut step, number, found);
            }
        }
    }

    fn page_came(&mut self, mut listed: Vec<ListedUser>, page: ListReply, out: &mut Vec<Effect>) {
        let last = page.users.last().map(|listed| listed.userid.clone());
        listed.extend(page.users);
        match last {
            Some(after) if page.more && listed.len() < LIST_MAX => {
                self.post.desk().put(out, ListReq { after: Some(after) }.into(), Asked::List(listed));
            }
            _ => self.listed(Ok(listed), out),
        }
    }
}

fn passcode_not_changed(why: NotChanged, out: &mut Vec<Effect>) {
    out.push(Effect::Passcode(PasscodeStep::NotChanged));
    out.push(Effect::Notify(Notice::Session(SessionNotice::PasscodeNotChanged(why))));
}
