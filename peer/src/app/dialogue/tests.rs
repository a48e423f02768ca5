//! Transcripts: what stands on the screen after a person and an engine have done their parts.

use std::net::SocketAddr;

use common::ident::KeyDigest;
use common::msg::Registration;

use super::*;
use crate::core::command::{Answer, KeyDecision};
use crate::core::notice::{CallFailed, EndedBy, KeyState, LoginRefused, Person};

/// A screen as a pipe sees it, an entry, and the commands sent.
struct Scene {
    dialogue: Dialogue,
    now: Instant,
    screen: String,
    /// The prompt that stands open on the last line.
    open: Option<String>,
    entry: String,
    commands: Vec<Command>,
    exit: Option<i32>,
}

fn id(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn options() -> Options {
    Options {
        start: Start::Login,
        user: None,
        passcode: None,
        server: "127.0.0.1:7420".into(),
        names: Names::Auto,
        glyphs: Glyphs::Unicode,
        grace: Duration::from_secs(1),
        questions: Questions::Allowed,
    }
}

impl Scene {
    fn new(options: Options) -> Self {
        let now = Instant::now();
        let (dialogue, output) = Dialogue::new(options, now);
        let mut scene = Self {
            dialogue,
            now,
            screen: String::new(),
            open: None,
            entry: String::new(),
            commands: Vec::new(),
            exit: None,
        };
        scene.show(output);
        scene
    }

    /// Logged in as ali, at the destination prompt, with an empty screen above.
    fn logged_in() -> Self {
        let mut scene = Self::new(Options { user: Some(id("ali")), ..options() });
        scene.notice(identified("ali", Some(true)));
        scene.types("482193");
        scene.notice(logged_in("ali"));
        scene.screen.clear();
        scene.commands.clear();
        scene
    }

    /// In a conversation with bianca, with an empty screen above.
    fn talking() -> Self {
        let mut scene = Self::logged_in();
        scene.notice(Notice::Received { from: id("bianca") });
        scene.screen.clear();
        scene
    }

    fn show(&mut self, output: Vec<Output>) {
        for output in output {
            match output {
                Output::Print(line) | Output::Remote(line) => {
                    self.screen += line.as_str();
                    self.screen += "\n";
                }
                Output::Prompt(prompt) => self.open = Some(prompt.text.as_str().to_owned()).filter(|t| !t.is_empty()),
                Output::Echo(typed) => {
                    let prompt = self.open.take().unwrap_or_default();
                    self.screen += &format!("{prompt}{typed}\n");
                }
                Output::Finish(result) => {
                    if let Some(prompt) = self.open.take() {
                        self.screen += &format!("{prompt}{}{}\n", self.entry, result.as_str());
                    }
                }
                Output::Entry(entry) => self.entry = entry,
                Output::DiscardTypeAhead => self.entry.clear(),
                Output::Picture(_) => self.screen += "(QR)\n",
                Output::Command(command) => self.commands.push(command),
                Output::Exit(code) => self.exit = Some(code),
            }
        }
    }

    fn input(&mut self, input: Input) {
        let typed = self.entry.clone();
        let output = self.dialogue.handle(self.now, &typed, input);
        self.show(output);
    }

    fn types(&mut self, line: &str) {
        self.entry.clear();
        self.input(Input::Line(line.to_owned()));
    }

    fn notice(&mut self, notice: Notice) {
        self.input(Input::Notice(notice));
    }

    /// The screen with the open prompt and the entry.
    fn seen(&self) -> String {
        format!("{}{}{}", self.screen, self.open.clone().unwrap_or_default(), self.entry)
    }

    fn sent(&mut self) -> Vec<String> {
        self.commands.drain(..).map(|command| format!("{command:?}")).collect()
    }
}

fn identified(user: &str, known: Option<bool>) -> Notice {
    Notice::Identified { user: id(user), known, registration: Registration::Open, passcode_min: 6 }
}

fn logged_in(user: &str) -> Notice {
    Notice::LoggedIn { user: id(user), address: SocketAddr::from(([127, 0, 0, 1], 65_000)) }
}

fn text(from: &str, text: &str) -> Notice {
    Notice::Text { from: id(from), text: text.into() }
}

#[test]
fn the_verbatim_session_of_the_caller() {
    let mut scene = Scene::new(options());
    scene.types("ali");
    scene.notice(identified("ali", Some(true)));
    scene.types("482193");
    scene.notice(logged_in("ali"));
    scene.types("bianca");
    scene.notice(Notice::Established { with: id("bianca") });
    scene.types("Hello, how are you today?");
    scene.notice(text("bianca", "I am fine, how about you?"));
    scene.input(Input::CtrlC);
    assert_eq!(
        scene.seen(),
        "Login: ali\n\
         Enter passcode on keypad. Logged in.\n\
         Enter destination user ID: bianca\n\
         Connection established, type your messages\n\
         Hello, how are you today?\n\
         I am fine, how about you?\n\
         CTRL-C connection ended\n\
         Enter destination user ID: "
    );
    assert_eq!(
        scene.sent(),
        [
            "Identify { user: UserId(\"ali\") }",
            "Login { user: UserId(\"ali\"), passcode: Passcode(…) }",
            "Call { to: UserId(\"bianca\") }",
            "Say { to: UserId(\"bianca\"), text: \"Hello, how are you today?\" }",
            "End { with: UserId(\"bianca\") }",
        ]
    );
}

#[test]
fn the_verbatim_session_of_the_person_called() {
    let mut scene = Scene::logged_in();
    scene.notice(Notice::Received { from: id("ali") });
    scene.notice(text("ali", "Hello, how are you today?"));
    scene.types("I am fine, how about you?");
    scene.notice(Notice::Ended { with: id("ali"), by: EndedBy::Them });
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: \n\
         Connection received from user ali, type your messages\n\
         Hello, how are you today?\n\
         I am fine, how about you?\n\
         Connection ended\n\
         Enter destination user ID: "
    );
}

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
    scene.notice(Notice::Registered { user: id("ali"), server: "127.0.0.1:7420".into() });
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
        scene.types("wrong");
        scene.notice(Notice::LoginRefused { user: id("ali"), why: LoginRefused::Passcode { tries_left } });
    }
    scene.types("wrong");
    scene.notice(Notice::LoginRefused { user: id("ali"), why: LoginRefused::Locked { retry_after: Some(300) } });
    scene.input(Input::CtrlD);
    assert_eq!(
        scene.seen(),
        "Enter passcode on keypad. Not accepted, 3 tries left.\n\
         Enter passcode on keypad. Not accepted, 1 try left.\n\
         Enter passcode on keypad. \n\
         Too many wrong passcodes. ali is locked for 5 min; an administrator can unlock it.\n\
         Login: \n"
    );
    assert_eq!(scene.exit, Some(exit::LOGIN_REFUSED));
}

