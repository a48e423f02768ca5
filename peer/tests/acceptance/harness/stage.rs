//! Where a test takes place: a folder that is thrown away, a directory, users and the programs they run.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::crypto::identity::IdentityKey;
use common::ident::UserId;
use common::limits::PEER_PORT;
use common::testkit::Example;
use common::testkit::client::Client;
use common::testkit::login::{Account, Stretch, is_registered};
use tempfile::TempDir;

use super::address::fresh;
use super::directory::{Directory, Start};
use super::{Piped, Terminal};

/// The passcode of every example user.
pub(crate) const PASSCODE: &str = "482193";

/// A directory and everything around it.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Dropped before the folder it writes to.
    pub(crate) directory: Directory,
    folder: TempDir,
}

/// One terminal to be started: where it listens, where its state is, what its command line says.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    /// Its address.
    pub(crate) ip: Ipv4Addr,
    /// The directory it is to use.
    pub(crate) server: SocketAddr,
    /// Where it keeps its state.
    pub(crate) data: PathBuf,
    home: PathBuf,
    /// Where it listens and calls from, if that is not its address.
    listens: Option<IpAddr>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Whether lines that come at once may be a paste.
    pub(super) pastes_as_configured: bool,
}

impl Stage {
    /// A directory without users.
    pub(crate) fn new() -> Self {
        Self::with(Start::default())
    }

    /// A directory that is started in a special way.
    pub(crate) fn with(start: Start<'_>) -> Self {
        Self::over(|_| (), start)
    }

    /// A directory over data that are put into the folder first, as `directory`.
    pub(crate) fn over(put: impl FnOnce(&Path), start: Start<'_>) -> Self {
        let folder = tempfile::Builder::new().prefix("acceptance").tempdir().unwrap();
        put(folder.path());
        Self { directory: Directory::start(folder.path(), start), folder }
    }

    /// A directory that knows these users.
    pub(crate) fn of(users: &[Example]) -> Self {
        let stage = Self::new();
        users.iter().for_each(|user| stage.register(&account(*user, Stretch::Full)));
        stage
    }

    /// Lets a user register, by the quick client.
    #[track_caller]
    pub(crate) fn register(&self, account: &Account) {
        let reply = self.client(fresh()).register(account, None).unwrap();
        assert!(is_registered(&reply), "{reply:?}");
    }

    /// A connection to the directory from an address.
    #[track_caller]
    pub(crate) fn client(&self, from: Ipv4Addr) -> Client {
        Client::connect(IpAddr::V4(from), self.directory.address).unwrap()
    }

    /// A place for a terminal, with an address and state of its own.
    pub(crate) fn seat(&self) -> Seat {
        let ip = fresh();
        let home = self.folder.path().join(ip.to_string());
        std::fs::create_dir_all(&home).unwrap();
        Seat {
            ip,
            server: self.directory.address,
            data: home.join("data"),
            home,
            listens: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            pastes_as_configured: false,
        }
    }

    /// A place for a terminal of this user.
    pub(crate) fn seat_of(&self, user: &str) -> Seat {
        self.seat().with(&["--user", user])
    }

    /// A place from which a script works for this user: the passcode lies in a file, and nobody can be asked.
    pub(crate) fn script_of(&self, user: &str) -> Seat {
        let passcode = self.passcode_file(&format!("passcode of {user}"), PASSCODE, 0o600);
        self.seat_of(user).with(&["--no-input", "--passcode-file", &passcode])
    }

    /// A file with a passcode.
    pub(crate) fn passcode_file(&self, name: &str, content: &str, mode: u32) -> String {
        let path = self.folder().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    }

    /// A terminal at which this user has logged in.
    #[track_caller]
    pub(crate) fn terminal_of(&self, user: &str) -> Terminal {
        let terminal = Terminal::start(&self.seat_of(user));
        terminal.logs_in();
        terminal
    }

    /// A peer on pipes at which this user has logged in.
    #[track_caller]
    pub(crate) fn piped_of(&self, user: &str) -> Piped {
        let mut piped = Piped::start(&self.seat_of(user));
        piped.logs_in();
        piped
    }

    /// Ali and bianca at their terminals, talking; ali has called.
    #[track_caller]
    pub(crate) fn conversation(&self) -> [Terminal; 2] {
        self.conversation_at(["ali", "bianca"].map(|user| self.seat_of(user)))
    }

    /// The same at these terminals.
    #[track_caller]
    pub(crate) fn conversation_at(&self, seats: [Seat; 2]) -> [Terminal; 2] {
        let [ali, bianca] = seats.map(|seat| Terminal::start(&seat));
        [&ali, &bianca].into_iter().for_each(Terminal::logs_in);
        ali.enters("bianca");
        ali.shows("Connection established, type your messages");
        bianca.shows("Connection received from user ali, type your messages");
        [ali, bianca]
    }

    /// Everything below is thrown away at the end.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Seat {
    /// With further arguments.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// At another server, for instance a middleman.
    pub(crate) fn at_server(self, server: SocketAddr) -> Self {
        Self { server, ..self }
    }

    /// At another address than its own.
    pub(crate) fn listening_at(self, address: IpAddr) -> Self {
        Self { listens: Some(address), ..self }
    }

    /// With its state elsewhere.
    pub(crate) fn keeping_state_in(self, data: &Path) -> Self {
        Self { data: data.to_owned(), ..self }
    }

    /// With a variable in the environment.
    pub(crate) fn set(mut self, variable: &str, value: &str) -> Self {
        self.environment.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// With a guard against pastes unless the configuration switches it off.
    pub(crate) fn pastes_as_configured(self) -> Self {
        Self { pastes_as_configured: true, ..self }
    }

    /// With a configuration file of this content.
    pub(crate) fn configured(self, content: &str) -> Self {
        let folder = self.home.join("config/peer");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), content).unwrap();
        self
    }

    /// Where callers reach it.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ip.into(), PEER_PORT)
    }

    /// The program's arguments and environment.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "--server".to_owned(),
            self.server.to_string(),
            "--listen".to_owned(),
            self.listens.unwrap_or(self.ip.into()).to_string(),
            "--data-dir".to_owned(),
            self.data.display().to_string(),
        ];
        arguments.extend(self.arguments.iter().cloned());
        arguments
    }

    /// Everything in the environment: nothing of the machine's reaches the program.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let below = |name: &str| self.home.join(name).display().to_string();
        let mut environment = vec![
            ("HOME".to_owned(), self.home.display().to_string()),
            ("XDG_CONFIG_HOME".to_owned(), below("config")),
            ("XDG_DATA_HOME".to_owned(), below("share")),
            ("XDG_STATE_HOME".to_owned(), below("state")),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("TZ".to_owned(), "UTC".to_owned()),
        ];
        environment.extend(self.environment.iter().cloned());
        environment
    }

    /// The program without a terminal.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peer"));
        command.args(self.arguments()).env_clear().envs(self.environment());
        command
    }
}

/// An example user's account.
pub(crate) fn account(example: Example, stretch: Stretch) -> Account {
    Account { user: id(example), passcode: PASSCODE.to_owned(), stretch, identity: identity(example) }
}

/// An example user's id.
pub(crate) fn id(example: Example) -> UserId {
    example.user().unwrap()
}

/// An example user's key.
pub(crate) fn identity(example: Example) -> IdentityKey {
    example.identity().unwrap()
}
