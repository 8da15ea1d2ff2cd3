//! The binary in an empty folder, as a new user meets it: stdout, stderr and exit status.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder that goes with the test, with the examples in it.
pub struct Folder(pub tempfile::TempDir);

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &folder.path().join("examples"));
        Self(folder)
    }

    /// With a world of the emulator, and the files `renewals.yaml` for it.
    pub fn of(world: &str, files: &str) -> Self {
        let folder = Self::new();
        folder.write("world.yaml", world);
        folder.write("renewals.yaml", files);
        assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_renewctl"));
        command.args(split(arguments)).current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        // A test machine may be an instance.
        command.env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        command
    }

    pub fn run(&self, arguments: &str) -> Run {
        Run::from(self.command(arguments).output().unwrap())
    }

    pub fn ledger(&self) -> Vec<Value> {
        let run = self.run("emulator ledger --format json");
        serde_json::from_str::<Value>(&run.out).unwrap()["charges"].as_array().unwrap().clone()
    }
}

/// Words, with quotes as a shell reads them.
pub fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
