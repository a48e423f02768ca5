-- Rooms, broadcasts and certificates of one user have an end, too.

-- How many rooms somebody has founded is asked at each founding.
CREATE INDEX rooms_founder ON rooms (founder);

-- The oldest broadcasts go. What is in the log does not change.
DROP TRIGGER broadcasts_kept;

-- Of a user's terminals that are gone, 64 certificates are kept. Those go first that no tree is known to have, and of these the
-- first that went.
ALTER TABLE former_certificates ADD COLUMN place INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER terminal_gone;
CREATE TRIGGER terminal_gone BEFORE DELETE ON terminals
BEGIN
    INSERT OR IGNORE INTO ghosts (room, user, terminal)
        SELECT room, user, terminal FROM roster WHERE user = OLD.user AND terminal = OLD.terminal;
    INSERT OR REPLACE INTO former_certificates (user, terminal, certificate, public_key, upto, place)
        SELECT OLD.user, OLD.terminal, OLD.certificate, public_key, (SELECT last FROM mail_numbers),
            (SELECT coalesce(max(place), 0) + 1 FROM former_certificates WHERE user = OLD.user)
        FROM credentials WHERE user = OLD.user AND OLD.certificate IS NOT NULL;
END;

CREATE TRIGGER former_certificate_kept AFTER INSERT ON former_certificates
BEGIN
    DELETE FROM former_certificates WHERE user = NEW.user AND terminal IN (
        SELECT f.terminal FROM former_certificates AS f WHERE f.user = NEW.user
        ORDER BY EXISTS (SELECT 1 FROM ghosts AS g WHERE g.user = f.user AND g.terminal = f.terminal) DESC,
            f.place DESC, f.terminal
        LIMIT -1 OFFSET 64);
END;
