-- What one user makes the directory keep has an end.

-- How many reports wait for a terminal is counted, so that there are never more than so many: the oldest go.
DELETE FROM withdrawn WHERE report IN (
    SELECT report FROM (
        SELECT report, row_number() OVER (PARTITION BY user, terminal ORDER BY report DESC) AS place FROM withdrawn)
    WHERE place > 10000);

ALTER TABLE mailbox_states ADD COLUMN reports INTEGER NOT NULL DEFAULT 0;

INSERT INTO mailbox_states (user, terminal, reports)
    SELECT user, terminal, count(*) FROM withdrawn WHERE true GROUP BY user, terminal
    ON CONFLICT DO UPDATE SET reports = excluded.reports;

CREATE TRIGGER report_written AFTER INSERT ON withdrawn
BEGIN
    INSERT INTO mailbox_states (user, terminal, reports) VALUES (NEW.user, NEW.terminal, 1)
        ON CONFLICT DO UPDATE SET reports = reports + 1;
    DELETE FROM withdrawn
        WHERE (SELECT reports FROM mailbox_states WHERE user = NEW.user AND terminal = NEW.terminal) > 10000
            AND report = (SELECT min(report) FROM withdrawn WHERE user = NEW.user AND terminal = NEW.terminal);
END;

CREATE TRIGGER report_forgotten AFTER DELETE ON withdrawn
BEGIN
    UPDATE mailbox_states SET reports = reports - 1 WHERE user = OLD.user AND terminal = OLD.terminal;
END;
