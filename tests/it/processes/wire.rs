//! Just enough HTTP/1.1 for one client: requests with a length in, answers with a length out.

use std::fmt::Write as _;
use std::io::{self, BufRead, Write};

use renewctl::emulator::Call;
use renewctl::ports::HttpReply;

/// The next request of a connection; `None` when the client has closed it, or was killed in a request.
pub fn read(stream: &mut impl BufRead) -> Option<Call> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path_and_query) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            // Only an empty line, with its end, ends the head.
            if line != "\r\n" {
                return None;
            }
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    let host = header("host").unwrap_or_default();
    Some(Call { method, host, path_and_query, headers, body })
}

/// Writes an answer; the client may be gone.
pub fn write(stream: &mut impl Write, reply: &HttpReply) -> io::Result<()> {
    let mut bytes = format!("HTTP/1.1 {} -\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        let _ = write!(bytes, "{name}: {value}\r\n");
    }
    bytes.push_str("\r\n");
    stream.write_all(&[bytes.as_bytes(), &reply.body].concat())
}

/// A parameter of a request in the form style. What these tests ask for needs no decoding.
pub fn parameter<'a>(call: &'a Call, name: &str) -> &'a str {
    let body = std::str::from_utf8(&call.body).unwrap();
    body.split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map_or("", |(_, v)| v)
}
