//! Ali's delivery, without rooms and links.

pub(super) use common::ident::{MessageId, RoomId, TerminalId, UserId};
pub(super) use common::limits::{MAIL_IN_ONE, RECEIPT_IDS};
pub(super) use common::msg::{
    Body, Chat, Letter, MailRefusal, MailboxReply, Member, Outgoing, Piece, Received, ToDirectory,
};
pub(super) use common::testkit::Example;
pub(super) use zeroize::Zeroizing;

pub(super) use crate::command::Ticket;
pub(super) use crate::context::{Context, Direction, Session};
pub(super) use crate::delivery::Delivery;
pub(super) use crate::delivery::scheduler::{FULL_FIRST, FULL_LONGEST};
pub(super) use crate::event::{Effect, LinkId};
pub(super) use crate::fixtures;
pub(super) use crate::model::{Conversation, DeliveryStatus, PresenceInfo};
pub(super) use crate::notice::{MessageNotice, Next, NotSent, Notice};
pub(super) use crate::persistence::{HistoryQuery, HistoryWrite, Rows, Write};
pub(super) use crate::request::{DirectoryRequest, GroupRequest, MailboxRequest, Question, Request, SealedLetter};

pub(super) const ROOM: RoomId = RoomId([9; 16]);
pub(super) const LINK: LinkId = LinkId(1);

pub(super) fn bianca() -> UserId {
    Example::Bianca.user().unwrap()
}

pub(super) fn to_bianca() -> Conversation {
    Conversation::User(bianca())
}

pub(super) fn team() -> Conversation {
    Conversation::Group(common::ident::GroupName::parse("team").unwrap())
}

/// Ali's delivery, with everything that waited taken.
pub(super) struct Stage {
    pub(super) cx: Context,
    pub(super) delivery: Delivery,
}

impl Stage {
    pub(super) fn new() -> Self {
        let mut cx = fixtures::context(fixtures::identity(Example::Ali));
        cx.session = Session::CaughtUp;
        let delivery = Delivery::load(Rows::new(), Rows::new(), std::collections::BTreeMap::new(), false);
        Self { cx, delivery }
    }

    pub(super) fn finish(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.cx.finish(&mut effects);
        effects
    }

    pub(super) fn send(&mut self, to: &Conversation, text: &str) -> Vec<Effect> {
        self.delivery.send(&mut self.cx, to.clone(), text.to_owned(), Ticket::default(), None);
        self.finish()
    }

    /// What is wanted once everything that is marked was flushed.
    pub(super) fn flush(&mut self) -> (Vec<Request>, Vec<Effect>) {
        let mut requests = Vec::new();
        while let Some(to) = self.delivery.next_marked() {
            requests.extend(self.delivery.flush(&mut self.cx, &to));
        }
        self.delivery.tell_announced(&mut self.cx);
        (requests, self.finish())
    }

    /// The letters that are given to the directory, with a room that is ready and room for so many in one message.
    pub(super) fn give(&mut self, to: &Conversation, fit: usize) -> Vec<u64> {
        let (requests, _) = self.flush();
        assert_eq!(requests, [Request::Group(GroupRequest::NeedsRoom(to.clone()))]);
        let requests = self.delivery.handle_room(&self.cx, to.clone(), ROOM);
        let [Request::Group(GroupRequest::Seal { letters, .. })] = &requests[..] else { panic!("{requests:?}") };
        let sealed = letters.iter().take(fit);
        let sealed = sealed.map(|plain| (plain.number, Outgoing { id: plain.id, piece: Piece(plain.bytes.clone()) }));
        let requests = self.delivery.handle_sealed(&self.cx, to.clone(), (ROOM, 3), sealed.collect());
        let [
            Request::Mailbox(MailboxRequest::CountWritten),
            Request::Directory(DirectoryRequest::Ask { message, question: Question::Put { numbers, .. } }),
        ] = &requests[..]
        else {
            panic!("{requests:?}")
        };
        assert!(matches!(message, ToDirectory::MailboxPut(put) if put.epoch == 3 && put.items.len() == numbers.len()));
        numbers.clone()
    }

    pub(super) fn answer(
        &mut self,
        to: &Conversation,
        numbers: &[u64],
        stored: u32,
        refused: Option<MailRefusal>,
    ) -> Vec<Request> {
        let reply = MailboxReply { stored, refused, full: Vec::new() };
        self.delivery.handle_put(&mut self.cx, to, numbers, ROOM, &reply)
    }

    pub(super) fn link(&mut self) {
        self.cx.links.insert(bianca(), LINK, Direction::Ours, self.cx.now.tick);
        self.delivery.handle_link(&bianca());
    }

    /// A letter of bianca's comes.
    pub(super) fn comes(&mut self, number: u8, body: Body) -> Vec<Request> {
        let letter = Letter { id: MessageId([number; 16]), date: 7, body };
        let bytes = Zeroizing::new(letter.encode());
        let sealed = SealedLetter {
            room: ROOM,
            conversation: to_bianca(),
            from: bianca(),
            terminal: TerminalId([1; 16]),
            bytes,
        };
        self.delivery.handle_letter(&mut self.cx, sealed)
    }

    pub(super) fn next(&mut self) -> Next {
        self.delivery.explain(&mut self.cx, to_bianca(), Vec::new());
        match &self.finish()[..] {
            [Effect::Notify(Notice::Message(MessageNotice::Explained { messages, .. }))] => messages[0].next.clone(),
            effects => panic!("{effects:?}"),
        }
    }
}

pub(super) fn text(text: &str) -> Body {
    Body::Text { text: text.into() }
}

pub(super) fn said(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Say { chat, .. } = effect { Some(chat.message.as_str()) } else { None })
        .collect()
}

pub(super) fn marked(effects: &[Effect]) -> Vec<(DeliveryStatus, usize)> {
    let marked = |effect: &Effect| match effect {
        Effect::Notify(Notice::Message(MessageNotice::Marked { mark, ids, .. })) => Some((*mark, ids.len())),
        _ => None,
    };
    effects.iter().filter_map(marked).collect()
}

pub(super) fn waiting(effects: &[Effect]) -> Vec<(usize, Next)> {
    let waiting = |effect: &Effect| match effect {
        Effect::Notify(Notice::Message(MessageNotice::Waiting { waiting, next, .. })) => Some((*waiting, next.clone())),
        _ => None,
    };
    effects.iter().filter_map(waiting).collect()
}

pub(super) fn said_ids(effects: &[Effect]) -> Vec<MessageId> {
    let id = |effect: &Effect| if let Effect::Say { chat, .. } = effect { Some(chat.id) } else { None };
    effects.iter().filter_map(id).collect()
}
