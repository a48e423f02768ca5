//! Every limit of the protocol, in one place (decision D22; protocol section 9).
//!
//! Limits that an administrator may change are the *defaults* of the directory's configuration, not constants here.

use std::time::Duration;

use crate::window::Rate;

/// Characters of a user id.
pub const USER_ID_MAX: usize = 32;
/// Payload bytes of a frame before login, and on a link before `CONNECTREPLY` (threat L9).
pub const FRAME_BEFORE_LOGIN: usize = 16 * 1024;
/// The same, of a connection to a directory before it has begun a login or a registration; its TLS records carry no more.
pub const FIRST_FRAMES: usize = 2 * 1024;
/// What a TLS record adds to what it carries, at most (RFC 8446 section 5.2), and the prefix of a frame.
pub const RECORD_OVERHEAD: usize = 256 + 4;
/// Frames a connection to a directory may send before it is logged in: a registration and four logins take 16.
pub const FRAMES_BEFORE_LOGIN: usize = 64;
/// Payload bytes of a frame after login (threat P4).
pub const FRAME_AFTER_LOGIN: usize = 64 * 1024;
/// Bytes that may wait to be sent on one connection before the reader counts as too slow (threat P4).
pub const PENDING_OUTPUT: usize = 512 * 1024;
/// UTF-8 bytes of one chat message.
pub const MESSAGE_TEXT: usize = 16 * 1024;
/// UTF-8 bytes of the name shown with a chat message.
pub const NICK_MAX: usize = 64;
/// Bytes of an identity key, PKCS#1 DER, public: RSA-4096 takes 526.
pub const PUBLIC_KEY_MAX: usize = 600;
/// Bytes of a vault: RSA-4096 in PKCS#1 takes 2,349, plus header and tag.
pub const VAULT_MAX: usize = 4 * 1024;
/// RSA modulus sizes accepted for identity keys, in bits (threat P2).
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// RSA modulus size generated for identity keys, in bits (decision D5).
pub const RSA_BITS_NEW: usize = 3072;
/// Sizes that frames are padded to (threat P7), length prefix included.
pub const PADDED_SIZES: [usize; 4] = [256, 1024, 4096, 16 * 1024];
/// Whole connection set-up and login, not per read (threat L9).
pub const LOGIN_DEADLINE: Duration = Duration::from_secs(10);
/// Whole link set-up up to `CONNECTREPLY`, unless the user is being asked.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// How long a caller may take to send its preface (threat P3).
pub const PREFACE_DEADLINE: Duration = Duration::from_secs(1);
/// How long the user may take to accept a call (`accept = "ask"`).
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// A connection that was silent for this long is asked for a sign of life (threat P4).
pub const PING_AFTER: Duration = Duration::from_secs(30);
/// A connection that was silent for this long is dead (threat P4).
pub const DEAD_AFTER: Duration = Duration::from_secs(90);
/// How far a preface's time may be from the callee's, and how long its nonce is remembered (threat P3), in seconds.
pub const PREFACE_WINDOW: u64 = 120;
/// Prefaces remembered against replay; when full, further callers are refused.
pub const PREFACES_REMEMBERED: usize = 4096;
/// Half-open connections of a directory: all sources together, and of one source (threat L9).
pub const HALF_OPEN: usize = 320;
/// Half-open connections of one source, those that wait among them (threat L9).
pub const HALF_OPEN_PER_SOURCE: usize = 8;
/// The same, of one site.
pub const HALF_OPEN_PER_SITE: usize = 64;
/// Bytes that have come over all half-open connections and wait for more: 13 KiB for each, more than a frame padded to 4 KiB
/// and the record it comes in (threat L9).
pub const HALF_OPEN_BYTES: usize = 4 * 1024 * 1024;
/// Prefaces remembered of one source; further ones from there are refused until the window has passed.
pub const PREFACES_PER_SOURCE: usize = 64;
/// Prefaces remembered of one site.
pub const PREFACES_PER_SITE: usize = 512;
/// Strangers' connections a peer keeps while they have not proved anything (threat P3).
pub const CALLERS_HALF_OPEN: usize = 64;
/// Such connections of one source (threat P3).
pub const CALLERS_HALF_OPEN_PER_SOURCE: usize = 8;
/// Such connections of one site.
pub const CALLERS_HALF_OPEN_PER_SITE: usize = 16;
/// How much more of what is counted a site has than one source, where it is wider (threat L3).
pub const SOURCES_OF_A_SITE: u32 = 8;
/// Sources remembered for penalties and limits (threat L3).
pub const SOURCES_REMEMBERED: usize = 65_536;
/// How long a proof of the passcode within a session is good for a change of the account (decision D33).
pub const PROOF_VALID: Duration = Duration::from_secs(60);
/// How long terminals older than the one that changed a passcode may log in with the one before (decision D33).
pub const FORMER_PASSCODE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Terminals of one user that may be logged in at once.
pub const TERMINALS_PER_USER: usize = 8;
/// Users in one `LISTREPLY`.
pub const LIST_PAGE: usize = 200;
/// Rooms in one `EPOCHSREQ`.
pub const EPOCHS_ASKED: usize = 64;
/// Reports of dropped messages that are kept for one terminal; the oldest go.
pub const WITHDRAWN_KEPT: u32 = 10_000;
/// Features that one side may name.
pub const FEATURES: usize = 16;
/// UTF-8 bytes of the name of a feature.
pub const FEATURE_NAME: usize = 32;
/// How long the token of a meeting opens a leg (decision D26).
pub const MEETING_VALID: Duration = Duration::from_secs(10);
/// Milliseconds between a meeting being arranged and both terminals connecting to each other. Chosen so that word of it
/// has reached both.
pub const MEETING_LEAD: u32 = 200;
/// How long the token of `ANNOUNCED` lets a terminal be seen from the other family (decision D26).
pub const SEEN_VALID: Duration = Duration::from_secs(60);
/// Addresses of one terminal in a `LOOKUPREPLY`, the local ones aside.
pub const ADDRESSES_PER_TERMINAL: usize = 6;
/// Addresses in its own network that a terminal names.
pub const LOCAL_ADDRESSES: usize = 4;
/// How long a directory must have been out of reach before a record takes the place of a lookup (decision D27).
pub const RECORD_SILENCE: Duration = Duration::from_secs(30);
/// How long a record may be valid, whatever the directory's administrator has chosen.
pub const RECORD_VALID: Duration = Duration::from_secs(7 * 24 * 3600);
/// How far the directory's clock may have gone back, in seconds, for a record from before to count.
pub const RECORD_SLACK: u64 = 120;
/// Links that a directory relays at once.
pub const RELAY_LINKS: usize = 256;
/// Of these, of one user.
pub const RELAY_LINKS_PER_USER: usize = 2;
/// Of these, for files: a place is left to talk.
pub const RELAY_FILES_PER_USER: usize = 1;
/// Bytes that a directory passes on over one relayed link in a second, in both directions together.
pub const RELAY_BYTES_PER_SECOND: u32 = 256 * 1024;
/// How long nothing may pass over a relayed link.
pub const RELAY_IDLE: Duration = Duration::from_secs(120);
/// Port a peer listens on.
pub const PEER_PORT: u16 = 65_000;
/// Port a directory listens on.
pub const DIRECTORY_PORT: u16 = 7420;
/// Bytes of one opaque piece in a message: of a mailbox item, of an upload.
pub const PIECE_MAX: usize = 32 * 1024;
/// Bytes of a commit and the welcome that goes with it.
pub const COMMIT_MAX: usize = 1024 * 1024;
/// Bytes that all sessions of a directory may have uploaded and not committed.
pub const UPLOADS: usize = 64 * COMMIT_MAX;
/// Of these, of one user.
pub const UPLOADS_PER_USER: usize = 2 * COMMIT_MAX;
/// Of these, from one source: room for eight users, so that nobody takes the room of all with many accounts (threat L11).
pub const UPLOADS_PER_SOURCE: usize = 8 * UPLOADS_PER_USER;
/// Of these, from one site, where it is wider than a source: half, so that no site leaves nothing to all others.
pub const UPLOADS_PER_SITE: usize = UPLOADS / 2;
/// How long an upload may take, up to its commit.
pub const UPLOAD_DEADLINE: Duration = Duration::from_secs(300);
/// Bytes of a key package.
pub const KEY_PACKAGE_MAX: usize = 4 * 1024;
/// Key packages in one `KEYPACKAGEPUT`.
pub const KEY_PACKAGES_IN_ONE: usize = 8;
/// Key packages kept for one terminal, the last resort aside (threat G4).
pub const KEY_PACKAGES_KEPT: usize = 100;
/// A terminal publishes more key packages when fewer than this are left (threat G4).
pub const KEY_PACKAGES_LOW: usize = 20;
/// Terminals in one room (threat G3).
pub const ROOM_TERMINALS: usize = 256;
/// Epochs of one room that a user may end in [`EPOCHS_WINDOW`] (decision D31).
pub const EPOCHS_PER_USER: usize = 6;
/// The time in which [`EPOCHS_PER_USER`] counts.
pub const EPOCHS_WINDOW: Duration = Duration::from_secs(600);
/// Rooms that a user may found in an hour.
pub const ROOMS_PER_HOUR: usize = 100;
/// Rooms of one founder that there are, groups whose handle is kept among them. Chosen so that nobody is ever in the way of it
/// who does not mean to fill a directory.
pub const ROOMS_FOUNDED: usize = 4096;
/// Rooms of two that one user may have founded with another one; one more closes the oldest.
pub const ROOMS_OF_TWO: usize = 4;
/// How long a group's name stays with its admins when the group was given up (decision D31).
pub const HANDLE_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Proposals in one commit (threat G3).
pub const COMMIT_PROPOSALS: usize = 64;
/// Steps a sender's ratchet may jump forward, messages missing in between (threat G6).
pub const RATCHET_FORWARD: usize = 1000;
/// Steps of a sender's ratchet whose keys are kept for messages out of order (threat G6).
pub const RATCHET_BEHIND: usize = 16;
/// Messages in one `MAILBOXPUT` or `MAILBOX`.
pub const MAIL_IN_ONE: usize = 64;
/// Message ids in one receipt.
pub const RECEIPT_IDS: usize = 64;
/// Users in one `TERMINALSREQ`.
pub const TERMINALS_ASKED: usize = 64;
/// Terminals of one user that a directory remembers.
pub const TERMINALS_REMEMBERED: usize = 64;
/// How long one that has announced itself makes room for none that comes later, whoever has the passcode. Chosen so that
/// whoever was away that long does not count on it, and longer than any mail waits.
pub const TERMINAL_KEPT: Duration = Duration::from_secs(365 * 24 * 3600);
/// Certificates in one `CERTIFICATESREQ`.
pub const CERTIFICATES_ASKED: usize = 16;
/// Statements about successors of a user's keys that a directory keeps, the newest.
pub const SUCCESSORS: usize = 4;
/// Certificates that one such statement lets hold on.
pub const SUCCESSOR_CERTIFICATES: usize = 8;
/// Users in one `SUCCESSORSREQ`.
pub const SUCCESSORS_ASKED: usize = 64;
/// Statements in one `SUCCESSORSREPLY`.
pub const SUCCESSORS_IN_ONE: usize = 12;
/// Admins of one group.
pub const GROUP_ADMINS: usize = 32;
/// Users in one `WATCH`.
pub const WATCH_IN_ONE: usize = 128;
/// Users whose presence one session may watch.
pub const WATCHED: usize = 1024;
/// UTF-8 bytes of an away text.
pub const AWAY_TEXT: usize = 200;
/// UTF-8 bytes of a broadcast.
pub const BROADCAST_TEXT: usize = 4 * 1024;
/// Broadcasts in one `BROADCASTLOG`.
pub const BROADCAST_PAGE: usize = 8;
/// Broadcasts in the log of a directory, the newest: with the longest texts some 60 MB.
pub const BROADCASTS_KEPT: u32 = 10_000;
/// Of these, of one user, so that nobody alone takes the place of all others.
pub const BROADCASTS_OF_USER: u32 = 1_000;
/// UTF-8 bytes of a file's name.
pub const FILE_NAME: usize = 255;
/// Entries of a folder that an offer names as left out.
pub const LEFT_OUT_NAMES: usize = 8;
/// Files of one user that a receiver has neither taken nor refused; more are refused at once.
pub const OFFERS_OPEN: usize = 64;
/// Entries of a folder that is sent.
pub const FOLDER_ENTRIES: usize = 10_000;
/// Bytes of a path in a folder that is sent.
pub const FOLDER_PATH: usize = 240;

