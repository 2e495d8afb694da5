//! What the reader makes of a Dockerfile, and what the engine's classic builder makes of it: no user,
//! variable or image that the engine comes to may be missing among the effects.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use secdocker::docker::Endpoint;
use secdocker::effects::{self};
use secdocker::http::target;
use secdocker::policy::effects::{
    BuildEffect, Effect, EnvironmentEffect, IdentityEffect, ImageEffect, Opaque,
};
use serde_json::Value;
use support::archive::context;
use support::client::Client;
use support::{Daemon, unique};

/// What a build uses and leaves.
#[derive(Debug, Default, PartialEq, Eq)]
struct Made {
    /// `USER` as the image has it in the end.
    user: String,
    /// Without the `PATH` that every image gets.
    environment: Vec<String>,
    /// Those of the two local images that it was built upon.
    base: Option<String>,
}

/// What the reader says: the users that stages end with, all variables and images on the way.
#[derive(Debug, Default)]
struct Read {
    users: Vec<String>,
    environment: Vec<String>,
    /// Variables whose value it does not know.
    unknown: Vec<String>,
    images: Vec<String>,
    any_user: bool,
    any_variable: bool,
}

/// Arguments that every build is given, encoded.
const ARGUMENTS: &str = "%7B%22G%22%3A%22given%22%2C%22N%22%3Anull%7D";

fn read(context: &[u8]) -> Result<Read, String> {
    let target = format!("/build?buildargs={ARGUMENTS}");
    let target = target::parse(&target).unwrap();
    let inspected = effects::read(Endpoint::BuildContext, &target, context);
    let inspected = inspected.map_err(|error| error.to_string())?;
    let mut read = Read::default();
    for asked in inspected.effects() {
        match &asked.effect {
            Effect::Identity(IdentityEffect::User(user)) => {
                read.users.push(user.as_str().to_owned())
            }
            Effect::Environment(EnvironmentEffect::Set(entry)) => {
                read.environment.push(entry.to_entry())
            }
            Effect::Environment(EnvironmentEffect::Template(name)) => {
                read.unknown.push(name.clone())
            }
            Effect::Image(ImageEffect::Used(image)) => read.images.push(image.to_string()),
            Effect::Build(BuildEffect::Opaque(Opaque::User(_))) => read.any_user = true,
            Effect::Build(BuildEffect::Opaque(_)) => read.any_variable = true,
            _ => {}
        }
    }
    Ok(read)
}

/// Builds straight at the engine; none if it refuses.
fn build(context: &[u8]) -> Option<Made> {
    let daemon = Daemon::shared();
    let name = unique("differs");
    let head = format!(
        "POST /build?t={name}&buildargs={ARGUMENTS}&networkmode=none HTTP/1.1\r\nHost: d\r\n\
         Content-Type: application/x-tar\r\nContent-Length: {}\r\n\r\n",
        context.len()
    );
    let answer = Client::unix(&daemon.socket()).ask([head.as_bytes(), context].concat());
    let found = daemon.api().get(&format!("/images/{name}/json"));
    assert_eq!(found.status == 200, answer.text().contains("Successfully tagged"), "{answer:?}");
    if found.status != 200 {
        return None;
    }
    let image = found.json();
    daemon.api().delete(&format!("/images/{name}?force=1"));
    let config = &image["Config"];
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut environment = texts(&config["Env"]);
    environment.retain(|entry| !entry.starts_with("PATH=/usr/local/sbin"));
    let first = |image: &Value| image["RootFS"]["Layers"][0].clone();
    let is_base = |name: &&str| {
        let base = first(&daemon.api().get(&format!("/images/{name}/json")).json());
        !base.is_null() && base == first(&image)
    };
    let base = ["probe:1", "ubuntu:16.04"].into_iter().find(is_base).map(str::to_owned);
    Some(Made { user: config["User"].as_str().unwrap().to_owned(), environment, base })
}

/// What the engine did and the reader does not know of.
fn missed(read: &Read, made: &Made) -> Vec<String> {
    let mut missed = Vec::new();
    // Nobody is number 0 to the reader.
    let user = if made.user.is_empty() { "0" } else { &made.user };
    if !read.any_user && !made.user.is_empty() && !read.users.iter().any(|known| known == user) {
        missed.push(format!("user {:?}", made.user));
    }
    for entry in &made.environment {
        let name = entry.split('=').next().unwrap().to_owned();
        let is_known = read.environment.contains(entry) || read.unknown.contains(&name);
        if !is_known && !read.any_variable {
            missed.push(format!("variable {entry:?}"));
        }
    }
    missed.extend(made.base.iter().filter(|base| !read.images.contains(base)).cloned());
    missed
}

