"""Answers about windows of a clip, as a run gives them."""

from smolcli.datatypes import Place, Sampling, Source
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Job, Look, Question, Words

CLIP = Source("clips/clip.mp4", "video", "0" * 64)


def said(text, window_s=None, times_s=(), source=CLIP, question="What happens?"):
    """What was said of a window of a clip (None: of all of it), and when the frames are that were read."""
    place = Place(source, window_s=window_s)
    shown = tuple(Place(source, int(at * 10), time_s=at, stream_time_s=at) for at in times_s)
    job = Job((place,), Question(Words(), question), Look(), Sampling())
    return Answer(job, (shown,), "nano", Generation(0, text, "end", Counts(), Seconds(), None))
