-- What a directory remembers, for PostgreSQL and what speaks its protocol. Times are seconds since the epoch. Addresses of
-- users are never stored (threat L5).
--
-- Every statement can be run again, and none needs a transaction. What triggers do in the embedded store is done by
-- statements here: triggers, sequences, partial indexes and the like are not the same everywhere (decision D49).

-- What the directory remembers goes by this name; what its runs have seen of the time (threat L15).
CREATE TABLE IF NOT EXISTS directory (
    one           BIGINT PRIMARY KEY CHECK (one = 1),
    generation    BYTEA NOT NULL,
    secrets       BYTEA,                     -- digest of what the users depend on; nothing before the first run
    observed_time TEXT                       -- JSON; nothing before the first run
);

-- Counters that all share: broadcasts; departures of terminals.
CREATE TABLE IF NOT EXISTS counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO counters (name, value) VALUES ('broadcasts', 0), ('departures', 0) ON CONFLICT (name) DO NOTHING;

CREATE TABLE IF NOT EXISTS users (
    id            TEXT PRIMARY KEY,
    registered_at BIGINT NOT NULL,
    last_seen     BIGINT,
    logins        BIGINT NOT NULL DEFAULT 0,
    lock_reason   TEXT                       -- set while locked by an administrator
);

-- Apart from users, because a reset passcode takes all of this away and leaves the id.
CREATE TABLE IF NOT EXISTS credentials (
    userid        TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    credential    BYTEA NOT NULL,            -- OPAQUE credential identifier
    record        BYTEA NOT NULL,            -- OPAQUE registration record
    ksf_version   BIGINT NOT NULL,           -- version of the Argon2id parameters behind the record
    public_key    BYTEA NOT NULL,            -- PKCS#1 DER
    vault         BYTEA NOT NULL,            -- identity key, encrypted by the terminal
    vault_version BIGINT NOT NULL DEFAULT 1
);

-- Records and vaults from before changes of a passcode, and for whom they are still good.
CREATE TABLE IF NOT EXISTS former_passcodes (
    userid        TEXT NOT NULL REFERENCES credentials (userid) ON DELETE CASCADE,
    number        BIGINT NOT NULL,           -- ascending
    record        BYTEA NOT NULL,
    ksf_version   BIGINT NOT NULL,
    vault         BYTEA NOT NULL,
    vault_version BIGINT NOT NULL,
    changed_by    BIGINT NOT NULL,           -- age of the terminal that changed it
    changed_at    BIGINT NOT NULL,
    settled       BOOLEAN NOT NULL,          -- whether the passcode that followed was used
    PRIMARY KEY (userid, number)
);

-- New identity keys in the place of former ones (decision D47), the newest last. They go with the credentials.
CREATE TABLE IF NOT EXISTS successors (
    userid    TEXT NOT NULL REFERENCES credentials (userid) ON DELETE CASCADE,
    number    BIGINT NOT NULL,               -- ascending
    statement TEXT NOT NULL,                 -- JSON
    store     BYTEA NOT NULL,                -- what opens the stores of the user's terminals, encrypted
    PRIMARY KEY (userid, number)
);

CREATE TABLE IF NOT EXISTS terminals (
    userid       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    terminal     BYTEA NOT NULL,
    cookie       BYTEA NOT NULL,             -- SHA-256
    certificate  BYTEA,                      -- as last announced and verified
    last_seen    BIGINT NOT NULL,
    age          BIGINT NOT NULL,            -- who has been there longer (decision D33): the greater, the younger
    elder_cookie BYTEA,                      -- those from before somebody logged in under this id without the cookie
    elder_age    BIGINT,
    PRIMARY KEY (userid, terminal)
);

-- Attempts since the last success: of one known terminal, or of all unknown ones together (terminal is empty then).
CREATE TABLE IF NOT EXISTS budgets (
    userid      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    terminal    BYTEA NOT NULL,
    used        BIGINT NOT NULL,
    locks       BIGINT NOT NULL,
    failures    BIGINT NOT NULL,
    locked_from BIGINT NOT NULL,
    locked_for  BIGINT NOT NULL,             -- 0: no lock
    PRIMARY KEY (userid, terminal)
);

