#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::OpenError;

/// Does what the image's name says.
struct Obedient {
    host: Host,
}

impl Plugin for Obedient {
    const NAME: &str = "obedient";
    const SCOPE: Scope = Scope::Name;

    fn open(config: &ConfigFile, host: Host) -> Result<Self, OpenError> {
        match config.name() {
            "panic" => panic!("no {}", "way"),
            "fail" => Err("url is missing".into()),
            _ => Ok(Self { host }),
        }
    }

    fn process(&self, request: &Request<'_>) -> Verdict {
        match request.image().given.as_str() {
            "panic" => panic!("at once"),
            "long" => Verdict::deny("ä".repeat(abi::REASON_BYTES_MAX)),
            "daemon" => match self.host.docker_get("/images/x/json", Default::default()) {
                Ok(answer) => Verdict::deny(String::from_utf8_lossy(&answer.body)),
                Err(error) => Verdict::error(error.to_string()),
            },
            "elsewhere" => match self.host.docker_get("/containers/json", Default::default()) {
                Ok(_) => Verdict::allow(),
                Err(error) => Verdict::error(error.to_string()),
            },
            _ => Verdict::allow().with_pin("sha256:00"),
        }
    }
}

const DESCRIPTOR: Descriptor = descriptor::<Obedient>(b"obedient\0", b"1\0");

fn opened(name: &str) -> Result<*mut c_void, String> {
    let (host, _) =
        crate::testing::host(|_| Some(crate::Answer { status: 200, body: b"{}".to_vec() }));
    let config = format!(r#"{{"name":"{name}","config":"/c/config.yml","folder":"/c"}}"#);
    let (mut state, mut why_not) = (std::ptr::null_mut(), RawVerdict::EMPTY);
    let open = DESCRIPTOR.open.unwrap();
    // SAFETY: as the host does it.
    match unsafe {
        open(host.table(), Bytes::of(config.as_bytes()), &raw mut state, &raw mut why_not)
    } {
        0 => Ok(state),
        _ => Err(taken(state, why_not).1),
    }
}

fn taken(state: *mut c_void, mut verdict: RawVerdict) -> (u32, String) {
    // SAFETY: as the host does it.
    let reason = unsafe { slice(verdict.reason) };
    let taken = (verdict.code, String::from_utf8(reason.to_vec()).unwrap());
    // SAFETY: once.
    unsafe { release(state, &raw mut verdict) };
    taken
}

fn judged(given: &str) -> (u32, String) {
    let state = opened("x").unwrap();
    let request = format!(r#"{{"deadline_ms":1000,"image":{{"given":"{given}"}}}}"#);
    let mut verdict = RawVerdict::EMPTY;
    let process = DESCRIPTOR.process.unwrap();
    // SAFETY: as the host does it.
    let status = unsafe { process(state, Bytes::of(request.as_bytes()), &raw mut verdict) };
    assert_eq!(status, 0);
    let taken = taken(state, verdict);
    // SAFETY: once, when no call is under way.
    unsafe { DESCRIPTOR.close.unwrap()(state) };
    taken
}

#[test]
fn a_panic_is_an_error_with_its_text() {
    assert_eq!(judged("panic"), (abi::ERROR, "panic: at once".to_owned()));
    assert_eq!(opened("panic"), Err("panic: no way".to_owned()));
    assert_eq!(opened("fail"), Err("url is missing".to_owned()));
}

#[test]
fn a_verdict_crosses_whole_and_a_long_reason_is_cut_at_a_character() {
    assert_eq!(judged("app"), (abi::ALLOW, String::new()));
    let (code, reason) = judged("long");
    assert_eq!((code, reason.len()), (abi::DENY, abi::REASON_BYTES_MAX));
}

#[test]
fn the_daemon_answers_where_plugins_may_ask() {
    assert_eq!(judged("daemon"), (abi::DENY, "{}".to_owned()));
    assert_eq!(judged("elsewhere").0, abi::ERROR);
}

#[test]
fn a_request_that_is_no_json_is_an_error() {
    let (code, reason) = judged("\"");
    assert_eq!(code, abi::ERROR);
    assert!(reason.starts_with("the request is not what"), "{reason}");
}

#[test]
fn level_one_reads_a_name_and_survives_a_panic() {
    // SAFETY: it ends with NUL.
    let ask = |name: &CStr, judge: fn(&str) -> bool| unsafe { process_name(name.as_ptr(), judge) };
    assert_eq!(ask(c"app", |name| name == "app"), abi::SAFE);
    assert_eq!(ask(c"app:1", |name| name == "app"), abi::UNSAFE);
    assert_eq!(ask(c"\xff", |_| true), abi::FAILED);
    assert_eq!(ask(c"app", |_| panic!()), abi::FAILED);
    // SAFETY: null is allowed for.
    assert_eq!(unsafe { process_name(std::ptr::null(), |_| true) }, abi::FAILED);
}

#[test]
fn names_end_with_nul() {
    assert_eq!(terminated::<4>("abc"), *b"abc\0");
}
