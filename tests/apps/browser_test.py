#!/usr/bin/env python3
"""A page with 50 assets in a real browser: it opens several connections and keeps them.

With a file name as its argument it also takes a picture of `GET /` into that file.
"""
import re
import subprocess
import sys
import unittest

import served

ASSETS = 50
SVG = ('<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">'
       '<rect width="16" height="16" fill="rgb({0},{0},{0})"/></svg>')
# Every asset says that it is there; the page tells the sum in its title when all is loaded.
PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>loading</title>
{styles}</head><body>{images}
<script>var scripts = 0;</script>
{scripts}
<script>
addEventListener('load', function () {{
  var images = Array.from(document.images).filter(i => i.complete && i.naturalWidth == 16).length;
  var styles = 0;
  for (var i = 0; i < {style_count}; ++i) {{
    var at = getComputedStyle(document.documentElement).getPropertyValue('--s' + i).trim();
    if (at == String(i)) ++styles;
  }}
  document.title = 'loaded ' + images + ' images ' + scripts + ' scripts ' + styles + ' styles';
}});
</script></body></html>
"""
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def chromium(profile, *words, home=None):
    env = {**served.CLEAN, "HOME": str(home)} if home else served.CLEAN
    return subprocess.run(["chromium", *FLAGS, f"--user-data-dir={profile}", *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                          env=env, check=False)


class Browser(served.ServedTest):
    def make(self, folder):
        for i in range(20):
            (folder / f"i{i}.svg").write_text(SVG.format(i * 10))
            (folder / f"j{i}.js").write_text("++scripts;\n")
        for i in range(10):
            (folder / f"s{i}.css").write_text(f":root {{ --s{i}: {i}; }}\n")
        (folder / "index.html").write_text(PAGE.format(
            styles="".join(f'<link rel="stylesheet" href="s{i}.css">' for i in range(10)),
            images="".join(f'<img src="i{i}.svg">' for i in range(20)),
            scripts="".join(f'<script src="j{i}.js"></script>' for i in range(20)),
            style_count=10))

    def test_a_page_with_50_assets_loads_whole(self):
        folder = self.folder()
        self.make(folder)
        server = self.serve("--files", folder, "--log", "plain")
        self.loads(server, server.url)

    @unittest.skipIf(served.shutil.which("openssl") is None, "needs openssl")
    def test_the_same_page_over_https(self):
        folder = self.certificates("--name", "a.test")
        public = folder / "public"
        public.mkdir()
        self.make(public)
        server = self.serve(*served.OWN_TLS, "--files", "public", "--log", "plain", folder=folder)
        # It has authorities of its own: this one key is named to it, and any other is an error.
        key = subprocess.run(
            "openssl pkey -in server.key -pubout -outform der | openssl dgst -sha256 -binary |"
            " openssl base64", shell=True, cwd=folder, stdout=subprocess.PIPE, text=True,
            check=True).stdout.strip()
        self.loads(server, server.secure_url, f"--ignore-certificate-errors-spki-list={key}")
        seen = chromium(self.folder(), "--dump-dom", server.secure_url + "/plaintext")
        self.assertNotIn("Hello, World!", seen.stdout)

    @unittest.skipIf(served.shutil.which("certutil") is None, "needs certutil")
    def test_an_authority_of_development_is_believed_once_the_user_has_said_so(self):
        folder = self.certificates("--name", "a.test")
        public = folder / "public"
        public.mkdir()
        self.make(public)
        server = self.serve(*served.OWN_TLS, "--files", "public", "--log", "plain", folder=folder)
        home = self.folder()
        store = home / ".pki/nssdb"
        store.mkdir(parents=True)
        for words in (["-N", "--empty-password"],
                      ["-A", "-n", "weir", "-t", "C,,", "-i", folder / "ca.pem"]):
            subprocess.run(["certutil", "-d", f"sql:{store}", *words], check=True, timeout=60)
        # Under each of its names, and no other.
        rules = "--host-resolver-rules=MAP * 127.0.0.1"
        for name, good in (("localhost", True), ("a.test", True), ("127.0.0.1", True),
                           ("b.test", False)):
            seen = chromium(self.folder(), "--dump-dom", rules,
                            f"https://{name}:{server.port}/plaintext", home=home)
            self.assertEqual(good, "Hello, World!" in seen.stdout, (name, seen.stderr[-2000:]))
        self.loads(server, f"https://localhost:{server.port}", home=home)

    def loads(self, server, url, *words, **options):
        seen = chromium(self.folder(), "--virtual-time-budget=20000", "--dump-dom", *words,
                        url + "/files/index.html", **options)
        title = re.search(r"<title>(.*?)</title>", seen.stdout)
        self.assertTrue(title, seen.stderr[-2000:])
        self.assertEqual("loaded 20 images 20 scripts 10 styles", title[1])
        server.stop()
        asked = [line for line in server.log_lines() if " /files/{path...} 200 " in line]
        self.assertEqual(ASSETS + 1, len(asked), "\n".join(server.log_lines()))

    def test_home_is_shown_as_a_page(self):
        server = self.serve()
        profile = self.folder()
        seen = chromium(profile, "--dump-dom", server.url + "/")
        self.assertIn('<a href="/plaintext">', seen.stdout)
        if PICTURE:
            chromium(profile, f"--screenshot={PICTURE}", "--window-size=900,800",
                     server.url + "/")


PICTURE = sys.argv.pop() if len(sys.argv) > 1 and sys.argv[-1].endswith(".png") else None

if __name__ == "__main__":
    served.need("chromium")
    unittest.main(verbosity=2)
