//! A real Docker engine to be compared before: one of the bench's own, beside any that runs here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::load::Caller;
use crate::peers::{self, Running, Upstream};

/// The image that is fetched again and again.
pub(crate) const IMAGE: &str = "bench:1";

const START_TIME: Duration = Duration::from_secs(60);

/// A running engine, ended when it is dropped.
pub(crate) struct Engine {
    pub(crate) upstream: Upstream,
    _running: Running,
}

impl Engine {
    /// Starts one in `folder`; `None` where there is no `dockerd`. It has mounts of its own, no bridge
    /// and no rules of iptables, so that it meets no other.
    pub(crate) fn start(folder: &Path) -> io::Result<Option<Self>> {
        if !has("dockerd") {
            return Ok(None);
        }
        let here = folder.join("engine");
        fs::create_dir_all(&here)?;
        let upstream = Upstream { tcp: peers::free_address()?, unix: here.join("docker.sock") };
        let library = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib.sh");
        let at = here.display();
        let script = format!(
            ". {library}; mount_cgroups; hide_engine_settings; exec dockerd --bridge=none \
             --iptables=false --tls=false --host=unix://{} --host=tcp://{} --data-root={at}/data \
             --exec-root={at}/exec --pidfile={at}/pid",
            upstream.unix.display(),
            upstream.tcp
        );
        let log = fs::File::create(here.join("log"))?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "bash", "-euc", &script]).env("PATH", path()).stderr(log);
        let running = Running::start(&mut command)?;
        let answers = || Caller::connect(upstream.tcp).is_ok_and(|mut one| one.ping().is_ok());
        peers::wait_until(START_TIME, answers).map_err(|error| {
            let log = fs::read_to_string(here.join("log")).unwrap_or_default();
            io::Error::new(error.kind(), format!("dockerd does not answer:\n{log}"))
        })?;
        Ok(Some(Self { upstream, _running: running }))
    }

    /// Gives it an image of about so many bytes.
    pub(crate) fn import(&self, folder: &Path, bytes: u64) -> io::Result<()> {
        let archive = archive(folder, bytes)?;
        let target = format!("/v1.41/images/create?fromSrc=-&repo={}", IMAGE.replace(':', "&tag="));
        Caller::connect(self.upstream.tcp)?.send_file(&target, &archive)?;
        fs::remove_file(archive)
    }
}

/// A tar archive of one file that does not compress.
fn archive(folder: &Path, bytes: u64) -> io::Result<PathBuf> {
    let (file, archive) = (folder.join("noise"), folder.join("noise.tar"));
    let mut noise = io::Read::take(fs::File::open("/dev/urandom")?, bytes);
    io::copy(&mut noise, &mut fs::File::create(&file)?)?;
    let mut tar = Command::new("tar");
    let done = tar.arg("-C").arg(folder).arg("-cf").arg(&archive).arg("noise").status()?;
    fs::remove_file(file)?;
    if done.success() { Ok(archive) } else { Err(io::Error::other("tar failed")) }
}

fn has(program: &str) -> bool {
    let mut which = Command::new("sh");
    which.args(["-c", &format!("command -v {program}")]).env("PATH", path()).stdout(Stdio::null());
    which.status().is_ok_and(|status| status.success())
}

/// With the folders of what only root runs.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}
