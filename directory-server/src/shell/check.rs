//! `directory-server check`: configuration and data, one line each.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use super::admin::Request;
use super::admin::client;
use super::data_dir::{DataDir, Dependents};
use super::{rt, stores};
use crate::config::Loaded;
use crate::failure::Failure;
use directory_core::store::Store as _;

/// How long the status page may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found, in the order of the checks.
pub(crate) struct Findings(Vec<Result<String, String>>);

impl Findings {
    pub(crate) fn all_well(&self) -> bool {
        self.0.iter().all(Result::is_ok)
    }

    pub(crate) fn text(&self) -> String {
        let line = |finding: &Result<String, String>| match finding {
            Ok(what) => format!("ok    {what}\n"),
            Err(complaint) => format!("FAIL  {complaint}\n"),
        };
        self.0.iter().map(line).collect()
    }
}

/// Whether the status page is where the configuration says.
fn answers(address: SocketAddr) -> Result<String, String> {
    let asked = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())?;
        let mut reply = [0; 12];
        stream.read_exact(&mut reply)?;
        io::Result::Ok(reply)
    };
    match asked() {
        Ok(reply) if &reply == b"HTTP/1.1 200" => Ok(format!("status page and metrics at http://{address}/")),
        _ => Err(format!(
            "status page: the server does not answer at http://{address}/. If it was started before [http] listen was \
             set, restart it."
        )),
    }
}

/// Checks everything that can be checked without disturbing a running server.
pub(crate) fn check(data_dir: &Path, loaded: &Loaded) -> Result<Findings, Failure> {
    let mut findings = Vec::new();
    let source = loaded.file.as_ref().map_or_else(|| "defaults".into(), |file| file.display().to_string());
    findings.push(loaded.config.addresses().map(|_| format!("configuration ({source})")).map_err(|f| f.message));
    let http = loaded.config.http_address()?;
    if client::ask_server(data_dir, &Request::Status)?.is_some() {
        findings.push(Ok("server answers".into()));
        findings.extend(http.map(answers));
        findings.push(Ok("keys and database are in use by it; stop it to check them".into()));
        return Ok(Findings(findings));
    }
    findings.extend(http.map(|address| Ok(format!("status page and metrics, when it runs at http://{address}/"))));
    let place = loaded.config.place()?;
    let (data, dependents) = match &place {
        None => (DataDir::open(data_dir)?, Dependents::InFile),
        Some(_) => (DataDir::open_without_database(data_dir)?, Dependents::InDatabase),
    };
    findings.push(Ok(format!("data directory {}", data.path().display())));
    let complaints = data.complaints(&dependents);
    findings.push(if complaints.is_empty() { Ok("server key and secret".into()) } else { Err(complaints.join(" ")) });
    let name = place.as_ref().map_or_else(|| "database".into(), |place| format!("database {place}"));
    let checked = stores::open(&data, place).and_then(|store| {
        let checked = rt::block_on(store.check());
        rt::block_on(store.close());
        Ok(checked?)
    });
    findings.push(match checked {
        Ok(problems) if problems.is_empty() => Ok(name),
        Ok(problems) => Err(format!("{name}: {}. Restore it from your backup.", problems.join("; "))),
        Err(failure) => Err(failure.message),
    });
    Ok(Findings(findings))
}
