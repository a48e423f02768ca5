-- What an acknowledgement needs stands in the mailbox itself, and bodies are forgotten by the statement that empties a
-- mailbox: one at a time, by a trigger, this took most of the time of a delivery.

CREATE TABLE mailbox_items (
    user     TEXT NOT NULL,
    terminal BLOB NOT NULL,
    item     INTEGER NOT NULL,               -- of mail
    sender   TEXT NOT NULL,
    kind     INTEGER NOT NULL,               -- 0 message, 1 commit, 2 welcome
    size     INTEGER NOT NULL,               -- bytes of the body
    shared   INTEGER NOT NULL,               -- 1: it was put into other mailboxes, too
    PRIMARY KEY (user, terminal, item)
) STRICT, WITHOUT ROWID;

INSERT INTO mailbox_items
    SELECT user, terminal, item, from_user, kind, length(body), 1 FROM mailbox JOIN mail USING (item);

DROP TABLE mailbox;
ALTER TABLE mailbox_items RENAME TO mailbox;

-- Who else has an item is asked only of what several got.
CREATE INDEX mailbox_shared ON mailbox (item) WHERE shared = 1;

-- Numbers of items are never given out again, because mailboxes remember what they acknowledged; SQLite's own way to
-- see to that (AUTOINCREMENT) writes once for each item, this once for each request.
CREATE TABLE mail_numbers (last INTEGER NOT NULL) STRICT;
INSERT INTO mail_numbers SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'mail';

CREATE TABLE mail_bodies (
    item          INTEGER PRIMARY KEY,
    room          BLOB NOT NULL,
    epoch         INTEGER NOT NULL,
    from_user     TEXT NOT NULL,
    from_terminal BLOB NOT NULL,
    kind          INTEGER NOT NULL,
    date          INTEGER NOT NULL,
    body          BLOB NOT NULL              -- last, so that what stands before it is read without it
) STRICT;

INSERT INTO mail_bodies SELECT item, room, epoch, from_user, from_terminal, kind, date, body FROM mail;
DROP TABLE mail;
ALTER TABLE mail_bodies RENAME TO mail;

-- However a terminal goes, what only it would have got goes with it.
CREATE TRIGGER terminal_mail BEFORE DELETE ON terminals
BEGIN
    DELETE FROM mail WHERE item IN (
        SELECT item FROM mailbox AS m WHERE user = OLD.user AND terminal = OLD.terminal AND (shared = 0 OR NOT EXISTS (
            SELECT 1 FROM mailbox AS o WHERE o.item = m.item AND o.shared = 1
            AND (o.user, o.terminal) <> (OLD.user, OLD.terminal))));
    DELETE FROM mailbox WHERE user = OLD.user AND terminal = OLD.terminal;
END;
