//! The two queues between a session and its front end.

use async_channel::{Receiver, Sender};

use super::log;
use peer_core::command::{Ticket, TicketedCommand};
use peer_core::notice::{Notice, Notification};

/// The two queues to a front end.
#[derive(Debug, Clone)]
pub(crate) struct FrontEnd {
    /// What the user wants.
    pub(crate) commands: Receiver<TicketedCommand>,
    /// What the user is told.
    pub(crate) notices: Sender<Notification>,
}

impl FrontEnd {
    /// Tells the user; a front end that is gone needs no telling.
    pub(crate) async fn tell(&self, notice: Notice) {
        self.answer(None, notice).await;
    }

    /// Tells the user something that answers a command, if it answers one.
    pub(crate) async fn answer(&self, answers: Option<Ticket>, notice: Notice) {
        log::told(&notice);
        let _ = self.notices.send(Notification { answers, notice }).await;
    }
}
