-- What waits by sender is counted in bytes, too, commits and welcomes included, so that nobody fills a mailbox alone
-- (threat L11).
ALTER TABLE mailbox_senders ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;

INSERT INTO mailbox_senders (user, terminal, sender, messages, bytes)
    SELECT user, terminal, sender, sum(kind = 0), sum(size) FROM mailbox WHERE true GROUP BY user, terminal, sender
    ON CONFLICT DO UPDATE SET bytes = excluded.bytes;
