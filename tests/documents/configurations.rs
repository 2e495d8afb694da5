//! Configurations in documents are loaded: whole ones as they are, parts of one in their section.

use crate::authority::{Authority, Issued, Leaf};
use crate::command::Folder;
use crate::document::{self, Block};
use secdocker::config::{self, Overrides};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder with the certificates that documents name.
fn folder() -> &'static Folder {
    static FOLDER: OnceLock<Folder> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Folder::new("documents");
        let authority = Authority::new("CA");
        folder.write("ca.pem", &authority.certificate);
        let write = |prefix: &str, issued: &Issued| {
            folder.write(&format!("{prefix}cert.pem"), &issued.certificate);
            folder.write(&format!("{prefix}key.pem"), &issued.key);
        };
        write("server-", &authority.issue(&Leaf::server("docker.example", &["docker.example"])));
        let client = authority.issue(&Leaf::client("secdocker"));
        write("", &client);
        write("client-", &client);
        folder.write("profile.json", r#"{"defaultAction":"SCMP_ACT_ERRNO"}"#);
        folder
    })
}

/// What is wrong with a whole configuration, in which `…` stands for more of the same.
fn mistakes(text: &str) -> Option<String> {
    settings(text).err()
}

/// What a configuration says, in one line to be compared; or what is wrong with it.
pub(crate) fn settings(text: &str) -> Result<String, String> {
    let folder = folder();
    let here = folder.path("").display().to_string();
    let text = text.replace("/etc/secdocker/", &here).replace("/etc/docker/", &here);
    let digest = "0123456789abcdef".repeat(4);
    let text = text
        .replace("sha256:…", &format!("sha256:{digest}"))
        .replace("sha256:...", &format!("sha256:{digest}"));
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("config-{number}.yml");
    folder.write(&name, &text);
    let loaded = config::load(&folder.path(&name), &Overrides::default());
    loaded.map(|settings| format!("{settings:?}")).map_err(|error| error.to_string())
}

/// A plugin's own configuration, which says in its first line whose it is: the plugin itself reads it.
fn of_a_plugin(block: &Block) -> Option<Vec<String>> {
    let name = block.text.strip_prefix("# plugins/")?.split('/').next()?;
    let folder = Folder::new(&format!("documents-{name}"));
    let (plugins, own) = (folder.path("plugins"), folder.path(&format!("plugins/{name}")));
    fs::create_dir_all(&own).unwrap();
    let library = format!("lib{name}.so");
    let built = std::env::current_exe().unwrap().with_file_name(&library);
    fs::copy(&built, own.join(&library)).unwrap_or_else(|e| panic!("{}: {e}", built.display()));
    folder.write(&format!("plugins/{name}/config.yml"), &block.text);
    folder.write("config.yml", &format!("plugins: [{name}]\n"));
    for path in [folder.path(""), plugins, own.clone(), own.join(&library)] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(own.join("config.yml"), fs::Permissions::from_mode(0o600)).unwrap();
    let (status, text, complaint) = folder.run("check config.yml", "");
    let is_loaded = status == Some(0) && complaint.is_empty() && text.contains(name);
    Some(if is_loaded { vec![] } else { vec![format!("{complaint}{text}")] })
}

/// What is wrong with a block of YAML.
pub(crate) fn wrong(block: &Block) -> Vec<String> {
    of_a_plugin(block).unwrap_or_else(|| mistakes(&block.text).into_iter().collect())
}

/// Where a part of a configuration may stand.
const SECTIONS: &[&str] = &[
    "{}",
    "restrictions: {{}}",
    "general: {{}}",
    "listen: {{}}",
    "listen: {allow_plain: true, tls: {certificate: server-cert.pem, key: server-key.pem, clients: ca.pem, {}}}",
    "listen: {allow_plain: true, tls: {certificate: server-cert.pem, key: server-key.pem, {}}}",
    "upstream: {tls: {{}}}",
    "limits: {{}}",
    "log: {{}}",
    "endpoints: {{}}",
    "endpoints: {allow: [GET /info], {}}",
    "plugins: [{name: a, {}}]",
    "exceptions: [{image: 'a@sha256:…', reason: x, {}}]",
    "clients: [{name: a, match: {network: 10.0.0.0/8}, {}}]",
    "clients: [{name: a, match: {{}}}]",
    "clients: [{name: a, match: {network: 10.0.0.0/8}}, {{}}]",
    "restrictions: {builds: {}}",
    "restrictions: {images: {{}}}",
    "restrictions: {mounts: {{}}}",
    "restrictions: {subnets: {{}}}",
];