/// Messages of one user that a terminal reads from links as fast as they come; beyond, it reads on when it has caught up
/// (threat P4).
pub const LINK_MESSAGES: u32 = 65_536;
/// Bytes of the payloads of one user that a terminal reads so, files aside.
pub const LINK_BYTES: u32 = 32 * 1024 * 1024;
/// How many of these messages come back in a minute.
pub const LINK_MESSAGES_PER_MINUTE: u32 = 600;
/// How many of these bytes come back in a minute.
pub const LINK_BYTES_PER_MINUTE: u32 = 2 * 1024 * 1024;

/// What a directory counts over all sessions of a user, and over all users and ids of a source (threats L3, L8 to L11;
/// protocol section 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Budget {
    /// Messages of a session.
    Requests,
    /// Bytes of the payloads of a session.
    Bytes,
    /// Users and groups that a question names, a page of a list, and what makes work for others.
    Names,
    /// `MEETREQ`.
    Meetings,
    /// Users in `WATCH`.
    Watches,
    /// Messages in `MAILBOXPUT`.
    Messages,
    /// `COMMITREQ`.
    Commits,
    /// Terminals in `KEYPACKAGEREQ`.
    KeyPackages,
    /// Key packages in `KEYPACKAGEPUT`.
    Published,
    /// Members in `CERTIFICATESREQ`.
    Certificates,
    /// `BROADCASTREQ`.
    Broadcasts,
    /// The same in a day: everybody who is there keeps them.
    DailyBroadcasts,
    /// `PASSCODEREQ`, `KEYREQ` and `TERMINALREMOVE`, of each terminal for itself.
    Passcodes,
    /// `HELLO`, `INVITEREQ`, `REGISTERREQ` and `SEENREQ`.
    Questions,
    /// `AUTHREQ`.
    Logins,
    /// Logins that were begun and not granted.
    Failures,
    /// Registrations that were begun without invitation.
    Registrations,
}

