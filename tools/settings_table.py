"""Prints the settings of both services as Markdown, for docs/configuration.md."""

from typing import Any

from pydantic_settings import BaseSettings

from orchestrator.settings import OrchestratorSettings
from worker.settings import WorkerSettings


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
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def main() -> None:
    """Prints one section for each service."""
    for title, settings in (("Orchestrator", OrchestratorSettings), ("Worker", WorkerSettings)):
        print(f"## {title}\n\n{settings_table(settings)}\n")


if __name__ == "__main__":
    main()
