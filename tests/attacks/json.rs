//! Spellings of a create body that the engine reads as one and the same.

use super::{Attack, Probe, Step};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        privileged("json keys in lower case", "fields are matched without case",
            r#"{"image":"probe:1","cmd":["true"],"user":"1000","hostconfig":{"privileged":true}}"#),
        privileged("json keys in capitals", "fields are matched without case",
            r#"{"IMAGE":"probe:1","CMD":["true"],"USER":"1000","HOSTCONFIG":{"PRIVILEGED":true}}"#),
        privileged("json key with a long s", "U+017F folds to s",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","HoſtConfig":{"Privileged":true}}"#),
        privileged("json key with an escaped long s", "escapes are read first",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","Ho\u017ftConfig":{"Privileged":true}}"#),
        privileged("json key with escapes", "escapes are read first",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","HostConfig":{"\u0050rivileged":true}}"#),
        privileged("json object given twice", "the two are merged",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","HostConfig":{"Privileged":true},"HostConfig":{"Memory":0}}"#),
        privileged("json object given twice in two cases", "the two are merged",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","HostConfig":{"Privileged":true},"hostConfig":{}}"#),
        privileged("json field given twice", "the last counts",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","HostConfig":{"Privileged":false,"Privileged":true}}"#),
        privileged("json field given twice in two cases", "the last counts",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","HostConfig":{"Privileged":false,"privileged":true}}"#),
        privileged("json host fields at the top level", "as in the oldest API",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","Privileged":true}"#).until(28),
        privileged("json host fields at the top level beside null", "null is no object",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","privileged":true,"HostConfig":null}"#).until(28),
        privileged("json with more behind it", "only the first value is read",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","HostConfig":{"Privileged":true}} {"HostConfig":{}}"#).until(26),
        privileged("json with garbage behind it", "only the first value is read",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","HostConfig":{"Privileged":true}}]"#),
        privileged("json with space around it", "space means nothing",
            "\r\n\t {\"Image\":\"probe:1\",\"Cmd\":[\"true\"],\"User\":\"1000\",\r\n\"HostConfig\" :\t{\"Privileged\"\n:true}}"),
        privileged("json privileged behind a null", "null leaves a field as it is",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","HostConfig":{"Privileged":true,"Privileged":null}}"#),
        privileged("json in a long body", "a long body is judged as a short one is",
            &format!(r#"{{"Image":"probe:1","Cmd":["true"],"User":"1000","Labels":{{"a":"{}"}},"HostConfig":{{"Privileged":true}}}}"#,
                "b".repeat(200_000))),
        privileged("json beside text that is none", "halves of characters are replaced",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","Labels":{"\udcff":"\ud83d"},"HostConfig":{"Privileged":true}}"#),
        privileged("json beside a key of no field in two cases", "both are passed over",
            r#"{"name":"x","Name":"y","Image":"probe:1","Cmd":["true"],"User":"1000","HostConfig":{"Privileged":true}}"#),
        bodied("json image given twice", "the last counts",
            r#"{"Image":"probe:1","image":"ubuntu:16.04","Cmd":["true"],"User":"1000"}"#)
            .works_when(Probe::container_holds("/Config/Image", "ubuntu")),
        bodied("json key with a kelvin sign", "U+212A folds to k",
            "{\"Image\":\"probe:1\",\"Cmd\":[\"true\"],\"User\":\"1000\",\
             \"HostConfig\":{\"Networ\u{212a}Mode\":\"host\"}}")
            .works_when(Probe::container_holds("/HostConfig/NetworkMode", "host")),
        bodied("json list given twice", "a later, shorter list replaces the first",
            r#"{"Image":"probe:1","Cmd":["true"],"User":"1000","Env":["A=1","B=2"],"Env":["USER=0"]}"#)
            .works_when(Probe::container_holds("/Config/Env", "USER=0")),
        Attack::harmless("json in another case", "odd, but it asks for nothing")
            .send(body(r#"{"image":"probe:1","CMD":["true"],"uſer":"1000","labels":{"A":"1","a":"2"}}"#))
            .works_when(Probe::container(|it| it["Config"]["Labels"]["A"] == "1")),
    ]
}

fn privileged(name: &'static str, why: &'static str, text: &str) -> Attack {
    bodied(name, why, text)
        .works_when(Probe::container(|it| it["HostConfig"]["Privileged"] == true))
}

fn bodied(name: &'static str, why: &'static str, text: &str) -> Attack {
    Attack::new(name, why).send(body(text))
}

fn body(text: &str) -> Step {
    Step::send_as("POST", "/containers/create?name=@name@", "application/json", text)
}
