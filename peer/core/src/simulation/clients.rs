//! Terminals: what the shell does between the engine, the disk and the network, with a disk that fails and a program that
//! is killed between any two effects.

use std::collections::BTreeMap;

use common::msg::{Features, Logout, ToDirectory};

use directory_core::Directory;

use super::disk::Disk;
use super::disk_failures::DiskSync;
use super::fixtures::{Fixture, fixtures, key};
use super::network::Side;
use super::server;
use super::world::{ClientId, DAWN, End, Event, Place, World};
use crate::command::{Command, MessageCommand, Ticket};
use crate::engine::{Engine, Setup};
use crate::event::{Accept, Durability, Effect, Input, LinkId, Now, Opening};
use crate::files::model::{AcceptFiles, FilePolicy};
use crate::model::MessageKey;
use crate::notice::{DirectoryLoss, LoggedOut, Notice, SessionNotice};
use crate::persistence::{HistoryWrite, Write};

/// One run of a terminal's program; the next has another number.
pub(super) type Life = u64;

/// One terminal.
pub(super) struct Client {
    pub(super) name: String,
    pub(super) fixture: &'static Fixture,
    number: ClientId,
    pub(super) disk: Disk,
    pub(super) sync: DiskSync,
    pub(super) life: Life,
    /// Whether the program runs.
    pub(super) is_up: bool,
    /// The program's state, once it has logged in.
    engine: Option<Engine>,
    pub(super) session: Option<u64>,
    pub(super) links: BTreeMap<LinkId, (u64, Side)>,
    links_made: u64,
    /// The disk has failed, and messaging is not opened again yet.
    pub(super) is_suspended: bool,
    pub(super) reopened: Option<Box<Opening>>,
    alarm: Option<Alarm>,
    logins_failed: u32,
    pub(super) logging_out: bool,
    /// Until when the directory is out of reach.
    pub(super) cut_off_until: u64,
    /// Until when the disk is full.
    pub(super) full_until: u64,
    /// Seconds by which its clock is ahead.
    pub(super) clock_error: i64,
    pub(super) read_receipts: bool,
}

/// Wakes a terminal at its next deadline.
struct Alarm {
    /// By the tick clock.
    deadline: u64,
    place: Place,
}

impl Client {
    pub(super) fn new(fixture: &'static Fixture) -> Self {
        let number = fixtures().iter().position(|other| std::ptr::eq(other, fixture)).unwrap();
        let mut disk = Disk::default();
        disk.keep(&fixture.kept);
        Self {
            name: format!("{}@{}", fixture.me.user, number + 1),
            fixture,
            number,
            sync: DiskSync::of(disk.clone()),
            disk,
            life: 0,
            is_up: false,
            engine: None,
            session: None,
            links: BTreeMap::new(),
            links_made: 0,
            is_suspended: false,
            reopened: None,
            alarm: None,
            logins_failed: 0,
            logging_out: false,
            cut_off_until: 0,
            full_until: 0,
            clock_error: 0,
            read_receipts: true,
        }
    }

    /// What the terminal goes on from.
    pub(super) fn opening(&self, seed: [u8; 32]) -> Opening {
        let (terminal, certificate) = (key(self.number), self.fixture.certificate.clone());
        Opening { terminal, certificate, seed, rows: self.disk.kept() }
    }

    /// The terminal's program, with what the disk has.
    fn engine(&self, seed: [u8; 32]) -> Engine {
        let setup = Setup {
            me: self.fixture.me.clone(),
            directory: server::KEY,
            accept: Accept::All,
            read_receipts: self.read_receipts,
            files: FilePolicy { accept: AcceptFiles::Ask, max: u64::MAX },
        };
        Engine::new(setup, self.opening(seed)).unwrap()
    }

    /// Whether it can be told anything.
    pub(super) fn is_running(&self) -> bool {
        self.engine.is_some()
    }

    /// Whether it is logged in.
    pub(super) fn is_online(&self, world: &World) -> bool {
        self.session.and_then(|id| world.sessions.get(&id)).is_some_and(|session| session.entered)
    }
}

impl World {
    pub(super) fn clock(&self, id: ClientId) -> Now {
        let date = (DAWN + self.now / 1000).saturating_add_signed(self.clients[id].clock_error);
        Now { tick: self.now / 1000, date, directory: 0 }
    }

