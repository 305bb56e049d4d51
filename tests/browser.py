"""Headless Chromium, one for all tests: it opens pages from the disk, or from a server on this machine."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from threading import Thread

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
THERE = CHROMIUM and DRIVER and find_spec("selenium") is not None
needs_browser = pytest.mark.skipif(not THERE, reason="chromium, chromedriver or selenium is not installed")
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


def prefers(driver, scheme):
    """The system's colours: "light" or "dark"."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def press(driver, *keys):
    """Keys, one after another."""
    from selenium.webdriver import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


def waited(driver, script):
    """What a script returns once that is something."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 15, poll_frequency=0.05).until(lambda d: d.execute_script(script))


def contrast(one, other):
    """WCAG 2: contrast of two rgb() colours."""
    lights = []
    for colour in (one, other):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


class Parts(HTMLParser):
    """A page as a parser reads it: elements with their attributes, and texts with the class of what they stand in."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._in = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._in = dict(attributes).get("class")

    def handle_data(self, data):
        self.texts.append((self._in, data))

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]
