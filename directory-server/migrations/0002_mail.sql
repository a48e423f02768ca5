-- Mailboxes, rooms and key packages. Bodies are opaque; the names of groups are known by their digests only.

-- What was put, once for all who get it. The number is the item number in every mailbox it lies in.
CREATE TABLE mail (
    item          INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given out again: mailboxes remember what they acknowledged
    room          BLOB NOT NULL,
    epoch         INTEGER NOT NULL,
    from_user     TEXT NOT NULL,
    from_terminal BLOB NOT NULL,
    kind          INTEGER NOT NULL,          -- 0 message, 1 commit, 2 welcome
    date          INTEGER NOT NULL,
    body          BLOB NOT NULL              -- last, so that what stands before it is read without it
) STRICT;

-- What waits for whom.
CREATE TABLE mailbox (
    user     TEXT NOT NULL,
    terminal BLOB NOT NULL,
    item     INTEGER NOT NULL,               -- of mail; the trigger below keeps the two together
    PRIMARY KEY (user, terminal, item),
    FOREIGN KEY (user, terminal) REFERENCES terminals ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX mailbox_item ON mailbox (item);

-- However an item leaves its last mailbox, its body goes with it.
CREATE TRIGGER mail_unreferenced AFTER DELETE ON mailbox
WHEN NOT EXISTS (SELECT 1 FROM mailbox WHERE item = OLD.item)
BEGIN
    DELETE FROM mail WHERE item = OLD.item;
END;

CREATE TABLE mailbox_states (
    user     TEXT NOT NULL,
    terminal BLOB NOT NULL,
    acked    INTEGER NOT NULL DEFAULT 0,     -- last item acknowledged
    written  INTEGER NOT NULL DEFAULT 0,     -- puts and commits of this terminal
    lost     INTEGER NOT NULL DEFAULT 0,     -- not kept since it last asked
    bytes    INTEGER NOT NULL DEFAULT 0,     -- of all bodies that wait
    PRIMARY KEY (user, terminal),
    FOREIGN KEY (user, terminal) REFERENCES terminals ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Messages that wait, by the user who sent them (threat L11).
CREATE TABLE mailbox_senders (
    user     TEXT NOT NULL,
    terminal BLOB NOT NULL,
    sender   TEXT NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (user, terminal, sender),
    FOREIGN KEY (user, terminal) REFERENCES terminals ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE rooms (
    room   BLOB PRIMARY KEY,
    epoch  INTEGER NOT NULL,
    handle BLOB UNIQUE                       -- of a named group
) STRICT, WITHOUT ROWID;

CREATE TABLE room_admins (
    room BLOB NOT NULL REFERENCES rooms ON DELETE CASCADE,
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX room_admins_user ON room_admins (user);

CREATE TABLE roster (
    room     BLOB NOT NULL REFERENCES rooms ON DELETE CASCADE,
    user     TEXT NOT NULL,
    terminal BLOB NOT NULL,
    PRIMARY KEY (room, user, terminal),
    FOREIGN KEY (user, terminal) REFERENCES terminals ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX roster_terminal ON roster (user, terminal);

-- A room without terminals is nobody's, and its handle is free again.
CREATE TRIGGER room_deserted AFTER DELETE ON roster
WHEN NOT EXISTS (SELECT 1 FROM roster WHERE room = OLD.room)
BEGIN
    DELETE FROM rooms WHERE room = OLD.room;
END;

-- Terminals that have published key packages.
CREATE TABLE publishers (
    user        TEXT NOT NULL,
    terminal    BLOB NOT NULL,
    last_resort BLOB,
    PRIMARY KEY (user, terminal),
    FOREIGN KEY (user, terminal) REFERENCES terminals ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE key_packages (
    number   INTEGER PRIMARY KEY,            -- ascending: the oldest is given out first
    user     TEXT NOT NULL,
    terminal BLOB NOT NULL,
    package  BLOB NOT NULL,
    FOREIGN KEY (user, terminal) REFERENCES publishers ON DELETE CASCADE
) STRICT;

CREATE INDEX key_packages_terminal ON key_packages (user, terminal);
