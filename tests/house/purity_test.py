"""model, decide and the HTTP codec are pure: their libraries may not even name a clock, a socket, a file, a thread or the
environment. Read from the symbols that the built libraries leave undefined."""

import re
import shutil
import subprocess

import pytest

import repository

BUILD = repository.ROOT / "build" / "debug"
PURE = ["model", "decide", "net_http"]

FORBIDDEN = {
    "a clock": r"clock_gettime|clock_nanosleep|gettimeofday|time|localtime(_r)?|timerfd_\w+|"
               r"std::chrono::\w+::\w*_clock::now\(\)|marea::base::SystemClock::.*|vtable for marea::base::SystemClock",
    "a socket": r"socket|socketpair|connect|bind|listen|accept4?|send(to|msg|mmsg)?|recv(from|msg|mmsg)?|"
                r"epoll_\w+|p?poll|select|getaddrinfo",
    "a file": r"open(at)?(64)?|creat(64)?|f(d|re)?open(64)?|read|pread(64)?|readv|write|pwrite(64)?|writev|stat(x|64)?|"
              r"fstat(at)?(64)?|lstat(64)?|unlink(at)?|rename(at)?|mkdir(at)?|opendir|mmap(64)?|"
              r"std::basic_(i|o)?f(ile)?(stream|buf)<.*|std::filesystem::.*|std::(cin|cout|cerr|clog)",
    "a thread": r"pthread_(create|mutex_lock|cond_\w+)|std::thread::.*|std::condition_variable::.*|std::jthread::.*|fork|"
                r"vfork|execve?|posix_spawnp?|nanosleep|usleep|sleep|sched_yield",
    "the environment": r"(secure_)?getenv|getpid|getuid|gethostname|getrandom|getentropy|rand(om)?|"
                       r"std::random_device::.*|marea::base::SystemRandom::.*",
}


def undefined(library):
    listed = subprocess.run(["nm", "--undefined-only", "--demangle", str(library)], capture_output=True, text=True,
                            check=True).stdout
    return sorted({re.sub(r"@+\S+$", "", line.split(" U ", 1)[1]) for line in listed.splitlines() if " U " in line})


def impurities(library):
    for symbol in undefined(library):
        plain = re.sub(r"(std|marea)::__cxx11::", r"\1::", symbol)
        for what, pattern in FORBIDDEN.items():
            if re.fullmatch(rf"(?:__)?(?:{pattern})(?:_chk)?", plain):
                yield f"{what}: {symbol}"


BAD = {
    "a clock": "#include <chrono>\nlong f() { return std::chrono::steady_clock::now().time_since_epoch().count(); }",
    "a socket": "#include <sys/socket.h>\nint f() { return socket(AF_UNIX, SOCK_STREAM, 0); }",
    "a file": "#include <fstream>\nbool f() { return std::ifstream(\"x\").good(); }",
    "a thread": "#include <thread>\nvoid f() { std::thread([] {}).join(); }",
    "the environment": "#include <cstdlib>\nchar* f() { return getenv(\"X\"); }",
}


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_a_bad_object_is_caught(what, tmp_path):
    source = tmp_path / "bad.cc"
    source.write_text(BAD[what], encoding="utf-8")
    subprocess.run([shutil.which("g++"), "-c", str(source), "-o", str(tmp_path / "bad.o")], check=True)
    assert any(found.startswith(what) for found in impurities(tmp_path / "bad.o"))


def test_a_pure_object_passes(tmp_path):
    source = tmp_path / "good.cc"
    source.write_text("#include <string>\n#include <sstream>\nstd::string f(int n) { std::ostringstream o; o << n; "
                      "return o.str() + std::to_string(n) + std::string(n, 'x'); }", encoding="utf-8")
    subprocess.run([shutil.which("g++"), "-c", str(source), "-o", str(tmp_path / "good.o")], check=True)
    assert list(impurities(tmp_path / "good.o")) == []


@pytest.mark.parametrize("module", PURE)
def test_the_module_is_pure(module):
    library = BUILD / "src" / f"libmarea_{module}.a"
    folder = repository.ROOT / "src" / module.replace("_", "/")
    sources = [path for path in folder.glob("*.cc") if not path.name.endswith("_test.cc")]
    if not sources:
        assert not library.exists(), f"{library} is left over from a module that is now empty"
        return
    assert library.exists(), "build first: ./dev build"
    found = list(impurities(library))
    assert found == [], "\n" + "\n".join(found)
