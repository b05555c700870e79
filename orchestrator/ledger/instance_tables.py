"""The statements on instances; each function is a part of one transaction."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from orchestrator import refusals
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.ledger.rows import instance_from_row, instance_values
from orchestrator.ledger.schema import INSTANCES, micros

_INSTANCE = select(INSTANCES).where(INSTANCES.c.id == bindparam("instance"))
_UPDATE = update(INSTANCES).where(INSTANCES.c.id == bindparam("instance"))


def add(connection: Connection, instance: Instance) -> None:
    """Writes an instance."""
    connection.execute(insert(INSTANCES), instance_values(instance))


def get(connection: Connection, instance_id: str) -> Instance:
    """Returns an instance."""
    row = connection.execute(_INSTANCE, {"instance": instance_id}).one_or_none()
    if row is None:
        raise refusals.instance_not_found(instance_id)
    return instance_from_row(row)


def change(connection: Connection, instance_id: str, apply: Callable[[Instance], Instance]) -> Instance:
    """Applies a change."""
    before = get(connection, instance_id)
    after = apply(before)
    if after != before:
        values = instance_values(after)
        del values["id"]
        connection.execute(_UPDATE, values | {"instance": instance_id})
    return after


def find(
    connection: Connection, *, states: frozenset[InstanceState], limit: int, after: tuple[datetime, str] | None
) -> list[Instance]:
    """Returns a page of instances, the newest first."""
    statement = (
        select(INSTANCES)
        .where(INSTANCES.c.state.in_([state.value for state in states]))
        .order_by(INSTANCES.c.create_time.desc(), INSTANCES.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        at, instance_id = micros(after[0]), after[1]
        statement = statement.where(
            or_(INSTANCES.c.create_time < at, (INSTANCES.c.create_time == at) & (INSTANCES.c.id < instance_id))
        )
    return [instance_from_row(row) for row in connection.execute(statement)]


def since(connection: Connection, cloud: str, moment: datetime) -> list[Instance]:
    """Returns the instances of a cloud that have not ended, or ended after a moment; the newest first."""
    statement = (
        select(INSTANCES)
        .where(INSTANCES.c.cloud == cloud)
        .where(or_(INSTANCES.c.end_time.is_(None), INSTANCES.c.end_time > micros(moment)))
        .order_by(INSTANCES.c.create_time.desc(), INSTANCES.c.id.desc())
    )
    return [instance_from_row(row) for row in connection.execute(statement)]
