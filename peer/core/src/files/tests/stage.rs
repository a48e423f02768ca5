//! Bianca's files, without any bytes.

pub(super) use std::net::SocketAddr;
pub(super) use std::path::PathBuf;

pub(super) use common::ident::{MessageId, TerminalId, UserId};
pub(super) use common::limits::{FILE_NAME, OFFERS_OPEN};
pub(super) use common::msg::{Body, ConnectStatus, FileRefusal, Outcome, PresenceStatus};
pub(super) use common::testkit::Example;

pub(super) use crate::command::FileWish;
pub(super) use crate::context::{Context, Session};
pub(super) use crate::event::{Effect, LinkId};
pub(super) use crate::files::model::{AcceptFiles, FilePolicy, LeftOut, Source, TransferOutcome};
pub(super) use crate::files::transfers::{FIRST_RETRY, GIVEN_AT_ONCE, GIVEN_TO_ONE, LAST_RETRY};
pub(super) use crate::files::{Files, OfferedFile, REMEMBERED, Told};
pub(super) use crate::fixtures;
pub(super) use crate::model::PresenceInfo;
pub(super) use crate::notice::{FileFailed, FileNews, FileNotice, FileState, NotOffered, Notice};
pub(super) use crate::persistence::{Rows, Write};
pub(super) use crate::request::{DeliveryRequest, DirectoryRequest, LookupReason, Request};
pub(super) use crate::verify::LookupResult;

pub(super) fn ali() -> UserId {
    Example::Ali.user().unwrap()
}

pub(super) fn carol() -> UserId {
    Example::Carol.user().unwrap()
}

pub(super) fn id(number: usize) -> MessageId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    MessageId(id)
}

pub(super) fn source() -> Source {
    Source { path: PathBuf::from("/plans.pdf"), size: 9, files: None, content: None, state: [7; 32] }
}

/// What one input led to.
pub(super) struct Done {
    pub(super) requests: Vec<Request>,
    pub(super) effects: Vec<Effect>,
}

impl Done {
    pub(super) fn news(&self) -> Vec<FileNews> {
        let news = |effect: &Effect| match effect {
            Effect::Notify(Notice::File(FileNotice::News { news, .. })) => Some(news.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(news).collect()
    }

    /// What the other side will be told.
    pub(super) fn said(&self) -> Vec<Outcome> {
        let said = |request: &Request| match request {
            Request::Delivery(DeliveryRequest::Send { letter, .. }) => match letter.body {
                Body::File { state, .. } => Some(state),
                _ => None,
            },
            _ => None,
        };
        self.requests.iter().filter_map(said).collect()
    }

    /// By which rules this side refuses.
    pub(super) fn rules(&self) -> Vec<FileRefusal> {
        let rule = |request: &Request| match request {
            Request::Delivery(DeliveryRequest::Send { letter, .. }) => match letter.body {
                Body::File { state: Outcome::Refused, reason, .. } => reason,
                _ => None,
            },
            _ => None,
        };
        self.requests.iter().filter_map(rule).collect()
    }

    pub(super) fn looks_up(&self) -> bool {
        self.requests.iter().any(|request| {
            matches!(request, Request::Directory(DirectoryRequest::LookUp { reason: LookupReason::File(_), .. }))
        })
    }

    pub(super) fn fetches(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Fetch { .. }))
    }

    pub(super) fn writes(&self) -> usize {
        let writes = |effect: &Effect| if let Effect::Persist(writes) = effect { writes.len() } else { 0 };
        self.effects.iter().map(writes).sum()
    }
}

/// Bianca's files.
pub(super) struct Stage {
    pub(super) cx: Context,
    pub(super) files: Files,
}

impl Stage {
    pub(super) fn new(accept: AcceptFiles, max: u64) -> Self {
        let cx = fixtures::context(fixtures::identity(Example::Bianca));
        Self { cx, files: Files::load(Rows::new(), FilePolicy { accept, max }) }
    }

