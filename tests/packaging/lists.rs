//! What the packages hold: every file that is listed exists, and nothing that belongs in them is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources that a table of the manifest lists.
fn sources(table: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let start = format!("\n[package.metadata.{table}]\n");
    let text = manifest.split_once(&start).unwrap_or_else(|| panic!("no {table}")).1;
    let text = text.split("\n[").next().unwrap();
    let lines = text.lines().map(str::trim);
    let of_line = |line: &str| {
        let rest = line.strip_prefix("[\"").or(line.strip_prefix("{ source = \""))?;
        Some(rest.split('"').next().unwrap().to_owned())
    };
    lines.filter_map(of_line).collect()
}

/// The files that a source stands for.
fn files(source: &str) -> Vec<PathBuf> {
    let Some((folder, ending)) = source.rsplit_once("/*") else { return vec![root().join(source)] };
    let entries = fs::read_dir(root().join(folder)).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

#[test]
fn every_file_of_a_package_exists() {
    for table in ["deb", "deb.variants.plugins", "generate-rpm"] {
        let sources = sources(table);
        assert!(sources.len() > 4, "{table}: {sources:?}");
        for source in sources.iter().filter(|source| !source.starts_with("target/release/")) {
            let files = files(source);
            assert!(
                !files.is_empty() && files.iter().all(|file| file.is_file()),
                "{table}: {source}"
            );
        }
    }
}

#[test]
fn both_kinds_of_packages_hold_all_that_comes_with_the_program() {
    for table in ["deb", "generate-rpm"] {
        let sources = sources(table);
        let held: BTreeSet<PathBuf> = sources.iter().flat_map(|source| files(source)).collect();
        for folder in ["packaging/man", "packaging/completions", "presets", "docs", "deploy"] {
            for entry in fs::read_dir(root().join(folder)).unwrap().flatten() {
                let path = entry.path();
                if path.is_file() {
                    assert!(held.contains(&path), "{table} leaves out {}", path.display());
                }
            }
        }
        assert!(held.contains(&root().join("config.yml")), "{table}");
    }
}

/// What a script of a package runs or names is what the package has.
#[test]
fn the_unit_runs_what_the_packages_install() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for line in [
        "    [\"target/release/secdocker\", \"usr/bin/secdocker\", \"755\"],",
        "    [\"config.yml\", \"etc/secdocker/config.yml\", \"640\"],",
        "conf-files = [\"/etc/secdocker/config.yml\", \"/etc/logrotate.d/secdocker\"]",
    ] {
        assert!(manifest.lines().any(|found| found == line), "{line}");
    }
    let postinst = fs::read_to_string(root().join("packaging/deb/postinst")).unwrap();
    assert!(postinst.contains("adduser --system --group"), "{postinst}");
    for script in ["deb/postinst", "deb/postrm", "deb/prerm", "rpm/post", "rpm/preun"] {
        let file = root().join("packaging").join(script);
        let checked = std::process::Command::new("sh").arg("-n").arg(&file).status().unwrap();
        assert!(checked.success(), "{script}");
    }
}

/// The value of a key in a unit.
fn value(unit: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(root().join("deploy").join(unit)).unwrap();
    let of_line = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned());
    text.lines().rev().find_map(of_line)
}

/// `scripts/try-units` shows all of this under a systemd, but takes minutes.
#[test]
fn the_service_may_read_what_it_is_given() {
    let group = value("secdocker.service", "Group").unwrap();
    for script in ["deb/postinst", "rpm/post"] {
        let text = fs::read_to_string(root().join("packaging").join(script)).unwrap();
        let given = format!("chgrp {group} /etc/secdocker /etc/secdocker/config.yml");
        assert!(text.contains(&given), "{script}");
    }
    assert_eq!(value("secdocker.socket", "SocketGroup"), Some(group));
    assert_eq!(value("secdocker.service", "SupplementaryGroups").as_deref(), Some("docker"));
    let socket = value("secdocker.socket", "ListenStream").unwrap();
    let kept = value("secdocker.service", "RuntimeDirectoryPreserve");
    let runtime = value("secdocker.service", "RuntimeDirectory").unwrap();
    assert!(socket.starts_with(&format!("/run/{runtime}/")), "{socket}");
    assert_eq!(kept.as_deref(), Some("yes"), "the socket would go with the folder");
}
