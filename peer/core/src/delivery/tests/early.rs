//! What is said of texts of this user that were written at another terminal and have not come here yet.

use common::msg::{Withdrawal, WithdrawnMessage};

use super::stage::*;
use crate::delivery::early::{IN_ALL, OF_ONE};
use crate::model::{MessageKey, StoredMessage};
use crate::persistence::Table;

const FULL: DeliveryStatus = DeliveryStatus::Withdrawn(Withdrawal::Full);
const LATER: u64 = 100 * 24 * 60 * 60;

fn id(number: usize) -> MessageId {
    MessageId(u128::try_from(number).unwrap().to_be_bytes())
}

impl Stage {
    fn name(&self, to: &Conversation, number: usize) -> MessageKey {
        MessageKey::new(to, &self.cx.me.user, id(number))
    }

    fn receipt(&mut self, number: usize, state: Received) -> Vec<Effect> {
        self.delivery.handle_receipt(&mut self.cx, &bianca(), &[id(number)], state);
        self.finish()
    }

    /// The directory has dropped a text; it is looked up, and not there.
    fn report(&mut self, to: &Conversation, number: usize, user: &UserId) -> Vec<Effect> {
        let user = user.clone();
        let report = WithdrawnMessage { report: 7, id: id(number), room: ROOM, user, reason: Withdrawal::Full };
        self.delivery.handle_withdrawn(&mut self.cx, vec![(to.clone(), report)]);
        let mut effects = self.finish();
        effects.extend(self.looked_up(to, number, None));
        effects
    }

    /// The history says what it has of a text.
    fn looked_up(&mut self, to: &Conversation, number: usize, mark: Option<DeliveryStatus>) -> Vec<Effect> {
        let name = self.name(to, number);
        let text = |mark| StoredMessage { name: name.clone(), text: "one".into(), date: 1, arrived: 1, mark, since: 1 };
        self.delivery.handle_recalled(&mut self.cx, &name, mark.map(text));
        self.finish()
    }

    /// A text of ali's other terminal comes, alone.
    fn own_comes(&mut self, to: &Conversation, number: usize) -> Vec<Effect> {
        self.own_is_opened(to, number);
        self.delivery.handle_letters_taken(&mut self.cx);
        self.finish()
    }

    /// It is one of several letters.
    fn own_is_opened(&mut self, to: &Conversation, number: usize) {
        let letter = Letter { id: id(number), date: 7, body: text("one") };
        let (from, bytes) = (self.cx.me.user.clone(), Zeroizing::new(letter.encode()));
        let terminal = TerminalId([2; 16]);
        let sealed = SealedLetter { room: ROOM, conversation: to.clone(), from, terminal, bytes };
        self.delivery.handle_letter(&mut self.cx, sealed);
    }

    /// The program ends, and begins again with these writes and no others, when so much time has surely passed.
    fn restart(&mut self, writes: &[Effect], past: u64) -> Vec<Effect> {
        let mut rows = std::collections::BTreeMap::new();
        for write in
            writes.iter().flat_map(|effect| if let Effect::Persist(writes) = effect { &writes[..] } else { &[] })
        {
            match write {
                Write::Put { kind: Table::Early, key, value } => drop(rows.insert(key.clone(), value.clone())),
                Write::Delete { kind: Table::Early, key } => drop(rows.remove(key)),
                _ => {}
            }
        }
        *self = Self::new();
        self.delivery.load_early(rows.into_iter().collect(), past);
        self.delivery.handle_session(&mut self.cx);
        self.finish()
    }
}

/// Texts that are looked up.
fn recalled(effects: &[Effect]) -> Vec<MessageId> {
    let id = |effect: &Effect| if let Effect::Recall(name) = effect { Some(name.id) } else { None };
    effects.iter().filter_map(id).collect()
}

/// The marks that are written, in order.
fn written(effects: &[Effect]) -> Vec<DeliveryStatus> {
    let writes = effects.iter().flat_map(|effect| if let Effect::Persist(writes) = effect { &writes[..] } else { &[] });
    let mark = |write: &Write| match write {
        Write::History(HistoryWrite::Append(record)) => Some(record.mark),
        Write::History(HistoryWrite::SetMark { mark, .. }) => Some(*mark),
        _ => None,
    };
    writes.filter_map(mark).collect()
}

