"""nginx before a service, answering a share of the requests itself and delaying another."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_max_body_size 64m;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/answers;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  split_clients "$request_id refused" $refused {{ 20% 1; * ""; }}
  split_clients "$request_id late" $late {{ 20% late; * ""; }}
  limit_req_zone $late zone=late:1m rate=20r/s;
  server {{
    listen 127.0.0.1:{port};
    location /healthz {{ proxy_pass {url}; }}
    location / {{
      if ($refused) {{ return 503; }}
      limit_req zone=late burst=100000;
      proxy_pass {url};
      proxy_read_timeout 130s;
    }}
  }}
}}
"""
"""One request in five is refused. Of the others one in five is held until those before it are 50 ms
ahead, so that delays grow as they do behind something that is overloaded."""
START_S = 10.0


def nginx() -> str | None:
    """The program; not every user's path has /usr/sbin, where Debian puts it."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def injecting(url: str) -> Iterator[str]:
    """Where the service at `url` can be reached through the faults."""
    program = nginx()
    assert program is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # A master that is root has workers that are not.
        file = folder / "nginx.conf"
        file.write_text(CONFIGURATION.format(folder=folder, port=port, url=url))
        process = subprocess.Popen([program, "-c", str(file), "-e", str(folder / "errors")])
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _wait_for(url: str) -> None:
    ends = time.monotonic() + START_S
    while True:
        try:
            httpx.get(url)
        except httpx.TransportError:
            assert time.monotonic() < ends, "nginx does not start"
            time.sleep(0.05)
        else:
            return
