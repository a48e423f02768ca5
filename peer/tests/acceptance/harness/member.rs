//! A member of rooms as a program of our own: the real core over the quick client, with the key of its terminal in the
//! test's hand, so that it can say whatever it likes, signed.

use std::time::{Instant, SystemTime};

use common::crypto::commit;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupName, KeyDigest, RoomId, TerminalId};
use common::limits::PEER_PORT;
use common::msg::{
    Certificate, CommitReq, Envelope, ErrorCode, Features, FromDirectory, MailboxPut, Member as Named, Message as _,
    Piece, Ping, RequestNumber, ToDirectory, Upload,
};
use common::secret::Secret;
use common::testkit::Example;
use common::testkit::client::Client;
use common::testkit::login::{Account, Stretch};
use peer_core::command::{Command, GroupWish, MessageCommand, Ticket};
use peer_core::engine::{Engine, Setup};
use peer_core::event::{Accept, Effect, Input, Now, Opening};
use peer_core::files::model::{AcceptFiles, FilePolicy};
use peer_core::model::Conversation;
use peer_core::notice::Notice;
use peer_core::persistence::Snapshot;
use peer_core::verify::LocalIdentity;

use super::address::fresh;
use super::stage::{Stage, account};
use super::watch::PATIENCE;

/// Somebody whose program is not ours.
pub(crate) struct Member {
    session: Client,
    engine: Engine,
    terminal: TerminalIdentity,
    example: Example,
    certificate: Certificate,
    began: Instant,
    /// What the core has told so far.
    pub(crate) told: Vec<Notice>,
    /// What the core last wanted to be taken as mail.
    pub(crate) last_put: Option<MailboxPut>,
    /// The room and the epoch of the last item that has come.
    pub(crate) room: Option<(RoomId, u64)>,
    /// Who it is.
    pub(crate) me: Named,
}

impl Member {
    /// Registers a user and logs in.
    pub(crate) fn enter(stage: &Stage, example: Example) -> Self {
        let account = account(example, Stretch::Least);
        stage.register(&account);
        let id = TerminalId([7; 16]);
        let terminal = TerminalIdentity::from_seed(id, &Secret::new(vec![7; 32])).unwrap();
        let certificate = terminal.certify(&account.user, &account.identity, 0).unwrap();
        let session = log_in(stage, &account, &certificate);
        let setup = Setup {
            me: LocalIdentity { user: account.user.clone(), key: account.identity.public().clone(), terminal: id },
            directory: session.key(),
            accept: Accept::All,
            read_receipts: false,
            files: FilePolicy { accept: AcceptFiles::Ask, max: u64::MAX },
        };
        let opening = Opening {
            terminal: TerminalIdentity::from_seed(id, terminal.seed()).unwrap(),
            certificate: certificate.clone(),
            seed: [7; 32],
            rows: Snapshot::default(),
        };
        let engine = Engine::new(setup, opening).unwrap();
        let mut member = Self {
            session,
            engine,
            terminal,
            example,
            certificate,
            began: Instant::now(),
            told: Vec::new(),
            last_put: None,
            room: None,
            me: Named { userid: account.user, terminal: id },
        };
        member.feed(Input::Began(Features::of_directory()));
        member.settle();
        member
    }

    /// Logs in again, at the same terminal.
    pub(crate) fn comes_back(&mut self, stage: &Stage) {
        self.session = log_in(stage, &account(self.example, Stretch::Least), &self.certificate);
        self.feed(Input::DirectoryLost { retry_in: 1, why: peer_core::notice::DirectoryLoss::Network });
        self.feed(Input::DirectoryBack(Features::of_directory()));
        self.settle();
    }

    /// What an honest user could want.
    pub(crate) fn wants(&mut self, command: Command) {
        self.feed(Input::Command(Ticket::default(), command));
        self.settle();
    }

    /// Something about a group.
    pub(crate) fn wishes(&mut self, group: &str, wish: GroupWish) {
        self.wants(Command::Group { group: GroupName::parse(group).unwrap(), wish });
    }

    /// Says something to a user or a group, honestly.
    pub(crate) fn says(&mut self, to: Conversation, text: &str) {
        let ticket = Ticket::default();
        self.wants(Command::Message(MessageCommand::Send { to, text: text.into(), ticket }));
    }

