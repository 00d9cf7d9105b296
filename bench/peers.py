"""The servers that are compared: how each is started so that all do the same work.

Each is one event loop on one thread, logs nothing, keeps a connection for any number of requests,
and answers with Date, Server, Content-Type and Content-Length. A server says which scenarios it can
play; what it cannot do with its own means (HAProxy has no files, nginx no handler that reads a
body) is left out rather than imitated by a slower part of it.

Inside TLS all have the same certificate (P-256), make tickets for resumption, and leave suite and
group to the client, who is the same for all: measure.py asks what came of it.
"""
import re
import shutil
import socket
import subprocess
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peer:
    """One server. `command` writes what it needs to `folder` and says what to run."""
    name = ""
    program = ""
    kinds = ("plain", "close", "post", "file")
    secure_kinds = ()  # inside TLS
    prints_port = False

    def find(self):
        """Where the program is, or None."""
        return shutil.which(self.program, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")

    def version(self):
        return ""

    def plays(self, scenario):
        return scenario.kind in (self.secure_kinds if scenario.tls else self.kinds)

    def command(self, scenario, folder, port):
        raise NotImplementedError

    def path(self, scenario):
        return "/files/" + scenario.file if scenario.kind == "file" else "/plaintext"

    def said(self, *arguments):
        done = subprocess.run([self.find(), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        return done.stdout


def certificates(folder):
    """Beside the folders of the servers: server.pem, server.key and ca.pem."""
    return folder.parent / "certificates"


def make_certificates(build, folder):
    """By `weir cert`, for all servers."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(build / "bin/weir"), "cert", "--dir", str(folder), "--force"], check=True,
                   stdout=subprocess.DEVNULL)


class Raw(Peer):
    name = "raw"
    prints_port = True

    def __init__(self, build):
        self.program = str(build / "bin/weir_raw_epoll")

    def find(self):
        return self.program if Path(self.program).exists() else None

    def command(self, scenario, folder, port):
        extra = {"close": ["--close"], "post": ["--body", str(scenario.body_bytes)],
                 "file": ["--file", str(folder.parent / "www/files" / scenario.file)]}
        return [self.program, *extra.get(scenario.kind, [])]


class Mbedtls(Peer):
    """The raw loop of TLS, over the mbedTLS that weir links."""
    name = "mbedtls"
    kinds = ()
    secure_kinds = ("plain", "full", "resumed", "file")
    prints_port = True
    file_name = "weir_raw_mbedtls"

    def __init__(self, build):
        self.program = str(build / "bin" / self.file_name)

    def find(self):
        return self.program if Path(self.program).exists() else None

    def command(self, scenario, folder, port):
        of = certificates(folder)
        command = [self.program, "--cert", str(of / "server.pem"), "--key", str(of / "server.key")]
        if scenario.kind == "file":
            command += ["--file", str(folder.parent / "www/files" / scenario.file)]
        return command


class ReleasedMbedtls(Mbedtls):
    """The same over mbedTLS without what weir chose for speed."""
    name = "mbedtls-released"
    file_name = "weir_released_raw_mbedtls"


class Weir(Peer):
    name = "weir"
    secure_kinds = ("plain", "full", "resumed", "file")
    prints_port = True

    def __init__(self, build):
        self.program = str(build / "bin/weir")

    def find(self):
        return self.program if Path(self.program).exists() else None

    def version(self):
        return self.said("--version").strip()

    def command(self, scenario, folder, port):
        command = [self.program, "serve", "--listen", "127.0.0.1:0", "--print-port",
                   "--requests-per-connection-max", "unbounded",
                   "--files", str(folder.parent / "www/files")]
        if scenario.tls:
            of = certificates(folder)
            command += ["--tls-cert", str(of / "server.pem"), "--tls-key", str(of / "server.key")]
        return command

    def path(self, scenario):
        return "/count" if scenario.kind == "post" else super().path(scenario)


class Nginx(Peer):
    name = "nginx"
    program = "nginx"
    kinds = ("plain", "close", "file")
    secure_kinds = ("plain", "full", "resumed", "file")

    def version(self):
        return self.said("-v").strip().rpartition("/")[2]

    def command(self, scenario, folder, port):
        secure = ""
        if scenario.tls:
            of = certificates(folder)
            secure = (f"ssl_protocols TLSv1.3; ssl_certificate {of}/server.pem; "
                      f"ssl_certificate_key {of}/server.key;")
        (folder / "nginx.conf").write_text(f"""
master_process off;
daemon off;
pid {folder}/nginx.pid;
error_log stderr crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; use epoll; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=100;
  keepalive_requests 1000000000;
  default_type text/plain;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} {"ssl" if scenario.tls else ""} backlog=1024;
    {secure}
    location = /plaintext {{ return 200 "Hello, World!"; }}
    location /files/ {{ root {folder.parent}/www; }}
  }}
}}
""")
        return [self.find(), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


class H2o(Peer):
    """Its plain answer is a file of 13 bytes, from its cache of open files: what it has in C."""
    name = "h2o"
    program = "h2o"

    def version(self):
        return self.said("--version").split("\n")[0].rpartition(" ")[2]

    def command(self, scenario, folder, port):
        (folder / "h2o.conf").write_text(f"""
num-threads: 1
max-connections: 10000
error-log: /dev/null
listen: {{ host: 127.0.0.1, port: {port} }}
hosts:
  default:
    paths:
      /count:
        mruby.handler: |
          Proc.new do |env|
            body = env["rack.input"] ? env["rack.input"].read : ""
            [200, {{"content-type" => "text/plain"}}, [body.length.to_s]]
          end
      /:
        file.dir: {folder.parent}/www
        file.etag: OFF
""")
        return [self.find(), "-c", str(folder / "h2o.conf")]

    def path(self, scenario):
        return "/count" if scenario.kind == "post" else super().path(scenario)


class Haproxy(Peer):
    name = "haproxy"
    program = "haproxy"
    kinds = ("plain", "close", "post")
    secure_kinds = ("plain", "full", "resumed")

    def version(self):
        found = re.search(r"version (\S+)", self.said("-v"))
        return found[1] if found else ""

    def command(self, scenario, folder, port):
        # A body is only read as a whole if it fits the buffer.
        post = "  option http-buffer-request\n" if scenario.kind == "post" else ""
        size = f"  tune.bufsize {scenario.body_bytes + 16384}\n" if scenario.kind == "post" else ""
        secure = ""
        if scenario.tls:
            of = certificates(folder)
            both = folder / "server.both"  # it wants chain and key in one file
            both.write_text((of / "server.pem").read_text() + (of / "server.key").read_text())
            secure = f"ssl crt {both} ssl-min-ver TLSv1.3 alpn http/1.1"
        (folder / "haproxy.cfg").write_text(f"""
global
  maxconn 9500
  nbthread 1
{size}
defaults
  mode http
  timeout client 60s
  timeout http-request 60s
  timeout http-keep-alive 60s
frontend all
  bind 127.0.0.1:{port} backlog 1024 {secure}
{post}  http-request return status 200 content-type "text/plain" string "Hello, World!" \
hdr Server haproxy hdr Date "%[date,http_date]"
""")
        return [self.find(), "-db", "-f", str(folder / "haproxy.cfg")]


def all_peers(build):
    return [Raw(build), Mbedtls(build), ReleasedMbedtls(build), Weir(build), Nginx(), H2o(),
            Haproxy()]
