"""Images as people have them, unchanged: what runs on Cloud Run runs here."""

from pathlib import Path

import oci
import pytest

from running_platform import manifest
from waiting import until

NODE_APP = b"""const http = require('http');
http.createServer((request, response) => response.end('node ' + request.url + '\\n'))
  .listen(process.env.PORT, () => console.log('node listens'));
"""
BUSYBOX_APP = b"""#!/bin/busybox sh
echo "busybox as $(/bin/busybox id -u)"
exec /bin/busybox httpd -f -v -p "$PORT" -h /srv
"""


def deploy(platform, name, image, *options):
    done = platform.cli("deploy", name, "--image", image, "--wait", *options)
    assert f"http://{name}.localhost:{platform.http_port}" in done.out
    return platform.get(name)


def expect_log(platform, name, words):
    until(lambda: words in platform.cli("logs", name).out, f"'{words}' is in the log")


def test_debians_nginx_runs_unchanged_with_its_root_entry_point(platform, name, debian_image, tmp_path):
    """Debian's own configuration and default site on port 80, the master process root, the workers www-data; only the
    log files are links to /dev/stdout and /dev/stderr, as in every nginx image."""
    oci.make(tmp_path, {"var/log/nginx/access.log": oci.Link("/dev/stdout"), "var/log/nginx/error.log": oci.Link("/dev/stderr")},
             {"Entrypoint": ["nginx", "-g", "daemon off;"]}, base=debian_image("nginx"))
    answer = deploy(platform, name, f"oci:{tmp_path}", "--port", "80")
    assert answer.status == 200 and "Welcome to nginx!" in answer.text
    assert platform.get(name, "/not-there").status == 404
    expect_log(platform, name, "GET /not-there HTTP/1.1")


def test_nginx_as_a_user_of_its_own_runs(platform, name, debian_image, tmp_path):
    """An unprivileged nginx: USER www-data, port 8080, its files under /tmp."""
    config = b"""pid /tmp/nginx.pid; error_log /dev/stderr; daemon off; events {}
http { access_log /dev/stdout; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;
       uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s; server { listen 8080; location / { return 200 "as $pid\\n"; } } }
"""
    oci.make(tmp_path, {"etc/nginx/own.conf": config},
             {"Entrypoint": ["nginx", "-c", "/etc/nginx/own.conf"], "User": "www-data"}, base=debian_image("nginx"))
    assert deploy(platform, name, f"oci:{tmp_path}").text.startswith("as ")
    expect_log(platform, name, '"GET / HTTP/1.1" 200')


def test_a_python_server_runs(platform, name, debian_image, tmp_path):
    oci.make(tmp_path, {"srv/index.html": b"<p>python serves"},
             {"Entrypoint": ["python3", "-u", "-m", "http.server", "8080", "--directory", "/srv"]},
             base=debian_image("python"))
    answer = deploy(platform, name, f"oci:{tmp_path}")
    assert (answer.status, answer.text) == (200, "<p>python serves")
    expect_log(platform, name, '"GET / HTTP/1.1" 200')


def test_a_node_server_runs(platform, name, debian_image, tmp_path):
    oci.make(tmp_path, {"app/server.js": NODE_APP}, {"Entrypoint": ["node", "server.js"], "WorkingDir": "/app"},
             base=debian_image("node"))
    assert deploy(platform, name, f"oci:{tmp_path}").text == "node /\n"
    expect_log(platform, name, "node listens")


def test_a_busybox_script_runs_as_a_numeric_user(platform, name, debian_image, tmp_path):
    oci.make(tmp_path, {"app/run": (BUSYBOX_APP, 0o755), "srv/index.html": b"busybox serves\n"},
             {"Entrypoint": ["/app/run"], "User": "1000"}, base=debian_image("busybox"))
    assert deploy(platform, name, f"oci:{tmp_path}").text == "busybox serves\n"
    expect_log(platform, name, "busybox as 1000")


