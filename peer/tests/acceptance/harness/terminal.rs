//! A peer in a pseudo-terminal, with a model of the screen that a user would see.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::num::NonZeroU16;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use super::stage::Seat;
use super::watch::{PATIENCE, Seen, Watch};

/// Rows high enough that nothing scrolls away before a test has looked at it.
const TALL: u16 = 200;

/// What the user sees.
struct Screen(vt100::Parser);

/// A running peer and the user in front of it.
pub(crate) struct Terminal {
    pid: Pid,
    /// Tells the exit code, once.
    ended: Receiver<u32>,
    running: bool,
    keys: Mutex<Box<dyn Write + Send>>,
    watch: Watch<Screen>,
    master: Box<dyn MasterPty + Send>,
    /// Held open, so that the modes of the terminal can be looked at after the program has ended.
    line: File,
    modes_before: String,
}

impl Terminal {
    /// Starts a peer on a screen of 80 columns.
    pub(crate) fn start(seat: &Seat) -> Self {
        Self::start_wide(seat, 80)
    }

    /// Starts a peer on a screen of this number of columns.
    pub(crate) fn start_wide(seat: &Seat, columns: u16) -> Self {
        Self::start_sized(seat, columns, TALL)
    }

    /// Starts a peer on a screen of this size.
    pub(crate) fn start_sized(seat: &Seat, columns: u16, rows: u16) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_peer"));
        command.args(seat.arguments());
        command.env_clear();
        command.env("TERM", "xterm-256color");
        for (variable, value) in seat.environment() {
            command.env(variable, value);
        }
        if !seat.pastes_as_configured {
            // A test types faster than anybody: its lines are none that were pasted.
            command.env("PEER_LINE__PASTE_GUARD", "false");
        }
        Self::start_program(command, columns, rows)
    }

    /// Starts another program.
    pub(crate) fn start_program(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let line = File::options().read(true).write(true).open(pair.master.tty_name().unwrap()).unwrap();
        let modes_before = modes(&line);
        let mut child = pair.slave.spawn_command(command).unwrap();
        let pid = child.process_id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).unwrap();
        let (tell, ended) = mpsc::channel();
        std::thread::spawn(move || {
            let status = child.wait().unwrap();
            // The test may be over.
            let _ = tell.send(status.exit_code());
        });
        let reader = pair.master.try_clone_reader().unwrap();
        let keys = Mutex::new(pair.master.take_writer().unwrap());
        let screen = Screen(vt100::Parser::new(cells(rows), cells(columns), 0));
        let watch = Watch::new(reader, screen, |screen, piece| screen.0.process(piece));
        Self { pid, ended, running: true, keys, watch, master: pair.master, line, modes_before }
    }

    /// Presses keys.
    pub(crate) fn types(&self, keys: &str) {
        let mut writer = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Types a line and Enter.
    pub(crate) fn enters(&self, line: &str) {
        self.types(&format!("{line}\r"));
    }

    /// CTRL-C.
    pub(crate) fn ctrl_c(&self) {
        self.types("\x03");
    }

    /// The lines on the screen down to the last one with something on it, trailing spaces aside.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.watch.look(lines)
    }

    /// Every byte the program has written.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.watch.look(|seen| seen.bytes.clone())
    }

    /// Waits until `text` is on the screen.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        self.shows_times(text, 1);
    }

    /// Waits until this number of lines of the screen have `text` in them.
    #[track_caller]
    pub(crate) fn shows_times(&self, text: &str, times: usize) {
        let what = format!("{text:?} on {times} lines");
        self.until(&what, |lines| lines.iter().filter(|line| line.contains(text)).count() >= times);
    }

    /// Waits until a file is told as arrived whole; `what` is its name and size, such as `plans.pdf (3.0 MB`. How long it took
    /// is told where it was long.
    #[track_caller]
    pub(crate) fn has_whole(&self, what: &str) {
        self.until(&format!("{what}, checked"), |lines| {
            // It may be broken between two words.
            let shown: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
            let shown = shown.join(" ");
            shown.match_indices(what).any(|(at, _)| {
                let behind = &shown[at + what.len()..];
                behind.starts_with(", ") && behind.split_once(')').is_some_and(|(told, _)| told.ends_with("checked"))
            })
        });
    }

    /// Waits until the last line is `line`, and the cursor stands behind it and one space.
    #[track_caller]
    pub(crate) fn asks(&self, line: &str) {
        self.stands(line, 1);
    }

    /// Waits until the last line is `line`, and the cursor stands right behind it.
    #[track_caller]
    pub(crate) fn holds(&self, line: &str) {
        self.stands(line, 0);
    }

    #[track_caller]
    fn stands(&self, line: &str, spaces: usize) {
        let column = u16::try_from(line.chars().count() + spaces).unwrap();
        let found = |seen: &mut Seen<Screen>| {
            let (row, at) = seen.view.0.screen().cursor_position();
            let here = seen.view.0.screen().rows(0, u16::MAX).nth(row.into())?;
            let last = lines(seen).pop()?;
            (last == line && here.trim_end() == line && at == column).then_some(())
        };
        self.watch.wait(&format!("{line:?} and the cursor behind it"), found, describe);
    }

    /// Waits for the prompt at which a destination is entered.
    #[track_caller]
    pub(crate) fn is_at_prompt(&self) {
        self.asks("Enter destination user ID:");
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&[String]) -> bool) {
        self.watch.wait(what, |seen| wanted(&lines(seen)).then_some(()), describe);
    }

    /// Waits until the last line is `line`, wherever the cursor stands.
    #[track_caller]
    pub(crate) fn asks_in(&self, line: &str) {
        self.until(&format!("{line:?} at the end"), |lines| lines.last().is_some_and(|last| last == line));
    }

    /// Waits until the rows of the screen, as they are, are as wanted.
    #[track_caller]
    pub(crate) fn until_rows(&self, what: &str, wanted: impl Fn(&[String]) -> bool) {
        let found = |seen: &mut Seen<Screen>| {
            let screen = seen.view.0.screen();
            let rows: Vec<String> = screen.rows(0, screen.size().1.get()).collect();
            wanted(&rows).then_some(())
        };
        self.watch.wait(what, found, describe);
    }

    /// Waits until the lines on the screen are exactly these.
    #[track_caller]
    pub(crate) fn reads(&self, wanted: &[&str]) {
        self.until(&format!("exactly these lines: {wanted:#?}"), |lines| lines == wanted);
    }

    /// Logs in with the example passcode, where the user was named on the command line.
    #[track_caller]
    pub(crate) fn logs_in(&self) {
        self.asks("Enter passcode on keypad.");
        self.enters(super::PASSCODE);
        self.shows("Enter passcode on keypad. Logged in.");
        self.is_at_prompt();
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Kills the program without warning.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.exit_code();
    }

    /// The program's exit code, when it has ended.
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> u32 {
        let code = self.ended.recv_timeout(PATIENCE);
        self.running = code.is_err();
        code.unwrap_or_else(|_| panic!("the program does not end; this is seen:\n{}", self.lines().join("\n")))
    }

    /// The modes of the terminal now, in the words of `stty -a`.
    pub(crate) fn modes(&self) -> String {
        modes(&self.line)
    }

    /// The modes of the terminal before the program was started.
    pub(crate) fn modes_before(&self) -> &str {
        &self.modes_before
    }

    /// Changes the width of the screen.
    pub(crate) fn resize(&self, columns: u16) {
        self.resize_to(columns, TALL);
    }

    /// Changes the size of the screen.
    pub(crate) fn resize_to(&self, columns: u16, rows: u16) {
        self.watch.look(|seen| seen.view.0.screen_mut().set_size(cells(rows), cells(columns)));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Every cell of the screen with its colours, as a terminal would have to be told of it.
    pub(crate) fn cells(&self) -> Vec<String> {
        self.watch.look(cells_of)
    }

    /// How the cells look: what most of them have, and row by row which have something else.
    pub(crate) fn styles(&self) -> Vec<String> {
        self.watch.look(styles_of)
    }

    /// Waits until the cells of these lines look as wanted.
    #[track_caller]
    pub(crate) fn until_styles(&self, what: &str, wanted: impl Fn(&[String], &[String]) -> bool) {
        let found = |seen: &mut Seen<Screen>| wanted(&lines(seen), &styles_of(seen)).then_some(());
        self.watch.wait(what, found, |seen| styles_of(seen).join("\n"));
    }

    /// Waits until the cells of the screen are as wanted.
    #[track_caller]
    pub(crate) fn until_cells(&self, what: &str, wanted: impl Fn(&[String]) -> bool) {
        let found = |seen: &mut Seen<Screen>| wanted(&cells_of(seen)).then_some(());
        self.watch.wait(what, found, describe);
    }

    /// Waits until the program has written this, after this number of bytes.
    #[track_caller]
    pub(crate) fn until_written(&self, after: usize, what: &str) {
        let found = |seen: &mut Seen<Screen>| {
            let written = seen.bytes[after..].windows(what.len()).any(|window| window == what.as_bytes());
            written.then_some(())
        };
        self.watch.wait(&format!("{what:?}"), found, describe);
    }

    /// Whether the program shows a screen of its own.
    pub(crate) fn is_full_screen(&self) -> bool {
        self.watch.look(|seen| seen.view.0.screen().alternate_screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.running {
            // It may be ending by itself at this moment.
            let _ = kill_process(self.pid, Signal::KILL);
            let _ = self.ended.recv();
        }
    }
}

fn modes(line: &File) -> String {
    let line = line.as_fd().try_clone_to_owned().unwrap();
    let output = Command::new("stty").arg("-a").stdin(line).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

/// Rows that the terminal or the program has wrapped are one line; trailing spaces and the empty rows at the end do not
/// count.
fn lines(seen: &mut Seen<Screen>) -> Vec<String> {
    let screen = seen.view.0.screen();
    let (_, columns) = screen.size();
    let mut lines: Vec<String> = Vec::new();
    let mut continued = false;
    let mut last_row = String::new();
    for (number, row) in (0..).zip(screen.rows(0, columns.get())) {
        match lines.last_mut() {
            Some(line) if continued => line.push_str(&row),
            Some(line) if !screen.alternate_screen() && is_hung(&row) && is_ours(line) => {
                // A word that is longer than a row is cut in two; whatever else ends before the last column.
                let full = last_row.chars().count() == usize::from(columns.get());
                line.truncate(line.trim_end().len());
                *line = format!("{line}{}{}", if full { "" } else { " " }, row.trim_start());
            }
            _ => lines.push(row.clone()),
        }
        last_row = row.trim_end().to_owned();
        continued = screen.row_wrapped(number);
    }
    let used = lines.iter().rposition(|line| !line.trim_end().is_empty()).map_or(0, |last| last + 1);
    lines.truncate(used);
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Whether a row goes on with a line of the program: it begins with three spaces, as only the groups of a
/// safety number do besides.
fn is_hung(row: &str) -> bool {
    row.strip_prefix("   ")
        .is_some_and(|rest| !rest.starts_with(' ') && !rest.chars().all(|c| c == ' ' || c.is_ascii_digit()))
}

/// Whether a line can go on in the next row.
fn is_ours(line: &str) -> bool {
    line.len() > 12 && !line.starts_with("  ")
}

/// Row by row, without the cursor.
fn cells_of(seen: &mut Seen<Screen>) -> Vec<String> {
    let screen = seen.view.0.screen();
    let (_, columns) = screen.size();
    screen.rows_formatted(0, columns.get()).collect()
}

/// What most cells look like, then what others do: `3  1-8 green bold`, columns from 0.
fn styles_of(seen: &mut Seen<Screen>) -> Vec<String> {
    let screen = seen.view.0.screen();
    let (rows, columns) = screen.size();
    let row = |row: u16| (0..columns.get()).map(move |column| screen.cell(row, column).map_or(String::new(), style));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    (0..rows.get()).flat_map(row).for_each(|style| *counts.entry(style).or_default() += 1);
    let base = counts.into_iter().max_by_key(|(_, count)| *count).map(|(style, _)| style).unwrap_or_default();
    let mut lines = vec![format!("most: {base}").trim_end().to_owned()];
    for number in 0..rows.get() {
        let mut runs: Vec<(usize, usize, String)> = Vec::new();
        for (column, style) in row(number).enumerate().filter(|(_, style)| *style != base) {
            match runs.last_mut() {
                Some((_, to, last)) if *to + 1 == column && *last == style => *to = column,
                _ => runs.push((column, column, style)),
            }
        }
        let runs: Vec<String> =
            runs.iter().map(|(from, to, style)| format!("{from}-{to} {style}").trim_end().to_owned()).collect();
        if !runs.is_empty() {
            lines.push(format!("{number}  {}", runs.join("  ")));
        }
    }
    lines
}

fn style(cell: &vt100::Cell) -> String {
    const NAMES: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
    let colour = |colour: vt100::Color, on: &str| match colour {
        vt100::Color::Default => String::new(),
        vt100::Color::Idx(index) => {
            NAMES.get(usize::from(index)).map_or(format!("{on}{index}"), |name| format!("{on}{name}"))
        }
        vt100::Color::Rgb(red, green, blue) => format!("{on}{red:02x}{green:02x}{blue:02x}"),
    };
    let words = [(cell.bold(), "bold"), (cell.dim(), "dim"), (cell.inverse(), "reversed")];
    let words = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned());
    let colours =
        [colour(cell.fgcolor(), ""), colour(cell.bgcolor(), "on ")].into_iter().filter(|name| !name.is_empty());
    colours.chain(words).collect::<Vec<_>>().join(" ")
}

fn describe(seen: &mut Seen<Screen>) -> String {
    lines(seen).join("\n")
}