#[test]
fn a_receipt_that_comes_before_the_text_is_true_of_it_when_it_comes_also_after_a_restart() {
    for (state, mark) in [(Received::Delivered, DeliveryStatus::Delivered), (Received::Read, DeliveryStatus::Read)] {
        for restarts in [0, 1, 2] {
            let mut stage = Stage::new();
            let mut effects = stage.receipt(1, state);
            assert_eq!(recalled(&effects), [id(1)]);
            if restarts < 2 {
                effects.extend(stage.looked_up(&to_bianca(), 1, None));
            }
            if restarts > 0 {
                let again = stage.restart(&effects, 0);
                assert_eq!(recalled(&again), [id(1)], "it may have ended before that was known");
                assert_eq!(stage.looked_up(&to_bianca(), 1, None), []);
            }
            let effects = stage.own_comes(&to_bianca(), 1);
            assert_eq!(written(&effects), [DeliveryStatus::Stored, mark]);
            assert_eq!(marked(&effects), [(mark, 1)]);
            assert!(stage.restart(&effects, 0).is_empty(), "and is kept no longer");
        }
    }
}

#[test]
fn a_receipt_for_a_text_that_is_here_says_what_it_says_once() {
    let table = [
        (Received::Delivered, DeliveryStatus::Stored, true),
        (Received::Delivered, DeliveryStatus::Failed, true),
        (Received::Delivered, FULL, true),
        (Received::Delivered, DeliveryStatus::Delivered, false),
        (Received::Delivered, DeliveryStatus::Read, false),
        (Received::Read, DeliveryStatus::Delivered, true),
        (Received::Read, DeliveryStatus::Read, false),
    ];
    for (state, known, says_more) in table {
        let mut stage = Stage::new();
        let mut effects = stage.receipt(1, state);
        assert_eq!(marked(&effects), [], "not before it is known what is here");
        effects.extend(stage.looked_up(&to_bianca(), 1, Some(known)));
        assert_eq!(marked(&effects).len(), usize::from(says_more), "{state:?} of {known:?}");
        assert_eq!(written(&effects).len(), usize::from(says_more));
        assert!(stage.restart(&effects, 0).is_empty(), "nothing is kept");
    }
    // What was written at another terminal and has come is marked at once.
    let mut stage = Stage::new();
    stage.own_comes(&to_bianca(), 1);
    assert_eq!(marked(&stage.receipt(1, Received::Read)), [(DeliveryStatus::Read, 1)]);
}

#[test]
fn receipts_before_and_behind_a_text_among_the_same_letters_are_true_of_it_together() {
    let all = [Received::Delivered, Received::Read].map(Some).into_iter().chain([None]);
    for (before, behind) in all.clone().flat_map(|before| all.clone().map(move |behind| (before, behind))) {
        let mut stage = Stage::new();
        let receipt = |stage: &mut Stage, state: Option<Received>| {
            let ids = [id(1)];
            state.into_iter().for_each(|state| stage.delivery.handle_receipt(&mut stage.cx, &bianca(), &ids, state));
        };
        receipt(&mut stage, before);
        stage.own_is_opened(&to_bianca(), 1);
        receipt(&mut stage, behind);
        stage.delivery.handle_letters_taken(&mut stage.cx);
        let effects = stage.finish();
        let most = match before.max(behind) {
            Some(Received::Read) => vec![DeliveryStatus::Read],
            Some(Received::Delivered) => vec![DeliveryStatus::Delivered],
            None => vec![],
        };
        assert_eq!(written(&effects)[1..], most, "{before:?} and {behind:?}");
        assert_eq!(marked(&effects).len(), most.len());
        let told = |effect: &Effect| matches!(effect, Effect::Notify(Notice::Message(MessageNotice::Sent { .. })));
        let is_mark = |effect: &Effect| matches!(effect, Effect::Notify(Notice::Message(MessageNotice::Marked { .. })));
        assert!(effects.iter().position(told) < effects.iter().position(is_mark).or(Some(usize::MAX)), "in this order");
        assert!(stage.restart(&effects, 0).is_empty(), "nothing is kept");
    }
}

#[test]
fn a_text_that_comes_while_it_is_looked_up_is_marked_once() {
    let mut stage = Stage::new();
    stage.receipt(1, Received::Delivered);
    assert_eq!(marked(&stage.own_comes(&to_bianca(), 1)), [(DeliveryStatus::Delivered, 1)]);
    assert_eq!(stage.looked_up(&to_bianca(), 1, None), []);
    assert_eq!(stage.looked_up(&to_bianca(), 1, Some(DeliveryStatus::Delivered)), []);
}

