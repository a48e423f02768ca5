-- Who may do what in a room (decision D31).

-- A room without an entry is one of two users. One of before with more is a group that nobody administers.
ALTER TABLE rooms ADD COLUMN is_group INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN founder TEXT;       -- the user; NULL in rooms of before
ALTER TABLE rooms ADD COLUMN founded_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN given_up_at INTEGER; -- of a group that has no terminals: since when its handle is kept
UPDATE rooms SET is_group = handle IS NOT NULL
    OR (SELECT count(DISTINCT user) FROM roster WHERE roster.room = rooms.room) > 2;

-- The users of a room of two.
CREATE TABLE room_users (
    room BLOB NOT NULL REFERENCES rooms ON DELETE CASCADE,
    user TEXT NOT NULL,
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
INSERT INTO room_users SELECT DISTINCT room, user FROM roster JOIN rooms USING (room) WHERE NOT is_group;

CREATE INDEX room_users_user ON room_users (user);

-- In the order of their appointment; those of before in the order of their ids, as in their charters.
ALTER TABLE room_admins ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE room_admins SET place =
    (SELECT count(*) FROM room_admins AS o WHERE o.room = room_admins.room AND o.user < room_admins.user);

-- Members of a room's tree that get no mail: their user left, or the terminal is not known (any more).
CREATE TABLE ghosts (
    room     BLOB NOT NULL REFERENCES rooms ON DELETE CASCADE,
    user     TEXT NOT NULL,
    terminal BLOB NOT NULL,
    PRIMARY KEY (room, user, terminal)
) STRICT, WITHOUT ROWID;

CREATE INDEX ghosts_terminal ON ghosts (user, terminal);

-- Ids of rooms are never used twice.
CREATE TABLE past_rooms (
    room  BLOB PRIMARY KEY,
    moved INTEGER NOT NULL                   -- 1: the group was founded anew
) STRICT, WITHOUT ROWID;

CREATE TRIGGER room_past AFTER DELETE ON rooms
BEGIN
    INSERT OR IGNORE INTO past_rooms (room, moved) VALUES (OLD.room, 0);
END;

-- A room without terminals is nobody's. The handle of a group is kept for its admins.
DROP TRIGGER room_deserted;
CREATE TRIGGER room_deserted AFTER DELETE ON roster
WHEN NOT EXISTS (SELECT 1 FROM roster WHERE room = OLD.room)
BEGIN
    DELETE FROM rooms WHERE room = OLD.room AND handle IS NULL;
END;

-- Who has ended an epoch, or founded a room, lately.
CREATE TABLE ended_epochs (
    room     BLOB NOT NULL REFERENCES rooms ON DELETE CASCADE,
    user     TEXT NOT NULL,
    epoch    INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    PRIMARY KEY (room, user, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE founded_rooms (
    user       TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    room       BLOB NOT NULL,
    founded_at INTEGER NOT NULL,
    PRIMARY KEY (user, room)
) STRICT, WITHOUT ROWID;

-- Commits and welcomes that lie in a mailbox, with what their author answers for.
CREATE TABLE signed_commits (
    item   INTEGER PRIMARY KEY,              -- of mail
    signed TEXT                              -- JSON; NULL for what was taken before commits were signed
) STRICT;
INSERT INTO signed_commits SELECT item, NULL FROM mail WHERE kind <> 0;

CREATE TRIGGER commit_forgotten AFTER DELETE ON mail WHEN OLD.kind <> 0
BEGIN
    DELETE FROM signed_commits WHERE item = OLD.item;
END;

-- Certificates of terminals that are gone: kept while a room's tree has them, or a commit or welcome in a mailbox may.
CREATE TABLE former_certificates (
    user        TEXT NOT NULL,
    terminal    BLOB NOT NULL,
    certificate BLOB NOT NULL,
    public_key  BLOB NOT NULL,
    upto        INTEGER NOT NULL,            -- the last item that was taken before the terminal went
    PRIMARY KEY (user, terminal)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER terminal_gone BEFORE DELETE ON terminals
BEGIN
    INSERT OR IGNORE INTO ghosts (room, user, terminal)
        SELECT room, user, terminal FROM roster WHERE user = OLD.user AND terminal = OLD.terminal;
    INSERT OR REPLACE INTO former_certificates (user, terminal, certificate, public_key, upto)
        SELECT OLD.user, OLD.terminal, OLD.certificate, public_key, (SELECT last FROM mail_numbers)
        FROM credentials WHERE user = OLD.user AND OLD.certificate IS NOT NULL;
END;
