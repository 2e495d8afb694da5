//! The manual pages: (8) has every command and option, and (5) is made of the schema of `config.yml`.
//! `UPDATE_MAN=1 cargo test --test packaging` writes it anew.

use crate::words;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const COMMAND: &str = include_str!("../../packaging/man/secdocker.8");

/// A text as roff takes it: no macro, no escape.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[test]
fn the_page_of_the_command_has_every_command_and_option() {
    let words = words::commands().into_iter().map(ToOwned::to_owned);
    let options = words::options().into_iter().map(|option| format!("--{option}"));
    let missing: Vec<_> =
        words.chain(options).filter(|word| !COMMAND.contains(&word.replace('-', "\\-"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Where a `$ref` leads, with what stands beside it.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    match schema["$ref"].as_str() {
        Some(name) => root.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The values that may stand there, in words; none if any may.
fn values(root: &Value, schema: &Value) -> Option<String> {
    let schema = resolved(root, schema);
    let words = |value: &Value| value.as_str().map(ToOwned::to_owned);
    if schema["enum"].as_array().is_some_and(|all| all.contains(&Value::Bool(true))) {
        return Some("true or false".to_owned());
    }
    if let Some(all) = schema["enum"].as_array() {
        return Some(all.iter().filter_map(words).collect::<Vec<_>>().join(", "));
    }
    let one = schema["anyOf"].as_array()?.iter().find(|one| one.get("$ref").is_some())?;
    let name = one["$ref"].as_str()?.trim_start_matches("#/$defs/");
    match name {
        "switch" => Some("true or false".to_owned()),
        "size" => Some("a size".to_owned()),
        "time" => Some("a time".to_owned()),
        "count" => Some("a number".to_owned()),
        "lists" => Some("a list, or the keys allow and deny".to_owned()),
        "value" => Some("one or several".to_owned()),
        _ => None,
    }
}

fn describe(out: &mut String, root: &Value, prefix: &str, schema: &Value) {
    let schema = resolved(root, schema);
    for (key, value) in schema["properties"].as_object().unwrap() {
        let name = format!("{prefix}{key}");
        let said = resolved(root, value);
        let description = value["description"].as_str().or(said["description"].as_str()).unwrap();
        let is_list = said["items"].is_object();
        let mark = if is_list { " (a list)" } else { "" };
        writeln!(out, ".TP\n\\fB{}\\fP{mark}\n{}", roff(&name), roff(description)).unwrap();
        if let Some(values) = values(root, said) {
            writeln!(out, "Values: {}.", roff(&values)).unwrap();
        }
        if let Some(default) = value.get("default") {
            let default = default.as_str().map_or_else(|| default.to_string(), ToOwned::to_owned);
            writeln!(out, "Default: {}.", roff(&default)).unwrap();
        }
        let is_named = value["$ref"].is_string() && !prefix.is_empty();
        let inner = match said["items"].as_object() {
            Some(_) if said["items"]["anyOf"].is_array() => &said["items"]["anyOf"][1],
            Some(_) => resolved(root, &said["items"]),
            None => said,
        };
        if inner["properties"].is_object() && !is_named {
            describe(out, root, &format!("{name}."), inner);
        }
    }
}

fn page() -> String {
    let root: Value = serde_json::from_str(secdocker::config::SCHEMA).unwrap();
    let mut out = String::from(
        ".\\\" Made of src/config/schema.json by UPDATE_MAN=1 cargo test --test packaging\n\
         .TH SECDOCKER.YML 5 \"\" \"SecDocker\" \"File formats\"\n\
         .SH NAME\nsecdocker.yml \\- configuration of the Docker firewall secdocker\n\
         .SH DESCRIPTION\n\
         .B secdocker\nreads\n.I config.yml\nin its working directory, else\n\
         .IR /etc/secdocker/config.yml ,\nor the file that \\-\\-config names. It is one YAML document. An unknown key, a key \
         that is there twice or a wrong value stops the start with file, line and key. A changed file takes effect by \
         itself; a broken one is refused, and the old rules stay in force.\n.PP\n\
         Values stand in quotes or without. Sizes are bytes, or have k, m, g (powers of 1024); times have their unit: ms, \
         s, m, h.\n.PP\n\
         .B secdocker check\nsays what a file means, and\n.B secdocker schema\nprints its JSON Schema.\n\
         .SH KEYS\n",
    );
    describe(&mut out, &root, "", &root);
    out.push_str(
        ".SH EXAMPLE\n.nf\nrestrictions:\n  mounts: [/, /etc, /root]\n  privileged: true\ngeneral:\n  memory: 1g\n\
         endpoints:\n  preset: gitlab\\-runner\n.fi\n\
         .SH FILES\n.TP\n.I /etc/secdocker/config.yml\nThe configuration.\n\
         .SH SEE ALSO\n.BR secdocker (8)\n",
    );
    out
}

#[test]
fn the_page_of_the_configuration_is_made_of_its_schema() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/man/secdocker.yml.5");
    let page = page();
    if std::env::var_os("UPDATE_MAN").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "UPDATE_MAN=1 cargo test --test packaging writes it anew");
    for key in
        ["listen.tls.client_certificates", "clients.match.certificate.cn", "plugins.cache.life"]
    {
        assert!(page.contains(&format!("\\fB{key}\\fP")), "{key}");
    }
}
