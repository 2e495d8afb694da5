//! A tree to compact JSON.

use super::{Node, Object};

pub(super) fn write_object(object: &Object, out: &mut Vec<u8>) {
    out.push(b'{');
    for (position, (key, node)) in object.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_text(key, out);
        out.push(b':');
        write_node(node, out);
    }
    out.push(b'}');
}

fn write_node(node: &Node, out: &mut Vec<u8>) {
    match node {
        Node::Null => out.extend_from_slice(b"null"),
        Node::Bool(true) => out.extend_from_slice(b"true"),
        Node::Bool(false) => out.extend_from_slice(b"false"),
        Node::Number(digits) => out.extend_from_slice(digits.as_bytes()),
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

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string has a JSON form and a Vec takes all bytes");
}
