//! What has become of groups whose changes could not be followed.

use super::*;
use common::msg::CommitRefusal;
use peer_core::notice::GroupNews;

#[test]
fn what_became_of_a_group_is_said_with_whom_and_the_next_step() {
    let group = || common::ident::GroupName::parse("team").unwrap();
    let cases = [
        (
            GroupNews::Lost,
            "-- WARNING: the server has you in #team no more, and who ended that is not known here. \
             To come back: /group join #team\n",
        ),
        (
            GroupNews::FoundedAnew { by: id("carol"), without: vec![id("mallory"), id("trudy")] },
            "-- WARNING: carol has founded #team anew, without mallory, trudy: a change of it could not be followed.\n",
        ),
        (
            GroupNews::FoundedAnew { by: id("carol"), without: Vec::new() },
            "-- WARNING: carol has founded #team anew, nobody is missing: a change of it could not be followed.\n",
        ),
        (
            GroupNews::FoundedAgain {
                by: id("carol"),
                ours: false,
                members: vec![id("ali"), id("carol")],
                admins: vec![id("carol"), id("ali")],
                without: vec![id("mallory")],
            },
            "-- #team: as its first admin carol has founded it anew, because the directory server had forgotten changes of its \
             members.\n-- #team: members are ali, carol. Missing: mallory. Who is missing can ask again: /group join #team\n\
             -- #team: who comes and goes is decided by carol, ali.\n",
        ),
        (
            GroupNews::FoundedAgain {
                by: id("ali"),
                ours: true,
                members: vec![id("ali"), id("carol")],
                admins: vec![id("ali")],
                without: Vec::new(),
            },
            "-- #team: as its first admin you have founded it anew, because the directory server had forgotten changes of its \
             members.\n-- #team: members are ali, carol. They were asked in and need not do anything. Nobody is missing.\n\
             -- #team: who comes and goes is decided by ali.\n",
        ),
        (
            GroupNews::AskedBack { admins: vec![id("carol")] },
            "-- This terminal cannot follow #team any more. It has asked carol to take it in again.\n",
        ),
        (
            GroupNews::Invited { by: id("mallory") },
            "-- mallory wants you in #team. You have not asked for it; to ask its admins: /group join #team\n",
        ),
        (
            GroupNews::NotLetIn { by: id("carol"), why: "nobody vouches".to_owned() },
            "-- carol has let you into #team, but this terminal has not gone in: nobody vouches. \
             When that is settled, ask again: /group join #team\n",
        ),
        (
            GroupNews::Unverified { users: vec![id("mallory")], admins: vec![id("bianca"), id("carol")] },
            "-- WARNING: #team has a terminal in the name of mallory that could not be verified. What you write there waits \
             until it is gone. Ask an admin (bianca, carol) to remove mallory.\n",
        ),
        (
            GroupNews::AnotherGroup { admins: vec![id("mallory")], former: vec![id("bianca"), id("carol")] },
            "-- WARNING: this #team is not the one you were in: its admins are mallory, yours were bianca, carol. \
             To ask for it all the same, repeat: /group join #team\n",
        ),
        (
            GroupNews::StandsBefore { user: id("carol") },
            "-- carol was an admin of #team before you: only carol or an earlier admin can do that.\n",
        ),
        (
            GroupNews::NotAllowed { why: CommitRefusal::Epochs, retry_after: Some(90) },
            "-- #team was changed too often from here. It is possible again in 2 min.\n",
        ),
        (
            GroupNews::Postponed { after: 90 },
            "-- #team was changed too often from here. Your wish is carried out in 2 min; you need not repeat it.\n",
        ),
        (
            GroupNews::NotAllowed { why: CommitRefusal::Rooms, retry_after: Some(90) },
            "-- You have founded too many groups and conversations. It is possible again in 2 min.\n",
        ),
        (
            GroupNews::NotAllowed { why: CommitRefusal::NotAdmin, retry_after: None },
            "-- The directory lets only admins of #team do that.\n",
        ),
        (
            GroupNews::NotAllowed { why: CommitRefusal::Order, retry_after: None },
            "-- The directory keeps the admins of #team who were named before you.\n",
        ),
        (
            GroupNews::NotAllowed { why: CommitRefusal::Moved, retry_after: None },
            "-- #team is being founded anew by one of its admins. Wait for it.\n",
        ),
        (
            GroupNews::NotAllowed { why: CommitRefusal::Members, retry_after: None },
            "-- The directory has refused this change of #team.\n",
        ),
    ];
    for (news, words) in cases {
        let mut scene = Scene::logged_in();
        scene.notice(Notice::Group { group: group(), news });
        let screen = scene.seen();
        assert!(screen.contains(words), "{words} is missing in {screen}");
    }
}
