-- Promises that are withdrawn, and what tells terminals that a backup was restored (decision D32).

-- The sender's name for a message; nothing of commits, welcomes, and of what was taken before this was kept.
ALTER TABLE mail ADD COLUMN id BLOB;

-- Users who have taken an item at one of their terminals, while it waits at another.
CREATE TABLE mail_taken (
    item INTEGER NOT NULL REFERENCES mail ON DELETE CASCADE,
    user TEXT NOT NULL,
    PRIMARY KEY (item, user)
) STRICT, WITHOUT ROWID;

-- Messages that were stored and are dropped, for each terminal that has to know.
CREATE TABLE withdrawn (
    report   INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given out again: terminals remember what they have had
    user     TEXT NOT NULL,                  -- who sent it, and at which terminal that is told
    terminal BLOB NOT NULL,
    id       BLOB NOT NULL,
    room     BLOB NOT NULL,
    receiver TEXT NOT NULL,                  -- who does not get it
    reason   INTEGER NOT NULL,               -- 0 expired, 1 full, 2 removed
    since    INTEGER,                        -- nothing until it was looked at for the first time
    FOREIGN KEY (user, terminal) REFERENCES terminals ON DELETE CASCADE
) STRICT;

CREATE INDEX withdrawn_terminal ON withdrawn (user, terminal, report);
CREATE INDEX withdrawn_new ON withdrawn (user, terminal) WHERE since IS NULL;

-- However a terminal goes, what only it would have got goes with it, and what no other terminal of its user has had or
-- will have is told to those who sent it.
DROP TRIGGER terminal_mail;
CREATE TRIGGER terminal_mail BEFORE DELETE ON terminals
BEGIN
    INSERT INTO withdrawn (user, terminal, id, room, receiver, reason)
        SELECT t.user, t.terminal, b.id, b.room, OLD.user, 2
        FROM mailbox AS m JOIN mail AS b USING (item) JOIN terminals AS t ON t.user = b.from_user
        WHERE m.user = OLD.user AND m.terminal = OLD.terminal AND m.kind = 0 AND m.sender <> OLD.user AND b.id IS NOT NULL
            AND (t.terminal = b.from_terminal OR EXISTS (
                SELECT 1 FROM roster AS r WHERE r.room = b.room AND r.user = t.user AND r.terminal = t.terminal))
            AND NOT EXISTS (SELECT 1 FROM mail_taken AS k WHERE k.item = m.item AND k.user = OLD.user)
            AND NOT EXISTS (SELECT 1 FROM mailbox AS o
                WHERE o.item = m.item AND o.shared = 1 AND o.user = OLD.user AND o.terminal <> OLD.terminal)
        ORDER BY m.item;
    DELETE FROM mail WHERE item IN (
        SELECT item FROM mailbox AS m WHERE user = OLD.user AND terminal = OLD.terminal AND (shared = 0 OR NOT EXISTS (
            SELECT 1 FROM mailbox AS o WHERE o.item = m.item AND o.shared = 1
            AND (o.user, o.terminal) <> (OLD.user, OLD.terminal))));
    DELETE FROM mailbox WHERE user = OLD.user AND terminal = OLD.terminal;
END;

-- What the directory remembers goes by this name, until a backup is restored.
CREATE TABLE generation (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    name BLOB NOT NULL
) STRICT;
INSERT INTO generation (one, name) VALUES (1, randomblob(16));
