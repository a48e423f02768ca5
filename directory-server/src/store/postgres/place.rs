//! Where a database is: `postgres://USER@HOST/DB`, and how it may be reached.
//!
//! What others on the way could read or change is refused: without TLS only UNIX sockets and loopback addresses are reached,
//! with TLS only a host whose certificate one named authority answers for. A URL stands in lists of processes and in
//! configurations, so it holds no password.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use common::secret::Secret;

/// The port of PostgreSQL.
const PORT: u16 = 5432;

/// A database, and who asks.
#[derive(Clone)]
pub struct Place {
    /// Where it listens.
    pub(super) host: Host,
    pub(super) user: String,
    pub(super) database: String,
    /// The file with the certificate of the authority that answers for the host; nothing without TLS.
    pub(super) authority: Option<PathBuf>,
    pub(super) password: Option<Secret>,
}

/// Where a database listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A UNIX socket.
    Socket(PathBuf),
    /// A host.
    Tcp {
        /// Its name or address.
        name: String,
        /// Its port.
        port: u16,
        /// Only addresses of this machine may be what the name stands for.
        only_loopback: bool,
    },
}

/// Why a URL is refused: what is wrong with it, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPlace(pub String);

/// Environment variables, as `std::env::var` gives them.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Place {
    /// Reads a URL. What it leaves out, the variables of PostgreSQL's own programs say: `PGUSER`, `PGDATABASE`,
    /// `PGPASSWORD`, `PGPASSFILE`.
    ///
    /// # Errors
    /// [`BadPlace`] if it is no such URL, holds a password, or the database could not be reached safely.
    pub fn parse(url: &str, variables: Variables<'_>) -> Result<Self, BadPlace> {
        let form = "It looks like postgres://USER@HOST/DATABASE, or postgres://USER@/DATABASE?host=/var/run/postgresql";
        let bad = |what: &str| BadPlace(format!("The URL of the database {what}. {form}."));
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| bad("does not begin with postgres://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (whom, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, address) = whom.rsplit_once('@').unwrap_or(("", whom));
        if login.contains(':') {
            return Err(holds_a_password());
        }
        let text =
            |part: &str| decode(part).ok_or_else(|| bad("holds a % that is followed by no two hexadecimal digits"));
        let (mut user, mut database) = (text(login)?, text(path)?);
        let (mut host, mut port) = split_port(address).ok_or_else(|| bad("has a port that is no number"))?;
        host = text(&host)?;
        let (mut mode, mut root, mut passfile) = (String::new(), None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = text(value)?;
            match key {
                "host" => host = value,
                "port" => port = Some(value.parse().map_err(|_| bad("has a port that is no number"))?),
                "user" => user = value,
                "dbname" => database = value,
                "sslmode" => mode = value,
                "sslrootcert" => root = Some(PathBuf::from(value)),
                "passfile" => passfile = Some(value),
                "password" => return Err(holds_a_password()),
                other => return Err(bad(&format!("has a part that is not known here, {other}"))),
            }
        }
        if user.is_empty() {
            user = variables("PGUSER").or_else(|| variables("USER")).ok_or_else(|| bad("names no user"))?;
        }
        if database.is_empty() {
            database = variables("PGDATABASE").unwrap_or_else(|| user.clone());
        }
        let port = port.unwrap_or(PORT);
        if host.is_empty() {
            host = "/var/run/postgresql".into();
        }
        let is_socket = host.starts_with('/');
        let here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let authority = authority(&host, (&mode, root), is_socket || here)?;
        let asked = Asked { host: &host, port, database: &database, user: &user };
        let password = password(&asked, passfile, variables)?;
        let host = if is_socket {
            Host::Socket(PathBuf::from(host).join(format!(".s.PGSQL.{port}")))
        } else {
            Host::Tcp { name: host, port, only_loopback: authority.is_none() }
        };
        Ok(Self { host, user, database, authority, password })
    }
}

