"""`marea up`: a directory with a Dockerfile becomes a service."""

import pytest

from waiting import until

DOCKERFILE = """FROM localhost/busybox:here
COPY site /srv
RUN echo "built by $(id -u)" > /srv/who
ENTRYPOINT ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"]
"""


@pytest.fixture(scope="module")
def base(platform, debian_image):
    platform.cli("images", "import", "localhost/busybox:here", f"oci:{debian_image('busybox')}")
    return platform


def write(folder, text, page=b"first\n"):
    (folder / "site").mkdir(exist_ok=True)
    (folder / "site" / "index.html").write_bytes(page)
    (folder / "Dockerfile").write_text(text)
    return folder


def test_a_directory_with_a_dockerfile_becomes_a_url(base, name, tmp_path):
    done = base.cli("up", write(tmp_path, DOCKERFILE), "--name", name)
    assert done.out.strip() == f"http://{name}.localhost:{base.http_port}"
    assert base.get(name).text == "first\n"
    assert base.get(name, "/who").text == "built by 0\n"


def test_a_second_time_it_is_a_new_revision_with_the_new_files(base, name, tmp_path):
    base.cli("up", write(tmp_path, DOCKERFILE), "--name", name)
    base.cli("up", write(tmp_path, DOCKERFILE, b"second\n"), "--name", name)
    until(lambda: base.get(name).text == "second\n", "the new revision serves")


def test_a_build_that_fails_shows_why_and_the_old_revision_serves(base, name, tmp_path):
    base.cli("up", write(tmp_path, DOCKERFILE), "--name", name)
    done = base.cli("up", write(tmp_path, DOCKERFILE + "RUN echo this is wrong >&2; exit 9\n"), "--name", name, check=False)
    assert done.rc != 0 and "this is wrong" in done.err and done.out == ""
    assert base.get(name).text == "first\n"


def test_what_a_dockerignore_names_stays_here(base, name, tmp_path):
    write(tmp_path, DOCKERFILE)
    (tmp_path / "site" / "private").write_text("mine")
    (tmp_path / ".dockerignore").write_text("site/private\n")
    base.cli("up", tmp_path, "--name", name)
    assert base.get(name, "/private").status == 404


def test_the_port_found_may_be_adopted_by_up_alone(base, name, tmp_path):
    """up (never a release) takes the one port on which the app answers HTTP, and writes it into the revision."""
    done = base.cli("up", write(tmp_path, DOCKERFILE.replace('"8080"', '"9999"')), "--name", name, check=False)
    if done.rc == 0:
        ports = base.service(name)["spec"]["template"]["spec"]["containers"][0]["ports"]
        assert ports[0]["containerPort"] == 9999 and base.get(name).text == "first\n"
    else:
        assert done.rc == 6 and "9999" in done.err


def test_a_directory_that_says_nothing_is_told_what_was_looked_for(platform, tmp_path):
    done = platform.cli("up", tmp_path, check=False)
    assert done.rc == 3 and "Dockerfile" in done.err and "package.json" in done.err and str(tmp_path) in done.err