    /// Takes what comes until the core has told this.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&Notice) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !self.told.iter().any(&wanted) {
            assert!(Instant::now() < end, "waited for {what}: {:?}", self.told);
            self.settle();
        }
    }

    /// Takes everything that has come, and what comes of it, until there is nothing more.
    pub(crate) fn settle(&mut self) {
        while self.takes() {}
    }

    /// Takes everything that has come; whether anything had.
    fn takes(&mut self) -> bool {
        self.feed(Input::Tick);
        let mut some = false;
        self.session.send(&ToDirectory::from(Ping {}).encode()).unwrap();
        loop {
            let frame = self.session.receive().unwrap().unwrap();
            let Ok(Envelope { request, message }) = Envelope::<FromDirectory>::decode(&frame) else { continue };
            some |= !matches!(message, FromDirectory::Pong(_));
            match message {
                FromDirectory::Pong(_) => return some,
                message => self.hears(request, message),
            }
        }
    }

    /// Her core hears something, and notes of mail what is her room.
    fn hears(&mut self, request: Option<RequestNumber>, message: FromDirectory) {
        if let FromDirectory::Mailbox(mail) = &message
            && let Some(item) = mail.items.last()
        {
            self.room = Some((item.room, item.epoch));
        }
        self.feed(Input::DirectoryMessage { request, message: Box::new(message) });
    }

    /// Says something that no core of ours would; gives what the directory answers, or nothing if it hangs up.
    pub(crate) fn puts(&mut self, message: impl Into<ToDirectory>) -> Option<FromDirectory> {
        let request = Some(RequestNumber::LAST);
        self.session.send(&Envelope { request, message: message.into() }.encode()).ok()?;
        loop {
            let frame = self.session.receive().ok()??;
            match Envelope::<FromDirectory>::decode(&frame) {
                // It hangs up behind this.
                Ok(Envelope { message: FromDirectory::Error(error), .. }) if error.code == ErrorCode::Malformed => {
                    return None;
                }
                Ok(Envelope { request: answered, message }) if answered == request => return Some(message),
                // What comes in between is for her core: mail that is not confirmed would be the last.
                Ok(Envelope { request: answered, message }) => self.hears(answered, message),
                Err(_) => {}
            }
        }
    }

    /// Asks for the end of an epoch by these bytes, signed as it should be.
    pub(crate) fn commits(&mut self, request: CommitReq, bytes: (&[u8], &[u8])) -> Option<FromDirectory> {
        let (commit, welcome) = bytes;
        for piece in [commit, welcome].into_iter().flat_map(|bytes| bytes.chunks(32_768)) {
            self.session.send(&ToDirectory::from(Upload { piece: Piece(piece.to_vec()) }).encode()).ok()?;
        }
        let (directory, terminal) = (self.session.key(), &self.terminal);
        let sized = CommitReq { commit: size(commit), welcome: size(welcome), ..request };
        let signed = commit::signed(sized, &self.me, &directory, bytes, |transcript| terminal.sign(transcript));
        self.puts(signed)
    }

    /// Digest of the directory's key.
    pub(crate) fn directory(&self) -> KeyDigest {
        self.session.key()
    }

    fn now(&self) -> Now {
        let date = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        Now { tick: 1_000 + self.began.elapsed().as_secs(), date, directory: 0 }
    }

    fn feed(&mut self, input: Input) {
        let (now, mut effects) = (self.now(), Vec::new());
        self.engine.handle(now, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Notify(notice) | Effect::Answer(_, notice) => self.told.push(notice),
                Effect::Ask(envelope) => {
                    if let ToDirectory::MailboxPut(put) = &envelope.message {
                        self.last_put = Some(put.clone());
                    }
                    self.session.send(&envelope.encode()).unwrap();
                }
                // It keeps nothing, and talks to terminals by mail alone.
                _ => {}
            }
        }
    }
}

fn log_in(stage: &Stage, account: &Account, certificate: &Certificate) -> Client {
    let mut session = stage.client(fresh());
    let begun = session.begin_login(&account.user, &account.passcode, certificate.terminal, None).unwrap().unwrap();
    let granted = session.finish_login(&account.user, account.stretch, begun).unwrap().unwrap();
    session.names(Features::of_terminal());
    session.announce_as(&account.user, &granted, certificate.clone(), PEER_PORT).unwrap();
    session
}

fn size(bytes: &[u8]) -> u32 {
    bytes.len().try_into().unwrap()
}

/// A commit or a message with a header that fits, and rubbish for what only members could read.
pub(crate) fn rubbish(room: RoomId, epoch: u64, content: Content, bytes: usize) -> Vec<u8> {
    let mut item = vec![1];
    item.extend([0x5a; 16]); // fork tag
    item.extend([0, 1, 0, 2]); // mls10, PrivateMessage
    item.push(16);
    item.extend(room.as_bytes());
    item.extend(epoch.to_be_bytes());
    item.push(content as u8);
    item.push(0); // no authenticated data
    for part in [36, bytes] {
        // RFC 9000 section 16, as MLS writes lengths.
        item.extend(u16::try_from(part | 0x4000).unwrap().to_be_bytes());
        item.resize(item.len() + part, 0xa5);
    }
    item
}

/// What a PrivateMessage holds (RFC 9420 section 6).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    /// Something to be read.
    Application = 1,
    /// The end of an epoch.
    Commit = 3,
}
