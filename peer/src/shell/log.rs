//! What a notice leaves in the log, where one is kept: that something happened and with whom, never what was said
//! (threat T5).

use tracing::{debug, error, info, warn};

use peer_core::notice::Notice;

/// Takes down what the person is told.
pub(super) fn told(notice: &Notice) {
    match notice {
        Notice::Failed(failure) => error!(?failure, "the session failed"),
        Notice::NotKept { detail } => error!(%detail, "the disk cannot be written"),
        Notice::DirectoryNotItself(failure) => error!(?failure, "the directory is not itself"),
        Notice::RoomFrozen { with, why } => error!(%with, %why, "a room can be used no more"),
        Notice::NewTerminal => warn!("the state was an old copy; this is a new terminal now"),
        Notice::MailLost { count } => warn!(count, "mail was not kept"),
        Notice::KeyChanged { of, .. } => warn!(%of, "a key has changed"),
        Notice::LoginRefused { user, why } => warn!(%user, ?why, "the login was refused"),
        Notice::RegisterRefused { user, why } => warn!(%user, ?why, "the registration was refused"),
        Notice::CallerRefused { claimed, source, why } => {
            let claimed = claimed.as_ref().map(tracing::field::display);
            warn!(claimed, %source, ?why, "a caller was turned away");
        }
        Notice::LinkLost { with, then } => warn!(%with, ?then, "a connection was lost"),
        Notice::DirectoryLost { retry_in } => warn!(retry_in, "the directory was lost"),
        Notice::TooFast { retry_after } => warn!(retry_after, "the directory asks for patience"),
        Notice::DirectoryBack => info!("the directory is back"),
        Notice::Registered { user, server } => info!(%user, %server, "registered"),
        Notice::LoggedIn { user, address } => info!(%user, %address, "logged in"),
        Notice::LoggedOut { why } => info!(?why, "logged out"),
        Notice::Established { with } => info!(%with, "connected"),
        Notice::Received { from } => info!(%from, "connected by a call"),
        Notice::CallFailed { to, why } => info!(%to, ?why, "a call came to nothing"),
        Notice::Ended { with, by } => info!(%with, ?by, "a connection ended"),
        Notice::PasscodeChanged => info!("the passcode was changed"),
        Notice::KeyDecided { of, decision } => info!(%of, ?decision, "a key was decided about"),
        Notice::Text { from, text, id, .. } => debug!(%from, %id, bytes = text.len(), "a message came directly"),
        Notice::Arrived(arrivals) => debug!(count = arrivals.len(), "messages came by mail"),
        Notice::Sent { record, .. } => {
            debug!(to = %record.name.conversation, id = %record.name.id, "a message is kept")
        }
        Notice::Waiting { to, waiting, next } => debug!(%to, waiting, ?next, "messages wait"),
        Notice::Marked { to, ids, mark, .. } => debug!(%to, count = ids.len(), ?mark, "messages have come on"),
        Notice::NotSent { to, why, .. } => debug!(%to, ?why, "a message could not be sent"),
        Notice::Presence { user, status, .. } => debug!(%user, ?status, "presence"),
        Notice::Group { group, .. } => debug!(%group, "something about a group"),
        // Answers to questions, and what is about files.
        _ => {}
    }
}
