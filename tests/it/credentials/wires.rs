//! Proxies and private roots: which way the real program's connections go, and whom they trust.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::folder::{Folder, Run};

const KEY: [(&str, &str); 2] =
    [("ALIBABA_CLOUD_ACCESS_KEY_ID", "emulator"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "emulator-secret")];
const FILES: &str = "
version: 1
region: cn-beijing
instances:
  - { id: i-bp1quickweb1, min_remaining: 15d }
";

/// A proxy that lets nobody through, and tells what it was asked.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            if tell.send(line.trim().to_owned()).is_err() {
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (url, told)
}

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tls").join(name)
}

#[test]
fn the_cloud_is_spoken_to_through_a_proxy_and_this_machine_never_is() {
    let (url, asked) = proxy();
    let folder = Folder::new();
    folder.write("renewals.yaml", FILES);
    folder.write("token", "eyJ.token");
    let plan = |endpoint: &str, vars: &[(&str, &str)]| {
        let mut command = folder.command(format!("plan -f renewals.yaml {endpoint}").trim());
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"] {
            command.env(name, &url);
        }
        command.env("SSL_CERT_FILE", vectors("root.pem")).envs(vars.iter().copied());
        Run::from(command.output().unwrap())
    };
    let run = plan("", &KEY);
    let first: Vec<String> = asked.try_iter().collect();
    assert!(
        !first.is_empty()
            && first.iter().all(|line| line == "CONNECT ecs.cn-beijing.aliyuncs.com:443 HTTP/1.1"),
        "{first:?} {run:?}"
    );
    let oidc = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/a"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/a"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "token"),
    ];
    let run = plan("", &oidc);
    let lines: Vec<String> = asked.try_iter().collect();
    assert!(
        lines.len() == 3 && lines.iter().all(|line| line == "CONNECT sts.aliyuncs.com:443 HTTP/1.1"),
        "{lines:?} {run:?}"
    );
    let run = plan(
        "",
        &[
            &KEY[..],
            &[("NO_PROXY", "ecs.cn-beijing.aliyuncs.com"), ("no_proxy", "ecs.cn-beijing.aliyuncs.com")],
        ]
        .concat(),
    );
    assert_eq!(asked.try_iter().collect::<Vec<_>>(), Vec::<String>::new(), "{run:?}");
    // This machine, a helper on it, and the metadata service.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let run = plan(&format!("--endpoint-url {closed}"), &KEY);
    assert_eq!((run.code, asked.try_iter().count()), (0, 0), "a plan of what could not be read: {run:?}");
    let helper = [
        ("RENEWCTL_METADATA_ENDPOINT", closed.as_str()),
        ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", ""),
        ("ALIBABA_CLOUD_CREDENTIALS_URI", closed.as_str()),
    ];
    let run = plan(&format!("--endpoint-url {closed}"), &helper);
    assert_eq!((run.code, asked.try_iter().count()), (1, 0), "{run:?}");
    assert!(run.err.contains("credentials URI  no connection"), "{run:?}");
    let secure = closed.replace("http:", "https:");
    let run =
        plan(&format!("--endpoint-url {closed}"), &[("ALIBABA_CLOUD_CREDENTIALS_URI", secure.as_str())]);
    assert_eq!((run.code, asked.try_iter().count()), (1, 0), "{run:?}");
    assert!(run.err.contains("credentials URI  no connection"), "{run:?}");
    // HTTPS to somebody else goes through the proxy, too.
    let run = plan(
        &format!("--endpoint-url {closed}"),
        &[("ALIBABA_CLOUD_CREDENTIALS_URI", "https://keys.example.com/")],
    );
    assert_eq!(asked.try_iter().collect::<Vec<_>>(), ["CONNECT keys.example.com:443 HTTP/1.1"], "{run:?}");
}

/// A server of HTTPS with the certificate of the vectors, which refuses every key.
fn https_server() -> String {
    let certificates =
        CertificateDer::pem_file_iter(vectors("server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(vectors("server.key")).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            thread::spawn(move || answer(stream, config));
        }
    });
    url
}

fn answer(mut stream: TcpStream, config: Arc<rustls::ServerConfig>) -> Option<()> {
    let mut connection = rustls::ServerConnection::new(config).ok()?;
    let mut stream = rustls::Stream::new(&mut connection, &mut stream);
    let mut seen = Vec::new();
    let mut part = [0; 4096];
    while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
        seen.extend_from_slice(&part[..read]);
    }
    let body = r#"{"Code":"InvalidAccessKeyId.NotFound","Message":"not here","RequestId":"R"}"#;
    let head =
        format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

#[test]
fn private_roots_are_trusted_where_they_are_named() {
    let url = https_server();
    let folder = Folder::new();
    folder.write("renewals.yaml", FILES);
    folder.write("empty.pem", "");
    let plan = |roots: Option<PathBuf>| {
        let mut command = folder.command(&format!("plan -f renewals.yaml --endpoint-url {url}"));
        command.envs(KEY).envs(roots.map(|roots| ("SSL_CERT_FILE", roots)));
        Run::from(command.output().unwrap())
    };
    let run = plan(Some(vectors("root.pem")));
    assert!(run.code == 1 && run.err.contains("InvalidAccessKeyId.NotFound"), "{run:?}");
    // With those of the machine, if it has some, or with those of somebody else.
    let run = plan(None);
    assert!(
        !run.err.contains("InvalidAccessKeyId.NotFound") && !run.out.contains("InvalidAccessKeyId"),
        "{run:?}"
    );
    for (roots, why) in [
        (folder.path("none.pem"), "none.pem cannot be read"),
        (folder.path("empty.pem"), "empty.pem holds no certificates"),
        (vectors("README.md"), "holds no certificates"),
    ] {
        let run = plan(Some(roots));
        assert!(run.code == 1 && run.err.contains("with SSL_CERT_FILE") && run.err.contains(why), "{run:?}");
    }
}