def test_an_image_with_a_user_runs_as_that_user(platform, name, tide_program, tmp_path):
    passwd = b"root:x:0:0::/:/bin/sh\nmarinera:x:4321:4321::/tmp:/bin/sh\n"
    oci.make(tmp_path, {"app/tide": (tide_program.read_bytes(), 0o755), "etc/passwd": passwd,
                        "etc/group": b"root:x:0:\nmarinera:x:4321:\n", "tmp/.keep": b""},
             {"Entrypoint": ["/app/tide"], "User": "marinera"})
    deploy(platform, name, f"oci:{tmp_path}")
    lines = platform.get(name, "/env").text.splitlines()
    assert "uid=4321" in lines and "HOME=/tmp" in lines


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_an_app_may_listen_on_any_address_of_its_own(platform, name, tide, address):
    platform.apply(manifest(name, tide, args=["--address", address]))
    platform.wait_ready(name)
    assert platform.get(name).status == 200


def test_the_port_may_be_another(platform, name, tide):
    deploy(platform, name, tide, "--port", "3000")
    assert "PORT=3000" in platform.get(name, "/env").text.splitlines()


def test_the_container_contract_is_cloud_runs(platform, name, tide):
    platform.apply(manifest(name, tide, env={"TIDE_LEVEL": "high"}))
    platform.wait_ready(name)
    lines = platform.get(name, "/env").text.splitlines()
    revision = platform.service(name)["status"]["latestReadyRevisionName"]
    for line in ("PORT=8080", "TIDE_LEVEL=high", f"K_SERVICE={name}", f"K_CONFIGURATION={name}", f"K_REVISION={revision}"):
        assert line in lines


def test_command_and_args_take_the_place_of_the_images(platform, name, tide):
    platform.apply(manifest(name, tide, command=["/app/tide", "--text", "commanded"], args=[]))
    platform.wait_ready(name)
    assert platform.get(name).text.startswith("commanded ")


def test_later_layers_change_and_hide_files_of_earlier_ones(platform, name, tide_program, tmp_path):
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    oci.make(lower, {"app/tide": (tide_program.read_bytes(), 0o755), "gone": b"", "etc/passwd": b"root:x:0:0::/old:/bin/sh\n"})
    oci.make(upper, {".wh.gone": b"", "etc/passwd": b"root:x:0:0::/new:/bin/sh\n", "new/.keep": b""},
             {"Entrypoint": ["/app/tide"]}, base=lower)
    deploy(platform, name, f"oci:{upper}")
    assert "HOME=/new" in platform.get(name, "/env").text.splitlines()


def test_a_tag_chooses_among_the_images_of_a_layout(platform, name, tide, tide_program, tmp_path):
    program = {"app/tide": (tide_program.read_bytes(), 0o755)}
    oci.make(tmp_path, program, {"Entrypoint": ["/app/tide", "--text", "ebb"]}, tag="ebb")
    oci.make(tmp_path, program, {"Entrypoint": ["/app/tide", "--text", "flood"]}, tag="flood")
    assert deploy(platform, name, f"oci:{tmp_path}:flood").text.startswith("flood ")
    done = platform.cli("deploy", name, "--image", f"oci:{tmp_path}:slack", "--wait", check=False)
    assert done.rc != 0 and "slack" in done.err and "ebb" in done.err


def test_a_layer_that_climbs_out_writes_nothing_outside(platform, name, tide_program, tmp_path):
    mark = tmp_path.name + "-escaped"
    oci.make(tmp_path, {"app/tide": (tide_program.read_bytes(), 0o755), "../" * 12 + "tmp/" + mark: b"out"},
             {"Entrypoint": ["/app/tide"]})
    platform.cli("deploy", name, "--image", f"oci:{tmp_path}", "--wait", check=False)
    assert not Path("/tmp", mark).exists()


def test_an_image_that_is_deployed_twice_is_not_stored_twice(platform, name, tide):
    deploy(platform, name, tide)
    first = platform.call("/apis/marea.dev/v1/images").json()["items"]
    deploy(platform, name, tide)
    assert platform.call("/apis/marea.dev/v1/images").json()["items"] == first
