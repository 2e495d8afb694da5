#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use proptest::prelude::*;

use super::super::literal::write_field;
use super::*;

const LIST_BYTES_MAX: usize = 64 * 1024;

fn field(name: &str, value: &str) -> Field {
    Field { name: name.as_bytes().to_vec(), value: value.as_bytes().to_vec() }
}

/// RFC 7541 §C.4: three requests, with Huffman coding, on one connection.
#[test]
fn the_examples_of_the_rfc() {
    let mut decoder = Decoder::default();
    let begin = [
        field(":method", "GET"),
        field(":scheme", "http"),
        field(":path", "/"),
        field(":authority", "www.example.com"),
    ];
    let first = [
        0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90,
        0xf4, 0xff,
    ];
    assert_eq!(decoder.decode(&first, LIST_BYTES_MAX).unwrap(), begin);
    let second = [0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
    let fields = decoder.decode(&second, LIST_BYTES_MAX).unwrap();
    assert_eq!(fields.last().unwrap(), &field("cache-control", "no-cache"));
    let third = [
        0x82, 0x87, 0x85, 0xbf, 0x40, 0x88, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f, 0x89,
        0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf,
    ];
    let fields = decoder.decode(&third, LIST_BYTES_MAX).unwrap();
    assert_eq!(fields.get(3).unwrap(), &field(":authority", "www.example.com"));
    assert_eq!(fields.last().unwrap(), &field("custom-key", "custom-value"));
    assert_eq!((decoder.table.len(), decoder.table_bytes), (3, 164));
}

#[test]
fn what_no_block_may_hold() {
    for block in [
        &[0x80][..],                           // the entry 0
        &[0xbe],                               // one that is not there
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], // a number without end
        &[0x00, 0x01],                         // a name that ends early
        &[0x00, 0x7f, 0xff, 0xff, 0xff, 0x0f], // one that is longer than all
        &[0x82, 0x20],                         // a change of size behind a field
        &[0x3f, 0xe2, 0x1f],                   // a table of 4097 bytes
        &[0x00, 0x81, 0x00, 0x00],             // a padding of zeros
    ] {
        let decoded = Decoder::default().decode(block, LIST_BYTES_MAX);
        assert_eq!(decoded, Err(HpackError::Malformed), "{block:x?}");
    }
}

#[test]
fn a_byte_that_stands_for_much_is_counted_for_what_it_stands_for() {
    let mut block = vec![0x40];
    for _ in 0..2 {
        // A name and a value of 2000 bytes each.
        block.extend_from_slice(&[0x7f, 0xd1, 0x0e]);
        block.extend_from_slice(&[b'x'; 2000]);
    }
    block.extend_from_slice(&[0xbe; 100_000]);
    assert_eq!(Decoder::default().decode(&block, LIST_BYTES_MAX), Err(HpackError::TooLong));
}

#[test]
fn the_table_may_shrink_and_grow_again() {
    let mut decoder = Decoder::default();
    let block = [0x40, 1, b'a', 1, b'b'];
    decoder.decode(&block, LIST_BYTES_MAX).unwrap();
    assert_eq!(decoder.decode(&[0xbe], LIST_BYTES_MAX).unwrap(), [field("a", "b")]);
    let emptied = [0x20, 0x3f, 0xe1, 0x1f, 0x82];
    assert_eq!(decoder.decode(&emptied, LIST_BYTES_MAX).unwrap(), [field(":method", "GET")]);
    assert_eq!(decoder.decode(&[0xbe], LIST_BYTES_MAX), Err(HpackError::Malformed));
}

proptest! {
    /// What is written here is read as it was.
    #[test]
    fn a_block_of_our_own_is_read_back(
        fields in proptest::collection::vec(("[a-z:-]{0,200}", "[ -~]{0,300}"), 0..10),
    ) {
        let (mut block, mut decoder) = (Vec::new(), Decoder::default());
        for (name, value) in &fields {
            write_field(&mut block, name.as_bytes(), value.as_bytes());
        }
        let expected: Vec<_> = fields.iter().map(|(name, value)| field(name, value)).collect();
        prop_assert_eq!(decoder.decode(&block, LIST_BYTES_MAX).unwrap(), expected);
        prop_assert!(decoder.table.is_empty());
    }

    /// Another decoder reads the same of whatever an encoder with a table writes.
    #[test]
    fn an_encoder_with_a_table_is_understood(
        blocks in proptest::collection::vec(
            proptest::collection::vec(("[a-c]{1,3}|:path|content-type", "[ -~]{0,40}|/"), 0..6),
            1..20,
        ),
    ) {
        let mut encoder = loona_hpack::Encoder::default();
        let mut decoder = Decoder::default();
        for fields in &blocks {
            let block = encoder.encode(
                fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())),
            );
            let expected: Vec<_> = fields.iter().map(|(name, value)| field(name, value)).collect();
            prop_assert_eq!(decoder.decode(&block, LIST_BYTES_MAX).unwrap(), expected);
        }
    }

    /// Whatever is read here another decoder reads in the same way, and nothing panics.
    #[test]
    fn another_decoder_agrees(
        blocks in proptest::collection::vec(proptest::collection::vec(interesting(), 0..60), 1..4),
    ) {
        let (mut ours, mut theirs) = (Decoder::default(), loona_hpack::Decoder::new());
        for block in &blocks {
            let Ok(fields) = ours.decode(block, usize::MAX) else { break };
            let expected = theirs.decode(block);
            let expected: Vec<_> = expected.unwrap().into_iter().map(|(name, value)| Field { name, value }).collect();
            prop_assert_eq!(fields, expected);
        }
    }
}

/// Bytes that mean something, more often than not.
fn interesting() -> impl Strategy<Value = u8> {
    prop_oneof![
        Just(0x82_u8),
        Just(0xbe),
        Just(0xbf),
        Just(0x40),
        Just(0x00),
        Just(0x10),
        Just(0x01),
        Just(0x02),
        Just(0x41),
        Just(0x20),
        Just(0x3f),
        any::<u8>(),
    ]
}
