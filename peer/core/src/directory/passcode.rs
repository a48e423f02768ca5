//! A proof of the passcode, and what it is for: two requests each, whose contents are made by the shell, which knows the
//! passcode (decision D33).

use common::msg::{
    AuthChallenge, AuthRefusal, AuthReply, AuthStatus, KeyChallenge, KeyReply, KeyStatus, PasscodeChallenge,
    PasscodeReply, PasscodeStatus, RequestNumber, SUCCESSIONS,
};

use super::DirectoryClient;
use crate::context::Context;
use crate::event::{Effect, PasscodeStep};
use crate::notice::{DirectoryRefusal, NotChanged, SessionNotice};
use crate::request::{Aim, Asked, Question, Request};

impl DirectoryClient {
    /// Has the shell prove the passcode that the user gave; what it is for follows. What is under way is given up.
    pub(crate) fn prove_passcode(&mut self, cx: &mut Context, aim: Aim) -> Option<Request> {
        let why = match () {
            () if !cx.is_up() => Some(NotChanged::DirectoryLost),
            () if aim == Aim::Rekey && !cx.features.include(SUCCESSIONS) => Some(NotChanged::NotKnown),
            () => None,
        };
        if let Some(why) = why {
            cx.tell(not_done(aim, why));
            return None;
        }
        self.requests.retain(|asked| !is_of_passcode(&asked.question));
        self.expect(cx, "AUTHREQ", "AUTHCHALLENGE", Question::Proof(aim), |request| PasscodeStep::Prove { request })
    }

    /// The directory's part of the proof.
    pub(crate) fn handle_proof_challenge(
        &mut self,
        cx: &mut Context,
        aim: Aim,
        challenge: AuthChallenge,
    ) -> Option<Request> {
        let challenge = Box::new(challenge);
        self.expect(cx, "AUTHPROOF", "AUTHREPLY", Question::ProofEnd(aim), |request| PasscodeStep::Confirm {
            request,
            challenge,
        })
    }

    /// The passcode was proved, or not.
    pub(crate) fn handle_proof(&mut self, cx: &mut Context, aim: Aim, reply: AuthReply) -> Option<Request> {
        if reply.status == AuthStatus::Refused {
            not_changed(cx, aim, unproved(&reply));
            return None;
        }
        match aim {
            Aim::Check => {
                cx.push(Effect::Passcode(PasscodeStep::NotChanged));
                cx.tell(SessionNotice::PasscodeProved);
                None
            }
            Aim::Change => {
                let proved = Box::new(reply);
                let begin = |request| PasscodeStep::Begin { request, proved };
                self.expect(cx, "PASSCODEREQ", "PASSCODECHALLENGE", Question::PasscodeChange, begin)
            }
            Aim::Rekey => {
                let proved = Box::new(reply);
                let begin = |request| PasscodeStep::BeginKey { request, proved };
                self.expect(cx, "KEYREQ", "KEYCHALLENGE", Question::KeyChange, begin)
            }
            Aim::Remove(terminal) => Some(self.remove_terminal(terminal)),
        }
    }

    /// Has the shell send a request that it makes itself.
    fn expect(
        &mut self,
        cx: &mut Context,
        msgtype: &'static str,
        answer: &'static str,
        question: Question,
        step: impl FnOnce(RequestNumber) -> PasscodeStep,
    ) -> Option<Request> {
        match self.requests.expect(msgtype, Some(answer), Asked::now(cx, question)) {
            Ok(request) => {
                cx.push(Effect::Passcode(step(request)));
                None
            }
            Err(refused) => Some(super::refused(refused)),
        }
    }

    /// The directory's part of the change: the shell seals the identity key again.
    pub(crate) fn handle_challenge(&mut self, cx: &mut Context, challenge: PasscodeChallenge) -> Option<Request> {
        let challenge = Box::new(challenge);
        self.expect(cx, "PASSCODEUPLOAD", "PASSCODEREPLY", Question::PasscodeUpload, |request| PasscodeStep::Seal {
            request,
            challenge,
        })
    }

