use super::*;
use peer_core::command::SessionCommand;
use peer_core::notice::SessionNotice;

#[test]
fn the_first_login_registers() {
    let mut scene = Scene::new(options());
    scene.types("Ali");
    scene.notice(identified("ali", Some(false)));
    scene.types("");
    scene.types("12345");
    scene.types("482193");
    scene.types("482194");
    scene.types("482193");
    scene.types("482193");
    let last = scene.seen().lines().last().map(str::to_owned);
    let meanwhile = "Registering ali: a key is made and the passcode hashed… ";
    assert_eq!(last.as_deref(), Some(meanwhile));
    scene.notice(Notice::Session(SessionNotice::Registered { user: id("ali"), server: "127.0.0.1:7420".into() }));
    scene.notice(logged_in("ali"));
    assert_eq!(
        scene.seen(),
        "Login: Ali\n\
         No user ali on 127.0.0.1:7420. Register ali now? [Y/n] \n\
         New passcode, 6 digits or more: \n\
         -- Too short: 6 digits or more. Nothing was sent.\n\
         New passcode, 6 digits or more: \n\
         Same passcode again: \n\
         -- The two are not the same. Nothing was sent; once more.\n\
         New passcode, 6 digits or more: \n\
         Same passcode again: \n\
         Registered ali.\n\
         Enter passcode on keypad. Logged in.\n\
         Enter destination user ID: "
    );
}

#[test]
fn a_wrong_passcode_is_asked_again_with_the_tries_left() {
    let mut scene = Scene::new(Options { user: Some(id("ali")), ..options() });
    scene.notice(identified("ali", None));
    for tries_left in [3, 1] {
        scene.types("000000");
        scene.notice(Notice::Session(SessionNotice::LoginRefused {
            user: id("ali"),
            why: LoginRefused::Passcode { tries_left },
        }));
    }
    scene.types("000000");
    scene.notice(Notice::Session(SessionNotice::LoginRefused {
        user: id("ali"),
        why: LoginRefused::Locked { retry_after: Some(300) },
    }));
    scene.input(Input::CtrlD);
    assert_eq!(
        scene.seen(),
        "Enter passcode on keypad. Not accepted, 3 tries left.\n\
         Enter passcode on keypad. Not accepted, 1 try left.\n\
         Enter passcode on keypad. \n\
         Too many wrong passcodes. ali is locked for 5 min; an administrator can unlock it: directory-server user unlock ali\n\
         Login: \n"
    );
    assert_eq!(scene.exit, Some(exit::LOGIN_REFUSED));
}

#[test]
fn what_is_hardly_a_passcode_costs_no_try_and_the_same_again_is_sent() {
    let mut scene = Scene::new(Options { user: Some(id("ali")), ..options() });
    scene.notice(identified("ali", Some(true)));
    scene.commands.clear();
    for typed in ["12345", "/quit", "/list all", "123\u{3}456"] {
        scene.types(typed);
    }
    assert!(scene.commands.is_empty(), "nothing is sent");
    assert_eq!(
        scene.seen(),
        "Enter passcode on keypad. \n\
         -- That is shorter than a passcode is. Nothing was sent; the same again sends it.\n\
         Enter passcode on keypad. \n\
         -- That is a command, not a passcode. Nothing was sent; the same again sends it. CTRL-C leaves.\n\
         Enter passcode on keypad. \n\
         -- That is a command, not a passcode. Nothing was sent; the same again sends it. CTRL-C leaves.\n\
         Enter passcode on keypad. \n\
         -- There is a control character in it. Nothing was sent; the same again sends it.\n\
         Enter passcode on keypad. "
    );
    scene.types("123\u{3}456");
    assert_eq!(scene.commands.len(), 1, "it may be one of before, or of another program");
    for typed in ["12345", "/quit"] {
        let why = LoginRefused::Passcode { tries_left: 3 };
        scene.notice(Notice::Session(SessionNotice::LoginRefused { user: id("ali"), why }));
        scene.commands.clear();
        scene.types(typed);
        assert_eq!(scene.commands.len(), 0, "{typed}");
        scene.types(typed);
        assert_eq!(scene.commands.len(), 1, "{typed}");
    }
    let why = LoginRefused::Passcode { tries_left: 3 };
    scene.notice(Notice::Session(SessionNotice::LoginRefused { user: id("ali"), why }));
    scene.commands.clear();
    scene.types("/home/ali");
    assert_eq!(scene.commands.len(), 1, "a slash alone makes no command");
}

#[test]
fn a_passcode_from_a_file_is_sent_whatever_it_looks_like_and_not_chosen() {
    let passcode = Some(Passcode::new("/quit".into()));
    for (known, commands) in [(Some(true), 2), (Some(false), 1)] {
        let mut scene = Scene::new(Options { user: Some(id("ali")), passcode: passcode.clone(), ..options() });
        scene.notice(identified("ali", known));
        if known == Some(false) {
            scene.types("");
        }
        assert_eq!(scene.commands.len(), commands);
    }
}

