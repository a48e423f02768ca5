//! The two queues between a session and its front end.

use async_channel::{Receiver, Sender};

use super::log;
use peer_core::command::Command;
use peer_core::notice::Notice;

/// The two queues to a front end.
#[derive(Debug, Clone)]
pub(crate) struct FrontEnd {
    /// What the user wants.
    pub(crate) commands: Receiver<Command>,
    /// What the user is told.
    pub(crate) notices: Sender<Notice>,
}

impl FrontEnd {
    /// Tells the user; a front end that is gone needs no telling.
    pub(crate) async fn tell(&self, notice: Notice) {
        log::told(&notice);
        let _ = self.notices.send(notice).await;
    }
}
