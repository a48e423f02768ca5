//! Commits that members of a room make although they may not (threats G1, G3).

use std::collections::BTreeSet;

use common::ident::{GroupName, UserId};
use common::limits::{COMMIT_PROPOSALS, GROUP_ADMINS};
use common::testkit::Example::{self, Ali, Bianca, Carol};
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    CredentialWithKey, Extension, Extensions, ExternalInitProposal, ExternalSender, GroupContext, LeafNodeIndex,
    LeafNodeParameters, NewSignerBundle, PreSharedKeyProposal, Proposal,
};
use openmls::schedule::PreSharedKeyId;
use openmls_traits::OpenMlsProvider as _;

use super::super::policy::{Proposed, check_invitation};
use super::super::provider::Provider;
use super::super::room::group_id;
use super::super::storage::Storage;
use super::super::*;
use super::stage::*;

/// A group of ali, who is the admin, and bianca; carol is not in it.
fn stage() -> Stage {
    let mut stage = Stage::new(&[Ali, Bianca, Carol]);
    stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
    stage.add(0, &[1]);
    stage
}

fn package(newcomer: VerifiedKeyPackage) -> openmls::prelude::KeyPackage {
    newcomer.package
}

fn user(who: Example) -> UserId {
    who.user().unwrap()
}

fn charter(name: &str, admins: &[Example]) -> Extensions<GroupContext> {
    let admins = admins.iter().map(|who| user(*who)).collect();
    RoomMetadata::Group { name: GroupName::parse(name).unwrap(), admins }.extensions().unwrap()
}

fn amended(stage: &mut Stage, by: usize, extensions: Extensions<GroupContext>) -> Commit {
    stage.force(by, |builder| builder.propose_group_context_extensions(extensions).unwrap())
}

#[test]
fn a_member_who_is_no_admin_adds_nobody() {
    let mut stage = stage();
    let carol = package(stage.newcomers(&[2]).remove(0));
    let commit = stage.force(1, |builder| builder.propose_adds([carol]));
    stage.assert_refused(1, &commit, &Refusal::MayNotAdd { user: user(Carol) });

    let add = stage.newcomers(&[2]);
    let mut honest = self::stage();
    let refused = honest.room(1).propose(&Edit { add, ..Edit::default() }).err();
    assert_eq!(refused, Some(RoomError::Forbidden(Refusal::MayNotAdd { user: user(Carol) })));
    assert!(honest.room(1).propose(&Edit::default()).is_ok(), "what was forbidden leaves nothing behind");
}

#[test]
fn a_member_who_is_no_admin_removes_nobody_else() {
    // Not even one of several terminals of another, or one who has said goodbye.
    let mut stage = Stage::group(&[Ali, Bianca, Carol, Carol]);
    for who in [0, 1] {
        stage.room(who).leaves(&user(Carol)).unwrap();
    }
    let commit = stage.force(1, |builder| builder.propose_removals([LeafNodeIndex::new(2)]));
    // Who is removed need not agree; the others do not follow.
    let refusal = Refusal::MayNotRemove { user: user(Carol) };
    stage.assert_refused(1, &commit, &refusal);
}

#[test]
fn a_member_who_is_no_admin_adds_no_terminal_of_another() {
    let mut stage = Stage::new(&[Ali, Bianca, Carol, Carol]);
    stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
    stage.add(0, &[1, 2]);
    let second = package(stage.newcomers(&[3]).remove(0));
    let commit = stage.force(1, |builder| builder.propose_adds([second]));
    stage.assert_refused(1, &commit, &Refusal::MayNotAdd { user: user(Carol) });
}

/// Bianca, carol and ali, who were appointed in this order.
fn three_admins() -> Stage {
    let mut stage = Stage::group(&[Bianca, Carol, Ali]);
    for admins in [vec![user(Bianca), user(Carol)], vec![user(Bianca), user(Carol), user(Ali)]] {
        stage.edit(0, &Edit { admins: Some(admins), ..Edit::default() });
    }
    assert_eq!(stage.room(2).admins(), [user(Bianca), user(Carol), user(Ali)]);
    stage
}

#[test]
fn an_admin_neither_removes_nor_demotes_nor_displaces_one_who_was_appointed_earlier() {
    let mut stage = three_admins();
    let commit = stage.force(1, |builder| builder.propose_removals([LeafNodeIndex::new(0)]));
    stage.assert_refused(1, &commit, &Refusal::MayNotRemove { user: user(Bianca) });
    for admins in [&[Carol, Ali][..], &[Carol, Bianca, Ali], &[Ali, Bianca, Carol], &[Ali]] {
        let mut stage = three_admins();
        let commit = amended(&mut stage, 1, charter("team", admins));
        stage.assert_refused(1, &commit, &Refusal::Order);
    }
}

