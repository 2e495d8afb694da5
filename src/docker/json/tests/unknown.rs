//! Keys that are no fields: which are reported, and which are left out.

use super::*;
use crate::docker::schema;

fn unknown(body: &str) -> Vec<String> {
    read_closed(body.as_bytes(), &CREATE).unwrap().1.paths().collect()
}

#[test]
fn keys_that_are_no_fields_are_told_with_their_paths() {
    for (body, expected) in [
        (r#"{"Image":"x","Labels":{"New":"a"},"hostconfig":{"memory":1}}"#, &[][..]),
        (r#"{"New":{"Newer":1}}"#, &["New"]),
        (r#"{"HostConfig":{"Nеw":0}}"#, &["HostConfig.Nеw"]),
        (
            r#"{"hostconfig":{"Mounts":[{},{"BindOptions":{"New":1}},null],"New":[]},"Image":"x"}"#,
            &["HostConfig.Mounts[1].BindOptions.New", "HostConfig.New"],
        ),
        (
            r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"New":""}]}},"A\n":1}"#,
            &["HostConfig.PortBindings[80/tcp][0].New", "A\\n"],
        ),
        (r#"{"Volumes":{"/a":{"New":1}}}"#, &["Volumes[/a].New"]),
    ] {
        assert_eq!(unknown(body), expected, "{body}");
    }
}

/// What is left of a body, and what is reported.
fn sifted(body: &str, table: &'static Struct) -> (String, Vec<String>) {
    let (object, unknown) = read_closed(body.as_bytes(), table).unwrap();
    (written(&object), unknown.paths().collect())
}

#[test]
fn what_clients_send_and_no_engine_reads_is_left_out() {
    // As dockerode and docker-java send it.
    for (table, keys) in [
        (&schema::CREATE, &["name", "platform", "id", "authConfig"][..]),
        (&schema::EXEC, &["containerId", "id"]),
        (&schema::COMMIT, &["container", "repo", "tag", "comment", "author", "pause", "changes"]),
        (&schema::SERVICE, &["version", "registryAuthFrom", "rollback"]),
        (&schema::SWARM_SPEC, &["version", "rotateManagerToken"]),
        (&schema::NODE_SPEC, &["version"]),
        (&schema::UPDATE, &[]),
        (&schema::VOLUME_CREATE, &[]),
        (&schema::NETWORK_CREATE, &[]),
        (&schema::NETWORK_CONNECT, &[]),
    ] {
        let options = ["_query", "_body", "abortSignal", "authconfig", "registryconfig"];
        for key in keys.iter().chain(&options).filter(|key| table.field(key).is_none()) {
            for value in ["1", "\"a\"", "{}", "{\"a\":[null]}", "null"] {
                let body = format!("{{\"{key}\":{value}}}");
                assert_eq!(sifted(&body, table), ("{}".to_owned(), vec![]), "{body}");
            }
            // Another spelling is not what they send.
            let other = format!("{{\"{}\":1}}", key.to_uppercase());
            assert_eq!(sifted(&other, table).1, [key.to_uppercase()], "{other}");
            // And beside it neither is kept, as of all that fold into one.
            let both = format!("{{\"{key}\":1,\"{}\":1}}", key.to_uppercase());
            let neither = ("{}".to_owned(), vec![key.to_uppercase()]);
            assert_eq!(sifted(&both, table), neither, "{both}");
            let twice = format!("{{\"{key}\":1,\"{key}\":1}}");
            assert!(read_closed(twice.as_bytes(), table).is_err(), "{twice}");
        }
        assert_eq!(sifted(r#"{"New":null}"#, table), ("{}".to_owned(), vec![]));
        assert_eq!(sifted(r#"{"New":0,"NEW":null}"#, table), ("{}".to_owned(), vec!["New".into()]));
    }
    // Elsewhere they are as new as any other.
    for body in [r#"{"HostConfig":{"name":1}}"#, r#"{"containerId":1}"#, r#"{"New":{"name":null}}"#]
    {
        let (left, told) = sifted(body, &CREATE);
        assert_eq!((left.as_str(), told.len()), (body, 1));
    }
    // A client's own keys are no fields.
    let labels = r#"{"Labels":{"name":null,"_query":""}}"#;
    assert_eq!(sifted(labels, &CREATE), (labels.to_owned(), vec![]));
}

#[test]
fn a_network_where_it_does_not_belong_is_left_out() {
    for network in
        ["null", "{}", r#"{"driver_opt":{"a":"b"}}"#, r#"{"Aliases":["a"],"IPAMConfig":null}"#]
    {
        let body = format!(r#"{{"NetworkingConfig":{{"net":{network}}}}}"#);
        let left = (r#"{"NetworkingConfig":{}}"#.to_owned(), vec![]);
        assert_eq!(sifted(&body, &CREATE), left, "{body}");
    }
    for network in ["1", "[]", r#"{"New":null}"#] {
        let body = format!(r#"{{"NetworkingConfig":{{"net":{network}}}}}"#);
        assert_eq!(sifted(&body, &CREATE), (body, vec!["NetworkingConfig.net".to_owned()]));
    }
    // A network of that name is what the engine reads.
    let body = r#"{"NetworkingConfig":{"endpointsconfig":{"net":{"Aliases":[]}}}}"#;
    assert!(sifted(body, &CREATE).0.contains(r#""EndpointsConfig":{"net""#));
}

#[test]
fn fields_behind_what_is_left_out_are_still_found() {
    let mut fields: Vec<_> =
        CREATE.fields().iter().map(|field| format!("\"{}\":null", field.name)).collect();
    fields.insert(0, r#""name":1,"New":null"#.to_owned());
    let body = format!("{{{}}}", fields.join(","));
    let mut object = read_closed(body.as_bytes(), &CREATE).unwrap().0;
    object.set("User", "1000".to_owned().into());
    assert_eq!((object.text("User"), object.get("Memory")), (Some("1000"), Some(&Node::Null)));
}

#[test]
fn of_unknown_keys_a_few_are_told_and_none_at_length() {
    let long = "k".repeat(1000);
    let entries: Vec<_> = (0..100).map(|at| format!("\"{long}{at}\":1")).collect();
    let told = unknown(&format!("{{\"HostConfig\":{{{}}}}}", entries.join(",")));
    assert_eq!(told.len(), 9);
    assert!(told.iter().all(|path| path.chars().count() < 100), "{told:?}");
    assert_eq!(told.last().unwrap(), "...");
}
