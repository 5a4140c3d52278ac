"""The languages of Whisper's multilingual models: the code in the token, and the name."""

from __future__ import annotations

_TABLE = """
en english, zh chinese, de german, es spanish, ru russian, ko korean, fr french, ja japanese,
pt portuguese, tr turkish, pl polish, ca catalan, nl dutch, ar arabic, sv swedish, it italian,
id indonesian, hi hindi, fi finnish, vi vietnamese, he hebrew, uk ukrainian, el greek, ms malay,
cs czech, ro romanian, da danish, hu hungarian, ta tamil, no norwegian, th thai, ur urdu,
hr croatian, bg bulgarian, lt lithuanian, la latin, mi maori, ml malayalam, cy welsh, sk slovak,
te telugu, fa persian, lv latvian, bn bengali, sr serbian, az azerbaijani, sl slovenian,
kn kannada, et estonian, mk macedonian, br breton, eu basque, is icelandic, hy armenian,
ne nepali, mn mongolian, bs bosnian, kk kazakh, sq albanian, sw swahili, gl galician, mr marathi,
pa punjabi, si sinhala, km khmer, sn shona, yo yoruba, so somali, af afrikaans, oc occitan,
ka georgian, be belarusian, tg tajik, sd sindhi, gu gujarati, am amharic, yi yiddish, lo lao,
uz uzbek, fo faroese, ht haitian creole, ps pashto, tk turkmen, nn nynorsk, mt maltese,
sa sanskrit, lb luxembourgish, my myanmar, bo tibetan, tl tagalog, mg malagasy, as assamese,
tt tatar, haw hawaiian, ln lingala, ha hausa, ba bashkir, jw javanese, su sundanese,
yue cantonese
"""

_ENTRIES = _TABLE.replace("\n", " ").strip().split(", ")
LANGUAGES: dict[str, str] = {code: name for code, _, name in (e.partition(" ") for e in _ENTRIES)}


def language_code(name: str) -> str:
    """Returns the code of a language given by code or English name, in any case.

    Raises:
        ValueError: Whisper has no such language.
    """
    wanted = name.strip().lower()
    for code, known in LANGUAGES.items():
        if wanted in (code, known):
            return code
    raise ValueError(
        f"Whisper knows no language {name!r}. Give a code or an English name, such as 'de' or "
        f"'german'; the codes are {', '.join(LANGUAGES)}."
    )
