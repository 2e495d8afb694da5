//! A tree to compact JSON.

use std::ops::Range;

use super::text::Text;
use super::tree::{Key, Node, Number, Object};

impl Object {
    /// Appends the object as compact JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_object(self, out);
    }

    /// The same, and says where in `out` the value of the field `name` stands.
    pub fn write_and_find(&self, name: &str, out: &mut Vec<u8>) -> Option<Range<usize>> {
        let mut found = None;
        write_members(self, out, |key, place| {
            if key.as_str() == name {
                found = Some(place);
            }
        });
        found
    }
}

fn write_object(object: &Object, out: &mut Vec<u8>) {
    write_members(object, out, |_, _| {});
}

/// Says of each member where its value stands.
fn write_members(object: &Object, out: &mut Vec<u8>, mut stands: impl FnMut(&Key, Range<usize>)) {
    out.push(b'{');
    for (position, (key, node)) in object.entries.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        match key {
            // The names of fields are plain.
            Key::Field(name) => write_quoted(name, out),
            Key::Other(text) => write_text(text, out),
        }
        out.push(b':');
        let begin = out.len();
        write_node(node, out);
        stands(key, begin..out.len());
    }
    out.push(b'}');
}

fn write_node(node: &Node, out: &mut Vec<u8>) {
    match node {
        Node::Null => out.extend_from_slice(b"null"),
        Node::Bool(true) => out.extend_from_slice(b"true"),
        Node::Bool(false) => out.extend_from_slice(b"false"),
        Node::Number(number) => write_number(number, out),
        Node::Text(text) => write_text(text, out),
        Node::List(nodes) => write_list(nodes, out),
        Node::Object(object) => write_object(object, out),
    }
}

fn write_list(nodes: &[Node], out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, node) in nodes.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_node(node, out);
    }
    out.push(b']');
}

fn write_number(number: &Number, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = match number {
        Number::Signed(number) => buffer.format(*number),
        Number::Unsigned(number) => buffer.format(*number),
        Number::Digits(digits) => digits,
    };
    out.extend_from_slice(digits.as_bytes());
}

fn write_text(text: &Text, out: &mut Vec<u8>) {
    if text.needs_no_escape() {
        return write_quoted(text, out);
    }
    serde_json::to_writer(out, text.as_str())
        .expect("a string has a JSON form and a Vec takes all bytes");
}

fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
