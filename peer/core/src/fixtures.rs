//! Terminals that have written nothing yet and that nobody has certified, for tests and fuzz bodies.

use common::crypto::terminal::TerminalIdentity;
use common::ident::KeyDigest;
use common::msg::{Blob, Certificate};
use common::secret::Secret;

use crate::engine::{Engine, Setup};
use crate::event::{Accept, Opening};
use crate::files::model::{AcceptFiles, FilePolicy};
use crate::persistence::Snapshot;
use crate::verify::LocalIdentity;

/// What such a terminal begins with.
pub(crate) fn opening(me: &LocalIdentity, rows: Snapshot) -> Option<Opening> {
    let terminal = TerminalIdentity::from_seed(me.terminal, &Secret::new(vec![7; 32])).ok()?;
    let signature = Blob(vec![7; 64]);
    let certificate = Certificate { terminal: me.terminal, key: terminal.key(), issued: 0, signature };
    Some(Opening { terminal, certificate, seed: [7; 32], rows })
}

/// Such a terminal.
pub(crate) fn engine(me: &LocalIdentity, accept: Accept) -> Option<Engine> {
    let files = FilePolicy { accept: AcceptFiles::Ask, max: u64::MAX };
    let setup = Setup { me: me.clone(), directory: KeyDigest([7; 32]), accept, read_receipts: false, files };
    Engine::new(setup, opening(me, Snapshot::default())?).ok()
}

/// What the machines of such a terminal share: it is the tick 100, and the directory can be asked.
#[cfg(test)]
pub(crate) fn context(me: LocalIdentity) -> crate::context::Context {
    use std::sync::Arc;

    use crate::contacts::Contacts;
    use crate::event::Now;
    use crate::ids::Ids;
    use crate::mls::OwnTerminal;

    let opening = opening(&me, Snapshot::default()).unwrap();
    let own = Arc::new(OwnTerminal::new(&me.user, opening.terminal, &opening.certificate, opening.seed));
    let ids = Ids::new(opening.seed);
    let mut cx = crate::context::Context::new(me, own, ids, KeyDigest([7; 32]), Contacts::default());
    cx.now = Now { tick: 100, date: 1_700_000_000, directory: 0 };
    cx
}

/// Who one of the users of the examples is.
#[cfg(test)]
pub(crate) fn identity(example: common::testkit::Example) -> LocalIdentity {
    use std::sync::OnceLock;

    use common::testkit::Example::{Ali, Bianca, Carol};

    /// Parsing a key again for each of thousands of worlds would take most of the time.
    static EVERYBODY: OnceLock<[LocalIdentity; 3]> = OnceLock::new();
    let everybody = EVERYBODY.get_or_init(|| {
        [Ali, Bianca, Carol].map(|example| LocalIdentity {
            user: example.user().unwrap(),
            key: example.identity().unwrap().public().clone(),
            terminal: common::ident::TerminalId([example as u8; 16]),
        })
    });
    everybody[example as usize].clone()
}