    /// Starts a terminal's program.
    pub(super) fn start(&mut self, id: ClientId) {
        let client = &mut self.clients[id];
        if !std::mem::replace(&mut client.is_up, true) {
            client.life += 1;
            client.logins_failed = 0;
            let life = client.life;
            self.note(&self.clients[id].name, format_args!("starts"));
            self.soon(100, Event::LogIn(id, life));
        }
    }

    pub(super) fn log_in(&mut self, id: ClientId, life: Life) {
        let client = &self.clients[id];
        if !client.is_up || client.life != life || client.session.is_some() || self.connect(id, life) {
            return;
        }
        let client = &mut self.clients[id];
        client.logins_failed = (client.logins_failed + 1).min(5);
        let delay = 1000 << client.logins_failed;
        self.at(self.now + delay, Event::LogIn(id, life));
    }

    pub(super) fn entered(&mut self, session: u64) {
        let Some(id_status) = self.sessions.get_mut(&session).filter(|session| session.near) else { return };
        if self.now > id_status.down_until {
            return;
        }
        id_status.entered = true;
        let id = id_status.client;
        self.clients[id].logins_failed = 0;
        let generation = self.server.directory().and_then(Directory::generation);
        let generation = generation.map(Input::Generation);
        if self.clients[id].is_running() {
            generation.into_iter().for_each(|generation| self.feed(id, generation));
            return self.feed(id, Input::DirectoryBack(Features::of_directory()));
        }
        let seed = self.rng.bytes();
        let client = &mut self.clients[id];
        client.engine = Some(client.engine(seed));
        generation.into_iter().for_each(|generation| self.feed(id, generation));
        self.feed(id, Input::Began(Features::of_directory()));
    }

    pub(super) fn session_lost(&mut self, id: ClientId, entered: bool) {
        if self.clients[id].logging_out {
            return self.session_over(id, LoggedOut::Asked);
        }
        if entered {
            self.feed(id, Input::DirectoryLost { retry_in: 1, why: DirectoryLoss::Network });
        }
        let life = self.clients[id].life;
        let delay = 1000 + self.rng.up_to(250);
        self.at(self.now + delay, Event::LogIn(id, life));
    }

    pub(super) fn command(&mut self, id: ClientId, command: Command) {
        self.note(&self.clients[id].name, format_args!("wants {command:?}"));
        let needs_disk = matches!(
            &command,
            Command::Group { .. } | Command::File(_) | Command::Message(MessageCommand::Send { .. })
        );
        let ticket = self.asks(id, &command);
        if self.clients[id].is_suspended && needs_disk {
            return self.answered(id, &ticket);
        }
        self.feed(id, Input::Command(ticket, command));
    }

    /// One step of a terminal.
    pub(super) fn feed(&mut self, id: ClientId, input: Input) {
        let now = self.clock(id);
        let Some(mut engine) = self.clients[id].engine.take() else { return };
        let asked = if let Input::Command(ticket, _) = &input { Some(ticket.clone()) } else { None };
        let mut effects = Vec::new();
        engine.handle(now, input, &mut effects);
        self.clients[id].engine = Some(engine);
        let life = self.clients[id].life;
        let rests = |effect: &Effect| if effect.may_wait() { Durability::Written } else { effect.rests_on() };
        let durability = effects.iter().map(rests).max().unwrap_or(Durability::Nothing);
        let mut unwritten: Option<Vec<Ticket>> = None;
        for effect in effects {
            if self.rng.per_mille(self.profile.crash) {
                self.note(&self.clients[id].name, format_args!("killed before {}", kind(&effect)));
                return self.crash(id);
            }
            let suspended = self.clients[id].is_suspended;
            match effect {
                effect if unwritten.is_some() && effect.rests_on() > Durability::Nothing => {
                    unwritten.iter_mut().for_each(|missed| missed.extend(answers(&effect).cloned()));
                }
                Effect::Persist(_) if suspended => unwritten = Some(asked.iter().cloned().collect()),
                effect if suspended && (effect.speaks_of_state() || effect.may_wait()) => {
                    unwritten.get_or_insert_with(|| asked.iter().cloned().collect());
                }
                Effect::Persist(_) if self.cannot_write(id) => {
                    self.fail_to_keep(id);
                    unwritten = Some(asked.iter().cloned().collect());
                }
                Effect::Persist(changes) => self.keep(id, &changes, durability),
                Effect::NewTerminal => {
                    return self.violated(format!("{} takes its own state for an old copy", self.clients[id].name));
                }
                effect if effect.may_wait() && self.clients[id].sync.is_behind() => {
                    self.clients[id].sync.held.push(effect);
                }
                effect => {
                    if durability == Durability::Synced || matches!(effect, Effect::Close { .. } | Effect::LogOut) {
                        self.sync(id);
                    }
                    if self.clients[id].life == life {
                        self.carry_out(id, effect);
                    }
                }
            }
            if self.clients[id].life != life {
                return;
            }
        }
        // As the shell does: whose step was not kept hears what the disk says.
        unwritten.into_iter().flatten().for_each(|ticket| self.answered(id, &ticket));
        self.wind(id);
    }