/// Whether a part is right in any section; else what is wrong with it at the first that has such a key.
fn part_is_wrong(part: &str) -> Option<String> {
    let mut first = None;
    let left_out = ["x", "/x", "[x]", "[/x]", "{x: y}"];
    let fillings = if part.contains('…') { &left_out[..] } else { &left_out[..1] };
    for filling in fillings {
        let part = part.replace("sha256:…", "sha256:\0").replace('…', filling).replace('\0', "…");
        for section in SECTIONS {
            let open = section.split_once("{}").unwrap();
            let whole = format!("{}{part}{}", open.0, open.1);
            match mistakes(&whole) {
                None => return None,
                Some(error) if !error.contains("unknown key") => first = first.or(Some(error)),
                Some(_) => {}
            }
        }
    }
    Some(first.unwrap_or_else(|| "no section has such a key".to_owned()))
}

/// Every key of the schema.
pub(crate) fn keys() -> Vec<String> {
    let schema = document::read("src/config/schema.rs");
    let fields = schema.lines().filter_map(|line| line.trim().strip_prefix("pub(super) "));
    let keys = fields.filter_map(|field| field.split_once(": ")).map(|(key, _)| key);
    let is_key = |key: &&str| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    keys.filter(is_key).map(ToOwned::to_owned).chain(["match".to_owned()]).collect()
}

/// `key: value` in a line of text, where the key is one of ours.
fn is_configuration(span: &str, keys: &[String]) -> bool {
    let Some((key, value)) = span.split_once(": ") else { return false };
    // The Engine API's own words, and sentences with a colon.
    let names_a_key = keys.iter().any(|known| known == key);
    names_a_key && !value.is_empty()
}

#[test]
fn every_configuration_in_a_sentence_loads() {
    let keys = keys();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in document::all()
        .iter()
        .filter(|file| !file.starts_with("plugins/") && *file != "CHANGELOG.md")
    {
        let text = document::read(file);
        let text = document::prose(&text).join("\n");
        for span in document::spans(&text).iter().filter(|span| is_configuration(span, &keys)) {
            seen += 1;
            if let Some(what) = part_is_wrong(span) {
                wrong.push(format!("{file}: `{span}`: {what}"));
            }
        }
    }
    assert!(seen > 30, "{seen} configurations in sentences");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The examples that can be copied: whole files, and what config.yml says behind `#`.
#[test]
fn every_file_that_is_there_to_be_copied_loads() {
    let mut files = vec!["config.yml".to_owned()];
    let presets = fs::read_dir(document::root().join("presets")).unwrap().flatten();
    files.extend(presets.map(|preset| format!("presets/{}", preset.file_name().to_str().unwrap())));
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        assert_eq!(mistakes(&document::read(&file)), None, "{file}");
    }
}

/// A section that is commented out, uncommented.
pub(crate) fn uncommented(text: &str) -> Vec<(String, String)> {
    let keys = keys();
    let mut sections: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let Some(bare) = line.strip_prefix("# ") else {
            open = false;
            continue;
        };
        let key = bare.split(':').next().unwrap();
        if bare.contains(':') && keys.iter().any(|known| known == key) {
            sections.push((key.to_owned(), format!("{bare}\n")));
            open = true;
        } else if open {
            sections.last_mut().unwrap().1.push_str(&format!("{bare}\n"));
        }
    }
    sections
}

#[test]
fn every_section_that_config_yml_has_behind_a_comment_loads() {
    let sections = uncommented(&document::read("config.yml"));
    let names: Vec<_> = sections.iter().map(|(key, _)| key.as_str()).collect();
    for key in ["endpoints", "listen", "upstream", "limits", "log", "exceptions", "clients"] {
        assert!(names.contains(&key), "{key}: {names:?}");
    }
    for (key, text) in &sections {
        assert_eq!(mistakes(text), None, "{key}:\n{text}");
    }
}
