//! What comes with the program: manual pages, completions, the JSON Schema of `config.yml`, `init`, and the files
//! of the packages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod command;
#[path = "packaging/completions.rs"]
mod completions;
#[path = "packaging/manual.rs"]
mod manual;
#[path = "packaging/schema.rs"]
mod schema;
#[path = "packaging/words.rs"]
mod words;

use command::Folder;

/// `init` asks nothing, leaves what is there, and writes what `check` accepts.
#[test]
fn init_writes_a_configuration_for_every_preset() {
    for (preset, _) in secdocker::config::PRESETS {
        let folder = Folder::new(&format!("init-{preset}"));
        let (status, said, complaint) = folder.run(&format!("init {preset}"), "");
        assert_eq!((status, complaint.as_str()), (Some(0), ""), "{preset}");
        assert!(said.starts_with("secdocker: config.yml is written"), "{said}");
        let written = folder.read("config.yml");
        let lines = written.lines().filter(|line| line.starts_with('#'));
        assert!(lines.count() > 15, "{written}");
        let (status, text, complaint) = folder.run("check", "");
        assert_eq!((status, complaint.as_str()), (Some(0), ""), "{preset}: {text}");
        assert!(text.contains("No other endpoint may be called."), "{text}");
        let (status, _, complaint) = folder.run(&format!("init {preset}"), "");
        assert_eq!(status, Some(2), "{complaint}");
        assert_eq!(complaint, "secdocker: cannot write config.yml: File exists (os error 17)\n");
        assert_eq!(folder.read("config.yml"), written);
    }
    let folder = Folder::new("init-other");
    let (status, _, complaint) = folder.run("init nginx", "");
    assert_eq!(status, Some(2));
    assert!(
        complaint.contains("`nginx` is not a preset: there are read-only, traefik"),
        "{complaint}"
    );
    assert_eq!(folder.run("init --config other.yml", "").0, Some(0));
    assert_eq!(folder.run("check other.yml", "").0, Some(0));
}
