//! A client on the same host may have the same port as a connection of SecDocker's own: the kernel tells
//! connections apart by both ends. Alone in its file, since it narrows the ports of its whole network.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use support::poll::PATIENCE;
use support::{SecDocker, sandbox};

const PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";
const PONG: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

fn ping(client: &mut TcpStream) -> String {
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(PING).unwrap();
    let mut answer = vec![0; 4096];
    let count = client.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[test]
fn a_client_with_the_port_of_another_connection_is_served() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, sandbox::port())).unwrap();
    let dockerapi = format!("dockerapi: tcp://{}\n", listener.local_addr().unwrap());
    let (tell, own_ports) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            tell.send(stream.peer_addr().unwrap().port()).unwrap();
            thread::spawn(move || {
                while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                    stream.write_all(PONG).unwrap();
                }
            });
        }
    });
    let secdocker = SecDocker::start(&dockerapi, &[]);
    let mut first = TcpStream::connect_timeout(&secdocker.address, PATIENCE).unwrap();
    assert!(ping(&mut first).starts_with("HTTP/1.1 200"));
    let own = own_ports.recv_timeout(PATIENCE).unwrap();

    let usual = fs::read_to_string(PORTS).unwrap();
    fs::write(PORTS, format!("{own} {own}")).unwrap();
    let second = TcpStream::connect_timeout(&secdocker.address, PATIENCE);
    fs::write(PORTS, usual).unwrap();
    let mut second = second.unwrap();
    assert_eq!(second.local_addr().unwrap().port(), own, "the port that was left");
    let answer = ping(&mut second);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