/// Builds that the engine takes: the user in the end, the variables, the image at the bottom.
const ODD: &[(&str, &str, &[&str], &str)] = &[
    ("FROM scratch\nUSER a", "a", &[], ""),
    ("from\tscratch\nuser\x0Ba", "a", &[], ""),
    ("\u{FEFF}FROM scratch\nUSER a", "a", &[], ""),
    ("FROM scratch\r\nUSER a\r\n", "a", &[], ""),
    ("  # x\n\n \t FROM   scratch  \n  USER   a b  ", "a b", &[], ""),
    ("FROM \\\n  scratch\nUSER \\\n\n# x\n  # y\na", "a", &[], ""),
    ("FROM scratch\nUSER a\\  \n\tb", "a\tb", &[], ""),
    ("FROM scratch\nUSER a \\\\\nUSER b", "b", &[], ""),
    ("FROM scratch\nUSER a\\", "a", &[], ""),
    ("# escape=`\nFROM `\nscratch\nUSER a\\b`c", "a\\bc", &[], ""),
    ("#ESCAPE = `  \nFROM scratch\nUSER `$a", "$a", &[], ""),
    ("# syntax=x\n# escape=`\nFROM scratch\nUSER a`\nb", "ab", &[], ""),
    ("# x\n# escape=`\nFROM scratch\nUSER a\\b", "ab", &[], ""),
    ("\n# escape=`\nFROM scratch\nUSER a\\b", "ab", &[], ""),
    ("# escape\nFROM scratch\nUSER a", "a", &[], ""),
    ("FROM scratch\nUSER 'a'\"b\"c", "abc", &[], ""),
    ("FROM scratch\nUSER \"a\\\"b\\c\"", "a\"b\\c", &[], ""),
    ("FROM scratch\nUSER 'a\\b'", "a\\b", &[], ""),
    ("FROM scratch\nUSER a\nUSER \"\"", "", &[], ""),
    ("FROM scratch\nUSER a$", "a$", &[], ""),
    ("FROM scratch\nUSER a$$b$?c$-d$1e", "abcde", &[], ""),
    ("FROM scratch\nENV A b\nUSER $A", "b", &["A=b"], ""),
    ("FROM scratch\nENV A b  c=d\nUSER $A", "b  c=d", &["A=b  c=d"], ""),
    ("FROM scratch\nENV A=b C='d e' F=\"g\"\nUSER $C", "d e", &["A=b", "C=d e", "F=g"], ""),
    ("FROM scratch\nENV A=b\\ c\nUSER ${A}", "b c", &["A=b c"], ""),
    ("FROM scratch\nENV A=1\nENV A=2 B=$A\nUSER $B", "1", &["A=2", "B=1"], ""),
    ("FROM scratch\nENV A=1\nENV $A=x B${A}C=y", "", &["A=1", "1=x", "B1C=y"], ""),
    ("FROM scratch\nENV \"A\"=b 'C'=d", "", &["A=b", "C=d"], ""),
    ("FROM scratch\nENV A=b=c", "", &["A=b=c"], ""),
    ("FROM scratch\nENV A= B=''", "", &["A=", "B="], ""),
    ("FROM scratch\nENV A=b\u{A0}C=d", "", &["A=b", "C=d"], ""),
    ("FROM scratch\nUSER ${A:-b}", "b", &[], ""),
    ("FROM scratch\nENV A=\nUSER ${A:-b}${A:+c}", "b", &["A="], ""),
    ("FROM scratch\nENV A=x\nUSER ${A:+b}${A:-c}${A:?d}${A?e}", "bxxx", &["A=x"], ""),
    ("FROM scratch\nUSER ${A:-${B:-'c d'}}", "c d", &[], ""),
    ("FROM scratch\nUSER ${A:-\"}\"}", "}", &[], ""),
    ("FROM scratch\nARG A=b\nUSER $A", "b", &[], ""),
    ("FROM scratch\nARG G=b\nUSER $G", "given", &[], ""),
    ("FROM scratch\nARG N=b\nUSER $N", "b", &[], ""),
    ("FROM scratch\nUSER x$G", "x", &[], ""),
    ("ARG A=b\nFROM scratch\nARG A\nUSER $A", "b", &[], ""),
    ("ARG A=b\nFROM scratch\nUSER x$A", "x", &[], ""),
    ("ARG A=1 B=$A\nFROM scratch\nARG B\nUSER x$B", "x", &[], ""),
    ("ARG A=1\nARG B=$A\nFROM scratch\nARG B\nUSER x$B", "x1", &[], ""),
    ("FROM scratch\nARG A=b\nENV A=c\nUSER $A", "c", &["A=c"], ""),
    ("FROM scratch AS X\nENV A=b\nUSER $A\nFROM x\nUSER $A$A", "bb", &["A=b"], ""),
    ("FROM scratch AS x\nENV A=b\nARG C=d\nFROM x\nUSER x$C$A", "xb", &["A=b"], ""),
    ("FROM scratch AS x\nUSER a\nFROM x", "a", &[], ""),
    ("FROM scratch\nUSER root\nLABEL a=b\nUSER a", "a", &[], ""),
    ("FROM scratch\nUSER a\nONBUILD USER b\nLABEL a=b", "a", &[], ""),
    ("FROM scratch AS x\nUSER a\nFROM x\nUSER root\nUSER b", "b", &[], ""),
    ("FROM scratch AS x\nUSER a\nONBUILD USER b\nFROM x\nUSER c", "c", &[], ""),
    ("FROM scratch AS x\nENV A=b\nONBUILD ENV A=c\nFROM x\nUSER $A", "c", &["A=c"], ""),
    ("FROM scratch AS x\nONBUILD USER a\nFROM x\nLABEL a=b", "a", &[], ""),
    ("FROM probe:1\nUSER a", "a", &[], "probe:1"),
    ("ARG G=probe\nARG A=ubuntu:16.04\nFROM ${A}\nUSER a", "a", &[], "ubuntu:16.04"),
    ("ARG A=16\nFROM docker.io/library/ubuntu:$A.04\nUSER a", "a", &[], "ubuntu:16.04"),
    ("FROM probe:1 AS a\nFROM ubuntu:16.04 AS b\nFROM A\nUSER a", "a", &[], "probe:1"),
    ("FROM scratch\nCOPY --from=probe:1 /etc /x\nUSER a", "a", &[], ""),
    ("FROM scratch\nCOPY --from='probe:1' --ch\\own=1:1 [\"/etc\", \"/x\"]\nUSER a", "a", &[], ""),
    ("FROM probe:1 AS x\nFROM scratch\nCOPY --from=+0 /etc /x\nUSER a", "a", &[], ""),
    ("FROM probe:1 AS x\nFROM scratch\nCOPY --from=X /etc /x\nUSER a", "a", &[], ""),
];

