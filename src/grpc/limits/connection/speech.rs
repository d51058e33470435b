//! What a client says first: the preface of HTTP/2, or the head of a request of HTTP/1.

use std::io::{self, ErrorKind};

/// What a client of HTTP/2 begins with (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of the first head of HTTP/1.
const LONGEST: usize = 32 * 1024;

/// How far the client has come with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speech {
    /// So much of the preface.
    Preface(usize),
    /// So much of a head, and whether its last line is empty so far.
    Head {
        read: usize,
        empty: bool,
    },
    Over,
}

impl Default for Speech {
    fn default() -> Self {
        Self::Preface(0)
    }
}

impl Speech {
    pub fn is_over(self) -> bool {
        self == Self::Over
    }

    /// Takes in what was read.
    ///
    /// # Errors
    /// If a head does not end in time.
    pub fn hear(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            *self = self.after(*byte);
        }
        match self {
            Self::Head { read, .. } if *read > LONGEST => Err(io::Error::new(
                ErrorKind::InvalidData,
                "the head is too long",
            )),
            _ => Ok(()),
        }
    }

    fn after(self, byte: u8) -> Self {
        match self {
            Self::Preface(read) if PREFACE.get(read) == Some(&byte) => {
                if read + 1 == PREFACE.len() {
                    Self::Over
                } else {
                    Self::Preface(read + 1)
                }
            }
            Self::Preface(read) => Self::Head {
                read: read + 1,
                empty: byte == b'\n',
            },
            Self::Head { empty: true, .. } if byte == b'\n' => Self::Over,
            Self::Head { read, empty } => Self::Head {
                read: read + 1,
                empty: byte == b'\n' || (empty && byte == b'\r'),
            },
            Self::Over => Self::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(parts: &[&[u8]]) -> io::Result<Speech> {
        let mut speech = Speech::default();
        for part in parts {
            speech.hear(part)?;
        }
        Ok(speech)
    }

    #[test]
    fn a_preface_is_over_with_its_last_byte() {
        for cut in 0..PREFACE.len() {
            let (begin, rest) = PREFACE.split_at(cut);
            assert_eq!(said(&[begin]).unwrap(), Speech::Preface(cut));
            assert!(said(&[begin, rest]).unwrap().is_over());
        }
    }

    #[test]
    fn a_head_is_over_with_its_empty_line() {
        for head in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.0\nHost: a\n\n",
        ] {
            for cut in 0..head.len() {
                let (begin, rest) = head.as_bytes().split_at(cut);
                assert!(!said(&[begin]).unwrap().is_over(), "{begin:?}");
                assert!(said(&[begin, rest, b"more"]).unwrap().is_over());
            }
        }
        // What begins as a preface and goes on otherwise is a head too.
        assert!(said(&[b"PRI /x HTTP/1.1\r\n\r\n"]).unwrap().is_over());
        assert!(!said(&[b"GET / HTTP/1.1\r\n\r\r"]).unwrap().is_over());
    }

    #[test]
    fn a_head_without_an_end_is_not_heard_to_its_end() {
        assert!(said(&[&vec![b'x'; LONGEST]]).is_ok());
        assert!(said(&[&vec![b'x'; LONGEST], b"x"]).is_err());
    }
}
