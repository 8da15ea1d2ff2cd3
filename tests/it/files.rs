//! The files of `-f`: which are found, which count once, and what is said of those that are not there.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A folder with files, in which the binary runs.
struct Folder(tempfile::TempDir);

/// Exit status, stdout and stderr.
type Run = (i32, String, String);

impl Folder {
    /// Each file asks for one instance, `i-` and its name.
    fn new(names: &[&str]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in names {
            let id = name.replace(['/', '.'], "-").trim_matches('-').to_owned();
            folder.write(
                name,
                format!("version: 1\nregion: cn-beijing\ninstances: [{{ id: i-{id}, auto_renew: 1mo }}]\n"),
            );
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn validate(&self, files: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_renewctl"));
        command.arg("validate").current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        for file in files {
            command.args(["-f", file]);
        }
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn assert_valid(&self, files: &[&str], said: &str) {
        assert_eq!(self.validate(files), (0, format!("Valid: {said}.\n"), String::new()), "{files:?}");
    }

    /// What is said of files that are not taken.
    #[track_caller]
    fn refused(&self, files: &[&str]) -> String {
        let (code, out, err) = self.validate(files);
        assert_eq!((code, out.as_str()), (64, ""), "{err}");
        err
    }
}

#[test]
fn several_files_and_folders_are_one_desired_state() {
    let folder = Folder::new(&["a.yaml", "prod/b.yaml", "prod/c.yml", "prod/deep/d.yaml", "test/e.yaml"]);
    folder.assert_valid(&["a.yaml"], "1 file, 1 instance");
    folder.assert_valid(&["prod"], "2 files, 2 instances");
    folder.assert_valid(&["a.yaml", "prod", "test/"], "4 files, 4 instances");
    folder.assert_valid(&["prod/deep", "."], "2 files, 2 instances");
}

#[test]
fn a_file_given_twice_counts_once() {
    let folder = Folder::new(&["a/b.yaml", "a/c.yaml"]);
    let absolute = folder.path("a/b.yaml");
    for second in
        ["a/b.yaml", "./a/b.yaml", "a//b.yaml", "a/./b.yaml", "a/../a/b.yaml", absolute.to_str().unwrap()]
    {
        folder.assert_valid(&["a/b.yaml", second], "1 file, 1 instance");
    }
    for folders in [&["a", "a/b.yaml"][..], &["a/b.yaml", "a"], &["a", "./a/"], &["a", "a", "./a/c.yaml"]] {
        folder.assert_valid(folders, "2 files, 2 instances");
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_the_file_that_it_leads_to() {
    let folder = Folder::new(&["a/b.yaml"]);
    std::os::unix::fs::symlink("b.yaml", folder.path("a/link.yaml")).unwrap();
    std::os::unix::fs::symlink("a", folder.path("other")).unwrap();
    folder.assert_valid(&["a", "other"], "1 file, 1 instance");
    std::os::unix::fs::symlink("nowhere", folder.path("a/z.yaml")).unwrap();
    insta::assert_snapshot!(folder.refused(&["a"]), @"
    error: a/z.yaml cannot be read: No such file or directory (os error 2)
      help: -f takes a file, or a folder with *.yaml or *.yml files
    ");
}

/// A copy is another file, and asks for the same instance twice.
#[test]
fn a_copy_asks_twice() {
    let folder = Folder::new(&["a.yaml"]);
    fs::copy(folder.path("a.yaml"), folder.path("b.yaml")).unwrap();
    insta::assert_snapshot!(folder.refused(&["b.yaml", "a.yaml"]), @"
    error: the instance i-a-yaml is asked for twice
     --> a.yaml:3:19
      |
    3 | instances: [{ id: i-a-yaml, auto_renew: 1mo }]
      |                   ^^^^^^^^ again
      |
     ::: b.yaml:3:19
      |
    3 | instances: [{ id: i-a-yaml, auto_renew: 1mo }]
      |                   -------- first here
      |
      = note: an instance id is unique in all regions, and an instance has one desired state
      = help: remove one of the two entries

    1 error in a.yaml
    ");
}

#[test]
fn only_yaml_files_of_a_folder_count() {
    let others = [
        "a/notes.txt",
        "a/b.yaml.bak",
        "a/c.yaml~",
        "a/.hidden.yaml",
        "a/._b.yaml",
        "a/yaml",
        "a/world.json",
    ];
    let folder = Folder::new(&["a/b.yaml", "a/folder.yaml/x.yaml"]);
    for name in others {
        folder.write(name, "this is no desired state");
    }
    folder.assert_valid(&["a"], "1 file, 1 instance");
    // By its own name any file is taken.
    folder.write("desired", fs::read(folder.path("a/b.yaml")).unwrap());
    folder.assert_valid(&["desired"], "1 file, 1 instance");
}

#[test]
fn what_is_not_there_is_named_together_with_all_other_errors() {
    let folder = Folder::new(&["good.yaml", "deep/er/x.yaml"]);
    fs::create_dir(folder.path("empty")).unwrap();
    folder.write("bad.yaml", "version: 1\nregion: cn-beijing\nsite: chnia\ninstances: []\n");
    insta::assert_snapshot!(folder.refused(&["missing.yaml", "empty", "deep", "good.yaml", "bad.yaml"]), @"
    error: missing.yaml cannot be read: No such file or directory (os error 2)
      help: -f takes a file, or a folder with *.yaml or *.yml files

    error: there is no *.yaml or *.yml file in empty
      help: folders are not searched deeper, and hidden files do not count; name the folder that holds the files

    error: there is no *.yaml or *.yml file in deep
      help: folders are not searched deeper, and hidden files do not count; name the folder that holds the files

    error: `chnia` is not a site
     --> bad.yaml:3:7
      |
    3 | site: chnia
      |       ^^^^^
      |
      = note: a site is `china` (aliyun.com) or `international` (alibabacloud.com); it decides which terms are on sale
      = help: write `site: china`

    error: the list of instances is empty
     --> bad.yaml:4:12
      |
    4 | instances: []
      |            ^^
      |
      = note: a file without instances asks for nothing, which is more likely a mistake
      = help: write `instances:` and under it entries such as `- { id: i-bp67acfmxazb4p0001, auto_renew: 1mo }`

    2 errors in bad.yaml
    ");
    let (code, out, err) = folder.validate(&[]);
    assert_eq!((code, out.as_str()), (64, ""));
    assert!(err.contains("--file <FILE>"), "{err}");
}

#[test]
fn errors_of_several_files_come_in_the_order_given() {
    let folder = Folder::new(&[]);
    for name in ["x/b.yaml", "x/a.yaml", "c.yaml"] {
        folder.write(name, "version: 1\nregion: cn-beijing\ninstances: []\n");
    }
    let places = |files: &[&str]| -> Vec<String> {
        let said = folder.refused(files);
        said.lines().filter_map(|line| line.trim().strip_prefix("--> ")).map(str::to_owned).collect()
    };
    assert_eq!(places(&["c.yaml", "x"]), ["c.yaml:3:12", "x/a.yaml:3:12", "x/b.yaml:3:12"]);
    assert_eq!(places(&["x/b.yaml", "x", "c.yaml"]), ["x/b.yaml:3:12", "x/a.yaml:3:12", "c.yaml:3:12"]);
}

/// The file is sparse: reading it whole would take all memory.
#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let folder = Folder::new(&["good.yaml"]);
    fs::File::create(folder.path("huge.yaml")).unwrap().set_len(1 << 36).unwrap();
    insta::assert_snapshot!(folder.refused(&["huge.yaml", "good.yaml"]), @"
    error: the file is too large
    --> huge.yaml:1:1
     |
     = note: the limit is 16,777,216 bytes
     = help: split it; `-f` can be given several times

    1 error in huge.yaml
    ");
}
