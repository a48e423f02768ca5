//! Calls without the directory: who is called, who is taken, and every refusal (decision D27).

use common::crypto::directory_key::DirectoryKey;
use common::crypto::record::Issuer;
use common::msg::{Blob, Hex, RECORDS, Record};

use super::*;
use crate::notice::Unvouched;

const HOUR: u64 = 3600;
/// The directory's time.
const NOW: u64 = 1_700_000_000;

/// Bianca's calls. She has chosen ali, whose key is pinned; the directory is silent since the tick 100.
struct Scene {
    stage: Stage,
    directory: DirectoryKey,
}

impl Scene {
    fn new() -> Self {
        let directory = DirectoryKey::generate().unwrap();
        let mut stage = Stage::new(Accept::All);
        stage.cx.directory = directory.digest();
        stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, false);
        stage.cx.contacts.choose(&ali(), 0);
        stage.cx.session = Session::Down;
        stage.cx.vouching.handle_session_lost(100);
        (stage.cx.now.tick, stage.cx.now.directory) = (130, NOW);
        Self { stage, directory }
    }

    /// What the directory has said of ali an hour ago.
    fn record(&self) -> Record {
        self.signed(Record {
            userid: ali(),
            terminal: TerminalId([1; 16]),
            key: fixtures::identity(Example::Ali).key.digest(),
            addresses: vec![SocketAddr::new(address().ip(), 65_000)],
            issued: NOW - HOUR,
            until: NOW + 11 * HOUR,
            directory: Hex::default(),
            signature: Blob::default(),
        })
    }

    fn signed(&self, record: Record) -> Record {
        Issuer::new(&self.directory).unwrap().sign(record).unwrap()
    }

    /// Bianca has a record of her own.
    fn has_own(&mut self) -> Record {
        let me = &self.stage.cx.me;
        let own = Record { userid: me.user.clone(), key: me.key.digest(), ..self.record() };
        let own = self.signed(own);
        self.stage.cx.vouching.set_own(own.clone());
        own
    }

    /// Ali, or whoever holds this key, calls and shows this.
    fn shown(&mut self, shown: Option<Record>, key: KeyDigest) -> (LinkId, Vec<Effect>) {
        self.stage.links += 1;
        let link = LinkId(self.stage.links);
        let cx = &mut self.stage.cx;
        let message = ConnectReq {
            initiator: ali(),
            destination: cx.me.user.clone(),
            initiator_key: key,
            destination_key: cx.me.key.digest(),
            terminal: TerminalId([1; 16]),
            features: Features::between_terminals(),
            record: shown.map(Box::new),
            conversation: None,
        };
        let wanted = self.stage.calls.handle_request(cx, link, ConnectRequest { message, key, source: address() });
        assert_eq!(wanted, [], "the directory is asked nothing");
        (link, self.stage.effects())
    }

    fn shows(&mut self, shown: Option<Record>) -> (LinkId, Vec<Effect>) {
        self.shown(shown, fixtures::identity(Example::Ali).key.digest())
    }
}

fn told(effects: &[Effect]) -> Option<CallerRefused> {
    effects.iter().find_map(|effect| match effect {
        Effect::Notify(Notice::Call(CallNotice::CallerRefused { why, .. })) => Some(*why),
        _ => None,
    })
}

fn accepted(effects: &[Effect]) -> Option<&ConnectReply> {
    effects.iter().find_map(|effect| match effect {
        Effect::Reply { reply, .. } if reply.status == ConnectStatus::Accepted => Some(reply),
        _ => None,
    })
}

#[test]
fn a_contact_is_taken_whom_the_directory_has_vouched_for_and_both_are_told_since_when() {
    let mut scene = Scene::new();
    let (own, record) = (scene.has_own(), scene.record());
    let (link, effects) = scene.shows(Some(record.clone()));
    assert_eq!(accepted(&effects).map(|reply| reply.record.as_deref()), Some(Some(&own)));
    assert!(effects.contains(&Effect::KeepRecords((ali(), vec![record.clone()]))), "{effects:?}");
    scene.stage.cx.ways.insert(link, crate::model::LinkWay::DirectIpv4);
    scene.stage.calls.handle_connected(&mut scene.stage.cx, link);
    let (way, vouched) = (crate::model::LinkWay::DirectIpv4, Some(record.issued));
    let expected = [CallNotice::Received { from: ali() }, CallNotice::Way { with: ali(), way, vouched }];
    assert_eq!(scene.stage.effects(), expected.map(|told| Effect::Notify(told.into())));
}

