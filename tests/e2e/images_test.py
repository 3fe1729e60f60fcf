"""Images as people have them, unchanged: what runs on Cloud Run runs here."""

import pytest

import oci
from running_platform import manifest

NGINX_SITE = b"""server { listen 8080; location / { return 200 "nginx as $hostname\\n"; } }
"""
NODE_APP = b"""const http = require('http');
http.createServer((request, response) => response.end('node ' + request.url + '\\n'))
  .listen(process.env.PORT, () => console.log('node listens'));
"""


def deploy(platform, name, image, *options):
    done = platform.cli("deploy", name, "--image", image, "--wait", *options)
    assert f"http://{name}.localhost:{platform.http_port}" in done.out
    return platform.get(name)


def test_debians_nginx_runs_with_its_root_entry_point(platform, name, debian_image, tmp_path):
    """As the official image does it: root master process, workers as www-data, logs linked to /dev/stdout."""
    links = b"#!/bin/sh\nln -sf /dev/stdout /var/log/nginx/access.log\nln -sf /dev/stderr /var/log/nginx/error.log\n" \
            b"rm -f /etc/nginx/sites-enabled/default\nexec \"$@\"\n"
    oci.make(tmp_path, {"etc/nginx/conf.d/site.conf": NGINX_SITE, "entry.sh": (links, 0o755)},
             {"Entrypoint": ["/entry.sh"], "Cmd": ["nginx", "-g", "daemon off;"]}, base=debian_image("nginx"))
    assert deploy(platform, name, f"oci:{tmp_path}").text.startswith("nginx as ")
    assert platform.get(name, "/seen-in-the-log").status == 200
    assert "GET /seen-in-the-log" in platform.cli("logs", name).out


def test_a_python_server_runs(platform, name, debian_image, tmp_path):
    oci.make(tmp_path, {"srv/index.html": b"<p>python serves"},
             {"Entrypoint": ["python3", "-u", "-m", "http.server", "8080", "--directory", "/srv"]},
             base=debian_image("python"))
    answer = deploy(platform, name, f"oci:{tmp_path}")
    assert (answer.status, answer.text) == (200, "<p>python serves")


def test_a_node_server_runs(platform, name, debian_image, tmp_path):
    oci.make(tmp_path, {"app/server.js": NODE_APP}, {"Entrypoint": ["node", "server.js"], "WorkingDir": "/app"},
             base=debian_image("node"))
    assert deploy(platform, name, f"oci:{tmp_path}").text == "node /\n"


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


def test_an_image_that_is_deployed_twice_is_not_uploaded_twice(platform, name, tide):
    deploy(platform, name, tide)
    first = platform.call("/apis/marea.dev/v1/images").json()["items"]
    deploy(platform, name, tide)
    assert platform.call("/apis/marea.dev/v1/images").json()["items"] == first
