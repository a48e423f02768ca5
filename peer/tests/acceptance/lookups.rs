//! Who learns nothing: whoever is not logged in, and whoever asks for somebody who is not there.

use common::ident::{TerminalId, UserId};
use common::limits::PEER_PORT;
use common::msg::{FromDirectory, LookupReply, LookupReq, LookupStatus, Message as _, ToDirectory};
use common::testkit::Example;
use common::testkit::client::Client;
use common::testkit::login::Stretch;

use crate::harness::Stage;
use crate::harness::address::fresh;
use crate::harness::stage::{account, id};

const ALI: TerminalId = TerminalId([1; 16]);
const BIANCA: TerminalId = TerminalId([2; 16]);

/// The answer, byte for byte. Others' coming and going is left out.
fn answer(client: &mut Client, asker: &UserId, whom: &UserId) -> Vec<u8> {
    let request = ToDirectory::from(LookupReq { userid: asker.clone(), lookup: whom.clone() });
    client.send(&request.encode()).unwrap();
    loop {
        let frame = client.receive().unwrap().unwrap();
        if !matches!(FromDirectory::decode(&frame), Ok(FromDirectory::Presence(_))) {
            return frame;
        }
    }
}

#[test]
fn not_logged_in_not_there_and_nobody_are_answered_alike() {
    let stage = Stage::new();
    let [ali, bianca, carol] =
        [Example::Ali, Example::Bianca, Example::Carol].map(|user| account(user, Stretch::Least));
    [&ali, &bianca, &carol].iter().for_each(|account| stage.register(account));
    let nobody = UserId::parse("nobody").unwrap();

    let mut present = stage.client(fresh());
    present.log_in(&bianca, BIANCA, PEER_PORT).unwrap();

    let mut stranger = stage.client(fresh());
    let strangers: Vec<_> =
        [&bianca.user, &carol.user, &nobody].map(|whom| answer(&mut stranger, &ali.user, whom)).into();
    assert!(strangers.iter().all(|answer| *answer == strangers[0]), "a stranger can tell people apart");

    let mut asker = stage.client(fresh());
    let granted = {
        let begun = asker.begin_login(&ali.user, &ali.passcode, ALI, None).unwrap().unwrap();
        asker.finish_login(&ali.user, ali.stretch, begun).unwrap().unwrap()
    };
    assert_eq!(answer(&mut asker, &ali.user, &bianca.user), strangers[0], "a passcode alone is no login");
    asker.announce(&ali.user, &granted, ALI, PEER_PORT).unwrap();

    let absent = answer(&mut asker, &ali.user, &carol.user);
    assert_eq!(answer(&mut asker, &ali.user, &nobody), absent, "somebody who is away looks unlike nobody");
    assert_eq!(strangers[0].trim_ascii_end(), absent.trim_ascii_end());
    assert_eq!(
        serde_json::from_slice::<LookupReply>(&absent).unwrap(),
        LookupReply { status: LookupStatus::NotFound, ..LookupReply::not_found() }
    );

    let found = asker.lookup(&ali.user, &bianca.user).unwrap();
    assert_eq!((found.status, found.userid.as_str()), (LookupStatus::Success, "bianca"));
    assert_eq!(found.publickey.0, bianca.identity.public().as_pkcs1());
}

#[test]
fn an_asker_who_names_somebody_else_or_has_logged_out_learns_nothing() {
    let stage = Stage::new();
    let [ali, bianca] = [Example::Ali, Example::Bianca].map(|user| account(user, Stretch::Least));
    [&ali, &bianca].iter().for_each(|account| stage.register(account));
    let mut asker = stage.client(fresh());
    asker.log_in(&ali, ALI, PEER_PORT).unwrap();
    let other = asker.lookup(&id(Example::Bianca), &ali.user);
    assert!(!matches!(&other, Ok(reply) if reply.status == LookupStatus::Success), "{other:?}");

    let mut asker = stage.client(fresh());
    asker.log_in(&ali, ALI, PEER_PORT).unwrap();
    let mut present = stage.client(fresh());
    present.log_in(&bianca, BIANCA, PEER_PORT).unwrap();
    assert_eq!(asker.lookup(&ali.user, &bianca.user).unwrap().status, LookupStatus::Success);
    present.log_out().unwrap();
    assert_eq!(asker.lookup(&ali.user, &bianca.user).unwrap(), LookupReply::not_found());
}
