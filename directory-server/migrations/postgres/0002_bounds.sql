-- How many rooms somebody has founded is asked at each founding, and a user's broadcasts are looked through at each.
CREATE INDEX IF NOT EXISTS rooms_founder ON rooms (founder);

CREATE INDEX IF NOT EXISTS broadcasts_user ON broadcasts (userid, number);
