"""Names that a download gets on anybody's disk."""

import pytest

from orchestrator.dispatch.file_names import file_name


@pytest.mark.parametrize(
    ("display_name", "expected"),
    [
        ("", "0job.mp4"),
        ("Holiday in Łódź – 2026", "Holiday in Łódź – 2026.mp4"),
        ("clip.mp4", "clip.mp4"),
        ("clip.MP4", "clip.mp4"),
        ("../../etc/passwd", "_.._etc_passwd.mp4"),
        ('a<b>:"c|?*', "a_b_c_.mp4"),
        ("con", "_con.mp4"),
        ("COM1.backup", "_COM1.backup.mp4"),
        (" . ", "0job.mp4"),
        ("///", "0job.mp4"),
        ("line\nbreak\u202egnp", "linebreakgnp.mp4"),
        ("é" * 200, "é" * 90 + ".mp4"),
    ],
)
def test_name_is_safe_and_still_the_users(display_name: str, expected: str) -> None:
    assert file_name(display_name, "0job", ".mp4") == expected