    pub(super) fn asking() -> Self {
        Self::new(AcceptFiles::Ask, 100)
    }

    pub(super) fn does(&mut self, act: impl FnOnce(&mut Files, &mut Context) -> Vec<Request>) -> Done {
        let requests = act(&mut self.files, &mut self.cx);
        let mut effects = Vec::new();
        self.cx.finish(&mut effects);
        Done { requests, effects }
    }

    /// Ali offers.
    pub(super) fn is_offered(&mut self, number: usize, size: u64) -> Done {
        let offered = OfferedFile {
            file: id(number),
            name: "plans.pdf".into(),
            size,
            files: None,
            content: None,
            left_out: LeftOut::default(),
        };
        self.does(|files, cx| files.handle_offer(cx, &ali(), offered))
    }

    pub(super) fn offers(&mut self, name: &str) -> Done {
        self.does(|files, cx| files.offer(cx, ali(), name.to_owned(), (source(), LeftOut::default())))
    }

    pub(super) fn wishes(&mut self, number: u64, wish: FileWish) -> Done {
        self.does(|files, cx| files.change(cx, number, wish))
    }

    pub(super) fn accepts(&mut self, number: u64) -> Done {
        self.wishes(number, FileWish::Accept { folder: None })
    }

    /// The directory says where ali is, or does not.
    pub(super) fn finds(&mut self, number: u64, is_there: bool) -> Done {
        let terminals = vec![SocketAddr::from(([127, 0, 0, 2], 65000)).into()];
        let found = is_there.then(|| LookupResult {
            terminals,
            key: fixtures::identity(Example::Ali).key,
            relayable: Vec::new(),
            punchable: Vec::new(),
            records: Vec::new(),
        });
        self.does(|files, cx| {
            files.handle_sender(cx, number, found);
            Vec::new()
        })
    }

    /// The same, where she is at a terminal that can be met by relay.
    pub(super) fn finds_relayable(&mut self, number: u64) -> Done {
        let terminals = vec![SocketAddr::from(([127, 0, 0, 2], 65000)).into()];
        let (key, relayable) = (fixtures::identity(Example::Ali).key, vec![TerminalId([1; 16])]);
        self.does(|files, cx| {
            let (punchable, records) = (Vec::new(), Vec::new());
            files.handle_sender(cx, number, Some(LookupResult { terminals, key, relayable, punchable, records }));
            Vec::new()
        })
    }

    pub(super) fn ends(&mut self, number: u64, outcome: TransferOutcome) -> Done {
        self.does(|files, cx| files.handle_end(cx, number, outcome))
    }

    pub(super) fn progresses(&mut self, number: u64, done: u64) -> Done {
        self.does(|files, cx| {
            files.handle_progress(cx, number, done);
            Vec::new()
        })
    }

    pub(super) fn ticks(&mut self) -> Done {
        self.does(|files, cx| files.handle_tick(cx))
    }

    pub(super) fn is_told(&mut self, by: &UserId, outcome: Outcome) -> Done {
        self.does(|files, cx| {
            files.handle_outcome(cx, by, &ali(), Told { file: id(1), outcome, changed: false, reason: None });
            Vec::new()
        })
    }

    /// A caller asks for a file; whether it gets it, and if not, whether it may come again.
    pub(super) fn is_asked(&mut self, by: &UserId, file: MessageId) -> Result<u64, ConnectStatus> {
        let done = self.does(|files, cx| {
            files.handle_fetch(cx, LinkId(1), by, (file, 0));
            Vec::new()
        });
        match &done.effects[..] {
            [Effect::Serve { number, .. }] => Ok(*number),
            [Effect::Reply { reply, .. }] => Err(reply.status),
            effects => panic!("{effects:?}"),
        }
    }

    pub(super) fn state(&self, number: u64) -> FileState {
        self.files.all[&number].state
    }
}