-- The same for ids nobody has, so that they behave alike; those used least lately go when there are too many.
CREATE TABLE IF NOT EXISTS stranger_budgets (
    userid      TEXT PRIMARY KEY,
    used        BIGINT NOT NULL,
    locks       BIGINT NOT NULL,
    failures    BIGINT NOT NULL,
    locked_from BIGINT NOT NULL,
    locked_for  BIGINT NOT NULL,
    touched     BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS stranger_budgets_touched ON stranger_budgets (touched);

CREATE TABLE IF NOT EXISTS invites (
    userid  TEXT PRIMARY KEY,
    code    BYTEA NOT NULL UNIQUE,
    expires BIGINT NOT NULL
);

-- Ids of removed users; never given out again (threat L8).
CREATE TABLE IF NOT EXISTS tombstones (
    userid     TEXT PRIMARY KEY,
    removed_at BIGINT NOT NULL
);

-- What was put, once for all who get it. Bodies are opaque.
CREATE TABLE IF NOT EXISTS mail (
    mail          BYTEA PRIMARY KEY,         -- random
    room          BYTEA NOT NULL,
    epoch         BIGINT NOT NULL,
    from_user     TEXT NOT NULL,
    from_terminal BYTEA NOT NULL,
    kind          BIGINT NOT NULL,           -- 0 message, 1 commit, 2 welcome
    date          BIGINT NOT NULL,
    id            BYTEA,                     -- the sender's name for a message
    signed        TEXT,                      -- of commits and welcomes: what their author answers for, JSON
    departures    BIGINT NOT NULL,           -- of commits and welcomes: how many terminals had gone when they were taken
    body          BYTEA NOT NULL
);

CREATE INDEX IF NOT EXISTS mail_date ON mail (date);
CREATE INDEX IF NOT EXISTS mail_kind ON mail (kind, departures);

-- Users who have taken an item at one of their terminals, while it waits at another.
CREATE TABLE IF NOT EXISTS mail_taken (
    mail   BYTEA NOT NULL REFERENCES mail (mail) ON DELETE CASCADE,
    userid TEXT NOT NULL,
    PRIMARY KEY (mail, userid)
);

-- What waits for whom. Items are numbered in each mailbox for itself, in the order in which they are committed.
CREATE TABLE IF NOT EXISTS mailbox (
    userid   TEXT NOT NULL,
    terminal BYTEA NOT NULL,
    item     BIGINT NOT NULL,
    mail     BYTEA NOT NULL,
    sender   TEXT NOT NULL,
    kind     BIGINT NOT NULL,
    size     BIGINT NOT NULL,                -- bytes of the body
    shared   BOOLEAN NOT NULL,               -- it was put into other mailboxes, too
    PRIMARY KEY (userid, terminal, item),
    FOREIGN KEY (userid, terminal) REFERENCES terminals (userid, terminal) ON DELETE CASCADE
);

CREATE INDEX IF NOT EXISTS mailbox_mail ON mailbox (mail);

-- One for each terminal: whoever changes the mailbox locks it first.
CREATE TABLE IF NOT EXISTS mailbox_states (
    userid   TEXT NOT NULL,
    terminal BYTEA NOT NULL,
    last     BIGINT NOT NULL,                -- number of the last item
    acked    BIGINT NOT NULL DEFAULT 0,      -- last item acknowledged
    written  BIGINT NOT NULL DEFAULT 0,      -- puts and commits of this terminal
    lost     BIGINT NOT NULL DEFAULT 0,      -- not kept since it last asked
    bytes    BIGINT NOT NULL DEFAULT 0,      -- of all bodies that wait
    reports  BIGINT NOT NULL,                -- number of the last report below
    PRIMARY KEY (userid, terminal),
    FOREIGN KEY (userid, terminal) REFERENCES terminals (userid, terminal) ON DELETE CASCADE
);

-- What waits, by the user who sent it (threat L11).
CREATE TABLE IF NOT EXISTS mailbox_senders (
    userid   TEXT NOT NULL,
    terminal BYTEA NOT NULL,
    sender   TEXT NOT NULL,
    messages BIGINT NOT NULL,
    bytes    BIGINT NOT NULL,
    PRIMARY KEY (userid, terminal, sender),
    FOREIGN KEY (userid, terminal) REFERENCES terminals (userid, terminal) ON DELETE CASCADE
);

-- Messages that were stored and are dropped, for each terminal that has to know (decision D32).
CREATE TABLE IF NOT EXISTS withdrawn (
    userid   TEXT NOT NULL,                  -- who sent it, and at which terminal that is told
    terminal BYTEA NOT NULL,
    report   BIGINT NOT NULL,                -- never given out again: terminals remember what they have had
    id       BYTEA NOT NULL,
    room     BYTEA NOT NULL,
    receiver TEXT NOT NULL,                  -- who does not get it
    reason   BIGINT NOT NULL,                -- 0 expired, 1 full, 2 removed
    since    BIGINT,                         -- nothing until it was looked at for the first time
    PRIMARY KEY (userid, terminal, report),
    FOREIGN KEY (userid, terminal) REFERENCES terminals (userid, terminal) ON DELETE CASCADE
);

CREATE INDEX IF NOT EXISTS withdrawn_since ON withdrawn (since);

-- The names of groups are known by their digests only. A room without terminals is nobody's, but the handle of a group is
-- kept for its admins.
CREATE TABLE IF NOT EXISTS rooms (
    room        BYTEA PRIMARY KEY,
    epoch       BIGINT NOT NULL,
    handle      BYTEA UNIQUE,                -- of a named group
    is_group    BOOLEAN NOT NULL,
    founder     TEXT,
    founded_at  BIGINT NOT NULL,
    given_up_at BIGINT                       -- of a group that has no terminals: since when its handle is kept
);

-- In the order of their appointment.
CREATE TABLE IF NOT EXISTS room_admins (
    room   BYTEA NOT NULL REFERENCES rooms (room) ON DELETE CASCADE,
    userid TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place  BIGINT NOT NULL,
    PRIMARY KEY (room, userid)
);

CREATE INDEX IF NOT EXISTS room_admins_user ON room_admins (userid);

-- The users of a room of two.
CREATE TABLE IF NOT EXISTS room_users (
    room   BYTEA NOT NULL REFERENCES rooms (room) ON DELETE CASCADE,
    userid TEXT NOT NULL,
    PRIMARY KEY (room, userid)
);

CREATE INDEX IF NOT EXISTS room_users_user ON room_users (userid);

CREATE TABLE IF NOT EXISTS roster (
    room     BYTEA NOT NULL REFERENCES rooms (room) ON DELETE CASCADE,
    userid   TEXT NOT NULL,
    terminal BYTEA NOT NULL,
    PRIMARY KEY (room, userid, terminal),
    FOREIGN KEY (userid, terminal) REFERENCES terminals (userid, terminal) ON DELETE CASCADE
);

CREATE INDEX IF NOT EXISTS roster_terminal ON roster (userid, terminal);

-- Members of a room's tree that get no mail: their user left, or the terminal is not known (any more).
CREATE TABLE IF NOT EXISTS ghosts (
    room     BYTEA NOT NULL REFERENCES rooms (room) ON DELETE CASCADE,
    userid   TEXT NOT NULL,
    terminal BYTEA NOT NULL,
    PRIMARY KEY (room, userid, terminal)
);

CREATE INDEX IF NOT EXISTS ghosts_terminal ON ghosts (userid, terminal);

-- Ids of rooms are never used twice.
CREATE TABLE IF NOT EXISTS past_rooms (
    room  BYTEA PRIMARY KEY,
    moved BOOLEAN NOT NULL                   -- the group was founded anew
);

-- Who has ended an epoch, or founded a room, lately.
CREATE TABLE IF NOT EXISTS ended_epochs (
    room     BYTEA NOT NULL REFERENCES rooms (room) ON DELETE CASCADE,
    userid   TEXT NOT NULL,
    epoch    BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (room, userid, epoch)
);

CREATE TABLE IF NOT EXISTS founded_rooms (
    userid     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    room       BYTEA NOT NULL,
    founded_at BIGINT NOT NULL,
    PRIMARY KEY (userid, room)
);

-- Certificates of terminals that are gone: kept while a room's tree has them, or a commit or welcome in a mailbox may.
CREATE TABLE IF NOT EXISTS former_certificates (
    userid      TEXT NOT NULL,
    terminal    BYTEA NOT NULL,
    certificate BYTEA NOT NULL,
    public_key  BYTEA NOT NULL,
    departure   BIGINT NOT NULL,             -- the how manieth terminal that went
    PRIMARY KEY (userid, terminal)
);

-- Terminals that have published key packages, and the packages: the oldest is given out first.
CREATE TABLE IF NOT EXISTS publishers (
    userid      TEXT NOT NULL,
    terminal    BYTEA NOT NULL,
    last_resort BYTEA,
    last        BIGINT NOT NULL DEFAULT 0,   -- number of the last package
    PRIMARY KEY (userid, terminal),
    FOREIGN KEY (userid, terminal) REFERENCES terminals (userid, terminal) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS key_packages (
    userid   TEXT NOT NULL,
    terminal BYTEA NOT NULL,
    number   BIGINT NOT NULL,
    package  BYTEA NOT NULL,
    PRIMARY KEY (userid, terminal, number),
    FOREIGN KEY (userid, terminal) REFERENCES publishers (userid, terminal) ON DELETE CASCADE
);

-- What was said to everyone, which never changes. Readable: broadcasts are signed, not secret (decision D18).
CREATE TABLE IF NOT EXISTS broadcasts (
    number    BIGINT PRIMARY KEY,
    taken     BIGINT NOT NULL,
    userid    TEXT NOT NULL,                 -- also that of a user who was removed since
    id        BYTEA NOT NULL,
    sender    TEXT NOT NULL,                 -- the certificate with its key, as JSON: the signature stays verifiable
    message   TEXT NOT NULL,
    date      BIGINT NOT NULL,
    signature BYTEA NOT NULL,
    UNIQUE (userid, id)                      -- a request that is repeated is no second broadcast
);

-- The directory that works on this database, until its lease runs out. By the clock of the database.
CREATE TABLE IF NOT EXISTS nodes (
    one         BIGINT PRIMARY KEY CHECK (one = 1),
    incarnation BYTEA NOT NULL,              -- random for each start
    holder      BYTEA NOT NULL,              -- digest of the place where it runs
    name        TEXT NOT NULL,               -- for people
    until       BIGINT NOT NULL              -- milliseconds since the epoch
);
