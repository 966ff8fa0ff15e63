"""Pages in headless Chromium: what the console says, what is asked for, what axe-core finds."""

import json
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

_RUN = """
document.querySelectorAll("details").forEach(one => { one.open = true; });
const of = rule => [rule.id, rule.nodes.map(n => n.target.join(" ") + ": " + n.html.slice(0, 120))];
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(found => {
  const told = {
    dark: matchMedia("(prefers-color-scheme: dark)").matches, passes: found.passes.length,
    violations: found.violations.map(of), incomplete: found.incomplete.map(of),
  };
  const held = document.createElement("pre");
  held.id = "axe-found";
  held.textContent = JSON.stringify(told);
  document.body.replaceChildren(held);
});
"""


def command(folder, *options):
    return [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}", *options,
    ]  # fmt: skip


def browse(page, folder):
    """Open a page; return what the console said and the addresses that were asked for."""
    log = folder / "net.json"
    done = subprocess.run(
        [*command(folder), "--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom",
         page.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    asked = set(re.findall(r'"(?:url|original_url)":"([^"]*)"', log.read_text()))
    return said, {url for url in asked if not re.search(r"//[\w.]*google(apis)?\.com/", url)}


def axe(text, folder, *, dark, wide=1280):
    """Return what axe-core finds on a page, every fold open.

    The page's own policy lets no script run, so a copy without it is looked at.
    """
    script = Path(find_spec("axe_core_python").origin).with_name("axe.min.js")
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    assert len(policy.findall(text)) == 1
    tools = f"<script>{script.read_text(encoding='utf-8')}</script><script>{_RUN}</script>"
    page = folder / "looked-at.html"
    page.write_text(policy.sub("", text).replace("</body>", f"{tools}</body>"), encoding="utf-8")
    done = subprocess.run(
        [*command(folder), f"--window-size={wide},900", "--virtual-time-budget=60000",
         f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    (found,) = re.findall(r'<pre id="axe-found">(.*?)</pre>', done.stdout, re.DOTALL)
    for name, sign in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&")):
        found = found.replace(name, sign)
    return json.loads(found)