/// How large a budget is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Units of one user; 0: users have none, because nobody has logged in yet.
    pub user: u32,
    /// Units of one source.
    pub source: u32,
    /// The time these are for.
    pub per: Duration,
}

impl Allowance {
    const fn new(user: u32, source: u32, seconds: u64) -> Self {
        Self { user, source, per: Duration::from_secs(seconds) }
    }

    /// The rate of one user.
    #[must_use]
    pub const fn of_user(self) -> Rate {
        Rate { events: self.user, per: self.per }
    }

    /// The rate of one source.
    #[must_use]
    pub const fn of_source(self) -> Rate {
        Rate { events: self.source, per: self.per }
    }

    /// The rate of one site that is wider than a source.
    #[must_use]
    pub const fn of_site(self) -> Rate {
        Rate { events: self.source.saturating_mul(SOURCES_OF_A_SITE), per: self.per }
    }
}

impl Budget {
    /// All of them, in the order of the protocol document.
    pub const ALL: [Self; 17] = [
        Self::Requests,
        Self::Bytes,
        Self::Names,
        Self::Meetings,
        Self::Watches,
        Self::Messages,
        Self::Commits,
        Self::KeyPackages,
        Self::Published,
        Self::Certificates,
        Self::Broadcasts,
        Self::DailyBroadcasts,
        Self::Passcodes,
        Self::Questions,
        Self::Logins,
        Self::Failures,
        Self::Registrations,
    ];