#[test]
fn an_admin_may_demote_and_remove_those_who_were_appointed_later_and_step_down() {
    for admins in [&[Bianca, Carol][..], &[Bianca], &[Bianca, Ali], &[Bianca, Ali, Carol]] {
        let mut stage = three_admins();
        let wanted: Vec<UserId> = admins.iter().map(|who| user(*who)).collect();
        stage.edit(1, &Edit { admins: Some(wanted.clone()), ..Edit::default() });
        assert_eq!(stage.room(0).admins(), wanted);
    }
    let mut stage = three_admins();
    let removed = stage.remove(1, &[2]);
    assert_eq!(removed.admins, Some(vec![user(Bianca), user(Carol)]));
}

#[test]
fn a_conversation_of_two_takes_no_third() {
    let mut stage = Stage::new(&[Ali, Bianca, Carol]);
    stage.rooms[0] = Some(Room::create_pair(&stage.terminals[0].own, ROOM, &user(Bianca)).unwrap());
    stage.add(0, &[1]);
    let carol = package(stage.newcomers(&[2]).remove(0));
    let commit = stage.force(0, |builder| builder.propose_adds([carol]));
    stage.assert_refused(0, &commit, &Refusal::Pair { pair: [user(Ali), user(Bianca)] });
}

#[test]
fn nobody_is_removed_from_a_conversation_of_two() {
    let mut stage = Stage::pair(&[Ali, Bianca, Bianca], Bianca);
    let both = [LeafNodeIndex::new(1), LeafNodeIndex::new(2)];
    let commit = stage.force(0, |builder| builder.propose_removals(both));
    stage.assert_refused(0, &commit, &Refusal::MayNotRemove { user: user(Bianca) });
}

#[test]
fn a_member_who_is_no_admin_names_no_admins() {
    let mut stage = stage();
    let commit = amended(&mut stage, 1, charter("team", &[Ali, Bianca]));
    stage.assert_refused(1, &commit, &Refusal::MayNotChange);
}

#[test]
fn a_name_and_a_kind_are_for_ever() {
    for extensions in [charter("other", &[Ali]), RoomMetadata::pair(user(Ali), user(Bianca)).extensions().unwrap()] {
        let mut stage = stage();
        let commit = amended(&mut stage, 0, extensions);
        stage.assert_refused(0, &commit, &Refusal::MayNotChange);
    }
    let mut pair = Stage::pair(&[Ali, Bianca], Bianca);
    let admins = Some(vec![user(Ali)]);
    let refused = pair.room(0).propose(&Edit { admins, ..Edit::default() }).err();
    assert_eq!(refused, Some(RoomError::Forbidden(Refusal::MayNotChange)));
    let commit = amended(&mut pair, 0, charter("team", &[Ali]));
    pair.assert_refused(0, &commit, &Refusal::MayNotChange);
}

#[test]
fn a_group_keeps_an_admin_and_admins_are_members() {
    for admins in [&[][..], &[Carol], &[Ali, Carol]] {
        let mut stage = stage();
        let commit = amended(&mut stage, 0, charter("team", admins));
        stage.assert_refused(0, &commit, &Refusal::Admins);
    }
}

#[test]
fn an_earlier_admin_without_a_leaf_keeps_nobody_behind_from_naming_and_removing_admins() {
    // A group that was founded anew keeps bianca in front, who could not be added.
    let founded = || {
        let mut stage = Stage::new(&[Ali, Carol]);
        let admins = vec![user(Bianca), user(Ali)];
        stage.rooms[0] = Some(Room::create_with(&stage.terminals[0].own, ROOM, &team(), admins).unwrap());
        stage.add(0, &[1]);
        stage.edit(0, &Edit { admins: Some([Bianca, Ali, Carol].map(user).to_vec()), ..Edit::default() });
        assert_eq!(stage.room(1).admins(), [Ali, Carol].map(user), "those who have a leaf");
        stage
    };
    let removed = founded().remove(0, &[1]);
    assert_eq!(removed.admins, Some([Bianca, Ali].map(user).to_vec()));
    let mut stage = founded();
    stage.edit(0, &Edit { admins: Some([Bianca, Carol].map(user).to_vec()), ..Edit::default() });
    assert_eq!(stage.room(1).admins(), [user(Carol)], "and steps down");
    // One behind has to be a member as before, and the one in front stays.
    let mut stage = founded();
    for (admins, why) in [(&[Carol, Ali][..], Refusal::Order), (&[Ali], Refusal::Order)] {
        let commit = amended(&mut stage, 1, charter("team", admins));
        stage.assert_refused(1, &commit, &why);
        stage = founded();
    }
}

