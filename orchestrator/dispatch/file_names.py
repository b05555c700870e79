"""Names for delivered files that every file system takes."""

import re
import unicodedata

# What Windows forbids; elsewhere only `/` and NUL are.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
# The usual limit is 255 bytes; what people add behind it ("(1)", ".part") needs some room.
_STEM_BYTES = 180


def file_name(display_name: str, job_id: str, suffix: str) -> str:
    """Returns the display name, made safe, with that ending (which has its dot); the job's id where nothing is left."""
    text = unicodedata.normalize("NFC", display_name)
    text = "".join(char for char in text if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    stem = _FORBIDDEN.sub("_", text)
    if stem.lower().endswith(suffix):
        stem = stem[: -len(suffix)]
    # Windows drops dots and blanks at the end; a dot in front hides the file elsewhere.
    stem = _cut(stem.strip(" .")).strip(" .")
    if not stem or not stem.strip("_"):
        stem = job_id
    if stem.split(".")[0].strip().lower() in _RESERVED:
        stem = f"_{stem}"
    return stem + suffix


def _cut(stem: str) -> str:
    return stem.encode()[:_STEM_BYTES].decode(errors="ignore")