    /// Its name in the protocol document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Bytes => "bytes",
            Self::Names => "names",
            Self::Meetings => "meetings",
            Self::Watches => "watches",
            Self::Messages => "messages",
            Self::Commits => "commits",
            Self::KeyPackages => "key_packages",
            Self::Published => "published",
            Self::Certificates => "certificates",
            Self::Broadcasts => "broadcasts",
            Self::DailyBroadcasts => "daily_broadcasts",
            Self::Passcodes => "passcodes",
            Self::Questions => "questions",
            Self::Logins => "logins",
            Self::Failures => "failures",
            Self::Registrations => "registrations",
        }
    }

    /// How large it is unless an administrator has chosen otherwise. A source has room for eight users who use theirs up.
    #[must_use]
    pub const fn allowance(self) -> Allowance {
        match self {
            Self::Requests => Allowance::new(6_000, 48_000, 60),
            Self::Bytes => Allowance::new(32 * 1024 * 1024, 256 * 1024 * 1024, 600),
            Self::Names => Allowance::new(120, 960, 60),
            Self::Meetings => Allowance::new(20, 160, 60),
            Self::Watches => Allowance::new(8_192, 65_536, 600),
            Self::Messages => Allowance::new(1_200, 9_600, 60),
            Self::Commits => Allowance::new(600, 4_800, 600),
            Self::KeyPackages => Allowance::new(60, 480, 60),
            Self::Published => Allowance::new(1_200, 9_600, 600),
            Self::Certificates => Allowance::new(4_096, 32_768, 600),
            Self::Broadcasts => Allowance::new(6, 48, 60),
            Self::DailyBroadcasts => Allowance::new(200, 1_600, 86_400),
            Self::Passcodes => Allowance::new(4, 32, 60),
            Self::Questions => Allowance::new(0, 60, 60),
            Self::Logins => Allowance::new(0, 30, 60),
            Self::Failures => Allowance::new(0, 1_000, 86_400),
            Self::Registrations => Allowance::new(0, 3, 3_600),
        }
    }
}
