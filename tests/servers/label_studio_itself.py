"""The real Label Studio 1.23.2: its own environment and data directory, on a free port."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from orchestra.child_process import die_with_parent

VERSION = "1.23.2"
EMAIL, PASSWORD = "curator@example.com", "made-up-for-this-run"
TOKEN = "abcdef0123456789abcdef0123456789abcdef01"
ADMIN = {"Authorization": f"Token {TOKEN}"}
#: the first start creates the database; on a fresh machine the package is downloaded first
READY_WITHIN_S = 540.0


@contextlib.contextmanager
def label_studio(folder: Path) -> Iterator[str]:
    """Run the server and yield its URL. It makes no outgoing requests except to us."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "LABEL_STUDIO_USERNAME": EMAIL,
        "LABEL_STUDIO_PASSWORD": PASSWORD,
        "LABEL_STUDIO_USER_TOKEN": TOKEN,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    environment.pop("PYTHONPATH", None)
    command = ["uv", "tool", "run", "--from", f"label-studio=={VERSION}", "label-studio", "start", "--no-browser"]
    log = folder / "label-studio.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--internal-host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - no threads that matter here
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", timeout=5).status_code == httpx.codes.OK:
                return
        assert process.poll() is None, f"Label Studio ended at start: {log.read_text('utf-8', 'replace')[-2000:]}"
        time.sleep(0.25)
    msg = f"Label Studio is not ready after {READY_WITHIN_S} s: {log.read_text('utf-8', 'replace')[-2000:]}"
    raise AssertionError(msg)


def personal_access_token(url: str) -> str:
    """A token of the kind that a user creates in the account settings."""
    with httpx.Client(base_url=url, follow_redirects=True) as browser:
        browser.get("/user/login/")
        csrf = browser.cookies["csrftoken"]
        form = {"csrfmiddlewaretoken": csrf, "email": EMAIL, "password": PASSWORD}
        browser.post("/user/login/", data=form, headers={"Referer": f"{url}/user/login/"})
        made = browser.post(
            "/api/token/", headers={"X-CSRFToken": browser.cookies["csrftoken"], "Referer": url}
        ).raise_for_status()
    token: str = made.json()["token"]
    return token