#[test]
fn a_refused_passcode_from_a_file_ends_the_program() {
    let passcode = Some(Passcode::new("482193".into()));
    let mut scene = Scene::new(Options { user: Some(id("ali")), passcode, ..options() });
    scene.notice(identified("ali", Some(true)));
    scene.notice(Notice::LoginRefused { user: id("ali"), why: LoginRefused::Passcode { tries_left: 3 } });
    assert_eq!(scene.seen(), "Enter passcode on keypad. Not accepted, 3 tries left.\n");
    assert_eq!(scene.exit, Some(exit::LOGIN_REFUSED));
}

#[test]
fn an_invitation_registers_and_logs_in() {
    let mut scene = Scene::new(Options { start: Start::Join, ..options() });
    scene.types("bianca@dir.example.org:7420/P4WX-88HN-M1ZC-5R2D");
    let server = "dir.example.org:7420".to_owned();
    let key = KeyDigest([0x3f; 32]);
    scene.notice(Notice::InviteProved { user: id("bianca"), server: server.clone(), key, passcode_min: 6 });
    scene.types("482193");
    scene.types("482193");
    scene.notice(Notice::Registered { user: id("bianca"), server });
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
    scene.notice(Notice::FirstContact { server: "dir.example.org:7420".into(), key: KeyDigest([0x3f; 32]) });
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
fn a_call_pushes_a_half_typed_entry_away_and_gives_it_back() {
    let mut scene = Scene::logged_in();
    scene.entry = "car".into();
    scene.notice(Notice::Received { from: id("bianca") });
    assert_eq!(scene.entry, "");
    scene.notice(Notice::Ended { with: id("bianca"), by: EndedBy::Them });
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: car\n\
         Connection received from user bianca, type your messages\n\
         (your unfinished entry \"car\" is kept)\n\
         Connection ended\n\
         Enter destination user ID: car"
    );
}

#[test]
fn a_half_typed_message_never_becomes_a_destination() {
    let mut scene = Scene::talking();
    scene.entry = "see you at".into();
    scene.notice(Notice::Ended { with: id("bianca"), by: EndedBy::Them });
    assert_eq!(
        scene.seen(),
        "Connection ended\n(your unfinished entry \"see you at\" is kept)\nEnter destination user ID: "
    );
    scene.notice(Notice::Received { from: id("bianca") });
    assert_eq!(scene.entry, "see you at");
}

#[test]
fn messages_typed_while_calling_wait_for_the_connection() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.types("Hello");
    assert_eq!(scene.sent().len(), 1);
    scene.notice(Notice::Established { with: id("bianca") });
    assert_eq!(scene.sent(), ["Say { to: UserId(\"bianca\"), text: \"Hello\" }"]);
}

