"""The page as a service: the socket that systemd gives it, and proxies in front."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from support.paths import PACKAGES, ROOT
from support.web.site import PYTHON

PROXIES = ROOT / "systemd/proxies"


def needed(program: str) -> str:
    if not (found := shutil.which(program)):
        pytest.skip(f"there is no {program}")
    return found


def test_the_socket_of_systemd_is_served(short: Path) -> None:
    activate = needed("systemd-socket-activate")
    path = short / "page.sock"
    words = [PYTHON, "-m", "lipsyncweb.main", "--folder", short / "web", "--socket", short / "no"]
    listening = [activate, "-E", f"PYTHONPATH={PACKAGES}", "--listen"]
    with subprocess.Popen(
        [*map(str, [*listening, path, *words, "--trust-header", "X-Remote-User"])],
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while not path.exists():
                assert process.poll() is None
                time.sleep(0.02)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(
                    b"GET /alive HTTP/1.0\r\nHost: localhost\r\nX-Remote-User: a\r\n\r\n"
                )
                assert client.recv(100).startswith(b"HTTP/1.1 204")
        finally:
            process.terminate()
            process.wait()


def test_nginx_understands_its_example(tmp_path: Path) -> None:
    nginx, openssl = needed("nginx"), needed("openssl")
    key, certificate = tmp_path / "key", tmp_path / "pem"
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=lipsync.example.org"]
    subprocess.run([openssl, *made, *files], check=True, capture_output=True)
    server = (PROXIES / "nginx.conf").read_text(encoding="utf-8")
    for name, path in {"certs/lipsync.example.org.pem": certificate,
                       "private/lipsync.example.org.key": key}.items():  # fmt: skip
        assert name in server
        server = server.replace(f"/etc/ssl/{name}", str(path))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{server}\n}}\n")
    judged = subprocess.run([nginx, "-t", "-c", whole], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr


def test_caddy_understands_its_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caddy = needed("caddy")
    monkeypatch.setenv("HOME", str(tmp_path))
    words = [caddy, "validate", "--adapter", "caddyfile", "--config", str(PROXIES / "Caddyfile")]
    judged = subprocess.run(words, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr
