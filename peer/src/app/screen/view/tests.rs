//! The layers: which keys each of them consumes, and in which order they are asked.

use super::*;
use crate::app::keys::Scroll;
use crate::app::screen::State;
use crate::app::screen::tests::Scenery;
use peer_core::notice::{CallNotice, DirectoryNotice, Notice};

fn edit(key: Key) -> KeyAction {
    KeyAction::Edit(key)
}

fn letter(c: char) -> KeyAction {
    edit(Key::Insert(c))
}

fn view(ali: &mut Scenery) -> &mut View {
    match &mut ali.full.state {
        State::Session(view) => view,
        other => panic!("{other:?}"),
    }
}

/// The keys that a layer consumes while this is typed, of one of every kind and the letters that mean something somewhere.
fn consumed(layer: Layer, typed: &str) -> Vec<String> {
    let letters = ['n', 'N', 'c', 'r', 's'].map(letter);
    let keys = KeyAction::all().into_iter().chain(letters);
    // Where something is typed, CTRL-D comes as the key that deletes.
    let keys = keys.filter(|key| typed.is_empty() || *key != KeyAction::EndOrDelete);
    let takes = |key: &KeyAction| {
        let mut ali = Scenery::with(layer);
        let view = view(&mut ali);
        view.composer.is_blank = typed.is_empty();
        typed.clone_into(&mut view.composer.typed);
        view.offer(layer, key) == Taken::Consumed
    };
    keys.filter(takes).map(|key| name(&key)).collect()
}

fn name(key: &KeyAction) -> String {
    if let KeyAction::Edit(key) = key { format!("{key:?}") } else { format!("{key:?}") }
}

#[test]
fn a_page_consumes_what_turns_and_closes_it() {
    let always = "Escape Older Newer Interrupt Scroll(Up) Scroll(Down) Scroll(Top) Scroll(End) Scroll(WheelUp) Scroll(WheelDown)";
    assert_eq!(consumed(Layer::Page, "half a line").join(" "), always);
    let blank = "Escape Start End Older Newer EndOrDelete Interrupt Scroll(Up) Scroll(Down) Scroll(Top) Scroll(End) Scroll(WheelUp) Scroll(WheelDown)";
    assert_eq!(consumed(Layer::Page, "").join(" "), blank);
}

#[test]
fn what_was_found_consumes_letters_too() {
    let keys = "Insert('x') Paste(\"pasted\") Escape Older Newer EndOrDelete Interrupt \
                Scroll(WheelUp) Scroll(WheelDown) Insert('n') Insert('N') Insert('c') Insert('r') Insert('s')";
    assert_eq!(consumed(Layer::Found, "").join(" "), keys);
    assert_eq!(consumed(Layer::Found, "half a line").join(" "), keys.replace("EndOrDelete ", ""));
}

#[test]
fn lists_to_choose_from_consume_what_moves_the_choice_and_what_opened_them() {
    assert_eq!(
        consumed(Layer::People, "bi").join(" "),
        "Escape Older Newer Interrupt People Scroll(WheelUp) Scroll(WheelDown)"
    );
    assert_eq!(
        consumed(Layer::People, "").join(" "),
        "Escape Older Newer Complete EndOrDelete Interrupt People Scroll(WheelUp) Scroll(WheelDown)"
    );
    assert_eq!(
        consumed(Layer::Opener, "bi").join(" "),
        "Escape Older Newer Interrupt Open Scroll(WheelUp) Scroll(WheelDown)"
    );
    assert_eq!(
        consumed(Layer::Opener, "").join(" "),
        "Escape Older Newer EndOrDelete Interrupt Open Scroll(WheelUp) Scroll(WheelDown)"
    );
}

#[test]
fn an_open_question_consumes_what_would_begin_something_else() {
    assert_eq!(consumed(Layer::Question, "ac").join(" "), "Escape Interrupt Open People");
    assert_eq!(consumed(Layer::Question, "").join(" "), "Escape Complete EndOrDelete Interrupt Open People");
}

#[test]
fn a_selection_consumes_its_letters_and_gives_way_to_all_others() {
    let letters = "Insert('n') Insert('N') Insert('c') Insert('r') Insert('s')";
    assert_eq!(consumed(Layer::Selection, "half").join(" "), format!("Enter Escape {letters}"));
    assert_eq!(consumed(Layer::Selection, "").join(" "), format!("Enter Escape Start End {letters}"));
    let mut ali = Scenery::with(Layer::Selection);
    ali.presses(letter('x'));
    assert_eq!((ali.view().front(), ali.passed.join(" ").as_str()), (Layer::Composer, "Insert('x')"));
}