#[test]
fn messages_typed_for_somebody_not_reached_go_to_nobody_else() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.types("carol");
    scene.sent();
    scene.notice(Notice::CallFailed { to: id("bianca"), why: CallFailed::Refused });
    assert_eq!(scene.sent(), [] as [&str; 0]);
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: bianca\n\
         bianca did not accept the connection.\n\
         -- Not delivered: \"carol\". Connect to bianca and send it again.\n\
         Enter destination user ID: "
    );
}

#[test]
fn a_second_ctrl_c_within_the_grace_does_not_quit() {
    let mut scene = Scene::talking();
    scene.input(Input::CtrlC);
    scene.now += Duration::from_millis(900);
    scene.input(Input::CtrlC);
    assert_eq!(scene.seen(), "CTRL-C connection ended\nEnter destination user ID: ");
    scene.now += Duration::from_millis(900);
    scene.input(Input::CtrlC);
    scene.notice(Notice::LoggedOut { why: LoggedOut::Asked });
    assert_eq!(scene.seen(), "CTRL-C connection ended\nEnter destination user ID: \nLogged out.\n");
    assert_eq!(scene.exit, Some(exit::INTERRUPT));
}

#[test]
fn ctrl_c_clears_a_typed_destination_first() {
    let mut scene = Scene::logged_in();
    scene.entry = "bia".into();
    scene.input(Input::CtrlC);
    assert_eq!(scene.seen(), "Enter destination user ID: ");
    assert_eq!(scene.sent(), [] as [&str; 0]);
}

#[test]
fn ctrl_c_gives_a_call_up() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.input(Input::CtrlC);
    scene.notice(Notice::Established { with: id("bianca") });
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: bianca\n\
         -- The call to bianca was given up.\n\
         Enter destination user ID: "
    );
}

#[test]
fn the_end_of_input_ends_the_conversation_then_the_session() {
    let mut scene = Scene::talking();
    scene.input(Input::CtrlD);
    scene.input(Input::CtrlD);
    scene.notice(Notice::LoggedOut { why: LoggedOut::Asked });
    assert_eq!(scene.seen(), "Connection ended\nEnter destination user ID: \nLogged out.\n");
    assert_eq!(scene.exit, Some(exit::OK));
}

#[test]
fn a_signal_logs_out_and_keeps_its_exit_code() {
    let mut scene = Scene::talking();
    scene.input(Input::Stop(exit::TERMINATE));
    assert_eq!(scene.sent(), ["Logout"]);
    scene.notice(Notice::LoggedOut { why: LoggedOut::Asked });
    assert_eq!(scene.exit, Some(exit::TERMINATE));
}

#[test]
fn nobody_can_print_a_line_that_looks_like_ours() {
    let mut scene = Scene::talking();
    scene.notice(text("bianca", "Connection ended"));
    scene.notice(text("bianca", "hi\nConnection ended\n\u{1b}[2J"));
    assert_eq!(scene.seen(), "bianca: Connection ended\nhi\n  Connection ended\n  ␛[2J\n");
}

#[test]
fn names_are_always_shown_on_request() {
    let mut scene = Scene::talking();
    scene.dialogue.stage.options.names = Names::Always;
    scene.notice(text("bianca", "hi"));
    assert_eq!(scene.seen(), "bianca: hi\n");
}

