//! What the directory has signed of contacts, sealed: for while it is out of reach (decision D27).

use rusqlite::params;

use super::StoreError;
use super::state::State;
use peer_core::vouching::Kept;

/// Never a kind of the core's tables.
const RECORDS: &str = "records";

impl State {
    /// The records of all contacts, and how many contacts' cannot be read: those are forgotten, because the directory signs
    /// others at the next meeting. Needs [`State::unlock`].
    pub(crate) fn records(&self) -> Result<(Vec<Kept>, usize), StoreError> {
        let seal = self.seal()?;
        let mut query = self.db.prepare("SELECT row, value FROM sealed WHERE kind = ?1")?;
        let rows = query.query_map([RECORDS], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        for row in rows {
            let (row, value) = row?;
            match seal.open(&row, &value).ok().and_then(|value| serde_json::from_slice(&value).ok()) {
                Some(kept) => records.push(kept),
                None => unreadable.push(row),
            }
        }
        for row in &unreadable {
            // One that the disk does not let go is found again.
            drop(self.db.execute("DELETE FROM sealed WHERE row = ?1", params![row]));
        }
        Ok((records, unreadable.len()))
    }

    /// Keeps the records of a contact in the place of those from before. Needs [`State::unlock`].
    pub(crate) fn keep_records(&self, kept: &Kept) -> Result<(), StoreError> {
        let (user, records) = kept;
        let row = self.seal()?.row(RECORDS, user.as_str().as_bytes())?;
        if records.is_empty() {
            self.sync_commits(true)?;
            self.db.execute("DELETE FROM sealed WHERE row = ?1", params![row])?;
            return Ok(());
        }
        let value = serde_json::to_vec(kept).map_err(|_| StoreError::Unreadable)?;
        self.set_sealed(&row, RECORDS, &value)
    }
}

#[cfg(test)]
mod tests {
    use common::ident::{KeyDigest, TerminalId};
    use common::msg::{Blob, Hex, Record};
    use common::testkit::Example;

    use super::*;

    #[test]
    fn what_was_signed_of_a_contact_is_there_again_until_other_records_take_its_place_and_nobody_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let mut state = State::open(&folder.path().join("ali")).unwrap();
            state.unlock(&Example::Ali.identity().unwrap()).unwrap();
            state
        };
        let record = |terminal: u8| Record {
            userid: Example::Bianca.user().unwrap(),
            terminal: TerminalId([terminal; 16]),
            key: KeyDigest([2; 32]),
            addresses: vec![([192, 0, 2, 7], 65_000).into()],
            issued: 1_700_000_000,
            until: 1_700_043_200,
            directory: Hex(vec![3; 91]),
            signature: Blob(vec![4; 64]),
        };
        let of = |user: Example, records: Vec<Record>| (user.user().unwrap(), records);
        let (bianca, carol) = (of(Example::Bianca, vec![record(1)]), of(Example::Carol, vec![record(3)]));
        let both = of(Example::Bianca, vec![record(1), record(2)]);
        for kept in [&bianca, &carol, &both] {
            open().keep_records(kept).unwrap();
        }
        let (mut kept, _) = open().records().unwrap();
        kept.sort_by(|(one, _), (other, _)| one.cmp(other));
        assert_eq!(kept, [both, carol.clone()]);
        let bytes = std::fs::read(folder.path().join("ali/state.db")).unwrap();
        let tells = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(!tells(b"192.0.2.7") && !tells(b"bianca"));
        open().keep_records(&of(Example::Bianca, Vec::new())).unwrap();
        assert_eq!(open().records().unwrap(), (vec![carol.clone()], 0));
        // A row that a bad disk has changed, and one that a later version has written.
        open().keep_records(&bianca).unwrap();
        let damage = |what: &str, user: Example| {
            let state = open();
            let row = state.seal().unwrap().row(RECORDS, user.user().unwrap().as_str().as_bytes()).unwrap();
            match what {
                "bytes" => drop(state.db.execute("UPDATE sealed SET value = x'00' WHERE row = ?1", [row]).unwrap()),
                _ => state.set_sealed(&row, RECORDS, b"{}").unwrap(),
            }
        };
        damage("bytes", Example::Bianca);
        assert_eq!(open().records().unwrap(), (vec![carol.clone()], 1));
        assert_eq!(open().records().unwrap(), (vec![carol], 0), "it is gone");
        damage("content", Example::Carol);
        assert_eq!(open().records().unwrap(), (Vec::new(), 1));
        assert_eq!(open().records().unwrap(), (Vec::new(), 0));
    }
}