#[test]
fn a_refused_passcode_from_a_file_ends_the_program() {
    let passcode = Some(Passcode::new("482193".into()));
    let mut scene = Scene::new(Options { user: Some(id("ali")), passcode, ..options() });
    scene.notice(identified("ali", Some(true)));
    scene.notice(Notice::Session(SessionNotice::LoginRefused {
        user: id("ali"),
        why: LoginRefused::Passcode { tries_left: 3 },
    }));
    assert_eq!(scene.seen(), "Enter passcode on keypad. Not accepted, 3 tries left.\n");
    assert_eq!(scene.exit, Some(exit::LOGIN_REFUSED));
}

#[test]
fn an_invitation_registers_and_logs_in() {
    let mut scene = Scene::new(Options { start: Start::Join, ..options() });
    scene.types("bianca@dir.example.org:7420/P4WX-88HN-M1ZC-5R2D");
    let server = "dir.example.org:7420".to_owned();
    let key = KeyDigest([0x3f; 32]);
    scene.notice(Notice::Session(SessionNotice::InviteProved {
        user: id("bianca"),
        server: server.clone(),
        key,
        passcode_min: 6,
    }));
    scene.types("482193");
    scene.types("482193");
    scene.notice(Notice::Session(SessionNotice::Registered { user: id("bianca"), server }));
    scene.notice(logged_in("bianca"));
    assert_eq!(
        scene.seen(),
        "Paste the invite: bianca@dir.example.org:7420/P4WX-88HN-M1ZC-5R2D\n\
         The invite also proves the server's key: 3F3F 3F3F 3F3F 3F3F 3F3F\n\
         New passcode, 6 digits or more: \n\
         Same passcode again: \n\
         Registered bianca on dir.example.org. From now on just run: peer\n\
         Enter passcode on keypad. Logged in.\n\
         Enter destination user ID: "
    );
}

#[test]
fn first_contact_takes_a_whole_word_and_no_type_ahead() {
    let mut scene = Scene::new(options());
    scene.types("ali");
    scene.types("yes");
    scene.entry = "yes".into();
    scene.notice(Notice::Session(SessionNotice::FirstContact {
        server: "dir.example.org:7420".into(),
        key: KeyDigest([0x3f; 32]),
    }));
    assert_eq!(scene.entry, "");
    assert_eq!(scene.sent().len(), 1);
    scene.types("y");
    scene.types("yes");
    assert_eq!(
        scene.screen,
        "Login: ali\n\
         First contact with dir.example.org:7420. Its key is 3F3F 3F3F 3F3F 3F3F 3F3F\n\
         Compare it with the one your administrator gave you. Continue? Type yes or no: y\n\
         Compare it with the one your administrator gave you. Continue? Type yes or no: yes\n"
    );
    assert_eq!(scene.sent(), ["TrustDirectory(Yes)"]);
}

#[test]
fn an_older_vault_is_asked_about_with_what_the_answers_do() {
    for (answer, command) in [("yes", "TakeVault(Yes)"), ("no", "TakeVault(No)")] {
        let mut scene = Scene::new(options());
        scene.types("ali");
        scene.notice(identified("ali", Some(true)));
        scene.types("482193");
        scene.entry = "yes".into();
        scene.notice(Notice::Session(SessionNotice::OlderVault { seen: 5, told: 3 }));
        assert_eq!(scene.entry, "", "nothing typed before the question answers it");
        scene.types("y");
        scene.types(answer);
        assert_eq!(scene.sent().last().map(String::as_str), Some(command));
        let told = "Enter passcode on keypad. \n\
             WARNING: the directory server goes on from an older state. It has your key in version 3; version 5 has been seen \
             here, which is newer.\n\
             -- yes: log in with the older one. The passcode of then holds again; if others may know it, change it: /passwd\n\
             -- no: nothing is taken. Ask your administrator whether a backup was restored.\n\
             Was a backup restored? Type yes or no: y\n";
        assert!(scene.screen.contains(told), "{}", scene.screen);
    }
}

#[test]
fn questions_are_forbidden_on_request() {
    let scene = Scene::new(Options { questions: Questions::Forbidden, ..options() });
    assert_eq!(scene.exit, Some(exit::USAGE));
}

#[test]
fn a_passcode_typed_early_is_not_seen() {
    let now = Instant::now();
    let (mut machine, _) = LineTerminal::new(options(), at(now));
    let output = machine.handle(at(now), "", Input::Line("ali".into()));
    let prompt = output.iter().rev().find_map(|output| if let Output::Prompt(p) = output { Some(p) } else { None });
    assert_eq!(prompt.unwrap().echo, Echo::Hidden);
}

#[test]
fn an_input_of_nothing_but_no_answers_is_not_read_for_ever() {
    let mut scene = Scene::logged_in();
    let mut lines = 0;
    while scene.exit.is_none() && lines < 1000 {
        scene.types("how is that, then?");
        lines += 1;
        if scene.commands.iter().any(|command| matches!(command, Command::Session(SessionCommand::Logout))) {
            scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
        }
    }
    assert_eq!((lines, scene.exit), (256, Some(exit::USAGE)));
    assert!(scene.seen().contains("The last 256 lines of the input were no answers"));
}
