//! The guest's file system: busybox, the test programs at the paths they were built at, the libraries these need, and
//! the kernel's modules that the tests use.

use std::{
    env, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use super::{archive::Kernel, guest};
use crate::{artifacts, command, test};

/// Devices that the tests make.
const MODULES: [&str; 2] = ["net/tun", "net/veth"];
/// Kernel tests that do not run there: tshark, ss, lsof and all they are linked with is another operating system, and sockets
/// are listed by modules that nothing loads there.
const WITNESSES: [&str; 2] = ["kernel_witness", "kernel_list"];
/// What the guest's script and the tests call, but for `ip`.
const APPLETS: [&str; 13] =
    ["sh", "unshare", "mount", "umount", "mkdir", "cat", "insmod", "poweroff", "ls", "uname", "tee", "sed", "sort"];

/// The part of the file system that is the same for all kernels.
pub(crate) struct Programs {
    home: PathBuf,
    common: PathBuf,
}

impl Programs {
    /// Builds tracer and its kernel tests and packs them.
    pub(crate) fn build(home: &Path, only: Option<&str>) -> Result<Self> {
        let built = artifacts::build(command::cargo().args(["test", "--workspace", "--no-run"]))?;
        let tests: Vec<_> = built.iter().filter(|it| test::needs_root(it) && !WITNESSES.contains(&&*it.name)).collect();
        let tracer = built.iter().find(|program| !program.test && program.name == "tracer").context("no tracer")?;
        let root = tempfile::tempdir()?;
        let mut files = vec![which("ip")?];
        let own = env::current_exe()?;
        let built = tests.iter().copied().chain([tracer]).map(|program| &program.executable);
        for (program, inside) in built.map(|path| (path, path.as_path())).chain([(&own, Path::new(guest::XTASK))]) {
            let inside = root.path().join(inside.strip_prefix("/")?);
            fs::create_dir_all(inside.parent().context("a path in a directory")?)?;
            // Debug information is most of a program.
            command::run(Command::new("strip").arg("-o").arg(&inside).arg(program))?;
            files.extend(libraries(program)?);
        }
        files.extend(libraries(&files[0])?);
        for file in &files {
            copy(file, &root.path().join(file.strip_prefix("/")?))?;
        }
        let busybox = root.path().join("bin/busybox");
        copy(&which("busybox")?, &busybox)?;
        for applet in APPLETS {
            std::os::unix::fs::symlink("busybox", busybox.with_file_name(applet))?;
        }
        let passwd = root.path().join("etc/passwd");
        fs::create_dir_all(passwd.with_file_name(""))?;
        fs::write(passwd, "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")?;
        let init = root.path().join("init");
        fs::write(&init, guest::init(&tracer.executable, &tests, only))?;
        fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;
        fs::create_dir_all(home)?;
        let common = home.join("programs.cpio");
        pack(root.path(), &common)?;
        Ok(Self { home: home.to_owned(), common })
    }

    /// The file system for one kernel: two archives one after the other, which the kernel unpacks both.
    pub(crate) fn for_kernel(&self, kernel: &Kernel) -> Result<PathBuf> {
        let root = tempfile::tempdir()?;
        let modules = root.path().join("modules");
        fs::create_dir_all(&modules)?;
        for module in MODULES {
            let path = kernel.modules.join("kernel/drivers").join(module);
            let name = path.file_name().context("a name")?.to_string_lossy().into_owned();
            unpack_module(&path, &modules.join(format!("{name}.ko")))?;
        }
        let own = self.home.join("modules.cpio");
        pack(root.path(), &own)?;
        let whole = self.home.join("initramfs.cpio");
        let mut to = fs::File::create(&whole)?;
        for part in [&self.common, &own] {
            io::copy(&mut fs::File::open(part)?, &mut to)?;
        }
        Ok(whole)
    }
}

/// Copies a module, unpacked if it is packed; one that is neither is built into this kernel.
fn unpack_module(path: &Path, to: &Path) -> Result<()> {
    let plain = path.with_extension("ko");
    let packed = path.with_extension("ko.xz");
    if plain.exists() {
        copy(&plain, to)?;
    } else if packed.exists() {
        command::run(Command::new("xz").args(["--decompress", "--stdout"]).arg(packed).stdout(fs::File::create(to)?))?;
    }
    Ok(())
}

/// The libraries a program is linked with.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let listed = command::output(Command::new("ldd").arg(program))?;
    let paths = listed.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(paths.map(PathBuf::from).collect())
}

fn which(program: &str) -> Result<PathBuf> {
    let places = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(|directory| Path::new(directory).join(program));
    let found = places.into_iter().find(|path| path.exists());
    found.with_context(|| format!("{program} is not where it should be after its package was installed"))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a path in a directory")?)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// Packs a directory's contents the way the kernel unpacks them.
fn pack(root: &Path, archive: &Path) -> Result<()> {
    let mut list = Command::new("find").current_dir(root).args([".", "-print0"]).stdout(Stdio::piped()).spawn()?;
    let names = list.stdout.take().context("find has no stdout")?;
    let mut cpio = Command::new("cpio");
    cpio.current_dir(root).args(["--null", "--create", "--format=newc", "--owner=0:0", "--quiet"]);
    command::run(cpio.stdin(names).stdout(fs::File::create(archive)?))?;
    if !list.wait()?.success() {
        bail!("cannot list {}", root.display());
    }
    Ok(())
}