/// The file of the authority, if TLS is wanted; an error where the way would not be safe.
fn authority(host: &str, (mode, root): (&str, Option<PathBuf>), is_here: bool) -> Result<Option<PathBuf>, BadPlace> {
    let wanted = "sslmode=verify-full&sslrootcert=/path/of/the/authority.pem";
    match (mode, root) {
        ("verify-full", Some(root)) => Ok(Some(root)),
        ("verify-full", None) => Err(BadPlace(format!(
            "The URL of the database asks for sslmode=verify-full, but names no authority. Write {wanted} behind it."
        ))),
        ("" | "disable", None) if is_here => Ok(None),
        ("" | "disable" | "allow" | "prefer" | "require" | "verify-ca", _) => Err(BadPlace(format!(
            "Anybody between here and {host} could take the place of the database. Write behind the URL: {wanted}"
        ))),
        (other, _) => Err(BadPlace(format!("sslmode={other} is not known. Write behind the URL: {wanted}"))),
    }
}

fn holds_a_password() -> BadPlace {
    BadPlace(
        "The URL of the database holds a password, which others could read there. Take it out, and say it by PGPASSFILE \
         (a file with a line HOST:PORT:DATABASE:USER:PASSWORD, mode 0600) or PGPASSWORD."
            .into(),
    )
}

/// `HOST:PORT`, `[ADDRESS]:PORT`, each without the port, too; nothing if that is no number.
fn split_port(address: &str) -> Option<(String, Option<u16>)> {
    if let Some(bracketed) = address.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?.parse().ok()?) };
        return Some((host.into(), port));
    }
    match address.rsplit_once(':') {
        None => Some((address.into(), None)),
        Some((host, port)) => Some((host.into(), Some(port.parse().ok()?))),
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit(rest.next())? * 16 + digit(rest.next())?);
    }
    String::from_utf8(bytes).ok()
}

/// What a line of a file of passwords is for.
struct Asked<'a> {
    host: &'a str,
    port: u16,
    database: &'a str,
    user: &'a str,
}

/// The password: `PGPASSWORD`, or the first line for this place of the file that `passfile`, `PGPASSFILE` or
/// `~/.pgpass` names.
fn password(asked: &Asked<'_>, file: Option<String>, variables: Variables<'_>) -> Result<Option<Secret>, BadPlace> {
    if let Some(password) = variables("PGPASSWORD") {
        return Ok(Some(Secret::new(password.into_bytes())));
    }
    let named = file.or_else(|| variables("PGPASSFILE")).map(PathBuf::from);
    let own = || variables("HOME").map(|home| PathBuf::from(home).join(".pgpass")).filter(|path| path.exists());
    let is_named = named.is_some();
    let Some(path) = named.or_else(own) else { return Ok(None) };
    let unreadable = |why: &dyn fmt::Display| BadPlace(format!("The file of passwords {}: {why}.", path.display()));
    let found = std::fs::metadata(&path).map_err(|error| unreadable(&error))?;
    if std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o077 != 0 {
        let path = path.display();
        return Err(unreadable(&format_args!("it can be read by others. If nobody has read it: chmod 600 {path}")));
    }
    let bytes = Secret::new(std::fs::read(&path).map_err(|error| unreadable(&error))?);
    let text = std::str::from_utf8(bytes.expose()).map_err(|error| unreadable(&error))?;
    let password = text.lines().filter(|line| !line.starts_with('#')).find_map(|line| of_line(line, asked));
    match password {
        None if is_named => Err(unreadable(&format_args!(
            "no line of it is for {}:{}:{}:{}",
            asked.host, asked.port, asked.database, asked.user
        ))),
        password => Ok(password),
    }
}

/// The password of a line, if the line is for this place. `*` stands for anything, `\` before a character for itself.
fn of_line(line: &str, asked: &Asked<'_>) -> Option<Secret> {
    let (mut parts, mut letters) = (vec![String::new()], line.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => parts.last_mut()?.push(letters.next()?),
            ':' if parts.len() < 5 => parts.push(String::new()),
            letter => parts.last_mut()?.push(letter),
        }
    }
    let [host, port, database, user, password] = <[String; 5]>::try_from(parts).ok()?;
    let is = |part: &str, wanted: &str| part == "*" || part == wanted;
    let host_is = is(&host, asked.host) || (asked.host.starts_with('/') && host == "localhost");
    let fits = host_is && is(&port, &asked.port.to_string()) && is(&database, asked.database) && is(&user, asked.user);
    fits.then(|| Secret::new(password.into_bytes()))
}