#[test]
fn whatever_is_wrong_with_a_caller_is_told_as_what_it_is() {
    type Wrong = fn(&mut Scene, &mut Option<Record>);
    use CallerRefused::{CannotVerify, Unvouched as Un};
    use ConnectRefusal::{Key, Record as OfRecord, Unavailable};
    let cases: [(&str, Wrong, ConnectRefusal, CallerRefused); 19] = [
        ("silent for too short", |scene, _| scene.stage.cx.now.tick = 129, Unavailable, CannotVerify),
        ("no record", |_, shown| *shown = None, Unavailable, CannotVerify),
        (
            "no pin",
            |scene, _| scene.stage.cx.contacts = crate::contacts::Contacts::default(),
            Unavailable,
            CannotVerify,
        ),
        (
            "pinned, and not chosen",
            |scene, _| {
                scene.stage.cx.contacts = crate::contacts::Contacts::default();
                scene.stage.cx.contacts.judge(&ali(), &fixtures::identity(Example::Ali).key, 0);
            },
            Unavailable,
            CannotVerify,
        ),
        (
            "the directory has shown another key",
            |scene, _| drop(scene.stage.cx.contacts.judge(&ali(), &fixtures::identity(Example::Carol).key, 0)),
            Unavailable,
            CannotVerify,
        ),
        (
            "two keys were to take the place of the pinned one",
            |scene, _| {
                let mut forked = serde_json::to_value(scene.stage.cx.contacts.contact(&ali()).unwrap()).unwrap();
                forked["held"] = serde_json::json!({"former": forked["key"], "since": 0, "forked": true});
                let forked = serde_json::from_value(forked).unwrap();
                scene.stage.cx.contacts = crate::contacts::Contacts::new(vec![forked]);
            },
            Unavailable,
            CannotVerify,
        ),
        (
            "another key is pinned",
            |scene, _| drop(scene.stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Carol).key, 0, false)),
            Key,
            Un(Unvouched::Key),
        ),
        ("altered", |_, shown| shown.as_mut().unwrap().until += 1, OfRecord, Un(Unvouched::Forged)),
        ("not signed", |_, shown| shown.as_mut().unwrap().signature.0.clear(), OfRecord, Un(Unvouched::Forged)),
        ("of another directory", |_, shown| *shown = Some(Scene::new().record()), OfRecord, Un(Unvouched::Forged)),
        (
            "of another directory that shows our key",
            |scene, shown| *shown = Some(Record { directory: scene.record().directory, ..Scene::new().record() }),
            OfRecord,
            Un(Unvouched::Forged),
        ),
        (
            "carol's",
            |scene, shown| {
                let userid = Example::Carol.user().unwrap();
                *shown = Some(scene.signed(Record { userid, ..scene.record() }));
            },
            OfRecord,
            Un(Unvouched::Forged),
        ),
        (
            "of another terminal",
            |scene, shown| {
                *shown = Some(scene.signed(Record { terminal: TerminalId([9; 16]), ..scene.record() }));
            },
            OfRecord,
            Un(Unvouched::Forged),
        ),
        (
            "of another key",
            |scene, shown| *shown = Some(scene.signed(Record { key: KeyDigest([9; 32]), ..scene.record() })),
            OfRecord,
            Un(Unvouched::Forged),
        ),
        ("over", |scene, _| scene.stage.cx.now.directory = NOW + 11 * HOUR, OfRecord, Un(Unvouched::Expired)),
        (
            "from a time to come",
            |scene, _| scene.stage.cx.now.directory = NOW - 2 * HOUR,
            OfRecord,
            Un(Unvouched::Expired),
        ),
        (
            "valid for ever",
            |scene, shown| *shown = Some(scene.signed(Record { until: u64::MAX, ..scene.record() })),
            OfRecord,
            Un(Unvouched::Expired),
        ),
        (
            "of another address",
            |scene, shown| {
                let addresses = vec![SocketAddr::from(([127, 0, 0, 9], 65_000))];
                *shown = Some(scene.signed(Record { addresses, ..scene.record() }));
            },
            OfRecord,
            Un(Unvouched::Address),
        ),
        (
            "of no address",
            |scene, shown| *shown = Some(scene.signed(Record { addresses: Vec::new(), ..scene.record() })),
            OfRecord,
            Un(Unvouched::Address),
        ),
    ];
    for (name, wrong, reason, why) in cases {
        let mut scene = Scene::new();
        let mut shown = Some(scene.record());
        wrong(&mut scene, &mut shown);
        let (_, effects) = scene.shows(shown);
        assert_eq!((refusal(&effects), told(&effects)), (Some(reason), Some(why)), "{name}");
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::KeepRecords(_))), "{name}");
    }
    // Somebody else with a key of their own, who has got hold of what ali shows.
    let mut scene = Scene::new();
    let record = scene.record();
    let (_, effects) = scene.shown(Some(record), fixtures::identity(Example::Carol).key.digest());
    assert_eq!((refusal(&effects), told(&effects)), (Some(Key), Some(Un(Unvouched::Key))));
}

