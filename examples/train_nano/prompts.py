"""Questions and media → the exact text that a chat template and processor of the family build, which the model learns.

`image_prompt` and `clip_prompt` give what `smol` sends (transformers, processing_smolvlm.py: `<image>` expanded, the
clip's intro, a label per frame). A small share of training prompts differs on purpose (`varied`).
"""

import datetime

import numpy as np

from .geometry import TOKENS, Layout

READ = (
    *("What does it say?", "Transcribe the text.", "Transcribe the text on this page.") * 3,
    *(
        "OCR",
        "Read the text.",
        "What text is in the image?",
        "What is written here?",
        "Read this.",
        "What does this say?",
    ),
    *("Transcribe this image.", "Extract the text.", "What is the text?", "what does it say", "Transcribe this page."),
    *(
        "Transcribe the text in this image.",
        "Read the text in the image.",
        "What does the sign say?",
        "Read this page.",
    ),
)
DESCRIBE = (
    *("What is this document about?", "Can you describe this image?"),
    *("Describe this image.", "Describe this image.", "Describe this image.", "Describe the image.", "What is this?"),
    *(
        "What is in this image?",
        "What do you see?",
        "Caption this image.",
        "Describe this page.",
        "Describe this picture.",
    ),
)
DESCRIBE_CLIP = (
    *("Describe this video.", "Describe this video.", "Describe this video.", "What happens?", "Describe the video."),
    *("What happens in this video?", "What happens in the video?", "Summarize this video."),
)
READ_CLIP = (
    *("What does it say?", "What does the text say?", "Transcribe the text.", "Read the text in the video."),
    *("What text appears?", "Describe this video.", "What does the video say?"),
)
FIELDS = (
    "List the fields as JSON.",
    "List the fields as JSON.",
    "Give the fields as JSON.",
    "Extract the fields as JSON.",
)
ANY_TEXT = ("Is there any text?", "Is there text?", "Is there text in the image?")
NOT_FOUND, NO_TEXT, YES, NO = "Not found.", "There is no text.", "Yes.", "No."

_SYSTEMS = (
    "You are a visual agent and should provide concise answers.",
    "You are a helpful assistant.",
    "Understand the user query and answer it.",
    "Answer briefly.",
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user "
    "provides, and assist the user with a variety of tasks using natural language.",
)
_INTROS = (
    "Here is an image…\n",
    "Given this image…\n",
    "Here is an image: ",
    "Here is one image...\n",
    "Given this image:\n",
)
_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_END = "<end_of_utterance>\nAssistant:"


def expand(layout: Layout) -> str:
    """`<image>` as the processor spells it out for one picture: row by row, then the whole page."""
    tokens = "<image>" * TOKENS
    whole = f"<fake_token_around_image><global-img>{tokens}<fake_token_around_image>"
    if not layout.rows:
        return whole
    rows = (
        "".join(f"<fake_token_around_image><row_{row}_col_{col}>{tokens}" for col in range(1, layout.cols + 1))
        for row in range(1, layout.rows + 1)
    )
    return "\n".join(rows) + "\n\n" + whole


def image_prompt(question: str, layout: Layout) -> str:
    """The prompt for one picture and the question as typed; no system turn."""
    return f"<|im_start|>User:{expand(layout)}{question}{_END}"


def clip_prompt(question: str, labels: list[str], duration_s: float) -> str:
    """The prompt for the frames of one clip (unsplit), each under its time."""
    length = datetime.timedelta(seconds=int(duration_s))
    intro = (
        f"You are provided the following series of {_NUMBERS[len(labels)]} frames from a {length} [H:MM:SS] video.\n"
    )
    frames = "".join(f"\nFrame from {label}:{expand(Layout())}" for label in labels)
    return f"<|im_start|>User: {intro}{frames}\n\n{question}{_END}"


def frame_labels(duration_s: float, fps: float, most: int) -> list[str]:
    """MM:SS of the frames taken from a clip of `fps`: one a second, at most `most`, spread evenly (`sample_frames`)."""
    total = max(1, round(duration_s * fps))
    wanted = max(1, min(round(duration_s), most))
    start, end = 0, total - 1
    if duration_s - 2 > most:  # a long clip loses its first and last second
        start, end = int(fps), int(total - fps)
    if start >= end:
        start, end = 0, total - 1
    seconds = np.unique(np.linspace(start, end, wanted, dtype=int)) / fps
    return [f"{int(second // 60):02d}:{int(second % 60):02d}" for second in seconds]


def hinted(rng, question: str, answer: str) -> str:
    """The question, now and then with the hint that people append to get a short answer."""
    if rng.random() < 0.06 and len(answer) < 20:
        return question + ("\nAnswer yes or no." if answer in (YES, NO) else "\nGive a very brief answer.")
    return question


def varied(rng, prompt: str, question: str) -> str:
    """The same prompt, one time in eight in another form: a system turn, an intro, a space or the question first."""
    head, user = "<|im_start|>", prompt.removeprefix("<|im_start|>")
    kind = rng.random()
    if kind < 0.05:
        return f"{head}System: {rng.choice(_SYSTEMS)}<end_of_utterance>\n{user}"
    if user.startswith("User: "):  # a clip
        return prompt
    media = user.removeprefix("User:").removesuffix(question + _END)
    if kind < 0.08:
        return f"{head}User: {rng.choice(_INTROS)}{media}{rng.choice(['', chr(10)])}{question}{_END}"
    if kind < 0.1:
        return f"{head}User:{media}{rng.choice([' ', chr(10)])}{question}{_END}"
    if kind < 0.125:
        return f"{head}User: {question}{rng.choice(['', ' '])}{media}{_END}"
    return prompt
