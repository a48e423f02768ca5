//! What an administrator's requests do, with a server running or without.

use std::path::Path;
use std::time::Duration;

use common::crypto::invite::{Invite, InviteCode};
use common::ident::{RoomId, UserId};
use common::msg::ByeReason;

use super::{Answer, Invitation, OnlineUser, Request, Status, User};
use crate::failure::{Failure, Kind};
use crate::shell::node::Node;
use directory_core::records::{IdStatus, InviteRecord, RoomRemoval, UnlockOutcome, UserChange, UserRecord};
use directory_core::store::Store;
use directory_core::timestamp::Timestamp;

/// On what a request is carried out.
pub(crate) struct Desk<'a, S> {
    pub(crate) store: &'a S,
    /// The running server, if one runs.
    pub(crate) node: Option<&'a Node>,
    pub(crate) now: Timestamp,
    /// `HOST:PORT` for invitations.
    pub(crate) public: &'a str,
    pub(crate) invite_ttl: Duration,
    pub(crate) data_dir: Option<&'a Path>,
}

impl<S: Store> Desk<'_, S> {
    /// Carries out a request. Every change is logged.
    pub(crate) async fn execute(&self, request: Request) -> Answer {
        let audit = match &request {
            // The code is a secret.
            Request::Revoke { .. } => Some("revoke".to_owned()),
            Request::Invites
            | Request::Users
            | Request::User { .. }
            | Request::Rooms
            | Request::Room { .. }
            | Request::Sessions
            | Request::Status
            | Request::Broadcasts { .. } => None,
            change => serde_json::to_string(change).ok(),
        };
        let user = request.changed().map(UserId::to_string);
        let answer = self.answer(request).await.unwrap_or_else(|failure| Answer::Failed { failure });
        if let Some(change) = audit {
            let failed = matches!(answer, Answer::Failed { .. });
            tracing::info!(target: "audit", user, change, failed, "administrator");
        }
        answer
    }

    async fn answer(&self, request: Request) -> Result<Answer, Failure> {
        match request {
            Request::Invite { users } => self.invite(users).await,
            Request::Invites => {
                let invites = self.store.invites(self.now).await?;
                let invites = invites.into_iter().map(|invite| self.invitation(invite)).collect();
                Ok(Answer::Invites { invites, refused: Vec::new() })
            }
            Request::Revoke { code } => self.revoke(&code).await,
            Request::Users => {
                let users = self.store.users(self.now).await?;
                Ok(Answer::Users { users: users.into_iter().map(|record| self.user(record)).collect() })
            }
            Request::User { user } => {
                let record = self.store.user(&user, self.now).await?.ok_or_else(|| nobody(&user))?;
                Ok(Answer::User { user: self.user(record) })
            }
            Request::Lock { user, reason } => {
                expect_user(self.store.lock(&user, &reason).await?, &user)?;
                Ok(Answer::Locked { sessions: self.end_sessions(&user), user })
            }
            Request::Unlock { user } => {
                let was_locked = self.store.unlock(&user).await? == UnlockOutcome::Unlocked;
                // Strangers may have tried an id that nobody has; otherwise there must be somebody.
                if !was_locked {
                    self.store.user(&user, self.now).await?.ok_or_else(|| nobody(&user))?;
                }
                Ok(Answer::Unlocked { was_locked, user })
            }
            Request::Reset { user } => {
                let invite = self.fresh_invite(user.clone())?;
                expect_user(self.store.reset(&user, invite.clone()).await?, &user)?;
                Ok(Answer::Reset { invite: self.invitation(invite), sessions: self.end_sessions(&user) })
            }
            Request::Remove { user } => {
                expect_user(self.store.remove(&user, self.now).await?, &user)?;
                Ok(Answer::Removed { sessions: self.end_sessions(&user), user })
            }
            Request::Rooms => Ok(Answer::Rooms { rooms: self.store.rooms().await? }),
            Request::Room { room } => {
                let found = self.store.rooms().await?.into_iter().find(|record| record.room == room);
                found.map(|room| Answer::Room { room }).ok_or_else(|| no_room(&room))
            }
            Request::RemoveRoom { room } => match self.store.remove_room(room).await? {
                RoomRemoval::Removed => Ok(Answer::RoomRemoved { room }),
                RoomRemoval::NoSuchRoom => Err(no_room(&room)),
            },
            Request::Sessions => Ok(Answer::Sessions { sessions: self.sessions() }),
            Request::EndSessions { user } => {
                self.store.user(&user, self.now).await?.ok_or_else(|| nobody(&user))?;
                Ok(Answer::SessionsEnded { sessions: self.end_sessions(&user), user })
            }
            Request::Status => self.status().await,
            Request::Broadcasts { limit } => {
                Ok(Answer::Broadcasts { entries: self.store.broadcasts(None, limit).await? })
            }
        }
    }

    async fn invite(&self, users: Vec<UserId>) -> Result<Answer, Failure> {
        let (mut invited, mut refused) = (Vec::with_capacity(users.len()), Vec::new());
        for user in users {
            let refusal = match self.store.id_status(&user, self.now).await? {
                _ if user.is_reserved() => format!("{user} is a reserved word. Choose another id."),
                IdStatus::Taken => format!(
                    "{user} is registered already. To give out a new passcode: directory-server user passcode {user}"
                ),
                IdStatus::Removed => format!("{user} was removed; its id is never given out again. Choose another."),
                IdStatus::Free | IdStatus::Invited(_) | IdStatus::AwaitsInvite => {
                    invited.push(user);
                    continue;
                }
            };
            refused.push(Failure::new(Kind::NotPermitted, refusal));
        }
        if invited.is_empty() && !refused.is_empty() {
            let all: Vec<String> = refused.into_iter().map(|failure| failure.message).collect();
            return Err(Failure::new(Kind::NotPermitted, all.join("\n")));
        }
        let mut invites = Vec::with_capacity(invited.len());
        for user in invited {
            let invite = self.fresh_invite(user)?;
            match self.store.invite(invite.clone(), self.now).await? {
                // Registered since it was looked up; nothing to invite to.
                IdStatus::Taken | IdStatus::Removed => {}
                IdStatus::Free | IdStatus::Invited(_) | IdStatus::AwaitsInvite => {
                    invites.push(self.invitation(invite));
                }
            }
        }
        Ok(Answer::Invites { invites, refused })
    }

    async fn revoke(&self, code: &str) -> Result<Answer, Failure> {
        // A whole line works as well as its last part.
        let parsed = Invite::parse(code).map(|invite| invite.code).or_else(|_| InviteCode::parse(code));
        let code = parsed.map_err(|error| Failure::new(Kind::Usage, format!("That is no invitation: {error}.")))?;
        let user =
            self.store.revoke(&code).await?.ok_or_else(|| {
                Failure::new(Kind::UnknownUser, "No such invitation. See: directory-server invite list")
            })?;
        Ok(Answer::Revoked { user })
    }

    async fn status(&self) -> Result<Answer, Failure> {
        let status = match self.node {
            Some(node) => Status::of(node).await?,
            None => Status::of_store(self.store, self.data_dir, self.now).await?,
        };
        Ok(Answer::Status { status })
    }

    fn fresh_invite(&self, user: UserId) -> Result<InviteRecord, Failure> {
        let code = InviteCode::generate().map_err(|error| Failure::new(Kind::Io, format!("{error}.")))?;
        Ok(InviteRecord { user, code, expires: (self.now + self.invite_ttl).seconds() })
    }

    fn invitation(&self, invite: InviteRecord) -> Invitation {
        let InviteRecord { user, code, expires } = invite;
        let line = Invite { user: user.clone(), server: self.public.to_owned(), code }.to_line();
        Invitation { user, line, expires }
    }

    fn user(&self, record: UserRecord) -> User {
        let online = self.node.and_then(|node| node.directory.presence.since(&record.id));
        let until = |left: Option<u64>| left.map(|left| self.now.seconds().saturating_add(left));
        User {
            locked_out_until: until(record.locked_out_for),
            known_locked_out_until: until(record.known_locked_out_for),
            online_since: online.map(Timestamp::seconds),
            record,
        }
    }

    /// Everyone online, in the order of the ids.
    fn sessions(&self) -> Vec<OnlineUser> {
        let Some(online) = self.node.map(|node| &node.directory.presence) else { return Vec::new() };
        let mut sessions: Vec<OnlineUser> = Vec::new();
        loop {
            let page = online.list(sessions.last().map(|last| &last.user));
            sessions.extend(page.users.into_iter().map(|listed| OnlineUser {
                terminals: online.terminals(&listed.userid),
                user: listed.userid,
                online_since: listed.online_since,
                away: listed.away,
            }));
            if !page.more {
                return sessions;
            }
        }
    }

    fn end_sessions(&self, user: &UserId) -> usize {
        self.node.map_or(0, |node| node.directory.presence.end(user, ByeReason::Administrator))
    }
}

fn expect_user(change: UserChange, user: &UserId) -> Result<(), Failure> {
    match change {
        UserChange::Done => Ok(()),
        UserChange::NoSuchUser => Err(nobody(user)),
    }
}

fn no_room(room: &RoomId) -> Failure {
    let message = format!("No group {room}. See them: directory-server group list");
    Failure::new(Kind::UnknownUser, message)
}

fn nobody(user: &UserId) -> Failure {
    Failure::new(Kind::UnknownUser, format!("No user {user}. See everyone: directory-server user list"))
}
