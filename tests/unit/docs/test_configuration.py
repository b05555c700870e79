"""docs/configuration.md lists the settings that there are."""

from tools.settings_table import PAGE, renewed


def test_the_page_of_settings_is_up_to_date() -> None:
    page = PAGE.read_text("utf-8")
    assert page == renewed(page), "run `make configuration` and commit"
    assert "| `SPOTREEL_STALL_TIMEOUT` | `60.0` | Seconds" in page