/// Without the password.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("host", &self.host).field("database", &self.database).finish_non_exhaustive()
    }
}

/// As in a message: which database of which host.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Socket(path) => write!(f, "{} at {}", self.database, path.display()),
            Host::Tcp { name, port, .. } => write!(f, "{} at {name}:{port}", self.database),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Place, String> {
        Place::parse(url, &|name| (name == "PGPASSWORD").then(|| "geheim".into())).map_err(|bad| bad.0)
    }

    #[test]
    fn a_url_says_where_the_database_is() {
        let place = parse("postgres://ali@127.0.0.1:5433/users").unwrap();
        let host = Host::Tcp { name: "127.0.0.1".into(), port: 5433, only_loopback: true };
        assert_eq!((&place.host, &*place.user, &*place.database), (&host, "ali", "users"));
        assert_eq!(place.password.unwrap().expose(), b"geheim");
        let place = parse("postgresql://a%40li@/users?host=/run/pg").unwrap();
        let host = Host::Socket("/run/pg/.s.PGSQL.5432".into());
        assert_eq!((&place.host, &*place.user, &*place.database), (&host, "a@li", "users"));
        assert_eq!(
            parse("postgres://ali@%2Frun%2Fpg:6/users").unwrap().host,
            Host::Socket("/run/pg/.s.PGSQL.6".into())
        );
        let place = parse("postgres://ali@db.example.org/users?sslmode=verify-full&sslrootcert=/ca.pem").unwrap();
        let host = Host::Tcp { name: "db.example.org".into(), port: 5432, only_loopback: false };
        assert_eq!((place.host, place.authority), (host, Some("/ca.pem".into())));
        assert_eq!(
            parse("postgres://ali@[::1]/").unwrap().host,
            Host::Tcp { name: "::1".into(), port: 5432, only_loopback: true }
        );
    }

    #[test]
    fn a_url_with_a_password_is_refused_and_none_is_shown() {
        for url in ["postgres://ali:482193@localhost/users", "postgres://ali@localhost/users?password=482193"] {
            let refused = parse(url).unwrap_err();
            assert!(refused.contains("holds a password") && !refused.contains("482193"), "{refused}");
        }
        assert!(!format!("{:?}", parse("postgres://ali@localhost/users").unwrap()).contains("geheim"));
    }

    #[test]
    fn what_others_could_listen_to_is_refused() {
        for query in
            ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca&sslrootcert=/ca"]
        {
            let refused = parse(&format!("postgres://ali@db.example.org/users{query}")).unwrap_err();
            assert!(refused.contains("sslmode=verify-full&sslrootcert="), "{query}: {refused}");
        }
        assert!(parse("postgres://ali@192.0.2.7/users").is_err());
        assert!(parse("postgres://ali@localhost/users?sslmode=verify-full").is_err());
    }

    #[test]
    fn what_is_no_url_of_a_database_is_refused() {
        for url in ["sqlite:x", "postgres://ali@h:x/d", "postgres://ali@localhost/d?weather=good", "postgres://a%4@/d"]
        {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_line_of_a_file_of_passwords_is_for_a_place() {
        let asked = Asked { host: "db", port: 5432, database: "users", user: "ali" };
        let password = |line: &str| of_line(line, &asked).map(|it| String::from_utf8(it.expose().to_vec()).unwrap());
        assert_eq!(password("db:5432:users:ali:ge:heim").as_deref(), Some("ge:heim"));
        assert_eq!(password(r"*:*:*:ali:a\:b\\").as_deref(), Some(r"a:b\"));
        assert_eq!(password("db:5433:users:ali:x"), None);
        assert_eq!(password("db:5432:users"), None);
    }
}
