//! Calls as they are decided, and what one connection may take up.

/// What becomes of a call, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// It passes as it is.
    Pass,
    /// Its message is judged first.
    Hold,
    /// It never reaches the server.
    Refuse,
}

/// What one connection may take up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest header block, as it is sent and as a list of fields, in bytes.
    pub block_bytes_max: usize,
    /// The longest message of a held call, in bytes.
    pub message_bytes_max: usize,
    /// What all held calls may have together, in bytes.
    pub held_bytes_max: usize,
}

/// Where bytes go.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// To the client.
    pub client: &'a mut Vec<u8>,
    /// To the server.
    pub server: &'a mut Vec<u8>,
}

/// A call that must be answered or released before anything else is taken from the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Call {
    /// A held call whose message is whole.
    Whole {
        /// Its stream.
        stream: u32,
        /// The method.
        path: String,
        /// What it says.
        message: Vec<u8>,
    },
    /// One that must be refused.
    Unwanted {
        /// Its stream.
        stream: u32,
        /// The method, as far as it can be read.
        path: String,
        /// Why, if it is not for the method.
        fault: Option<Fault>,
    },
}

/// Why a call is refused that its method would not be refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It has no single method and path of gRPC.
    Head,
    /// Its message is compressed, which clients of BuildKit never do.
    Compressed,
    /// It does not hold exactly one message.
    Framing,
    /// Its message is longer than it may be.
    TooLong,
    /// With it, more would be held at a time than may be.
    TooMuch,
    /// It would hand over a file for another reason than it should.
    Dockerfile(&'static str),
}