#[test]
fn odd_forms_are_read_as_the_engine_builds_them() {
    let mut wrong = Vec::new();
    for (dockerfile, user, environment, base) in ODD {
        let context = context(dockerfile);
        let environment = environment.iter().map(ToString::to_string).collect();
        let base = (!base.is_empty()).then(|| (*base).to_owned());
        let expected = Made { user: (*user).to_owned(), environment, base };
        let made = build(&context);
        if made.as_ref() != Some(&expected) {
            wrong.push(format!("{dockerfile:?}: the engine makes {made:?}"));
        }
        match read(&context) {
            Ok(read) => {
                let last = read.users.last().map_or("", String::as_str);
                let is_last = read.any_user || last == *user || user.is_empty() && last == "0";
                let missed = missed(&read, &expected);
                if !is_last || !missed.is_empty() {
                    wrong.push(format!("{dockerfile:?}: {missed:?} is not in {read:?}"));
                }
            }
            Err(error) => wrong.push(format!("{dockerfile:?}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines put together from what matters to the reader.
fn dockerfiles() -> impl Strategy<Value = String> {
    let whole = prop::sample::select(vec![
        "A", "B", "G", "x", "=", " A=", " B=", "$A", "$B", "$G", "${A}", "${B:-x}", "${A:+$B}",
        "\"x\"", "'A'", "\" $A\"", "'$B '", "\\x", "\\\\", "\\$A", "\\ ", "`x", "#", "\u{E9}",
    ]);
    let broken =
        prop::sample::select(vec!["\"", "'", "\\", "\\\n", "`\n", "}", "\t", "\u{A0}", " "]);
    let bit = prop_oneof![12 => whole, 1 => broken];
    let text = prop::collection::vec(bit, 1..6).prop_map(|bits| bits.concat());
    let instruction = prop::sample::select(vec![
        "USER ",
        "user\t",
        "ENV ",
        "ENV A=",
        "ENV A ",
        "ENV B=",
        "ARG ",
        "ARG A=",
        "ONBUILD USER ",
        "LABEL ",
        "\\\n USER ",
        "# ",
        "FROM scratch\nUSER ",
        "FROM x\nENV A=",
    ]);
    let lines = prop::collection::vec((instruction, text), 1..6);
    let start = prop::sample::select(vec!["", "# escape=`\n", "ARG A=b\n", "ARG A=$G\n"]);
    (start, lines).prop_map(|(start, lines)| {
        let lines: Vec<String> =
            lines.into_iter().map(|(name, text)| name.to_owned() + &text).collect();
        format!("{start}FROM scratch AS x\nLABEL a=b\n{}", lines.join("\n"))
    })
}

const CASES: u32 = 80;

#[test]
fn whatever_the_engine_builds_the_reader_knows_of() {
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let compared = std::cell::Cell::new(0);
    let result = runner.run(&dockerfiles(), |dockerfile| {
        let context = context(&dockerfile);
        let (Ok(read), Some(made)) = (read(&context), build(&context)) else { return Ok(()) };
        compared.set(compared.get() + 1);
        let missed = missed(&read, &made);
        prop_assert!(missed.is_empty(), "{dockerfile:?}: {missed:?} is not in {read:?}");
        Ok(())
    });
    println!("{} of {CASES} were built and compared", compared.get());
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(compared.get() > CASES / 10, "only {} builds could be compared", compared.get());
}
