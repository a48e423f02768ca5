//! How bad the world of a seed is, what users do in it, and what breaks.

use common::ident::UserId;
use common::msg::ByeReason;
use directory_core::subscriptions::Visibility;

use super::fixtures::{team, users};
use super::rng::Rng;
use super::world::{ClientId, End, Event, World};
use crate::command::{
    Answer, CallCommand, Command, FileCommand, FileWish, GroupWish, MessageCommand, SessionCommand, Ticket,
};
use crate::model::Conversation;
use crate::persistence::Table;
use directory_server::store::sqlite::going_back::GoingBack;

/// Seconds.
const HOUR: i64 = 3600;

/// Drawn once for each seed.
#[derive(Debug)]
pub(super) struct FaultsProfile {
    /// Milliseconds a frame is under way at most.
    pub(super) latency: u64,
    /// Effects of a thousand before which the program is killed.
    pub(super) crash: u64,
    /// Ends of programs of a thousand that come with the loss of power: what was not synced is gone.
    pub(super) power_loss: u64,
    /// Transactions of a thousand for which the disk fails.
    pub(super) disk_failure: u64,
    /// Milliseconds for which the disk of a terminal is full at most.
    pub(super) full_disk: u64,
    /// Milliseconds for which the disk of the directory is full at most.
    pub(super) full_directory: u64,
    /// Requests of a thousand after which the directory is killed before it answers.
    pub(super) directory_crash: u64,
    /// Calls of a thousand that do not reach a terminal.
    pub(super) unreachable: u64,
    /// Milliseconds between two faults at most.
    pub(super) calm: u64,
    /// Milliseconds between two things that users do at most.
    pub(super) pause: u64,
    /// Things that users do.
    pub(super) acts: u64,
    /// Milliseconds for which a terminal stays away at most.
    pub(super) away: u64,
    /// Messages of one user that may wait for one terminal.
    pub(super) quota: u32,
    pub(super) lookups_per_minute: u32,
    pub(super) show: Visibility,
    /// Seconds by which clocks are wrong at most, ahead or behind.
    pub(super) clock_error: i64,
    /// How the directory goes on from an older state, once.
    pub(super) goes_back: Option<GoingBack>,
    /// Of a thousand links, those that are relayed at first, and that direct ones follow.
    pub(super) relayed: u64,
    /// Whether carol's program says things that no program of ours would.
    pub(super) hostile: bool,
}

impl FaultsProfile {
    /// A quota that nobody reaches.
    pub(super) const ENOUGH: u32 = 128;

    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self {
            latency: rng.pick(&[5, 50, 400, 2000]),
            crash: rng.pick(&[0, 2, 5, 15]),
            power_loss: rng.pick(&[0, 300, 1000]),
            disk_failure: rng.pick(&[0, 0, 10]),
            full_disk: rng.pick(&[0, 0, 20_000, 120_000]),
            full_directory: rng.pick(&[0, 0, 10_000, 90_000]),
            directory_crash: rng.pick(&[0, 5, 20]),
            unreachable: rng.pick(&[0, 100, 500]),
            calm: rng.pick(&[2000, 8000, 30_000, 1_000_000]),
            pause: rng.pick(&[300, 2000, 8000]),
            acts: 12 + rng.up_to(24),
            away: rng.pick(&[3000, 30_000, 120_000]),
            quota: rng.pick(&[3, 8, Self::ENOUGH]),
            lookups_per_minute: rng.pick(&[0, 0, 20]),
            show: rng.pick(&[Visibility::Auto, Visibility::Everyone, Visibility::Contacts]),
            hostile: rng.pick(&[false, false, true]),
            clock_error: rng.pick(&[0, 0, 4 * HOUR, 120 * 24 * HOUR]),
            goes_back: rng.pick(&[None, None, Some(GoingBack::Restored), Some(GoingBack::PutBack)]),
            relayed: 0,
        }
    }

    /// The same with links that are relayed at first, in half of all cases. What else happens is as without them.
    pub(super) fn with_relays(self, seed: u64) -> Self {
        Self { relayed: Rng::new(!seed).pick(&[0, 0, 500, 1000]), ..self }
    }

    /// Nothing breaks, and nobody does anything.
    pub(super) fn calm() -> Self {
        Self {
            latency: 5,
            crash: 0,
            power_loss: 0,
            disk_failure: 0,
            full_disk: 0,
            full_directory: 0,
            directory_crash: 0,
            unreachable: 0,
            calm: u64::MAX,
            pause: u64::MAX,
            acts: 0,
            away: 1000,
            quota: Self::ENOUGH,
            lookups_per_minute: 0,
            show: Visibility::Auto,
            hostile: false,
            clock_error: 0,
            goes_back: None,
            relayed: 0,
        }
    }

    /// Nothing breaks any more.
    fn clear_up(&mut self) {
        (self.crash, self.disk_failure, self.directory_crash, self.unreachable) = (0, 0, 0, 0);
        (self.acts, self.away, self.calm) = (0, 1000, u64::MAX);
    }
}