#[test]
fn a_record_is_worth_nothing_while_the_directory_can_be_asked_and_to_whom_it_is_unknown() {
    let mut scene = Scene::new();
    let record = scene.record();
    scene.stage.cx.session = Session::CaughtUp;
    scene.stage.cx.vouching.handle_session(130);
    let (link, key) = (LinkId(1), fixtures::identity(Example::Ali).key.digest());
    let message = ConnectReq {
        initiator: ali(),
        destination: scene.stage.cx.me.user.clone(),
        initiator_key: key,
        destination_key: scene.stage.cx.me.key.digest(),
        terminal: TerminalId([1; 16]),
        features: Features::default(),
        record: Some(Box::new(record.clone())),
        conversation: None,
    };
    let request = ConnectRequest { message, key, source: address() };
    let wanted = scene.stage.calls.handle_request(&mut scene.stage.cx, link, request.clone());
    let lookup = DirectoryRequest::LookUp { user: ali(), reason: LookupReason::Caller(link) };
    assert_eq!((wanted, scene.stage.effects()), (vec![Request::Directory(lookup)], vec![]));

    // A caller that knows no records hears nothing of them.
    let mut scene = Scene::new();
    scene.has_own();
    scene.stage.cx.now.directory = NOW + 11 * HOUR;
    scene.stage.calls.handle_request(&mut scene.stage.cx, link, request.clone());
    assert_eq!(refusal(&scene.stage.effects()), Some(ConnectRefusal::Unavailable));
    let mut scene = Scene::new();
    let message = ConnectReq { record: Some(Box::new(scene.record())), ..request.message.clone() };
    scene.has_own();
    scene.stage.calls.handle_request(&mut scene.stage.cx, link, ConnectRequest { message, ..request });
    assert_eq!(accepted(&scene.stage.effects()).map(|reply| reply.record.is_some()), Some(false));
}

#[test]
fn a_contact_is_called_where_the_directory_has_last_seen_it_and_nobody_else() {
    let mut scene = Scene::new();
    let (own, record) = (scene.has_own(), scene.record());
    let calls = |scene: &mut Scene| {
        assert_eq!(scene.stage.calls.place(&mut scene.stage.cx, ali()), []);
        scene.stage.effects()
    };
    assert_eq!(failed(&calls(&mut scene)), Some(CallFailed::DirectoryLost), "nothing is kept of ali");
    scene.stage.cx.keep_records(&ali(), std::slice::from_ref(&record));
    scene.stage.effects();
    scene.stage.cx.now.tick = 105;
    assert_eq!(failed(&calls(&mut scene)), Some(CallFailed::DirectoryJustLost { again_in: 25 }));
    scene.stage.cx.now.tick = 130;
    let effects = calls(&mut scene);
    let [Effect::Dial { dial, call: crate::event::Call { to, found, .. }, shown, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((to, &found.key), (&ali(), &fixtures::identity(Example::Ali).key));
    assert_eq!((found.addresses().collect::<Vec<_>>(), shown.as_deref()), (record.addresses.clone(), Some(&own)));
    assert_eq!(calls(&mut scene), [], "once");
    let newer = scene.signed(Record { issued: NOW - 60, until: NOW + HOUR, ..scene.record() });
    scene.stage.calls.handle_shown(LinkId(5), newer.clone());
    scene.stage.cx.ways.insert(LinkId(5), crate::model::LinkWay::DirectIpv4);
    scene.stage.calls.handle_dialed(&mut scene.stage.cx, *dial, Ok(LinkId(5)));
    let effects = scene.stage.effects();
    assert!(effects.contains(&Effect::KeepRecords((ali(), vec![newer.clone()]))), "{effects:?}");
    let (way, vouched) = (crate::model::LinkWay::DirectIpv4, Some(record.issued));
    assert!(effects.contains(&Effect::Notify(CallNotice::Way { with: ali(), way, vouched }.into())), "{effects:?}");
    scene.stage.calls.end(&mut scene.stage.cx, &ali());
    scene.stage.effects();

    for (name, change) in [
        ("theirs is over", (|scene| scene.stage.cx.now.directory = NOW + HOUR) as fn(&mut Scene)),
        ("ours is over", |scene| {
            let own = Record { issued: NOW - 12 * HOUR, until: NOW, ..scene.has_own() };
            scene.stage.cx.vouching.set_own(scene.signed(own));
        }),
        ("no contact any more", |scene| scene.stage.cx.contacts = crate::contacts::Contacts::default()),
        ("another key", |scene| {
            drop(scene.stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Carol).key, 0, false));
        }),
        ("another key is shown", |scene| {
            drop(scene.stage.cx.contacts.judge(&ali(), &fixtures::identity(Example::Carol).key, 0));
        }),
    ] {
        let mut scene = Scene::new();
        scene.has_own();
        let again = scene.signed(newer.clone());
        scene.stage.cx.keep_records(&ali(), &[again]);
        scene.stage.effects();
        change(&mut scene);
        assert_eq!(failed(&calls(&mut scene)), Some(CallFailed::DirectoryLost), "{name}");
    }
}

