//! What is not answered yet when a client has said all it had to say: requests that wait for a login under way, and an
//! input that has ended (a pipe, a here-document) before its answers are there.

use std::time::Instant;

use super::pending::{Pending, Replay};
use super::subject::{ProgramCall, Subject};
use super::wire::RpcError;
use super::{Asker, ClientId, Life, Output, Rpc, State};

impl Rpc {
    /// Whether this request waits for the login that is under way: it needs it, or stands behind one that does.
    pub(super) fn waits_for_login(&self, subject: &Subject) -> bool {
        let is_beginning =
            self.pending.questions().any(|pending| matches!(pending, Pending::Replay(Replay::Beginning(_))));
        let under_way = matches!(self.state, State::Entering(_)) || is_beginning;
        under_way
            && match subject {
                Subject::Session(_) => true,
                Subject::Program(ProgramCall::Leave) => !self.held.is_empty(),
                Subject::Program(ProgramCall::Hello | ProgramCall::Login(_) | ProgramCall::Status) => false,
            }
    }

    /// The login has an end, whichever: what waited for it is taken now, in its order.
    pub(super) fn take_held(&mut self) {
        for (asker, subject) in std::mem::take(&mut self.held) {
            self.take(asker, subject);
        }
    }

    /// Nothing comes of what waited for the login.
    pub(super) fn fail_held(&mut self, why: &RpcError) {
        for (asker, _) in std::mem::take(&mut self.held) {
            self.reply(Some(asker), Err(why.clone()));
        }
    }

    /// A client says nothing more; it is let go once it has its answers, or has waited for as long as answers may take.
    pub(super) fn ended(&mut self, client: ClientId) {
        match self.options.life {
            Life::Command => self.closed(client),
            Life::Client | Life::Daemon => {
                let patience = self.now + self.options.patience;
                let until = self.owed_until(client).map_or(patience, |owed| owed.max(patience));
                self.ended.entry(client).or_insert(until);
            }
        }
    }

    /// Lets those go who say nothing more and have their answers.
    pub(super) fn let_go(&mut self) {
        let is_over = |client: ClientId, until: Instant| until <= self.now || !self.owes(client);
        let over: Vec<ClientId> =
            self.ended.iter().filter(|(client, until)| is_over(**client, **until)).map(|(client, _)| *client).collect();
        for client in over {
            self.closed(client);
            if self.options.life == Life::Daemon {
                self.out.push(Output::LetGo(client));
            }
        }
    }

    fn owes(&self, client: ClientId) -> bool {
        let logs_in = matches!(&self.state, State::Entering(entering) if entering.is_asked_by(client));
        logs_in
            || self.held.iter().any(|(Asker { client: asker, .. }, _)| *asker == client)
            || self.pending.questions().any(|pending| pending.is_owed_to(client))
    }
}