#[test]
fn a_group_has_no_more_admins_than_the_limit() {
    let mut stage = stage();
    let crowd = (0..=GROUP_ADMINS).map(|number| UserId::parse(&format!("admin{number}")).unwrap());
    let charter = RoomMetadata::Group { name: team(), admins: crowd.collect() };
    let commit = amended(&mut stage, 0, charter.extensions().unwrap());
    stage.assert_refused(0, &commit, &Refusal::Settings);
}

#[test]
fn settings_that_are_not_those_of_rooms_are_refused() {
    let mut stage = stage();
    let leaf = stage.terminals[2].own.leaf();
    let mut extensions = charter("team", &[Ali]);
    let sender = ExternalSender::new(leaf.signature_key, leaf.credential);
    extensions.add(Extension::ExternalSenders(vec![sender])).unwrap();
    let commit = amended(&mut stage, 0, extensions);
    stage.assert_refused(0, &commit, &Refusal::Settings);
}

#[test]
fn more_changes_than_the_limit_are_refused() {
    let mut stage = stage();
    let crowd = (0..=COMMIT_PROPOSALS as u8).map(|number| {
        // Only the number matters: that nobody vouches for them is found later.
        let identity = identity(100, 100 + number);
        let certificate = stage.terminals[2].certificate.clone();
        let mut terminal = Terminal::with_certificate(Carol, identity, certificate);
        let package = terminal.packages.generate().unwrap();
        read_package(&terminal.own, &package)
    });
    let crowd: Vec<_> = crowd.collect();
    let commit = stage.force(0, |builder| builder.propose_adds(crowd));
    stage.assert_refused(0, &commit, &Refusal::TooManyProposals(COMMIT_PROPOSALS + 1));
}

#[test]
fn a_member_keeps_its_credential_and_key() {
    let mut stage = stage();
    let leaf = stage.terminals[2].own.leaf();
    let own = stage.terminals[1].own.leaf();
    let other = CredentialWithKey { credential: leaf.credential, signature_key: own.signature_key };
    let parameters = LeafNodeParameters::builder().with_credential_with_key(other).build();
    let commit = stage.force(1, |builder| builder.leaf_node_parameters(parameters));
    stage.assert_refused(1, &commit, &Refusal::ChangedLeaf);

    let mut stage = self::stage();
    let (old, new) = (stage.terminals[1].own.clone(), stage.terminals[2].own.clone());
    let credential_with_key =
        CredentialWithKey { credential: old.leaf().credential, signature_key: new.leaf().signature_key };
    let room = stage.room(1);
    let tag = room.fork_tag().unwrap();
    let bundle = room
        .group
        .commit_builder()
        .load_psks(room.provider.storage())
        .unwrap()
        .build_with_new_signer(
            room.provider.rand(),
            room.provider.crypto(),
            &*old,
            NewSignerBundle { signer: &*new, credential_with_key },
            |_| true,
        )
        .unwrap()
        .stage_commit(&room.provider)
        .unwrap();
    let commit = wire_format::wrap(tag, bundle.commit()).unwrap();
    let commit = Commit { epoch: 1, members: Vec::new(), admins: None, commit, welcome: Vec::new() };
    stage.assert_refused(1, &commit, &Refusal::ChangedLeaf);
}

#[test]
fn a_key_shared_beforehand_is_refused() {
    let mut stage = stage();
    let psk = PreSharedKeyId::external(b"shared".to_vec(), vec![1; 48]);
    for who in 0..2 {
        psk.store(&stage.room(who).provider, b"a secret of both").unwrap();
    }
    let proposal = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk)));
    let commit = stage.force(0, |builder| builder.add_proposal(proposal));
    stage.assert_refused(0, &commit, &Refusal::Proposal);
}

#[test]
fn a_member_cannot_act_like_somebody_who_comes_from_outside() {
    // The library makes no commit with a ReInit, so this stands for everything else that rooms have no use for.
    let mut stage = stage();
    let external = ExternalInitProposal::tls_deserialize_exact([&[16][..], &[9; 16]].concat()).unwrap();
    let commit = stage.force(0, |builder| builder.add_proposal(Proposal::ExternalInit(Box::new(external))));
    let refused = stage.room(1).open_commit(&commit.commit).and_then(|_| stage.room(1).apply(&[])).err();
    assert!(matches!(refused, Some(RoomError::Invalid(_))), "{refused:?}");
    assert_eq!(stage.room(1).frozen(), None);
}