#[test]
fn the_composer_leaves_to_the_entry_what_edits_and_to_the_front_end_what_scrolls() {
    for (typed, own) in [("", vec![Key::Escape, Key::Complete]), ("half", vec![Key::Escape])] {
        let taken = consumed(Layer::Composer, typed);
        for key in KeyAction::all() {
            let mut ali = Scenery::with(Layer::Composer);
            ali.typed = typed.to_owned();
            ali.presses(key.clone());
            let is_taken = match &key {
                KeyAction::Edit(key) => own.contains(key),
                KeyAction::Scroll(_) => false,
                // Where something is typed it comes as the key that deletes.
                KeyAction::EndOrDelete => typed.is_empty(),
                _ => true,
            };
            let passed = match (&key, typed) {
                (KeyAction::Edit(Key::Escape), _) => vec!["Escape".to_owned()],
                (KeyAction::Edit(Key::Start), "") => vec!["Top".to_owned()],
                (KeyAction::Edit(Key::End), "") => vec!["End".to_owned()],
                (KeyAction::EndOrDelete, "half") => vec!["DeleteRight".to_owned()],
                (KeyAction::Scroll(scroll), _) => vec![format!("{scroll:?}")],
                _ if is_taken => Vec::new(),
                _ => vec![name(&key)],
            };
            assert_eq!(ali.passed, passed, "{key:?}");
            assert_eq!(taken.contains(&name(&key)), is_taken, "{key:?}");
        }
    }
}

#[test]
fn a_key_is_asked_of_the_front_layer_first() {
    let mut ali = Scenery::with(Layer::Question);
    view(&mut ali).show_page("Help", &["a line".to_owned()]);
    assert_eq!(ali.view().layers().collect::<Vec<_>>(), [Layer::Page, Layer::Question, Layer::Composer]);
    ali.presses(KeyAction::Open);
    assert_eq!(ali.view().front(), Layer::Page, "the question behind the page lets nothing else be opened");
    ali.presses(edit(Key::Escape));
    assert_eq!(ali.view().front(), Layer::Question);
    ali.presses(edit(Key::Escape));
    assert_eq!((ali.view().front(), ali.view().current.clone()), (Layer::Composer, None));
}

#[test]
fn an_open_question_neither_lets_the_conversation_end_nor_the_program() {
    for key in [KeyAction::Interrupt, KeyAction::EndOrDelete] {
        let mut ali = Scenery::with(Layer::Question);
        ali.presses(key);
        assert!(!ali.asked.iter().any(|command| command.starts_with("End") || command == "Logout"), "{:?}", ali.asked);
        assert!(ali.exit.is_none());
    }
    let mut ali = Scenery::with(Layer::Question);
    for key in [KeyAction::Open, KeyAction::People, edit(Key::Complete)] {
        ali.presses(key);
        assert_eq!(ali.view().front(), Layer::Question);
    }
    ali.presses(letter('a'));
    assert_eq!(ali.passed, ["Insert('a')"]);
}

#[test]
fn a_page_is_turned_by_what_is_on_the_screen() {
    let mut ali = Scenery::with(Layer::Page);
    let from = |ali: &Scenery| match &ali.view().overlays.open {
        Some(Overlay::Page(page)) => page.from,
        other => panic!("{other:?}"),
    };
    ali.presses(edit(Key::Newer));
    assert_eq!(from(&ali), 1);
    ali.presses(KeyAction::Scroll(Scroll::Down));
    assert_eq!(from(&ali), 19);
    ali.presses(edit(Key::Start));
    assert_eq!(from(&ali), 1);
    assert!(ali.passed.is_empty(), "{:?}", ali.passed);
}

#[test]
fn a_line_answers_the_question_even_if_a_page_lies_above_it() {
    let mut ali = Scenery::with(Layer::Question);
    view(&mut ali).show_page("Help", &["a line".to_owned()]);
    ali.enters("accept");
    assert!(ali.asked.iter().any(|command| command.starts_with("DecideKey")), "{:?}", ali.asked);
    assert_eq!(ali.view().front(), Layer::Page);
}

#[test]
fn the_opener_gives_back_what_was_being_typed() {
    for leaves in [edit(Key::Escape), KeyAction::Interrupt, KeyAction::Open, KeyAction::EndOrDelete] {
        let mut ali = Scenery::with(Layer::Composer);
        ali.typed = "half a line".to_owned();
        ali.presses(KeyAction::Open);
        assert_eq!((ali.view().front(), ali.typed.as_str()), (Layer::Opener, ""));
        ali.presses(leaves.clone());
        assert_eq!((ali.view().front(), ali.typed.as_str()), (Layer::Composer, "half a line"), "{leaves:?}");
    }
}

#[test]
fn typing_on_leaves_the_question_whether_to_quit() {
    let mut ali = Scenery::logged_in();
    ali.presses(KeyAction::Interrupt);
    ali.presses(letter('x'));
    assert!(ali.view().quit.confirm);
    ali.presses(edit(Key::Escape));
    assert!(!ali.view().quit.confirm);
}

