"""A camera's number or an address goes in; the pictures that come, with when they came."""

from __future__ import annotations

import re
import time
from typing import Any

from smolcli.datatypes import RGB
from smolcli.errors import MediaError
from smolcli.media.capture import silent_cv2
from smolcli.media.pixels import shrunk
from smolcli.media.reading import quoted

EDGE_PX = 1024  # twice a tile: larger pictures are scaled down as they come, so that a ring of them is small
TIMEOUT_MS = 10_000
LIVE = ("rtsp:", "rtsps:", "rtmp:", "udp:", "rtp:", "srt:", "tcp:")
_USER = re.compile(r"(?<=://)[^/@\s]*@")
_DEVICE = re.compile(r"(?:/dev/video)?(\d{1,3})")


def shown_address(address: str) -> str:
    """How an address is called: without the user and the password in it."""
    return f"camera {found[1]}" if (found := _DEVICE.fullmatch(address)) else _USER.sub("", address)


class Camera:
    """An opened source of pictures. is_live: it goes on whether somebody looks or not, and its time is the clock's;
    else it is a clip that waits.

    Raises MediaError where nothing can be opened.
    """

    def __init__(self, address: str) -> None:
        self._cv2 = cv2 = silent_cv2()
        device = _DEVICE.fullmatch(address)
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
        try:
            capture = (
                cv2.VideoCapture(int(device[1])) if device else cv2.VideoCapture(address, cv2.CAP_FFMPEG, timeouts)
            )
        except (cv2.error, UnicodeError, SystemError) as error:
            raise _unopened(address, bool(device)) from error
        if not capture.isOpened():
            raise _unopened(address, bool(device))
        self._capture: Any = capture
        known = 0 < float(capture.get(cv2.CAP_PROP_FRAME_COUNT)) < 2**40
        self.is_live = bool(device) or address.lower().startswith(LIVE) or not known

    def grab(self) -> float | None:
        """When the next picture came: by the clock (time.monotonic), of a clip its own time. None where none comes."""
        if not self._capture.grab():
            return None
        if self.is_live:
            return time.monotonic()
        return max(0.0, float(self._capture.get(self._cv2.CAP_PROP_POS_MSEC)) / 1000)

    def picture(self) -> RGB | None:
        """The picture that was grabbed, uint8 (h, w, 3), its longer side at most 1024 px; None where it is damaged."""
        try:
            ok, bgr = self._capture.retrieve()
            if not ok or bgr is None:
                return None
            code = self._cv2.COLOR_GRAY2RGB if bgr.ndim == 2 else self._cv2.COLOR_BGR2RGB
            rgb: RGB = self._cv2.cvtColor(bgr, code)
        except self._cv2.error:  # a part of it was lost on the way: the next one is whole
            return None
        return shrunk(rgb, EDGE_PX)

    def close(self) -> None:
        """Let go of it; safe to call twice."""
        self._capture.release()


def _unopened(address: str, is_device: bool) -> MediaError:
    name = shown_address(address)
    if is_device:
        return MediaError(f"There is no {name} that can be read.", "Is it plugged in, and free? The first one is 0.")
    return MediaError(f"{quoted(name)} sends nothing that can be decoded.", "Check the address, and that it is on.")
