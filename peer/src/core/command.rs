//! What a front end asks the engine for. One variant per thing a person can want; no texts, no prompts.

use common::ident::UserId;
use common::secret::Passcode;

/// A request of a front end. Answers come as [`Notice`](super::notice::Notice)s, in any order with other notices.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// Open the local state of `user` and ask the directory whether it knows the user.
    /// Answered by `Identified`, `FirstContact` (then `Identified` after `TrustDirectory`) or `Failed`.
    Identify { user: UserId },
    /// Answers `FirstContact`: whether to pin the directory's key.
    TrustDirectory(Answer),
    /// Log in. Answered by `LoggedIn`, `LoginRefused` or `Failed`.
    Login { user: UserId, passcode: Passcode },
    /// Register, then log in. Answered by `Registered` and then as `Login`, or by `RegisterRefused` or `Failed`.
    Register { user: UserId, passcode: Passcode },
    /// Begin to use an invitation: the directory must prove itself before anything is asked of the person.
    /// Answered by `InviteProved` or `Failed`; then `Register`.
    Invitation { line: String },
    /// Call `to`. Answered by `Established`, `CallFailed` or `KeyChanged`. At once if a link stands already.
    Call { to: UserId },
    /// Give up a call that is being placed, or end the conversation with `with`. The latter is answered by `Ended`.
    End { with: UserId },
    /// Say `text` to `to`, over the link that stands. `NotDelivered` if there is none.
    Say { to: UserId, text: String },
    /// Answers `Asked`.
    AnswerCall { from: UserId, answer: Answer },
    /// Who is online? Answered by `People` or `NoPeople`.
    List,
    /// The safety number shared with `with`. Answered by `SafetyNumber`, or `CallFailed` where no key is known.
    SafetyNumber { with: UserId },
    /// The person has compared the safety number of `with` (digits as shown, so that only that number is confirmed).
    ConfirmNumber { with: UserId, digits: String, answer: Answer },
    /// Answers `KeyChanged`. Answered by `KeyDecided`, or for `Verify` by `SafetyNumber`.
    DecideKey { of: UserId, decision: KeyDecision },
    /// End all conversations, log out, answer `LoggedOut`, stop.
    Logout,
}

/// A person's answer to a yes-or-no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Agreed.
    Yes,
    /// Declined.
    No,
}

/// What to do about a key that changed (decision D14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyDecision {
    /// Show the new safety number and let the person compare it; the old pin stays until it is confirmed.
    Verify,
    /// Pin the new key, unverified.
    Accept,
    /// Refuse calls from and to this user.
    Block,
}
