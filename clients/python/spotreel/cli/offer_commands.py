"""`offers`: what could be rented."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spotreel.cli.files import WrongUsage
from spotreel.cli.options import Number, output_options, server_options
from spotreel.cli.tables import as_json, show
from spotreel.cli.work import Session, carry_out_on_server

if TYPE_CHECKING:
    from spotreel.client import AsyncClient
    from spotreel.orchestrator.v1.instance_pb2 import Offer
    from spotreel.orchestrator.v1.job_pb2 import JobSpec
    from spotreel.orchestrator.v1.offer_service_pb2 import SearchOffersResponse

_TITLES = ("offer", "machine", "price/h", "expected", "time", "place", "down/up Mbit/s", "driver", "reliability")
_MOST_OFFERS = 500
_OTHERS = ("offer", "machine", "price/h", "place", "left out because")


@click.command()
@click.option("--gpu", "gpu_names", multiple=True, metavar="MODEL", help='Only this model, such as "RTX 4090".')
@click.option("--max-price", type=Number(0, 1000), metavar="USD", help="The most an hour may cost.")
@click.option("--country", "countries", multiple=True, metavar="CC", help="Only there; two letters, may be repeated.")
@click.option("--min-disk-gb", type=Number(0, 100_000), metavar="GB", help="The least disk space.")
@click.option("--min-reliability", type=Number(0, 1), help="The least reliability of the host, 0 to 1.")
@click.option(
    "--job",
    "job_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A JobSpec in JSON to reckon for. Default: an hour of use.",
)
@click.option("--limit", type=click.IntRange(1, 500), default=10, show_default=True, help="The most offers to show.")
@click.option("--rejected", is_flag=True, help="Also the offers that were left out, and why.")
@server_options
@output_options
def offers(job_file: Path | None, limit: int, rejected: bool, **values: Any) -> None:  # noqa: FBT001 - click's
    """Show what could be rented, the best first, with what it is expected to cost. Rents nothing."""
    wishes = {
        name: values.pop(name) for name in ("gpu_names", "max_price", "countries", "min_disk_gb", "min_reliability")
    }

    async def work(client: "AsyncClient", session: Session) -> None:
        from spotreel.orchestrator.v1.offer_service_pb2 import OfferRequirements  # noqa: PLC0415 - when it is needed

        requirements = OfferRequirements(
            gpu_names=wishes["gpu_names"],
            max_usd_micros_per_hour=round((wishes["max_price"] or 0) * 1e6),
            countries=[country.upper() for country in wishes["countries"]],
            min_disk_bytes=round((wishes["min_disk_gb"] or 0) * 1e9),
            min_reliability=wishes["min_reliability"] or 0.0,
        )
        spec = None if job_file is None else _spec(job_file)
        # So many that all that were left out are counted; people see `limit` of those that fit.
        most = limit if values["as_json"] else max(limit, _MOST_OFFERS)
        found = await client.search_offers(requirements=requirements, spec=spec, limit=most)
        session.report.quiet()
        if values["as_json"]:
            print(as_json(found))
        else:
            _show(found, limit=limit, rejected=rejected)

    carry_out_on_server(work, values, what="Offers are searched")


def _spec(path: Path) -> "JobSpec":
    from google.protobuf.json_format import ParseDict, ParseError  # noqa: PLC0415 - when it is needed

    from spotreel.orchestrator.v1.job_pb2 import JobSpec  # noqa: PLC0415 - when it is needed

    try:
        return ParseDict(json.loads(path.read_text("utf-8")), JobSpec())
    except (OSError, ValueError, ParseError) as error:
        raise WrongUsage(f"{path} holds no JobSpec in JSON: {error}.", reason="JOB_FILE_INVALID") from error


def _show(found: "SearchOffersResponse", *, limit: int, rejected: bool) -> None:
    from spotreel.cli import wording  # noqa: PLC0415 - protobuf is imported when it is needed

    rows = [
        [
            *_machine(one.offer),
            wording.money(one.expected_usd_micros),
            wording.seconds(one.expected_duration.ToNanoseconds() / 1e9),
            one.offer.location,
            f"{one.offer.download_bps / 1e6:.0f}/{one.offer.upload_bps / 1e6:.0f}",
            one.offer.driver_version,
            f"{one.offer.reliability:.3f}",
        ]
        for one in found.offers[:limit]
    ]
    if rows:
        show(_TITLES, rows)
    else:
        click.echo("Nothing that is on offer fits.", err=True)
    if rejected and found.rejected:
        click.echo()
        show(_OTHERS, ([*_machine(one.offer), one.offer.location, "; ".join(one.reasons)] for one in found.rejected))
    elif found.rejected:
        click.echo(f"{len(found.rejected)} more were left out; --rejected says why.", err=True)


def _machine(offer: "Offer") -> list[str]:
    from spotreel.cli import wording  # noqa: PLC0415 - protobuf is imported when it is needed

    return [offer.offer_id, offer.gpu_name, wording.money(offer.usd_micros_per_hour)]
