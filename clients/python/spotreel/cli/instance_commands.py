"""`instances list|get|drain|destroy`."""

from typing import TYPE_CHECKING, Any

import click

from spotreel.cli.options import output_options, server_options
from spotreel.cli.tables import as_json, show_messages
from spotreel.cli.work import Session, Work, carry_out_on_server

if TYPE_CHECKING:
    from spotreel.client import AsyncClient
    from spotreel.orchestrator.v1.instance_pb2 import Instance

_TITLES = ("instance", "state", "cloud", "machine", "slots", "price/h", "cost", "created", "reason")
_STATES = ["requested", "unknown", "starting", "ready", "draining", "destroying", "destroyed"]


@click.group()
def instances() -> None:
    """Show the machines that work, and take them out."""


@instances.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only these; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Also those that are gone.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The most instances to show.")
@server_options
@output_options
def list_instances(states: tuple[str, ...], everything: bool, limit: int, **values: Any) -> None:  # noqa: FBT001 - click's
    """List instances, the newest first."""

    async def work(client: "AsyncClient", session: Session) -> None:
        from spotreel.orchestrator.v1.instance_pb2 import Instance  # noqa: PLC0415 - imported when it is needed

        found: list[Instance] = []
        wanted = [Instance.State.Value(f"STATE_{state.upper()}") for state in (_STATES if everything else states)]
        async for instance in client.list_instances(states=wanted, page_size=min(limit, 500)):
            found.append(instance)
            if len(found) == limit:
                break
        session.report.quiet()
        show_messages(found, titles=_TITLES, cells=_cells, in_json=values["as_json"])

    _carry_out(work, values)


@instances.command("get")
@click.argument("name", metavar="INSTANCE")
@server_options
@output_options
def get_instance(name: str, **values: Any) -> None:
    """Show all about INSTANCE, as JSON."""

    async def work(client: "AsyncClient", session: Session) -> None:
        instance = await client.get_instance(_full(name))
        session.report.quiet()
        print(as_json(instance, indent=None if values["as_json"] else 2))

    _carry_out(work, values)


@instances.command("drain")
@click.argument("name", metavar="INSTANCE")
@server_options
@output_options
def drain_instance(name: str, **values: Any) -> None:
    """Give INSTANCE no more work, and destroy it when it is done with what it has."""

    async def work(client: "AsyncClient", session: Session) -> None:
        _tell(await client.drain_instance(_full(name)), session)

    _carry_out(work, values)


@instances.command("destroy")
@click.argument("name", metavar="INSTANCE")
@server_options
@output_options
def destroy_instance(name: str, **values: Any) -> None:
    """Destroy INSTANCE at once. Jobs that run on it are queued again while tries are left."""

    async def work(client: "AsyncClient", session: Session) -> None:
        _tell(await client.destroy_instance(_full(name)), session)

    _carry_out(work, values)


def _tell(instance: "Instance", session: Session) -> None:
    from spotreel.cli.wording import instance_state  # noqa: PLC0415 - protobuf is imported when it is needed

    state = instance_state(instance)
    session.report.done(f"{instance.name} {state}", instance=instance.name, state=state)


def _carry_out(work: Work, values: dict[str, Any]) -> None:
    carry_out_on_server(work, values, what="Instances live")


def _full(name: str) -> str:
    return name if name.startswith("instances/") else f"instances/{name}"


def _cells(instance: "Instance") -> list[str]:
    from spotreel.cli import wording  # noqa: PLC0415 - protobuf is imported when it is needed

    rented = instance.HasField("offer")
    return [
        instance.name,
        wording.instance_state(instance),
        instance.cloud,
        f"{instance.offer.gpu_name}, {instance.offer.location}".strip(", ") if rented else "",
        f"{instance.busy_slots}/{instance.slots}" if instance.slots else "",
        wording.money(instance.offer.usd_micros_per_hour) if rented else "",
        wording.money(instance.cost.total_usd_micros) if rented else "",
        f"{instance.create_time.ToDatetime():%Y-%m-%d %H:%M:%S}",
        wording.trouble(instance),
    ]