    fn keep(&mut self, id: ClientId, changes: &[Write], durability: Durability) {
        self.note(&self.clients[id].name, format_args!("keeps {}", Kinds(changes)));
        self.before_keeping(id, changes);
        self.clients[id].disk.keep(changes);
        self.clients[id].sync.unsynced.extend_from_slice(changes);
        if durability < Durability::Synced && !self.clients[id].sync.is_doubtful {
            self.sync_soon(id);
        } else {
            self.sync(id);
        }
    }

    /// Has the clock wake the terminal at its next deadline, and at no other time: a deadline that is gone is nothing that
    /// is left to happen.
    fn wind(&mut self, id: ClientId) {
        let client = &self.clients[id];
        let deadline = client.engine.as_ref().and_then(Engine::next_deadline);
        if deadline == client.alarm.as_ref().map(|alarm| alarm.deadline) {
            return;
        }
        self.stop_alarm(id);
        if let Some(deadline) = deadline {
            let when = self.now + deadline.saturating_sub(self.clock(id).tick) * 1000;
            let place = self.at(when, Event::Tick(id));
            self.clients[id].alarm = Some(Alarm { deadline, place });
        }
    }

    fn stop_alarm(&mut self, id: ClientId) {
        if let Some(alarm) = self.clients[id].alarm.take() {
            self.cancel(alarm.place);
        }
    }

    pub(super) fn tick(&mut self, id: ClientId) {
        self.clients[id].alarm = None;
        let life = self.clients[id].life;
        self.feed(id, Input::Tick);
        let deadline = self.clients[id].engine.as_ref().and_then(Engine::next_deadline);
        if self.clients[id].life == life && deadline.is_some_and(|deadline| deadline <= self.now / 1000) {
            self.violated(format!("{} is woken at once, again and again", self.clients[id].name));
        }
    }

    pub(super) fn carry_out(&mut self, id: ClientId, effect: Effect) {
        match effect {
            Effect::Notify(notice) | Effect::Answer(_, notice) => self.tell(id, notice),
            Effect::LogOut => {
                self.clients[id].logging_out = true;
                if self.clients[id].is_online(self) {
                    self.send_up(id, ToDirectory::from(Logout {}).into());
                } else {
                    self.session_over(id, LoggedOut::Asked);
                }
            }
            Effect::Dial { dial, call, .. } => self.dial(id, dial, &call),
            Effect::Hang(dial) => self.hang(id, dial),
            Effect::Reply { link, reply } => self.reply(id, link, reply),
            Effect::Say { link, chat } => self.say(id, link, chat.into()),
            Effect::Confirm { link, receipt } => self.say(id, link, receipt.into()),
            Effect::Close { link, reason } => self.close(id, link, reason),
            Effect::Ask(envelope) => self.send_up(id, *envelope),
            // Nobody changes a passcode here: the sessions begin without one; and nothing is relayed.
            Effect::Passcode(_) | Effect::DialByRelay { .. } | Effect::DialToMeet { .. } | Effect::Meet(_) => {}
            Effect::KeepRecords(_) => {}
            Effect::Save(_) if self.clients[id].full_until > self.now => {}
            // A commit of its own, which makes those before it durable.
            Effect::Save(contact) => self.keep(id, &[Write::Contact(contact)], Durability::Synced),
            Effect::Recall(name) => {
                let life = self.clients[id].life;
                self.at(self.now, Event::Recalled(id, life, name));
            }
            Effect::QueryHistory(_) | Effect::Persist(_) | Effect::NewTerminal => {}
            Effect::Fail(failure) => self.violated(format!("{} cannot go on: {failure:?}", self.clients[id].name)),
            Effect::Fetch { found, wanted, .. } => self.fetch(id, &found, *wanted),
            Effect::Serve { link, number, source, .. } => self.give(id, link, number, source),
            Effect::StopFile { number, came } => self.forget_file(id, number, came.as_deref()),
        }
    }

