//! What a notice leaves in the log, where one is kept: that something happened and with whom, never what was said
//! (threat T5).

use tracing::{debug, error, info, warn};

use peer_core::notice::{CallNotice, ContactNotice, DirectoryNotice, MessageNotice, Notice, SessionNotice};

/// Logs whether the passcode may have reached the swap space.
pub(super) fn memory() {
    if common::locked::is_refused() {
        warn!("memory cannot be locked, so the passcode may reach the swap space: raise ulimit -l");
    }
}

/// Logs what the user is told.
pub(super) fn told(notice: &Notice) {
    match notice {
        Notice::Session(SessionNotice::Failed(failure)) => error!(?failure, "the session failed"),
        Notice::Session(SessionNotice::StoreFailed { at, detail }) => error!(?at, %detail, "the store failed"),
        Notice::Directory(DirectoryNotice::NotItself(failure)) => error!(?failure, "the directory is not itself"),
        Notice::Message(MessageNotice::Frozen { with, why }) => error!(%with, %why, "a room can be used no more"),
        Notice::Message(MessageNotice::Dropped { with, from, why }) => warn!(%with, %from, %why, "an item was dropped"),
        Notice::Session(SessionNotice::NewTerminal) => warn!("the state was an old copy; this is a new terminal now"),
        Notice::Message(MessageNotice::Lost { count }) => warn!(count, "mail was not kept"),
        Notice::Contact(ContactNotice::KeyChanged { of, how, .. }) => warn!(%of, ?how, "a key has changed"),
        Notice::Session(SessionNotice::LoginRefused { user, why }) => warn!(%user, ?why, "the login was refused"),
        Notice::Session(SessionNotice::RegisterRefused { user, why }) => {
            warn!(%user, ?why, "the registration was refused")
        }
        Notice::Call(CallNotice::CallerRefused { claimed, source, why }) => {
            let claimed = claimed.as_ref().map(tracing::field::display);
            warn!(claimed, %source, ?why, "a caller was turned away");
        }
        Notice::Call(CallNotice::LinkLost { with, then, why }) => warn!(%with, ?then, ?why, "a connection was lost"),
        Notice::Directory(DirectoryNotice::Lost { retry_in, why }) => warn!(retry_in, ?why, "the directory was lost"),
        Notice::Directory(DirectoryNotice::Refused(why)) => warn!(?why, "the directory does not do what it was asked"),
        Notice::Directory(DirectoryNotice::Back) => info!("the directory is back"),
        Notice::Session(SessionNotice::Registered { user, server }) => info!(%user, %server, "registered"),
        Notice::Session(SessionNotice::LoggedIn { user, address }) => info!(%user, %address, "logged in"),
        Notice::Session(SessionNotice::LoggedOut { why }) => info!(?why, "logged out"),
        Notice::Call(CallNotice::Established { with }) => info!(%with, "connected"),
        Notice::Call(CallNotice::Way { with, way, vouched }) => {
            info!(%with, ?way, vouched, "the connection goes this way");
        }
        Notice::Call(CallNotice::Received { from }) => info!(%from, "connected by a call"),
        Notice::Call(CallNotice::Failed { to, why }) => info!(%to, ?why, "a call came to nothing"),
        Notice::Call(CallNotice::Ended { with, by }) => info!(%with, ?by, "a connection ended"),
        Notice::Session(SessionNotice::PasscodeChanged) => info!("the passcode was changed"),
        Notice::Session(SessionNotice::KeyReplaced) => info!("the identity key was replaced"),
        Notice::Session(SessionNotice::KeyTakenOver) => info!("the identity key was replaced at another terminal"),
        Notice::Contact(ContactNotice::KeyDecided { of, decision }) => info!(%of, ?decision, "a key was decided about"),
        Notice::Message(MessageNotice::Text { from, text, id, .. }) => {
            debug!(%from, %id, bytes = text.len(), "a message came directly")
        }
        Notice::Message(MessageNotice::Arrived(arrivals)) => debug!(count = arrivals.len(), "messages came by mail"),
        Notice::Message(MessageNotice::Sent { record, .. }) => {
            debug!(to = %record.name.conversation, id = %record.name.id, "a message is kept")
        }
        Notice::Message(MessageNotice::Waiting { to, waiting, next }) => debug!(%to, waiting, ?next, "messages wait"),
        Notice::Message(MessageNotice::Marked { to, ids, mark, .. }) => {
            debug!(%to, count = ids.len(), ?mark, "messages have come on")
        }
        Notice::Message(MessageNotice::NotSent { to, why, .. }) => debug!(%to, ?why, "a message could not be sent"),
        Notice::Directory(DirectoryNotice::Presence { user, status, .. }) => debug!(%user, ?status, "presence"),
        Notice::Group { group, .. } => debug!(%group, "something about a group"),
        // Answers to questions, and what is about files.
        _ => {}
    }
}
