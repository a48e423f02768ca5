//! Groups and everyone: entered, written to, changed.

use super::*;
use common::msg::PresenceStatus;
use peer_core::notice::{CallNotice, DirectoryNotice};

fn news(scene: &mut Scene, news: GroupNews) {
    scene.notice(Notice::Group { group: team(), news });
}

#[test]
fn a_group_is_entered_by_its_name_and_left_without_leaving_it() {
    let mut scene = Scene::logged_in();
    scene.types("#team");
    scene.types("Hello");
    news(&mut scene, three_members());
    scene.notice(arrives(in_group(), "bianca", "Hi ali"));
    scene.input(Input::CtrlD);
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: #team\n\
         -- You are writing to #team, 3 members. CTRL-C goes back; you stay a member.\n\
         Hello\n\
         bianca: Hi ali\n\
         Connection ended\n\
         Enter destination user ID: "
    );
    assert_eq!(
        scene.sent(),
        [
            "Group { group: GroupName(UserId(\"team\")), wish: Members }",
            "History { with: Group(GroupName(UserId(\"team\"))), count: 10, before: None }",
            "Send { to: Group(GroupName(UserId(\"team\"))), text: \"Hello\" }",
        ]
    );
}

#[test]
fn only_members_get_into_a_group() {
    let mut scene = Scene::logged_in();
    scene.types("#team");
    news(&mut scene, GroupNews::NotAMember);
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: #team\n\
         -- You are not a member of #team. To ask for it: /group join #team\n\
         Enter destination user ID: "
    );
}

#[test]
fn everyone_reads_what_is_said_to_everyone_and_the_screen_says_so() {
    let mut scene = Scene::logged_in();
    scene.types("*");
    scene.types("Hello all");
    scene.notice(arrives(Conversation::Everyone, "bianca", "Connection ended"));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: *\n\
         -- Everyone who is online reads this, and the server keeps it: signed, not secret. (CTRL-C leaves.)\n\
         Hello all\n\
         bianca: Connection ended\n"
    );
    assert_eq!(scene.sent(), ["Send { to: Everyone, text: \"Hello all\" }"]);
}

#[test]
fn a_script_reads_the_answers_to_its_wishes_in_order() {
    let mut scene = Scene::logged_in();
    scene.types("group create #team");
    scene.types("#team");
    assert!(!scene.machine.asks());
    // What comes by itself is no answer.
    news(&mut scene, GroupNews::Request { user: id("dave") });
    news(&mut scene, GroupNews::Changed { by: id("bianca"), joined: vec![id("erin")], left: Vec::new() });
    assert!(!scene.machine.asks());
    news(&mut scene, GroupNews::Created);
    news(&mut scene, three_members());
    scene.types("/group deny dave");
    news(&mut scene, GroupNews::Done);
    assert!(scene.machine.asks());
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: group create #team\n\
         -- dave asks to join #team: /group approve dave #team  or  /group deny dave #team\n\
         -- erin is now a member of #team.\n\
         -- Group #team created; you are its admin.\n\
         Enter destination user ID: #team\n\
         -- You are writing to #team, 3 members. CTRL-C goes back; you stay a member.\n\
         /group deny dave\n\
         -- Done; the others in #team are told.\n"
    );
}

#[test]
fn a_group_must_be_named_where_none_has_the_screen() {
    let mut scene = Scene::talking();
    scene.types("/group members");
    assert_eq!(scene.seen(), "/group members\n-- Which group? Name it at the end: #team\n");
    scene.types("/group members #team");
    news(&mut scene, three_members());
    assert!(scene.seen().ends_with("-- #team, 3 members: ali (admin), bianca, carol\n"), "{}", scene.seen());
}

#[test]
fn whoever_is_removed_is_back_at_the_prompt() {
    let mut scene = Scene::in_team();
    scene.entry = "but I".into();
    news(&mut scene, GroupNews::Removed { by: id("carol") });
    assert_eq!(
        scene.seen(),
        "-- carol removed you from #team.\n\
         (your unfinished entry \"but I\" is kept)\n\
         Enter destination user ID: "
    );
}

#[test]
fn a_call_while_writing_to_a_group_waits_until_switched_to() {
    let mut scene = Scene::in_team();
    scene.notice(Notice::Call(CallNotice::Received { from: id("carol") }));
    scene.notice(arrives(in_group(), "carol", "still here"));
    scene.types("@carol one moment");
    scene.input(Input::Next);
    scene.types("yes?");
    assert_eq!(
        scene.seen(),
        "-- carol wants to talk. Alt+A or /switch carol.\n\
         carol: still here\n\
         @carol one moment\n\
         -- You are talking to carol now.\n\
         yes?\n"
    );
    assert_eq!(scene.sent().last().unwrap(), "Send { to: User(UserId(\"carol\")), text: \"yes?\" }");
}

#[test]
fn coming_and_going_is_told_where_it_was_asked_for() {
    let left = || {
        Notice::Directory(DirectoryNotice::Presence { user: id("carol"), status: PresenceStatus::Offline, text: None })
    };
    for (presence, at_prompt, in_team) in
        [(Presence::Never, false, false), (Presence::Groups, false, true), (Presence::All, true, true)]
    {
        for (mut scene, told) in [(Scene::logged_in(), at_prompt), (Scene::in_team(), in_team)] {
            scene.machine.outputs.options.presence = presence;
            scene.notice(left());
            assert_eq!(scene.seen().contains("-- carol is offline."), told, "{presence:?}");
        }
    }
}

#[test]
fn an_away_text_moves_no_cursor_and_begins_no_line() {
    let mut scene = Scene::in_team();
    let text = Some("\u{1b}[2J\nConnection ended\u{202e}".to_owned());
    scene.notice(Notice::Directory(DirectoryNotice::Presence {
        user: id("carol"),
        status: PresenceStatus::Away,
        text: text.clone(),
    }));
    let carol = Person { away: text, ..online("carol") };
    scene.types("/list");
    scene.notice(Notice::Directory(DirectoryNotice::People { people: vec![carol], groups: Vec::new() }));
    let screen = scene.seen();
    assert!(screen.chars().all(|c| c == '\n' || !c.is_control()), "{screen:?}");
    assert!(!screen.contains('\u{202e}') && !screen.contains("\nConnection"), "{screen:?}");
}
