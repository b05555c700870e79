"""Brings the schema of a ledger up to date when it is opened."""

import logging
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from orchestrator.ledger.schema import REVISION
from servicekit.errors import FailedPrecondition

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, path: Path) -> None:
    """Runs the migrations that are missing, in one transaction; blocking.

    Raises FailedPrecondition (LEDGER_TOO_NEW) where a newer version of Spotreel wrote the ledger, (LEDGER_CORRUPT)
    where the file is a database of something else.
    """
    with engine.begin() as connection:
        found = _revision(connection, path)
        if found != REVISION:
            _migrate(connection, found, path)


def _revision(connection: Connection, path: Path) -> str:
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or "")
    if tables:
        raise FailedPrecondition(
            f"{path} is a database of something else: it holds {', '.join(sorted(tables)[:3])}. "
            "Choose another --data-dir.",
            reason="LEDGER_CORRUPT",
            subject=str(path),
            metadata={"ledger": str(path)},
        )
    return ""


def _migrate(connection: Connection, found: str, path: Path) -> None:
    # Before the import, in which its plugins announce themselves one by one.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Only here: a server whose ledger is up to date never loads Alembic.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found and found not in known:
        raise FailedPrecondition(
            f"The ledger {path} was written by a newer version of Spotreel (schema {found}; this one knows "
            f"{REVISION}). Install that version, or restore a copy from before.",
            reason="LEDGER_TOO_NEW",
            subject=str(path),
            metadata={"ledger": str(path), "schema": found, "known": REVISION},
        )
    command.upgrade(config, REVISION)
