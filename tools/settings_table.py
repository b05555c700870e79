"""Writes the settings of both services into docs/configuration.md, below what is written there by hand."""

from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from orchestrator.settings import OrchestratorSettings
from worker.settings import WorkerSettings

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
_MARK = "<!-- Below this line: written by `make configuration`. -->"


def settings_table(settings: type[BaseSettings]) -> str:
    """Returns a table of the environment variables of one service: name, default, meaning with unit."""
    prefix = settings.model_config["env_prefix"]
    rows = [
        f"| `{prefix}{name.upper()}` | {_default(field)} | {field.description} |"
        for name, field in settings.model_fields.items()
    ]
    return "\n".join(["| Variable | Default | Meaning |", "|---|---|---|", *rows])


def _default(field: Any) -> str:
    if field.default_factory is not None or field.default in (None, "", ()):
        return ""
    if isinstance(field.default, tuple):
        return f"`{','.join(str(one) for one in field.default)}`"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def renewed(page: str) -> str:
    """Returns the page with its tables made anew; what stands above the mark is kept."""
    by_hand, mark, _ = page.partition(_MARK)
    if not mark:
        raise ValueError(f"the page lacks the line {_MARK}")
    services = (("Orchestrator", OrchestratorSettings), ("Worker", WorkerSettings))
    tables = [f"## {title}\n\n{settings_table(settings)}" for title, settings in services]
    return "\n\n".join([by_hand + mark, *tables]) + "\n"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
