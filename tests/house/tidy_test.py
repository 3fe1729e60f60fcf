"""The house rules, over the whole repository and over themselves: each rule must catch its bad sample and pass its good
one. Old sins are lines `RULE PATH` of exceptions.txt, a list that may only shrink."""

import pytest

import repository
import rules

LONG_BODY = "  f();\n" * 71
T = "TEST(Sea, rises) {"
LOCAL = "namespace a {\nnamespace {\n\nA a = {\n};\n\n%s\n}  // namespace\n}  // namespace a\n"

# rule → (bad trees, good trees)
SAMPLES = {
    "file_length": ([{"src/a.cc": "int x;\n" * 601}], [{"src/a.cc": "int x;\n" * 600, "docs/long.md": "x\n" * 700}]),
    "function_length": (
        [{"src/a.cc": "void f(int a,\n       int b) {\n" + LONG_BODY + "}\n"},
         {"src/a.cc": "namespace marea {\nstruct S {\n  int g() const {\n" + LONG_BODY + "  }\n};\n}\n"},
         {"src/a.cc": "S::S(int a) : a_{a}, b_{f(a)} {\n" + LONG_BODY + "}\n"},
         {"tools/a.py": "def f():\n" + "    g()\n" * 71}],
        [{"src/a.cc": "void f() {\n" + "  f();\n" * 60 + "}\n" + "struct S {\n" + "  int f();\n" * 80 + "};\n"},
         {"src/a.cc": "namespace a {\nnamespace {\nenum class E {\n" + "  x,\n" * 90 + "};\n}\n}\n"},
         {"src/a.cc": "const Rows& rows() {\n  static const Rows rows = {\n" + "      {f(1), 2},\n" * 90 + "  };\n}\n"},
         {"src/a.cc": "auto f() -> Sea {\n" + "  f();\n" * 60 + "}\nauto g() -> Sea {\n" + "  f();\n" * 60 + "}\n"},
         {"src/a.cc": "#if defined(X)\n#endif\nnamespace a {\n" + "int f();\n" * 90 + "}\n"},
         {"src/a.cc": "// a { (\nconst char* kText = R\"x(f() {\n" + LONG_BODY + ")x\";\n"}]),
    "marker": ([{"docs/a.md": f"# A\n{word}: later\n"} for word in rules.MARKERS],
               [{"src/a.cc": 'char name[] = "XXXXXX";\n'}]),
    "banned_name": (
        [{"src/a.h": f"class Sea{name} {{\n"} for name in rules.BANNED_NAMES] + [{"src/sea_util.cc": "int x;\n"}],
        [{"src/a.h": "// class SeaManager {\nclass Managers;\nstruct Contexts {};\n"}]),
    "default_capture": ([{"src/a.cc": "auto f = [=] { g(); };\n"}, {"src/a.cc": "auto f = [=, &x] { g(); };\n"}],
                        [{"src/a.cc": "auto f = [&x, y = 1] { g(); }; // [=]\n"}]),
    "shell": (
        [{"src/a.cc": 'int f() { return system("ls"); }\n'}, {"src/a.cc": 'auto* p = ::popen("ls", "r");\n'},
         {"tools/a.py": "import os\nos." + "system('ls')\n"},
         {"tools/a.py": "subprocess.run('ls', shell=" + "True)\n"}],
        [{"src/a.cc": 'void f() { solar_system(1); x.system(2); } // system("ls")\n'}]),
    "sleep_in_test": (
        [{"src/a_test.cc": "std::this_thread::sleep_for(1ms);\n"}, {"src/a_test.cc": "usleep(3);\n"},
         {"tests/a_test.py": "import time\ntime." + "sleep(1)\n"}],
        [{"src/a.cc": "usleep(3);\n", "src/b_test.cc": "// usleep(3)\n"}]),
    "using_namespace": ([{"src/a.cc": "using namespace marea::net;\n"}, {"src/a.h": "using namespace std;\n"}],
                        [{"src/a.cc": "using namespace std::chrono_literals;\nvoid f() {\n  using namespace a;\n}\n",
                          "fuzz/a_fuzz.cc": "using namespace marea::net;\n"}]),
    "machine_path": ([{"README.md": "# A\n/ho" + "me/ana/marea\n"}, {"dev": "cd /wo" + "rk/main\n"}],
                     [{"README.md": "# A\n/var/lib/marea /workdir/x\n"}]),
    "own_header_first": ([{"src/a.h": "", "src/a.cc": '#include <string>\n#include "a.h"\n'}],
                         [{"src/a.h": "", "src/a.cc": '// x\n#include "a.h"\n\n#include <string>\n'}]),
    "local_name": (
        [{"src/a.cc": LOCAL % first, "src/b.cc": LOCAL % second}
         for first, second in [("int f(int a) {\n  return a;\n}\n", "const char* f() {\n  return 0;\n}\n"),
                               ("std::map<int, A>& f(int a,\n    int b);\n", "template <class T>\nT f(T a);\n"),
                               ("constexpr int kA = 1;\n", "constexpr std::array<int, 2> kA{1, 2};\n"),
                               ("const Row kA[] = {\n};\n", "constexpr char kA[] = \"x\";\n"),
                               ("class A final {\n};\n", "struct A {\n};\n"),
                               ("enum class A { x };\n", "struct A : B {\n};\n")]],
        [{"src/a.cc": LOCAL % ("using A = int;\nint f() {\n  return g(1);\n}\nint f(int);\n" + code),
          "src/b.cc": LOCAL % "using A = int;\nvoid h() {\n  return g(2);\n}\n", "src/a_test.cc": LOCAL % "int f();\n",
          "src/x/a.cc": LOCAL % "int f();\n", "src/c.cc": "int f() {\n  return 1;\n}\n"}
         for code in ("", "struct B;\nconstexpr int kA = f(1);\n")]),
    "header_guard": ([{"src/a.h": "// Why.\nint x;\n"}, {"src/a.h": "#pragma once\n"}],
                     [{"src/a.h": "// Why.\n#pragma once\n"}]),
    "docs_title": ([{"docs/a.md": "# Sea\n", "docs/b.md": "# sea\n"}, {"docs/a.md": "Sea\n"}],
                   [{"docs/a.md": "# Sea\n", "docs/b.md": "# Tide\n"}]),
    "empty_test": (
        [{"src/a_test.cc": "// TEST(A, b)\n"}, {"src/a_test.cc": T + "\n  f();\n}\n"}, {"tests/a_test.py": "x = 1\n"},
         {"tests/a_test.py": "def test_x():\n    f()\n"}],
        [{"src/a_test.cc": T + "\n  EXPECT_TRUE(f());\n}\n", "tests/a_test.py": "def test_x():\n    assert f()\n",
          "src/a_fixture_test.cc": "int shared() { return 1; }\n"}]),
    "fuzz_corpus": ([{"fuzz/codec_fuzz.cc": "", "fuzz/corpus/other/1": ""}],
                    [{"fuzz/codec_fuzz.cc": "", "fuzz/corpus/codec/1": ""}]),
    "dead_file": ([{"src/sea/a.h": "", "src/sea/a.cc": ""}, {"docs/a.md": "# A\n"}, {"tools/sift.py": ""}],
                  [{"src/sea/a.h": "", "src/sea/a.cc": '#include "sea/a.h"\n', "fuzz/must.h": "",
                    "fuzz/a.cc": '#include "must.h"\n', "tools/sift.py": "", "docs/a.md": "# A\n",
                    "README.md": "tools/sift.py docs/a.md\n"}]),
}


def exceptions():
    path = repository.ROOT / "tests" / "house" / "exceptions.txt"
    lines = (line.split("#")[0].split() for line in path.read_text(encoding="utf-8").splitlines())
    return {tuple(words) for words in lines if words}


def test_each_rule_has_samples():
    assert sorted(SAMPLES) == sorted(rule.__name__ for rule in rules.RULES)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_each_rule_catches_its_bad_samples(name):
    rule = getattr(rules, name)
    for sample in SAMPLES[name][0]:
        findings = list(rule(sample))
        assert findings, f"{name} passes {sample}"
        assert all(finding.rule == name for finding in findings)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_each_rule_passes_its_good_samples(name):
    for sample in SAMPLES[name][1]:
        assert [str(finding) for finding in getattr(rules, name)(sample)] == []


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_repository_keeps_the_rule(name):
    allowed = exceptions()
    found = [str(f) for f in getattr(rules, name)(repository.tree()) if (f.rule, f.path) not in allowed]
    assert not found, "\n" + "\n".join(found)


def test_no_exception_outlives_its_sin():
    sins = {(finding.rule, finding.path) for finding in rules.check(repository.tree())}
    assert exceptions() - sins == set(), "remove these lines from tests/house/exceptions.txt"
