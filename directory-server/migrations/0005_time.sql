-- What the runs of the directory have seen of the time: what is deleted or ends by the clock is judged by it, never by
-- one reading (threat L15). JSON of one row; nothing before the first run that knows it.
CREATE TABLE observed_time (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    value TEXT NOT NULL
) STRICT;
