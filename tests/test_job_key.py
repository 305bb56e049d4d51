"""The key of a job: everything that decides the answer changes it, and nothing else does."""

from dataclasses import fields, replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smolcli.datatypes import Place, Sampling, Source
from smolcli.jobs import Job, Look, Message, Question, Shown, Words

texts = st.text(st.characters(codec="utf-8"), max_size=8)
shares = st.floats(0, 1, allow_nan=False)
words = st.builds(Words, **{field.name: texts for field in fields(Words)})
shown = st.builds(Shown, st.integers(0, 3), st.none() | st.integers(1, 4096), st.booleans())
messages = st.builds(
    Message, st.sampled_from(["system", "user", "assistant"]), st.lists(texts | shown, max_size=3).map(tuple)
)
questions = st.builds(Question, words, texts, texts, st.lists(messages, max_size=2).map(tuple), texts)
sources = st.builds(
    Source, texts, st.sampled_from(["image", "page", "video"]), st.binary(min_size=32, max_size=32).map(bytes.hex)
)
places = st.builds(
    Place,
    sources,
    st.integers(0, 9999),
    st.none() | st.integers(1, 9999),
    st.none() | st.floats(0, 1e6),
    box=st.none() | st.tuples(shares, shares, shares, shares),
    window_s=st.none() | st.tuples(shares, shares),
)
looks = st.builds(
    Look,
    st.sampled_from(["auto", "low", "high", "native", "5"]),
    st.none() | st.integers(1, 2400),
    st.none() | st.integers(1, 999),
    st.floats(0.001, 60),
    st.sampled_from([0, 90, 180, 270]),
    dedupe=st.booleans(),
)
drawn = st.builds(
    Sampling,
    st.floats(0.01, 4),
    st.floats(0, 1),
    st.integers(0, 2**31),
    st.none() | st.integers(1, 4096),
    st.lists(texts, max_size=2).map(tuple),
)
jobs = st.builds(Job, st.lists(places, max_size=3).map(tuple), questions, looks, drawn)
MODEL = "two files' digests 8192 64"


@given(jobs)
def test_a_job_has_one_key_whatever_its_files_and_its_prompt_are_called(job):
    renamed = tuple(replace(p, source=replace(p.source, path="elsewhere/" + p.source.path)) for p in job.places)
    same = replace(job, places=renamed, question=replace(job.question, name="another"))
    assert same.key(MODEL) == job.key(MODEL) and job.key(MODEL).startswith("1:")


@given(jobs, jobs)
def test_two_jobs_share_a_key_only_where_they_are_the_same(job, other):
    def nameless(each):
        stripped = tuple(
            replace(p, source=replace(p.source, path=""), page=None, stream_time_s=None) for p in each.places
        )
        return replace(each, places=stripped, question=replace(each.question, name=""))

    assert (job.key(MODEL) == other.key(MODEL)) == (nameless(job) == nameless(other))


@settings(deadline=None)
@given(jobs, st.data())
def test_every_field_of_question_look_and_sampling_and_the_model_change_it(job, data):
    before = job.key(MODEL)
    for part, strategy in (("question", questions), ("look", looks), ("sampling", drawn)):
        whole = getattr(job, part)
        other = data.draw(strategy)
        for field in fields(whole):
            value = getattr(other, field.name)
            if field.name != "name" and value != getattr(whole, field.name):
                changed = replace(job, **{part: replace(whole, **{field.name: value})})
                assert changed.key(MODEL) != before, (part, field.name)
    assert job.key(MODEL + "x") != before


@given(jobs, st.sampled_from(["sha256", "kind", "index", "box", "time_s", "window_s"]), places)
def test_the_content_the_page_the_moment_and_the_box_change_it(job, what, other):
    assume(job.places)
    place = job.places[0]
    if what in ("sha256", "kind"):
        new = replace(place, source=replace(place.source, **{what: getattr(other.source, what)}))
    else:
        new = replace(place, **{what: getattr(other, what)})
    changed = replace(job, places=(new, *job.places[1:]))
    assert (changed.key(MODEL) != job.key(MODEL)) == (new != place)


@given(jobs, st.integers(0, 99), st.floats(0, 1))
def test_where_nothing_is_drawn_seed_and_mass_decide_nothing(job, seed, mass):
    greedy = replace(job, sampling=replace(job.sampling, temperature=0.0))
    other = replace(greedy, sampling=replace(greedy.sampling, seed=seed, top_p=mass))
    assert other.key(MODEL) == greedy.key(MODEL) != job.key(MODEL)


def test_threads_the_order_of_options_and_the_device_are_in_no_job():
    assert {field.name for field in fields(Job)} == {"places", "question", "look", "sampling"}