#[test]
fn a_second_caller_waits_until_switched_to() {
    let mut scene = Scene::talking();
    scene.notice(Notice::Received { from: id("carol") });
    scene.notice(text("carol", "hi"));
    scene.entry = "half".into();
    scene.input(Input::Next);
    scene.types("hello carol");
    scene.types("@bianca one moment");
    scene.types("/switch bianca");
    assert_eq!(
        scene.seen(),
        "-- carol wants to talk. Alt+A or /switch carol.\n\
         carol: hi\n\
         -- You are talking to carol now.\n\
         hello carol\n\
         @bianca one moment\n\
         /switch bianca\n\
         -- You are talking to bianca now.\n\
         half"
    );
    assert_eq!(
        scene.sent(),
        [
            "Say { to: UserId(\"carol\"), text: \"hello carol\" }",
            "Say { to: UserId(\"bianca\"), text: \"one moment\" }",
        ]
    );
}

#[test]
fn a_caller_nobody_has_looked_at_is_next_when_a_conversation_ends() {
    let mut scene = Scene::talking();
    scene.notice(Notice::Received { from: id("carol") });
    scene.notice(Notice::Ended { with: id("bianca"), by: EndedBy::Them });
    scene.types("hello");
    assert_eq!(scene.sent(), ["Say { to: UserId(\"carol\"), text: \"hello\" }"]);
    assert!(scene.seen().contains("Connection ended\nConnection received from user carol, type your messages\n"));
}

#[test]
fn a_private_text_without_a_connection_is_not_delivered_and_says_so() {
    let mut scene = Scene::talking();
    scene.types("@carol hi");
    assert_eq!(scene.seen(), "@carol hi\n-- Not delivered: \"hi\". Connect to carol and send it again.\n");
    assert_eq!(scene.sent(), [] as [&str; 0]);
}

#[test]
fn the_own_passcode_is_never_sent_or_repeated() {
    let mut scene = Scene::talking();
    scene.types(" 482193 ");
    assert_eq!(scene.seen(), "-- That looks like your passcode. Nothing was sent.\n");
    let mut scene = Scene::logged_in();
    scene.types("482193");
    assert_eq!(scene.sent(), [] as [&str; 0]);
    assert!(!scene.seen().contains("482193"));
}

#[test]
fn a_mistyped_command_is_not_sent() {
    let mut scene = Scene::talking();
    scene.types("/lsit");
    assert_eq!(scene.seen(), "/lsit\n-- No command /lsit. Did you mean /list? Nothing was sent.\n");
    assert_eq!(scene.sent(), [] as [&str; 0]);
}

#[test]
fn an_unknown_id_is_answered_with_a_near_one() {
    let mut scene = Scene::logged_in();
    scene.types("list");
    let bianca = Person { user: id("bianca"), online_since: Some(1), key: KeyState::NotVerified };
    scene.notice(Notice::People(vec![bianca]));
    scene.types("biance");
    scene.notice(Notice::CallFailed { to: id("biance"), why: CallFailed::NotFound });
    scene.types("bianca");
    scene.notice(Notice::CallFailed { to: id("bianca"), why: CallFailed::NotFound });
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: list\n\
         ID        STATE                     KEY\n\
         bianca    online                    not verified\n\
         Enter destination user ID: biance\n\
         No user biance is online. Did you mean bianca? Type list to see everyone.\n\
         Enter destination user ID: bianca\n\
         bianca is offline.\n\
         Enter destination user ID: "
    );
}

#[test]
fn the_safety_number_is_confirmed_by_a_whole_word_typed_after_it_was_seen() {
    let mut scene = Scene::talking();
    scene.types("/verify");
    scene.types("yes");
    let digits = ["12345"; 12].join(" ");
    scene.entry = "yes".into();
    scene.notice(Notice::SafetyNumber { with: id("bianca"), digits, verified: false });
    scene.types("");
    scene.types("yes");
    scene.notice(Notice::NumberConfirmed { with: id("bianca"), verified: true });
    let row = "   12345 12345 12345 12345\n";
    assert_eq!(
        scene.seen(),
        format!(
            "/verify\n-- Your number with bianca; bianca sees the same with /verify:\n{row}{row}{row}(QR)\n\
             Do the numbers match? Type yes or no: \n\
             Do the numbers match? Type yes or no: yes\n\
             -- bianca is verified.\nyes"
        )
    );
    let confirmations = scene.sent().iter().filter(|sent| sent.starts_with("ConfirmNumber")).count();
    assert_eq!(confirmations, 1);
}

