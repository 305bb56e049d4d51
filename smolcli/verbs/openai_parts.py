"""Messages as OpenAI's, the Responses API's and vLLM's clients write them go in; our own case form comes out.

Pure: nothing is opened, and what is malformed goes through, to be refused where every conversation is. A part that
names its medium itself becomes `{"type": "image"}` or `{"type": "video"}` and an entry of `media` with its `url` and
`detail`; parts of our own form, with entries of their own, may stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# type of a part → (ours, the key under which it holds its text or its address)
_PARTS = {
    "input_text": ("text", "text"),
    "output_text": ("text", "text"),
    "image_url": ("image", "image_url"),
    "input_image": ("image", "image_url"),
    "video_url": ("video", "video_url"),
}
PARTS = ("text", "image", "video", *_PARTS)  # all that a part may be
_ROLES = {"developer": "system"}  # what OpenAI's newer models call it
# What a request to a server may hold beside its messages, and a conversation does not set here.
_MUTE = (
    *("model", "max_tokens", "max_completion_tokens", "max_output_tokens", "temperature", "top_p", "seed", "stop", "n"),
    *("frequency_penalty", "presence_penalty", "logit_bias", "response_format", "tools", "tool_choice"),
)

Messages = Sequence[Any]


def case_of(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request, or a batch's line {"custom_id", "body"}, as a case with `messages`; what is none comes back as it is.

    A body of the Responses API has `input`, a text or messages, and `instructions`.
    """
    body, name = request.get("body"), request.get("custom_id")
    case = dict(body) if isinstance(body, Mapping) and "messages" not in request else dict(request)
    if "messages" not in case and "input" in case:
        said = case["input"]
        turns = [{"role": "user", "content": said}] if isinstance(said, str) else said
        rules = case.get("instructions")
        case["messages"] = (
            [{"role": "system", "content": rules}, *turns] if rules and isinstance(turns, list) else turns
        )
    return case if name is None else {**case, "name": name}


def own_form(messages: Messages, media: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """(messages, media) in our own form: the media in the order of their parts, then those that no part asks for."""
    given, found = iter(media), list[Any]()
    turns = [_own_message(message, given, found) for message in messages]
    return turns, [*found, *given]


def without_effect(case: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence about the settings that a request to a server holds, where it holds any."""
    named = [f"`{key}`" for key in _MUTE if case.get(key) is not None]
    if not named:
        return ()
    verb = "has" if len(named) == 1 else "have"
    return (f"{', '.join(named)} of a request {verb} no effect: give options such as -m or --max-tokens.",)


def _own_message(message: Any, given: Iterator[Any], found: list[Any]) -> Any:
    if not isinstance(message, Mapping):
        return message
    role, content = message.get("role"), message.get("content")
    if isinstance(content, list):
        content = [_own_part(part, given, found) for part in content]
    return {**message, "role": _ROLES.get(role, role) if isinstance(role, str) else role, "content": content}


def _own_part(part: Any, given: Iterator[Any], found: list[Any]) -> Any:
    """The part in our own form; the entry of `media` that goes with it is added to `found`."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in ("image", "video"):
        found += [entry for entry in [next(given, None)] if entry is not None]
        return part
    if not isinstance(kind, str) or kind not in _PARTS:
        return part
    ours, key = _PARTS[kind]
    if ours == "text":
        return {"type": "text", "text": part.get(key)}
    address = part.get(key)
    written = address if isinstance(address, Mapping) else {"url": address}
    detail = written.get("detail", part.get("detail"))
    found.append({"type": ours, "url": written.get("url") or "", "detail": detail})
    return {"type": ours}
