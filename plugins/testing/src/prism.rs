//! Prism (npm `@stoplight/prism-cli`) in front of a stub: a request or answer that the API description
//! doesn't have is refused, and so fails the test.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use secdocker_plugin_common::client::{Ask, Client, Trust};

use crate::Stub;

/// The longest that it may take to start: it reads the description first, perhaps on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Prism. Ends when dropped, or when this process has ended.
pub struct Prism {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Prism {
    /// Puts Prism before `stub`, with the description's paths below `prefix`, which Prism would ignore.
    ///
    /// # Panics
    /// If it is not installed: `scripts/install-missing test` does that.
    pub fn before(stub: &Stub, description: &Path, prefix: &str) -> Self {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("prism");
        let program = installed.join("node_modules/@stoplight/prism-cli/dist/index.js");
        assert!(program.exists(), "Prism is missing: `scripts/install-missing test` installs it");
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("prism-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let prefixed = folder.join("description.yaml");
        let text = fs::read_to_string(description)
            .unwrap_or_else(|error| panic!("{}: {error}", description.display()));
        fs::write(&prefixed, below(prefix, &text)).unwrap();
        let address = free_address();
        let log = File::create(folder.join("log")).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "node"])
            .arg(program)
            .args(["proxy", "--errors", "--host", "127.0.0.1", "--port"])
            .arg(address.port().to_string())
            .arg(&prefixed)
            .arg(stub.url())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("can't run node: {error}"));
        let mut prism = Self { child, address, folder };
        prism.wait_until_it_listens();
        prism
    }

    /// `http://127.0.0.1:…`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether it refuses this body. A description that it can't read it doesn't check, without a word.
    pub fn refuses(&self, path: &str, content_type: &str, body: &str) -> bool {
        let url = format!("{}{path}", self.url());
        let headers = [("Content-Type", content_type), ("Authorization", "Basic YTpi")];
        let body = Some(body.as_bytes());
        let ask = Ask { method: "POST", url: &url, headers: &headers, body };
        let client = Client::new(&Trust::default()).unwrap();
        let reply = client.send(&ask, Some(PATIENCE)).unwrap();
        reply.status == 422 && String::from_utf8_lossy(&reply.body).contains("prism/errors")
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn wait_until_it_listens(&mut self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "Prism ended with {ended:?}: {}", self.log());
            assert!(Instant::now() < until, "Prism doesn't listen: {}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("Prism said:\n{}", self.log());
        }
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A description's text with its paths below `prefix`: in it, they are the keys of the second level that
/// begin with a slash. `/` itself stays where it is, too far up to need one.
fn below(prefix: &str, text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().map(|line| {
        if line.starts_with(|first: char| first.is_ascii_alphabetic()) {
            inside = line.starts_with("paths:");
        }
        match line.strip_prefix("  /") {
            Some(path) if inside && path != ":" => format!("  {prefix}/{path}\n"),
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}
