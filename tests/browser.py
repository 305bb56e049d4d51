"""Headless Chromium, one for all tests: it opens pages from the disk, or from a server on this machine."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it cannot be had as root in a container
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--force-prefers-reduced-motion",
    "--autoplay-policy=no-user-gesture-required",
    "--hide-scrollbars",
)


@contextmanager
def chromium(profile):
    """A browser that keeps what it keeps in a folder, and goes nowhere but to this machine."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder; nothing is said of requests."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".vtt": "text/vtt", ".webm": "video/webm"}

    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """The address of a folder's files, while it lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def complaints(driver):
    """What the console of the page says is wrong."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
