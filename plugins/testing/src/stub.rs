//! An HTTP server whose answers a test scripts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }

    /// `GET /path?query`
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Status, headers and body; lengths are added.
    Http(u16, Vec<(String, String)>, Vec<u8>),
    /// These bytes and the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, until the client leaves.
    Silence,
}

impl Answer {
    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::typed(status, "application/json", body.to_string())
    }

    /// A body of that type.
    pub fn typed(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Http(status, vec![("Content-Type".into(), content_type.into())], body.into())
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self::Http(status, Vec::new(), Vec::new())
    }

    /// One more header.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        match self {
            Self::Http(status, mut headers, body) => {
                headers.push((name.to_owned(), value.to_owned()));
                Self::Http(status, headers, body)
            }
            other => other,
        }
    }
}

type Script = Box<dyn FnMut(&Asked) -> Answer + Send>;

/// A server on a loopback port of its own, for as long as the test runs.
#[derive(Clone)]
pub struct Stub {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    /// A server that answers as `script` says.
    pub fn new(script: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script: Script = Box::new(script);
        let stub = Self { address, script: Arc::new(Mutex::new(script)), asked: Arc::default() };
        let server = stub.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || server.serve(stream));
            }
        });
        stub
    }

    /// Answers otherwise from now on, and forgets what was asked.
    pub fn script(&self, script: impl FnMut(&Asked) -> Answer + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
        self.asked.lock().unwrap().clear();
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:…`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked so far, as [`Asked::line`] has it.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// Answers the requests of one connection. A client that leaves ends it.
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(asked) = read(&mut reader) {
            let answer = (self.script.lock().unwrap())(&asked);
            let is_head = asked.method == "HEAD";
            self.asked.lock().unwrap().push(asked);
            if !write(&mut stream, answer, is_head) {
                return;
            }
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked { method, target, headers, body: Vec::new() };
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    asked.body = vec![0; length];
    if asked.header("transfer-encoding").is_some() {
        asked.body = read_chunks(reader)?;
    } else {
        reader.read_exact(&mut asked.body).ok()?;
    }
    Some(asked)
}

fn read_chunks(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        body.extend(chunk);
        if size == 0 {
            return Some(body);
        }
    }
}

/// Whether the connection stays.
fn write(stream: &mut TcpStream, answer: Answer, is_head: bool) -> bool {
    let (status, headers, body) = match answer {
        Answer::Http(status, headers, body) => (status, headers, body),
        Answer::Raw(bytes) => {
            drop(stream.write_all(&bytes));
            return false;
        }
        Answer::Silence => {
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            drop(stream.read(&mut [0]));
            return false;
        }
    };
    let mut head = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in &headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head += "\r\n";
    let body = if is_head { Vec::new() } else { body };
    stream.write_all(&[head.into_bytes(), body].concat()).is_ok()
}
