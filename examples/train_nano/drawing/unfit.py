"""Words that nobody wants in a README, a picture or a demonstration, though lists of frequent words have them."""

import re

# Stems, so that plurals and compounds go with them; a harmless word that goes as well costs nothing.
_STEMS = (
    *("bastard", "bitch", "blowjob", "bollock", "boob", "brothel", "bukkake", "cocksuck", "copulat", "cunt", "dildo"),
    *("dyke", "ejacul", "erection", "erotic", "faggot", "felch", "fellat", "fetish", "fornic", "fuck", "genital"),
    *("gook", "hentai", "incest", "jizz", "kike", "kink", "lesb", "masturb", "milf", "molest", "naked", "negro"),
    *("nigg", "nipple", "nude", "nudi", "orgasm", "orgy", "paedo", "pedoph", "penis", "phall", "piss", "porn"),
    *(
        "prostit",
        "pubic",
        "pussy",
        "queer",
        "rapist",
        "rectum",
        "retard",
        "screwing",
        "scrot",
        "sex",
        "shag",
        "shit",
        "skank",
    ),
    *(
        "slut",
        "smut",
        "sodom",
        "spank",
        "sperm",
        "stripp",
        "striptease",
        "suck",
        "testic",
        "titt",
        "tranny",
        "twat",
        "vagina",
    ),
    *("viagra", "vulva", "wank", "wetback", "whore", "xxx"),
    *("amphetamin", "cannabi", "cocain", "ecstasy", "hashish", "heroin", "junkie", "ketamin", "marijuana", "narcot"),
    *("opiat", "opium", "overdos", "steroid"),
    *("genocid", "gestapo", "holocaust", "hitler", "jihad", "lynch", "massacr", "nazi", "suicid", "terroris", "tortur"),
)
_WHOLE = (
    *(
        "anal",
        "anus",
        "arse",
        "arses",
        "ass",
        "asses",
        "asshole",
        "assholes",
        "balls",
        "boner",
        "bra",
        "bras",
        "breast",
    ),
    *("breasts", "butt", "butts", "chink", "cock", "cocks", "crap", "cum", "cums", "damn", "damned", "dick", "dicks"),
    *("dope", "escort", "escorts", "fag", "fags", "fart", "farts", "gay", "gays", "goddamn", "harlot", "hell", "ho"),
    *("hoe", "hoes", "homo", "homos", "hooker", "hookers", "jerk", "jerks", "lsd", "lust", "lusty", "meth", "paki"),
    *(
        "pimp",
        "pimps",
        "pot",
        "prick",
        "pricks",
        "rape",
        "raped",
        "rapes",
        "raping",
        "semen",
        "slag",
        "slave",
        "slaves",
    ),
    *("spic", "thong", "thongs", "threesome", "tit", "tits", "virgin", "virgins", "weed"),
)
_UNFIT = re.compile(rf"{'|'.join(_STEMS)}|\b(?:{'|'.join(_WHOLE)})\b", re.IGNORECASE)


def is_unfit(text: str) -> bool:
    """Whether a word of `text` is not to be drawn."""
    return _UNFIT.search(text) is not None
