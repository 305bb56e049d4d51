"""The characters that are drawn: ASCII, and the letters and marks beyond it that the fonts of every PDF reader have."""

LATIN = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ"
QUOTES = {"‘": "’", "“": "”", "„": "“", "«": "»", "‹": "›"}  # what opens, what closes
ALONE = "–—•×÷±·¬¦"  # between two words
BEFORE = "€£¥§©¿¡±†¤"
AFTER = "…°®½¼¾²³¹µªº¶†‡™¢’"
MARKS = "".join(sorted({*QUOTES, *QUOTES.values(), *ALONE, *BEFORE, *AFTER}))
ASCII = "".join(map(chr, range(32, 127)))
EVERY = ASCII + LATIN + MARKS


def beyond_ascii(rng, word: str) -> str:
    """The word with a letter or a mark that ASCII has not."""
    if rng.random() < 0.5:
        at = rng.randrange(len(word))
        known = [letter for letter in LATIN if letter.isupper() == word[at].isupper()] if word[at].isalpha() else LATIN
        return word[:at] + rng.choice(known) + word[at + 1 :]
    mark = rng.choice(MARKS)
    if mark in QUOTES:
        return mark + word + QUOTES[mark]
    if mark in ALONE and (mark not in BEFORE or rng.random() < 0.5):
        return mark
    return mark + word if mark in BEFORE else word + mark
