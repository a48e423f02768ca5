//! A change of the passcode: two requests, whose contents are made by the shell, which knows the passcode.

use common::msg::{PasscodeChallenge, PasscodeReply, PasscodeStatus};

use super::DirectoryClient;
use crate::context::Context;
use crate::event::{Effect, PasscodeStep};
use crate::notice::{DirectoryRefusal, NotChanged, SessionNotice};
use crate::request::{Asked, Question, Request};

impl DirectoryClient {
    /// Begins with a change of the passcode; one that is under way is given up.
    pub(crate) fn change_passcode(&mut self, cx: &mut Context) -> Option<Request> {
        if !cx.is_up() {
            cx.tell(SessionNotice::PasscodeNotChanged(NotChanged::DirectoryLost));
            return None;
        }
        self.requests.retain(|asked| !matches!(asked.question, Question::PasscodeChange | Question::PasscodeUpload));
        match self.requests.expect("PASSCODEREQ", Some("PASSCODECHALLENGE"), Asked::now(cx, Question::PasscodeChange)) {
            Ok(request) => {
                cx.push(Effect::Passcode(PasscodeStep::Begin { request }));
                None
            }
            Err(refused) => Some(super::refused(refused)),
        }
    }

    /// The directory's part of the change: the shell seals the identity key again.
    pub(crate) fn handle_challenge(&mut self, cx: &mut Context, challenge: PasscodeChallenge) -> Option<Request> {
        match self.requests.expect("PASSCODEUPLOAD", Some("PASSCODEREPLY"), Asked::now(cx, Question::PasscodeUpload)) {
            Ok(request) => {
                cx.push(Effect::Passcode(PasscodeStep::Seal { request, challenge: Box::new(challenge) }));
                None
            }
            Err(refused) => Some(super::refused(refused)),
        }
    }

    /// The directory has changed it, or not.
    pub(crate) fn handle_passcode_reply(&self, cx: &mut Context, reply: &PasscodeReply) {
        match reply.status {
            PasscodeStatus::Changed => {
                cx.push(Effect::Passcode(PasscodeStep::Changed));
                cx.tell(SessionNotice::PasscodeChanged);
            }
            PasscodeStatus::Refused => not_changed(cx, NotChanged::Meanwhile),
        }
    }

    /// The directory would not begin or complete it.
    pub(crate) fn handle_passcode_refused(&self, cx: &mut Context, why: DirectoryRefusal) {
        not_changed(cx, NotChanged::Refused(why));
    }

    /// The directory was lost before it answered.
    pub(crate) fn handle_passcode_unanswered(&self, cx: &mut Context) {
        not_changed(cx, NotChanged::Unsure);
    }
}

fn not_changed(cx: &mut Context, why: NotChanged) {
    cx.push(Effect::Passcode(PasscodeStep::NotChanged));
    cx.tell(SessionNotice::PasscodeNotChanged(why));
}
