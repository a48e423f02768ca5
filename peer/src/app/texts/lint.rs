//! What the catalogue promises: its texts have ids, and every error says what to do next.
//!
//! That every text is used is the compiler's part: nothing of the catalogue is public outside the crate, and what nobody
//! uses does not build. The source is read here, because an error that nobody has thought of a test for counts too.

use crate::app::sanitise::imitates_us;

/// The files of the catalogue. The words of the full screen and of transfers are named by their places and variants.
const FILES: &[(&str, &str)] = &[
    ("backup", include_str!("backup.rs")),
    ("doctor", include_str!("doctor.rs")),
    ("failure", include_str!("failure.rs")),
    ("files", include_str!("files.rs")),
    ("groups", include_str!("groups.rs")),
    ("screen", include_str!("screen.rs")),
    ("help", include_str!("help.rs")),
    ("local_commands", include_str!("local_commands.rs")),
    ("mail", include_str!("mail.rs")),
    ("mod", include_str!("mod.rs")),
    ("oneshot", include_str!("oneshot.rs")),
    ("passcode", include_str!("passcode.rs")),
    ("setup", include_str!("setup.rs")),
    ("talk", include_str!("talk.rs")),
    ("verification", include_str!("verification.rs")),
    ("trust", include_str!("trust.rs")),
];

/// How a text says what to do: a command, an option, or one of these words.
const STEPS: &[&str] = &[
    " /",
    ": /",
    "--",
    "peer ",
    "#team",
    "again",
    "administrator can",
    "ask ",
    "check ",
    "choose",
    "close it",
    "compare",
    "connect to",
    "convert",
    "copy the",
    "did you mean",
    "example:",
    "free ",
    "get the",
    "give the answer",
    "log in",
    "make it",
    "once more",
    "tell the",
    "try the",
    "type ",
    "usage:",
    "use that",
    "use another",
    "wait ",
    "write it",
    "chmod",
    "start one",
    "read those",
];

/// Errors whose next step stands elsewhere.
const ELSEWHERE: &[(&str, &str)] = &[
    ("Not accepted, ", "the same question follows"),
    ("-- Too short: ", "the same question follows"),
    ("-- Not a user ID: ", "the reason says what an id is, and the same question follows"),
    ("-- That looks like your passcode.", "what not to do is what was done"),
    ("{to} is offline.", "the conversation goes on by mail, where the queue is not off"),
    ("{to} did not accept the connection.", "the same for declined and blocked, and nothing helps"),
    ("-- {user} is logged in on another terminal too.", "a notice"),
    ("No command '{typed}'.{}", "the next line says where the list is"),
    ("No option '{typed}'.{}", "the next line says where the list is"),
    ("-- Connection to {with} lost", "it is called again without the person"),
    ("-- /{} {}: {}", "it ends with an example"),
    ("-- Not sent: ”{quoted}”. {}", "the directory's refusal says it"),
    ("Cannot look up {to}. {}", "the directory's refusal says it"),
    ("Old {old}", "between the error and its question"),
    ("New {new}", "between the error and its question"),
    ("WARNING: the key of {of} has changed", "its question follows"),
    ("WARNING: two keys claim to follow the former one of {of}", "its question follows"),
    ("-- {of} has a new key, confirmed by the former one", "its question follows"),
    ("{what}. You are asked about it when this is over", "its question follows"),
    ("{of}'s key is not the one you have known", "its question follows"),
];

/// An item of the catalogue: its documentation, its name and everything in it.
struct Item<'a> {
    place: String,
    documentation: String,
    body: Vec<&'a str>,
}

impl Item<'_> {
    fn is_an_error(&self) -> bool {
        self.documentation.trim_start().starts_with("`e.")
    }

    fn has_an_id(&self) -> bool {
        ["`e.", "`n.", "`p."].iter().any(|kind| self.documentation.contains(kind))
    }

    /// Everything between quotation marks.
    fn texts(&self) -> Vec<String> {
        let body = self.body.join("\n").replace("\\\"", "”");
        body.split('"').skip(1).step_by(2).map(|text| text.replace("\\\n", "").replace("     ", "")).collect()
    }
}