    /// The directory has changed it, or not.
    pub(crate) fn handle_passcode_reply(&self, cx: &mut Context, reply: &PasscodeReply) {
        match reply.status {
            PasscodeStatus::Changed => {
                cx.push(Effect::Passcode(PasscodeStep::Changed));
                cx.tell(SessionNotice::PasscodeChanged);
            }
            PasscodeStatus::Refused => not_changed(cx, Aim::Change, NotChanged::Meanwhile),
        }
    }

    /// The directory's part of a new key: the shell makes the key, and seals it.
    pub(crate) fn handle_key_challenge(&mut self, cx: &mut Context, challenge: KeyChallenge) -> Option<Request> {
        let challenge = Box::new(challenge);
        self.expect(cx, "KEYUPLOAD", "KEYREPLY", Question::KeyUpload, |request| PasscodeStep::SealKey {
            request,
            challenge,
        })
    }

    /// The directory has put the new key in force, or not.
    pub(crate) fn handle_key_reply(&self, cx: &mut Context, reply: KeyReply) {
        match reply.status {
            KeyStatus::Changed => {
                cx.push(Effect::Passcode(PasscodeStep::KeyChanged));
                cx.tell(SessionNotice::KeyReplaced);
            }
            KeyStatus::Refused => not_changed(cx, Aim::Rekey, NotChanged::Meanwhile),
            KeyStatus::Older => not_changed(cx, Aim::Rekey, NotChanged::Older),
        }
    }

    /// The directory would not begin or complete it, or the proof before it.
    pub(crate) fn handle_passcode_refused(&self, cx: &mut Context, aim: Aim, why: DirectoryRefusal) {
        not_changed(cx, aim, NotChanged::Refused(why));
    }

    /// The directory was lost before it answered; nothing has changed before a new passcode was sent.
    pub(crate) fn handle_passcode_unanswered(&self, cx: &mut Context, question: &Question) {
        let (aim, why) = match question {
            Question::Proof(aim) | Question::ProofEnd(aim) => (*aim, NotChanged::DirectoryLost),
            Question::PasscodeChange => (Aim::Change, NotChanged::DirectoryLost),
            Question::KeyChange => (Aim::Rekey, NotChanged::DirectoryLost),
            Question::KeyUpload => (Aim::Rekey, NotChanged::Unsure),
            _ => (Aim::Change, NotChanged::Unsure),
        };
        not_changed(cx, aim, why);
    }
}

/// Whether it belongs to a proof of the passcode or a change of it.
fn is_of_passcode(question: &Question) -> bool {
    matches!(
        question,
        Question::Proof(_)
            | Question::ProofEnd(_)
            | Question::PasscodeChange
            | Question::PasscodeUpload
            | Question::KeyChange
            | Question::KeyUpload
    )
}

/// Why a passcode was not taken.
fn unproved(reply: &AuthReply) -> NotChanged {
    match reply.reason {
        Some(AuthRefusal::Locked) => NotChanged::Locked { retry_after: reply.retry_after },
        Some(AuthRefusal::TooMany) => {
            NotChanged::Refused(DirectoryRefusal::TooFast { retry_after: reply.retry_after.unwrap_or(60) })
        }
        Some(AuthRefusal::Passcode) => NotChanged::Wrong { tries_left: reply.tries_left },
        Some(AuthRefusal::Other) | None => NotChanged::Meanwhile,
    }
}

fn not_done(aim: Aim, why: NotChanged) -> SessionNotice {
    match aim {
        Aim::Check | Aim::Change | Aim::Rekey => SessionNotice::PasscodeNotChanged(why),
        Aim::Remove(_) => SessionNotice::TerminalNotRemoved(why),
    }
}

fn not_changed(cx: &mut Context, aim: Aim, why: NotChanged) {
    cx.push(Effect::Passcode(PasscodeStep::NotChanged));
    cx.tell(not_done(aim, why));
}