impl World {
    /// Users begin to do things, and things begin to break.
    pub(super) fn begin(&mut self) {
        for client in 0..self.clients.len() {
            let most = self.profile.away / 10;
            self.soon(most, Event::Start(client));
        }
        self.at(2000, Event::Act);
        self.at(3000, Event::Fault);
    }

    /// Everything is mended, and every terminal runs.
    pub(super) fn mend(&mut self) {
        self.note("world", format_args!("is mended"));
        self.profile.clear_up();
        for client in 0..self.clients.len() {
            (self.clients[client].cut_off_until, self.clients[client].full_until) = (0, 0);
            self.clients[client].clock_error = 0;
            self.soon(1000, Event::Start(client));
        }
        self.server.set_disk_full(false);
        if self.clock_error != 0 {
            self.mistake_directory_clock(0);
        }
    }

    /// Every session breaks, and its terminal logs in again.
    pub(super) fn log_in_again(&mut self) {
        let id_status: Vec<u64> = self.sessions.keys().copied().collect();
        id_status.into_iter().for_each(|id| self.break_session(id));
    }

    /// Whether users have done everything they were going to do.
    pub(super) fn is_done(&self) -> bool {
        self.profile.acts == 0
    }

    fn other_user(&mut self, client: ClientId) -> UserId {
        let me = &self.clients[client].fixture.me.user;
        let others: Vec<UserId> = users().into_iter().filter(|user| user != me).collect();
        others[self.rng.below(others.len())].clone()
    }

    /// Somebody does something.
    pub(super) fn act(&mut self) {
        if self.profile.acts == 0 {
            return;
        }
        self.profile.acts -= 1;
        let pause = self.profile.pause;
        self.soon(pause, Event::Act);
        let client = self.rng.below(self.clients.len());
        if !self.clients[client].is_running() {
            return self.start(client);
        }
        if self.is_hostile(client) && self.rng.below(2) == 0 {
            return self.attack();
        }
        let other = self.other_user(client);
        let group = |wish| Command::Group { group: team(), wish };
        let command = match self.rng.below(48) {
            0..=12 => return self.write_some(client, &Conversation::User(other)),
            13..=19 => return self.write_some(client, &Conversation::Group(team())),
            20 => self.text(client, Conversation::Everyone),
            21..=23 => Command::Call(CallCommand::Place { to: other }),
            24 => Command::Call(CallCommand::End { with: other }),
            25..=27 => group(GroupWish::Create),
            28..=30 => group(GroupWish::Join),
            31..=33 => group(GroupWish::Approve(other)),
            34 => group(GroupWish::Admin(other)),
            35 => group(GroupWish::Leave),
            36 => group(if self.rng.below(2) == 0 { GroupWish::Remove(other) } else { GroupWish::Deny(other) }),
            37 => Command::Message(MessageCommand::ReadReceipts(self.rng.pick(&[Answer::Yes, Answer::No]))),
            38 => Command::Message(MessageCommand::Seen { with: Conversation::User(other) }),
            39 => Command::Session(SessionCommand::Logout),
            40..=42 => return self.offer(client, other),
            43..=46 => {
                let files = self.clients[client].disk.load(Table::File);
                let Some(number) =
                    files.last().and_then(|(key, _)| Some(u64::from_be_bytes(key.clone().try_into().ok()?)))
                else {
                    return;
                };
                let accept = FileWish::Accept { folder: None };
                let wishes = [accept.clone(), accept, FileWish::Resume, FileWish::Refuse, FileWish::Cancel];
                let wish = wishes[self.rng.below(wishes.len())].clone();
                Command::File(FileCommand::Change { number, wish })
            }
            _ => return self.rewrite_a_file(),
        };
        if let Command::Message(MessageCommand::ReadReceipts(answer)) = &command {
            self.clients[client].read_receipts = *answer == Answer::Yes;
        }
        // Who founds a group, or is the last of its admins, may end it.
        let ends = match &command {
            Command::Group { wish: GroupWish::Create, .. } => self.is_hostile(client),
            Command::Group { wish: GroupWish::Leave, .. } => self.profile.hostile,
            _ => false,
        };
        if ends {
            return;
        }
        if matches!(command, Command::Group { wish: GroupWish::Leave, .. }) {
            let me = &self.clients[client].fixture.me.user;
            let leaving = (0..self.clients.len()).filter(|other| self.clients[*other].fixture.me.user == *me);
            self.invariants.left.extend(leaving);
        }
        self.command(client, command);
    }