    pub(super) fn recalled(&mut self, id: ClientId, life: Life, name: MessageKey) {
        if self.clients[id].life == life {
            let record = self.clients[id].disk.find(&name).cloned().map(Box::new);
            self.feed(id, Input::Recalled { name, record });
        }
    }

    fn tell(&mut self, id: ClientId, notice: Notice) {
        self.note(&self.clients[id].name, format_args!("tells {notice:?}"));
        let over = matches!(notice, Notice::Session(SessionNotice::LoggedOut { .. }));
        self.told(id, &notice);
        if over {
            self.crash(id);
        }
    }

    /// A new link of this terminal.
    pub(super) fn adopt(&mut self, id: ClientId, connection: u64, side: Side) -> LinkId {
        let link = self.new_link(id);
        self.clients[id].links.insert(link, (connection, side));
        link
    }

    /// A name that no other link of this terminal has.
    pub(super) fn new_link(&mut self, id: ClientId) -> LinkId {
        self.clients[id].links_made += 1;
        LinkId(self.clients[id].links_made)
    }

    /// The program is gone, and what it had in memory; later it is started again.
    pub(super) fn crash(&mut self, id: ClientId) {
        self.end(id);
        if self.rng.per_mille(self.profile.power_loss) {
            self.lose_power(id);
        }
        let most = self.profile.away;
        self.soon(most, Event::Start(id));
    }

    fn end(&mut self, id: ClientId) {
        self.stop_alarm(id);
        let client = &mut self.clients[id];
        (client.is_up, client.engine) = (false, None);
        (client.is_suspended, client.reopened, client.logging_out) = (false, None, false);
        client.sync.end();
        client.life += 1;
        let (session, links) = (client.session.take(), std::mem::take(&mut client.links));
        if let Some(id) = session {
            self.break_session(id);
            // Nobody is there who could hear, or ask again.
            if let Some(session) = self.sessions.get_mut(&id) {
                session.near = false;
            }
            self.soon(3000, Event::SessionGone(id, End::Directory));
        }
        for (connection, side) in links.into_values() {
            self.drop_end(connection, side);
        }
        self.dials_end(id);
        self.began_again(id);
        // Whoever asked sees that the program is gone.
        self.invariants.asked[id].clear();
    }
}

/// The command that an effect answers.
fn answers(effect: &Effect) -> Option<&Ticket> {
    if let Effect::Answer(ticket, _) = effect { Some(ticket) } else { None }
}

/// What an effect is, for the trace.
pub(super) fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Notify(_) | Effect::Answer(..) => "telling something",
        Effect::Persist(_) => "keeping something",
        Effect::Ask(_) => "asking the directory",
        Effect::Say { .. } | Effect::Confirm { .. } => "saying something",
        _ => "something else",
    }
}

/// What is kept, for the trace: how often of which kind, for lengths may differ from run to run.
struct Kinds<'a>(&'a [Write]);

impl std::fmt::Display for Kinds<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut counted: BTreeMap<String, u32> = BTreeMap::new();
        for change in self.0 {
            let kind = match change {
                Write::Put { kind, .. } => format!("{kind:?}"),
                Write::Delete { kind, .. } => format!("-{kind:?}"),
                Write::Contact(contact) => format!("{}", contact.user),
                Write::History(HistoryWrite::Append(record)) => format!("{:?} {:?}", record.text, record.mark),
                Write::History(change) => format!("{change:?}"),
            };
            *counted.entry(kind).or_default() += 1;
        }
        f.debug_map().entries(&counted).finish()
    }
}