/// What the notices say, the one that is shown first; each is put away by Esc to see the next.
fn notices(ali: &mut Scenery) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(popup) = ali.view().overlays.popups.newest().cloned() {
        said.push(popup.text.as_str().to_owned());
        ali.presses(edit(Key::Escape));
    }
    said
}

fn tell(ali: &mut Scenery, text: &str) {
    view(ali).tell(text);
}

fn received(from: &str) -> Notice {
    Notice::Call(CallNotice::Received { from: UserId::parse(from).unwrap() })
}

#[test]
fn a_notice_hides_the_one_before_and_gives_it_back() {
    let mut ali = Scenery::with(Layer::Composer);
    for text in ["one", "two", "one", "three"] {
        tell(&mut ali, text);
    }
    assert_eq!(ali.view().overlays.popups.hidden(), 2);
    assert_eq!(notices(&mut ali), ["three", "one", "two"]);
    for number in 0..30 {
        tell(&mut ali, &number.to_string());
    }
    let last: Vec<String> = (14..30).rev().map(|number| number.to_string()).collect();
    assert_eq!(notices(&mut ali), last);
}

#[test]
fn a_line_puts_away_the_notice_that_is_shown_alone() {
    let mut ali = Scenery::with(Layer::Composer);
    tell(&mut ali, "one");
    tell(&mut ali, "two");
    ali.enters("Hello");
    assert_eq!(notices(&mut ali), ["one"]);
}

#[test]
fn how_something_stands_is_told_once() {
    let mut ali = Scenery::with(Layer::Composer);
    let lost = |seconds| {
        let why = peer_core::notice::DirectoryLoss::Network;
        Notice::Directory(DirectoryNotice::Lost { retry_in: seconds, why })
    };
    ali.hears(received("carol"));
    ali.hears(lost(1));
    ali.hears(lost(2));
    ali.hears(Notice::Directory(DirectoryNotice::Back));
    ali.gets(Input::Tell("a paste of 2 lines".to_owned()));
    ali.gets(Input::Tell("a paste of 3 lines".to_owned()));
    assert_eq!(
        notices(&mut ali),
        ["a paste of 3 lines", "Directory server is back.", "carol wants to talk. Alt+A opens, Esc hides this."]
    );
}

#[test]
fn what_a_notice_was_about_is_no_notice_once_it_is_shown() {
    let mut ali = Scenery::with(Layer::Composer);
    ali.hears(received("carol"));
    tell(&mut ali, "something else");
    ali.presses(KeyAction::NextUnread);
    assert!(ali.shows("carol"));
    assert_eq!(notices(&mut ali), ["something else"]);
}

#[test]
fn what_the_mouse_was_dragged_over_is_selected_in_either_direction() {
    let mut ali = Scenery::with(Layer::Composer);
    for (text, number) in [("two", 2), ("three", 3), ("four", 4)] {
        ali.said("bianca", text, number);
    }
    let lines: Vec<i64> = ali
        .view()
        .current_chat()
        .unwrap()
        .numbered()
        .filter(|(_, line)| matches!(line, Line::Message(_)))
        .map(|(number, _)| number)
        .collect();
    let copied = |ali: &mut Scenery, from: usize, over: &[usize]| {
        ali.gets(Input::Pointed(Target::Line(lines[from])));
        over.iter().for_each(|place| ali.gets(Input::Dragged(lines[*place])));
        ali.asked.clear();
        ali.presses(letter('c'));
        ali.asked.join("\n")
    };
    let middle = "copy bianca: two\nbianca: three\n";
    assert_eq!(copied(&mut ali, 1, &[2]), middle);
    assert_eq!(copied(&mut ali, 2, &[0, 3, 1]), middle);
    // One message is copied as it is, also after others were selected with it.
    assert_eq!(copied(&mut ali, 1, &[3, 1]), "copy two");
    assert_eq!(copied(&mut ali, 3, &[]), "copy four");
    // Or it is saved, under the name of who said it first, and when.
    let saved = |ali: &mut Scenery, from: usize, over: &[usize]| {
        ali.gets(Input::Pointed(Target::Line(lines[from])));
        over.iter().for_each(|place| ali.gets(Input::Dragged(lines[*place])));
        ali.asked.clear();
        ali.presses(letter('s'));
        let (name, text) = ali.asked.last().unwrap().split_once(": ").unwrap();
        (name.rsplitn(5, '-').last().unwrap().to_owned(), text.to_owned())
    };
    assert_eq!(saved(&mut ali, 3, &[]), ("save bianca".into(), "four\n".into()));
    assert_eq!(saved(&mut ali, 1, &[2]), ("save bianca".into(), "bianca: two\nbianca: three\n".into()));
}