    /// Everybody says something to everybody.
    pub(super) fn say_something_everywhere(&mut self) {
        for client in 0..self.clients.len() {
            let mut everywhere: Vec<Conversation> = users().into_iter().map(Conversation::User).collect();
            everywhere.retain(|to| *to != Conversation::User(self.clients[client].fixture.me.user.clone()));
            everywhere.extend(self.is_member(client).then(|| Conversation::Group(team())));
            for to in everywhere {
                let command = self.text(client, to);
                self.command(client, command);
            }
        }
    }

    fn write_some(&mut self, client: ClientId, to: &Conversation) {
        for _ in 0..=self.rng.below(4) {
            let command = self.text(client, to.clone());
            self.command(client, command);
        }
    }

    /// A text nobody else writes.
    pub(super) fn text(&mut self, client: ClientId, to: Conversation) -> Command {
        let number = self.number();
        Command::Message(MessageCommand::Send {
            to,
            text: format!("{number} by {}", self.clients[client].name),
            ticket: Ticket { number, reference: None },
        })
    }

    /// Something breaks.
    pub(super) fn fault(&mut self) {
        if self.is_done() {
            return;
        }
        let calm = self.profile.calm;
        self.soon(calm, Event::Fault);
        let client = self.rng.below(self.clients.len());
        match self.rng.below(11) {
            8 => {
                let (most, ahead) = (self.profile.clock_error, self.rng.below(2) == 0);
                let error = i64::try_from(self.rng.up_to(most.unsigned_abs())).unwrap();
                let error = if ahead { error } else { -error };
                self.note(&self.clients[client].name, format_args!("has a clock {error} s ahead"));
                self.clients[client].clock_error = error;
            }
            9 if self.profile.clock_error > 0 => {
                let most = self.profile.clock_error;
                let error = self.rng.pick(&[-most, -most / 7, most / 7, most]);
                self.mistake_directory_clock(error);
            }
            10 => match self.profile.goes_back {
                Some(_) if self.earlier.is_none() && !self.invariants.went_back => self.remember_directory(),
                Some(how) if !self.invariants.went_back => self.put_directory_back(how),
                _ => {}
            },
            0 | 1 => {
                let id_status: Vec<u64> = self.sessions.keys().copied().collect();
                if !id_status.is_empty() {
                    let id = self.rng.pick(&id_status);
                    self.note("network", format_args!("breaks session {id}"));
                    self.break_session(id);
                }
            }
            2 => {
                self.break_a_transfer();
                let id_status: Vec<u64> = self.connections.keys().copied().collect();
                if !id_status.is_empty() {
                    let id = self.rng.pick(&id_status);
                    self.note("network", format_args!("breaks link {id}"));
                    self.break_connection(id);
                }
            }
            3 => {
                let long = self.rng.up_to(60_000);
                self.cut_off(client, long);
            }
            4 if self.profile.directory_crash > 0 => self.crash_directory(),
            4 => self.expire(),
            5 => {
                let long = self.profile.full_disk;
                self.fill_disk(client, long);
            }
            6 => {
                let long = self.profile.full_directory;
                self.fill_directory(long);
            }
            _ if self.profile.crash > 0 && self.clients[client].is_up => {
                self.note(&self.clients[client].name, format_args!("killed"));
                self.crash(client);
            }
            _ => {}
        }
    }

    /// A terminal cannot reach the directory for this number of milliseconds.
    pub(super) fn cut_off(&mut self, client: ClientId, long: u64) {
        self.note("network", format_args!("cuts off {}", self.clients[client].name));
        self.clients[client].cut_off_until = self.now + long;
        if let Some(id) = self.clients[client].session {
            self.break_session(id);
        }
    }

    /// The directory takes a session for dead.
    fn expire(&mut self) {
        let id_status: Vec<u64> = self.sessions.keys().copied().collect();
        if id_status.is_empty() {
            return;
        }
        let id = self.rng.pick(&id_status);
        self.note("directory", format_args!("ends session {id}"));
        if self.rng.below(2) == 0 {
            let outbound = self.sessions[&id].far.as_ref().map(|present| present.presence.outbound.clone());
            outbound.into_iter().for_each(|outbound| outbound.end(ByeReason::Protocol));
            self.look_for_pushes();
        } else {
            self.session_gone(id, End::Directory);
            self.soon(30_000, Event::SessionGone(id, End::Terminal));
        }
    }
}