#[test]
fn a_link_that_is_lost_is_called_again_without_the_directory_and_no_way_is_looked_for_at_it() {
    let mut scene = Scene::new();
    scene.has_own();
    let record = scene.record();
    scene.stage.cx.keep_records(&ali(), &[record]);
    scene.stage.cx.links.insert(ali(), LinkId(5), crate::context::Direction::Ours, 100);
    scene.stage.effects();
    scene.stage.calls.handle_link_end(&mut scene.stage.cx, LinkId(5), LinkEnd::Lost);
    let effects = scene.stage.effects();
    let dial =
        effects.iter().find_map(|effect| if let Effect::Dial { dial, .. } = effect { Some(*dial) } else { None });
    let away = Err(DialFailed::NoAnswer { seconds: 10 });
    scene.stage.calls.handle_dialed(&mut scene.stage.cx, dial.unwrap(), away.clone());
    let ended = CallNotice::Ended { with: ali(), by: crate::notice::EndedBy::Them };
    assert_eq!(scene.stage.effects(), [Effect::Notify(ended.into())]);

    scene.stage.calls.place(&mut scene.stage.cx, ali());
    let effects = scene.stage.effects();
    let [Effect::Dial { dial, .. }] = &effects[..] else { panic!("{effects:?}") };
    scene.stage.calls.handle_dialed(&mut scene.stage.cx, *dial, away);
    let why = CallFailed::NoAnswer { seconds: 10 };
    assert_eq!(
        scene.stage.effects(),
        [Effect::Notify(CallNotice::Failed { to: ali(), why }.into())],
        "no mail goes either"
    );
}

#[test]
fn what_a_lookup_brings_is_kept_of_contacts_only_and_shown_to_those_who_know_what_it_is() {
    let mut scene = Scene::new();
    scene.stage.cx.session = Session::CaughtUp;
    let (own, record) = (scene.has_own(), scene.record());
    let brought = || LookupResult { records: vec![record.clone()], ..found(Example::Ali) };
    scene.stage.calls.place(&mut scene.stage.cx, ali());
    scene.stage.is_found(&ali(), LookupReason::Call, Some(brought()));
    let effects = scene.stage.effects();
    let [Effect::Dial { shown, .. }, Effect::KeepRecords(kept)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((shown.as_deref(), kept), (Some(&own), &(ali(), vec![record.clone()])));

    let mut scene = Scene::new();
    scene.stage.cx.session = Session::CaughtUp;
    scene.stage.cx.directory = KeyDigest([7; 32]);
    scene.stage.is_found(&ali(), LookupReason::Record, Some(brought()));
    assert_eq!(scene.stage.effects(), [], "of another directory");
    let mut stranger = Stage::new(Accept::All);
    let (link, _) = stranger.ali_calls();
    stranger.is_found(&ali(), LookupReason::Caller(link), Some(brought()));
    assert!(!stranger.effects().iter().any(|effect| matches!(effect, Effect::KeepRecords(_))), "nobody was chosen");
    assert!(Features::between_terminals().include(RECORDS));
}