#[test]
fn a_report_that_comes_before_the_text_is_true_of_it_unless_there_is_a_receipt() {
    let carol = Example::Carol.user().unwrap();
    let mut stage = Stage::new();
    let mut effects = stage.report(&team(), 1, &bianca());
    effects.extend(stage.report(&team(), 1, &carol));
    assert_eq!(written(&effects), []);
    assert_eq!(recalled(&stage.restart(&effects, 0)), []);
    let effects = stage.own_comes(&team(), 1);
    assert_eq!(marked(&effects), [(FULL, 1), (FULL, 1)]);
    let failed = |effect: &Effect| match effect {
        Effect::Notify(Notice::Message(MessageNotice::Withdrawn { text, users, .. })) => {
            Some((text.clone(), users.len()))
        }
        _ => None,
    };
    let told: Vec<_> = effects.iter().filter_map(failed).collect();
    assert_eq!(told, [("one".to_owned(), 1), ("one".to_owned(), 2)]);
    stage.delivery.send_again(&mut stage.cx, (team(), Some(id(1))), Some(&[]), Vec::new(), Ticket::default());
    assert_eq!(marked(&stage.finish()), [(DeliveryStatus::Queued, 1)], "and can be sent again");

    for receipt_first in [true, false] {
        let mut stage = Stage::new();
        if receipt_first {
            stage.receipt(1, Received::Read);
        }
        stage.report(&to_bianca(), 1, &bianca());
        if !receipt_first {
            stage.receipt(1, Received::Read);
        }
        assert_eq!(marked(&stage.own_comes(&to_bianca(), 1)), [(DeliveryStatus::Read, 1)]);
    }
}

#[test]
fn a_report_says_nothing_of_a_text_that_comes_when_all_that_waited_was_taken() {
    let mut stage = Stage::new();
    let first = stage.report(&to_bianca(), 1, &bianca());
    stage.delivery.handle_caught_up(&mut stage.cx);
    assert_eq!(stage.finish(), [], "in the session in which it came, more may be on its way");
    let began = stage.restart(&first, 0);
    stage.report(&to_bianca(), 2, &bianca());
    stage.delivery.handle_caught_up(&mut stage.cx);
    let over = stage.finish();
    assert_eq!(marked(&stage.own_comes(&to_bianca(), 1)), [], "it was sent again");
    assert_eq!(marked(&stage.own_comes(&to_bianca(), 2)), [(FULL, 1)]);
    let all: Vec<Effect> = first.into_iter().chain(began).chain(over).collect();
    stage.restart(&all, 0);
    assert_eq!(marked(&stage.own_comes(&to_bianca(), 1)), [], "also after a restart");
}

#[test]
fn little_is_kept_and_nothing_for_ever() {
    let mut stage = Stage::new();
    let mut effects = Vec::new();
    for number in 0..=OF_ONE {
        stage.cx.now.date = u64::try_from(number).unwrap();
        effects.extend(stage.receipt(number, Received::Read));
        effects.extend(stage.looked_up(&to_bianca(), number, None));
    }
    assert_eq!(marked(&stage.own_comes(&to_bianca(), 0)), [], "the oldest has gone");
    assert_eq!(marked(&stage.own_comes(&to_bianca(), OF_ONE)), [(DeliveryStatus::Read, 1)]);
    assert_eq!(recalled(&stage.restart(&effects, 0)).len(), OF_ONE);
    let over = stage.restart(&effects, LATER);
    assert!(matches!(&over[..], [Effect::Persist(writes)] if writes.len() == OF_ONE), "too old");

    // Whoever says much of nothing takes no room of others.
    let mut stage = Stage::new();
    stage.receipt(0, Received::Read);
    stage.looked_up(&to_bianca(), 0, None);
    let groups = IN_ALL / OF_ONE;
    for number in 1..=groups * OF_ONE {
        let group = common::ident::GroupName::parse(&format!("group{}", number % groups)).unwrap();
        stage.report(&Conversation::Group(group), number, &bianca());
    }
    assert_eq!(marked(&stage.own_comes(&to_bianca(), 0)), [(DeliveryStatus::Read, 1)]);
}