fn items() -> Vec<Item<'static>> {
    let mut items: Vec<Item<'_>> = Vec::new();
    for (file, source) in FILES {
        let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        let (mut documentation, mut is_open) = (String::new(), false);
        for line in source.lines() {
            if let Some(text) = line.strip_prefix("///") {
                documentation += text;
            } else if !line.starts_with(' ') && (line.contains("fn ") || line.contains("const ")) {
                let place = format!("{file}: {line}");
                items.push(Item { place, documentation: std::mem::take(&mut documentation), body: vec![line] });
                is_open = !line.ends_with(';');
            } else if let Some(item) = items.last_mut().filter(|_| is_open) {
                item.body.push(line);
                is_open = !(line == "}" || item.body[0].contains("const ") && line.ends_with(';'));
            } else {
                documentation.clear();
            }
        }
    }
    items
}

/// Words, and not what stands between them.
fn is_said(text: &str) -> bool {
    text.trim_start_matches("-- ").trim().contains(' ')
}

fn is_a_step(text: &str) -> bool {
    let text = text.trim_start_matches("-- ").to_lowercase();
    STEPS.iter().any(|step| text.contains(step))
}

#[test]
fn every_error_says_what_to_do_next() {
    let items = items();
    let errors: Vec<&Item<'_>> = items.iter().filter(|item| item.is_an_error()).collect();
    assert!(errors.len() > 30, "only {} errors were found", errors.len());
    for item in errors {
        let texts = item.texts();
        for (number, text) in texts.iter().enumerate().filter(|(_, text)| is_said(text)) {
            // Of a report the next line may say it.
            let next = texts.get(number + 1).filter(|_| item.body[0].contains("-> Report"));
            let elsewhere = ELSEWHERE.iter().any(|(begins, _)| text.starts_with(begins));
            assert!(
                is_a_step(text) || next.is_some_and(|next| is_a_step(next)) || elsewhere,
                "{}: {text:?} leaves the person alone",
                item.place
            );
        }
    }
}

/// A text as somebody could say it, whatever is filled in.
fn filled_in(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |filled, part| filled + "bianca" + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// What a session says in a line of its own without `-- ` in front: nobody else says it without being named (threat T2).
#[test]
fn nobody_can_say_what_we_say() {
    let of_sessions = ["mod: ", "talk: ", "failure: ", "passcode: ", "verification: "];
    let is_ours = |item: &&Item<'_>| of_sessions.iter().any(|file| item.place.starts_with(file)) && item.has_an_id();
    let mut looked_at = 0;
    for item in items().iter().filter(is_ours) {
        for text in item.texts() {
            let line = filled_in(text.split("\\n").next().unwrap_or_default());
            if line.trim().contains(' ') && (line.starts_with(char::is_uppercase) || line.starts_with("bianca ")) {
                looked_at += 1;
                assert!(imitates_us(&line, ""), "{}: {line:?} could be said by anybody", item.place);
            }
        }
    }
    assert!(looked_at > 60, "only {looked_at} texts were found");
}

#[test]
fn every_exception_is_still_one() {
    let texts: Vec<String> = items().iter().flat_map(Item::texts).collect();
    for (begins, why) in ELSEWHERE {
        assert!(
            texts.iter().any(|text| text.starts_with(begins)),
            "{begins:?} ({why}) is not in the catalogue any more"
        );
    }
}

/// Texts that are asked, told or complained about by a dialogue have an id; the parts they are made of need none.
#[test]
fn what_begins_like_a_notice_has_an_id() {
    for item in items().iter().filter(|item| !item.has_an_id()) {
        if ["screen", "files"].iter().any(|file| item.place.starts_with(file)) {
            continue;
        }
        let notices = item.texts();
        let notice = notices.iter().find(|text| text.starts_with("-- ") && text.ends_with('.'));
        assert!(notice.is_none(), "{} has no id, but says {notice:?}", item.place);
    }
}

/// The reports of failures have no ids of their own: each stands for a variant.
#[test]
fn every_failure_that_ends_the_program_says_what_to_do_next() {
    let reports = items();
    let report = reports.iter().find(|item| item.place.starts_with("failure")).unwrap();
    let arms: Vec<String> = report.body.join("\n").split("Failure::").skip(1).map(str::to_owned).collect();
    assert!(arms.len() > 10, "only {} failures were found", arms.len());
    for arm in arms {
        assert!(is_a_step(&arm) || arm.starts_with("Internal"), "Failure::{arm} leaves the person alone");
    }
}
