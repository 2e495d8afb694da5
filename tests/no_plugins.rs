//! SecDocker without the Cargo feature `plugins`, as a static build is: it must not start as if none were
//! configured. `make check` runs it.
#![cfg(not(feature = "plugins"))]
#![expect(clippy::unwrap_used, reason = "a failed test says where")]

use std::fs;
use std::process::Command;

#[test]
fn a_configuration_that_names_plugins_is_refused_with_one_line() {
    let folder = std::env::temp_dir().join(format!("no-plugins-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.yml"), "plugins: [notary]\n").unwrap();
    for arguments in [&["check", "config.yml"][..], &["--config", "config.yml"]] {
        let mut secdocker = Command::new(env!("CARGO_BIN_EXE_secdocker"));
        let done = secdocker.current_dir(&folder).args(arguments).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!((done.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        let why = "plugins[0]: this SecDocker was built without plugins";
        assert!(said.contains(why), "{said}");
    }
    fs::remove_dir_all(folder).unwrap();
}