#[test]
fn a_proposal_outside_of_a_commit_is_refused_and_not_remembered() {
    let mut stage = stage();
    let own = stage.terminals[1].own.clone();
    let room = stage.room(1);
    let tag = room.fork_tag().unwrap();
    let (proposal, _) = room.group.propose_remove_member(&room.provider, &*own, LeafNodeIndex::new(0)).unwrap();
    let proposal = wire_format::wrap(tag, &proposal).unwrap();
    let commit = stage.force(1, |builder| builder);
    assert_eq!(stage.room(0).open(&proposal).err(), Some(RoomError::Broken(Broken::Kind)));
    let refused = stage.room(0).open_commit(&commit.commit).err();
    assert!(matches!(refused, Some(RoomError::Invalid(_) | RoomError::Unreadable)), "{refused:?}");
    assert_eq!(stage.room(0).frozen(), None);
}

#[test]
fn nobody_comes_in_by_an_external_commit() {
    use openmls::prelude::{ExternalCommitBuilder, MlsMessageBodyIn, MlsMessageIn, OpenMlsProvider as _};
    let mut stage = stage();
    let own = stage.terminals[0].own.clone();
    let room = stage.room(0);
    let info = room.group.export_group_info(room.provider.crypto(), &*own, true).unwrap();
    let info = MlsMessageIn::tls_deserialize_exact(info.tls_serialize_detached().unwrap()).unwrap();
    let MlsMessageBodyIn::GroupInfo(info) = info.extract() else { panic!("not a group info") };
    let tag = room.fork_tag().unwrap();
    // Even a further terminal of a member has to be added by a member.
    let stranger = Terminal::new(Bianca, 9);
    let provider = Provider::new(&stranger.own, ROOM);
    let parameters = LeafNodeParameters::builder().with_capabilities(capabilities()).build();
    let (_, bundle) = ExternalCommitBuilder::new()
        .with_config(join_config())
        .skip_lifetime_validation()
        .build_group(&provider, info, stranger.own.leaf())
        .unwrap()
        .leaf_node_parameters(parameters)
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), &*stranger.own, |_| true)
        .unwrap()
        .finalize(&provider)
        .unwrap();
    let commit = wire_format::wrap(tag, bundle.commit()).unwrap();
    assert_eq!(stage.room(1).open(&commit).err(), Some(RoomError::Broken(Broken::Kind)));
    assert_eq!(stage.room(1).open_commit(&commit).err(), Some(RoomError::Broken(Broken::Kind)));
    assert_eq!(stage.room(1).epoch(), 1);
}

#[test]
fn nobody_comes_in_by_an_external_proposal() {
    use openmls::prelude::JoinProposal;
    let mut stage = stage();
    let tag = stage.room(0).fork_tag().unwrap();
    let group = group_id(&ROOM);
    let carol = package(stage.newcomers(&[2]).remove(0));
    let own = stage.terminals[2].own.clone();
    let proposal = JoinProposal::new::<Storage>(carol, group, 1.into(), &*own).unwrap();
    let proposal = wire_format::wrap(tag, &proposal).unwrap();
    assert_eq!(stage.room(0).open(&proposal).err(), Some(RoomError::Broken(Broken::Kind)));
    assert!(stage.say(1, "still fine").remove(0).is_ok());
}

#[test]
fn nobody_removes_oneself() {
    let mut stage = stage();
    let remove = vec![stage.member(0)];
    let refused = stage.room(0).propose(&Edit { remove, ..Edit::default() });
    assert!(matches!(refused, Err(RoomError::Forbidden(Refusal::Invalid(_)))), "{refused:?}");
    let remove = vec![stage.member(2)];
    let refused = stage.room(0).propose(&Edit { remove, ..Edit::default() }).err();
    assert_eq!(refused, Some(RoomError::Forbidden(Refusal::NoMember { member: stage.member(2) })));
    assert!(stage.room(0).propose(&Edit::default()).is_ok());
}

#[test]
fn the_limit_of_terminals_holds_for_members_and_newcomers() {
    use common::ident::TerminalId;
    use common::limits::ROOM_TERMINALS;
    use common::msg::Member;
    let crowd = |count: usize| -> Vec<Member> {
        let terminal = |number: usize| TerminalId((number as u128).to_be_bytes());
        (0..count).map(|number| Member { userid: user(Ali), terminal: terminal(number) }).collect()
    };
    let charter = RoomMetadata::Group { name: team(), admins: vec![user(Ali)] };
    for (count, expected) in
        [(ROOM_TERMINALS, Ok(())), (ROOM_TERMINALS + 1, Err(Refusal::TooManyTerminals(ROOM_TERMINALS + 1)))]
    {
        let outcome = crowd(count);
        let proposed = Proposed {
            by: &user(Ali),
            added: &outcome[1..],
            removed: &[],
            outcome: &outcome,
            charter: &charter,
            amended: &charter,
        };
        assert_eq!(proposed.check(), expected);
        assert_eq!(check_invitation(&charter, &outcome, (&outcome[0], &outcome[1]), &BTreeSet::new()), expected);
    }
}
