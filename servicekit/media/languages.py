"""Which languages a container can state of a track, by their codes of three letters (ISO 639-2)."""

from servicekit.media.outputs import Container

# QuickTime numbers its languages. These are the codes that FFmpeg's muxer (libavformat/isom.c, release 9.0) has a
# number for, found by writing and reading back every combination of three letters; it leaves others out in silence.
_QUICKTIME = """
alb amh ara arm asm aym aze baq bel ben bul bur cat ces chi dan dut dzo eng epo est fin fra geo ger gre grn
guj heb hin hun ice ind iri ita jav jpn kan kas kaz khm kin kir kor kur lao lat lav lit mac mal mar may mlg
mlt mol mon nep nor nya ori orm per pol por pus que ron run rus san sin slk slv smi snd som spa sve swa tam
tat tel tgk tgl tha tib tir tuk tur uig ukr urd uzb vie wel yid
"""
# ISO 639-2 has two codes for some languages; the other one may be the one in the list above.
_SYNONYMS = [
    ("sqi", "alb"),
    ("hye", "arm"),
    ("eus", "baq"),
    ("mya", "bur"),
    ("cze", "ces"),
    ("zho", "chi"),
    ("nld", "dut"),
    ("fre", "fra"),
    ("kat", "geo"),
    ("deu", "ger"),
    ("ell", "gre"),
    ("isl", "ice"),
    ("gle", "iri"),
    ("mkd", "mac"),
    ("msa", "may"),
    ("fas", "per"),
    ("rum", "ron"),
    ("slo", "slk"),
    ("swe", "sve"),
    ("bod", "tib"),
    ("cym", "wel"),
]
_QUICKTIME_CODES = {code: code for code in _QUICKTIME.split()} | dict(_SYNONYMS)


def stated_language(language: str, container: Container) -> str | None:
    """Returns the code that a file of that container states for a language, None where it cannot.

    An empty code, which states nothing, is one for every container.
    """
    return language if container is not Container.MOV or not language else _QUICKTIME_CODES.get(language)