#[test]
fn a_changed_key_stops_everything_until_decided() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.types("Hello");
    let (old, new) = (["11111"; 12].join(" "), ["22222"; 12].join(" "));
    scene.notice(Notice::KeyChanged { of: id("bianca"), since: 1_793_664_000, old: old.clone(), new: new.clone() });
    scene.types("a");
    scene.types("accept");
    scene.notice(Notice::KeyDecided { of: id("bianca"), decision: KeyDecision::Accept });
    assert_eq!(
        scene.seen(),
        format!(
            "Enter destination user ID: bianca\n\
             -- Not delivered: \"Hello\". Connect to bianca and send it again.\n\
             WARNING: the key of bianca has changed since 3 Nov. Nothing is sent until you choose.\n\
             Old {old}\nNew {new}\n\
             Type verify, accept or block: a\n\
             Type verify, accept or block: accept\n\
             -- The new key of bianca is used from now on, not verified. /verify bianca compares it.\n\
             Enter destination user ID: "
        )
    );
}

#[test]
fn a_key_that_changes_during_a_conversation_is_decided_afterwards() {
    let mut scene = Scene::talking();
    scene.notice(Notice::KeyChanged { of: id("carol"), since: 0, old: "1".into(), new: "2".into() });
    scene.types("still talking");
    assert_eq!(scene.sent().len(), 1);
    scene.input(Input::CtrlC);
    assert!(scene.seen().ends_with("New 2\nType verify, accept or block: "), "{}", scene.seen());
    scene.now += Duration::from_secs(2);
    scene.input(Input::CtrlC);
    assert!(
        scene.seen().ends_with(
            "-- Nothing is sent to carol. You are asked again at the next call.\nEnter destination user ID: "
        )
    );
}

#[test]
fn a_call_that_must_be_accepted_pushes_the_prompt_away() {
    let mut scene = Scene::logged_in();
    scene.entry = "car".into();
    scene.notice(Notice::Asked { from: id("bianca") });
    scene.types("");
    scene.notice(Notice::Received { from: id("bianca") });
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: car\n\
         (your unfinished entry \"car\" is kept)\n\
         Connection request from user bianca. Accept? [Y/n] \n\
         Connection received from user bianca, type your messages\n"
    );
    assert_eq!(scene.sent(), [format!("{:?}", Command::AnswerCall { from: id("bianca"), answer: Answer::Yes })]);
}

#[test]
fn a_caller_who_gives_up_gives_the_prompt_back() {
    let mut scene = Scene::logged_in();
    scene.entry = "car".into();
    scene.notice(Notice::Asked { from: id("bianca") });
    scene.notice(Notice::AskedNoMore { from: id("bianca") });
    assert!(scene.seen().ends_with("-- bianca gave up calling.\nEnter destination user ID: car"), "{}", scene.seen());
}

#[test]
fn the_loss_of_the_directory_is_told_in_one_line() {
    let mut scene = Scene::talking();
    scene.notice(Notice::DirectoryLost { retry_in: 2 });
    scene.notice(Notice::DirectoryBack);
    assert_eq!(
        scene.seen(),
        "Lost the directory server; retrying in 2 s. Open conversations go on.\nDirectory server is back.\n"
    );
}

#[test]
fn questions_are_forbidden_on_request() {
    let scene = Scene::new(Options { questions: Questions::Forbidden, ..options() });
    assert_eq!(scene.exit, Some(exit::USAGE));
}

#[test]
fn a_passcode_typed_early_is_not_seen() {
    let now = Instant::now();
    let (mut dialogue, _) = Dialogue::new(options(), now);
    let output = dialogue.handle(now, "", Input::Line("ali".into()));
    let prompt = output.iter().rev().find_map(|output| if let Output::Prompt(p) = output { Some(p) } else { None });
    assert_eq!(prompt.unwrap().echo, Echo::Hidden);
}
