"""How a ledger file is opened, and what is refused."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from orchestrator.ledger.schema import METADATA
from orchestrator.ledger.transactions import Transactions
from servicekit.errors import FailedPrecondition, ResourceExhausted


def output_of(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def running(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True)


async def test_the_migrations_make_the_tables_of_the_schema(tmp_path: Path) -> None:
    async with Transactions(tmp_path / "ledger.sqlite") as transactions:
        difference = await transactions.run(
            lambda connection: compare_metadata(MigrationContext.configure(connection), METADATA)
        )
    assert difference == []


async def test_a_ledger_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Transactions(path):
        pass
    program = (
        "import asyncio, pathlib, sys\n"
        "from orchestrator.ledger.transactions import Transactions\n"
        "async def main():\n"
        f"    async with Transactions(pathlib.Path({str(path)!r})): print('alembic' in sys.modules)\n"
        "asyncio.run(main())"
    )
    assert output_of(program) == "False"


def test_a_new_ledger_is_made_without_noise_in_the_log(tmp_path: Path) -> None:
    program = (
        "import asyncio, logging, pathlib, sys\n"
        "from orchestrator.ledger.transactions import Transactions\n"
        "logging.basicConfig(level=logging.INFO, stream=sys.stdout)\n"
        "async def main():\n"
        f"    async with Transactions(pathlib.Path({str(tmp_path / 'ledger.sqlite')!r})): pass\n"
        "asyncio.run(main())"
    )
    assert output_of(program) == ""


async def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path) -> None:
    async with Transactions(tmp_path / "ledger.sqlite") as transactions:
        found = await transactions.run(
            lambda connection: [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
            ]
        )
    assert found == ["wal", 2]


async def test_a_second_process_is_told_who_has_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    program = (
        "import pathlib, sys\n"
        "from orchestrator.ledger.lock import LedgerLock\n"
        f"with LedgerLock(pathlib.Path({str(path)!r})): print('held', flush=True); sys.stdin.read()"
    )
    with running(program) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FailedPrecondition, match=f"{path} is in use by process {holder.pid}") as caught:
            async with Transactions(path):
                pass
        holder.stdin.close()
    assert caught.value.reason == "LEDGER_IN_USE"
    async with Transactions(path):
        pass


def make_folder(path: Path) -> None:
    path.mkdir()


def make_text(path: Path) -> None:
    path.write_text("These are words, and no database at all. " * 50)


def make_future(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    connection.commit()
    connection.close()


def make_stranger(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


@pytest.mark.parametrize(
    ("make", "reason", "words"),
    [
        (make_folder, "LEDGER_NOT_WRITABLE", "unable to open"),
        (make_text, "LEDGER_CORRUPT", "not a database"),
        (make_future, "LEDGER_TOO_NEW", "newer version"),
        (make_stranger, "LEDGER_CORRUPT", "recipes"),
    ],
)
async def test_what_is_no_ledger_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], reason: str, words: str
) -> None:
    path = tmp_path / "ledger.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(FailedPrecondition, match=words) as caught:
        async with Transactions(path):
            pass
    assert caught.value.reason == reason
    assert (path.read_bytes() if path.is_file() else b"") == before


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedPrecondition, match="cannot be written") as caught:
        async with Transactions(tmp_path / "file" / "ledger.sqlite"):
            pass
    assert caught.value.reason == "LEDGER_NOT_WRITABLE"


def modes_of(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


PRIVATE = {f"ledger.sqlite{suffix}": 0o600 for suffix in ("", "-wal", "-shm", ".lock")}


async def test_a_new_ledger_and_its_folder_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with Transactions(tmp_path / "data" / "ledger.sqlite") as transactions:
            await transactions.run(lambda connection: connection.exec_driver_sql("CREATE TABLE one (data BLOB)"))
            assert modes_of(tmp_path / "data") == PRIVATE
    finally:
        os.umask(before)
    assert modes_of(tmp_path)["data"] == 0o700


async def test_a_ledger_that_was_open_to_others_is_made_private(tmp_path: Path) -> None:
    async with Transactions(tmp_path / "ledger.sqlite"):
        pass
    tmp_path.chmod(0o755)
    (tmp_path / "ledger.sqlite").chmod(0o644)
    async with Transactions(tmp_path / "ledger.sqlite"):
        assert modes_of(tmp_path) == PRIVATE
    assert tmp_path.stat().st_mode & 0o777 == 0o755


async def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    async with Transactions(tmp_path / "ledger.sqlite") as transactions:
        await transactions.run(lambda connection: connection.exec_driver_sql("CREATE TABLE big (data BLOB)"))
        await transactions.run(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=80").scalar())
        with pytest.raises(ResourceExhausted) as caught:
            await transactions.run(
                lambda connection: connection.exec_driver_sql("INSERT INTO big VALUES (zeroblob(4000000))")
            )
        left = await transactions.run(
            lambda connection: connection.exec_driver_sql("SELECT count(*) FROM big").scalar()
        )
    assert caught.value.reason == "DISK_FULL"
    assert left == 0
