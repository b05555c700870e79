"""The marketplace as a cloud: what is rented there, and what could be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from orchestrator.cloud.vast.client import AnswerLost, Refusal, VastClient
from orchestrator.cloud.vast.codec import WORKER_PORT, cost_from_charges, instance_from_row
from orchestrator.cloud.vast.pacing import Endpoint
from orchestrator.cloud.vast.search import OfferSearches, RentalTerms
from orchestrator.money.price import Cost
from orchestrator.offers.offer import Offer
from orchestrator.offers.requirements import Requirements
from orchestrator.ports import (
    Account,
    Blame,
    CloudInstance,
    CloudUnavailable,
    LaunchOrder,
    LaunchRefused,
    LaunchStillborn,
    LaunchUnknown,
)
from servicekit.clock import Clock

_PAGE_ROWS = 25
_MOST_PAGES = 200
# Values longer than this are not documented to get through.
_MOST_VALUE_CHARACTERS = 256
_LOG_LINES = 200
_LOG_TRIES = 20
_LOG_PAUSE_SECONDS = 0.5
_LOG_BYTES = 8 << 10
_GONE = frozenset({"no_such_instance", "not_found"})
_GB = 1_000_000_000
_MICROS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerImage:
    """What a rented machine runs: an image, how to log in at its registry (`-u NAME -p PASSWORD REGISTRY`; empty: no
    need to), and environment variables for it, which the machine's host can read."""

    name: str
    login: str = field(default="", repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


class Callers(Protocol):
    """Who knows from which networks the orchestrator calls its workers."""

    async def networks(self) -> Sequence[str]:
        """Returns addresses and networks (CIDR); none where they are not known, and everybody may call then."""
        ...


class VastCloud:
    """A `Cloud` and a `Marketplace` on Vast.ai."""

    def __init__(
        self,
        *,
        client: VastClient,
        clock: Clock,
        image: WorkerImage,
        terms: RentalTerms,
        callers: Callers,
    ) -> None:
        """Takes `callers`, which tells the networks that workers are to take calls from."""
        self._client = client
        self._clock = clock
        self._image = image
        self._callers = callers
        self._searches = OfferSearches(client=client, clock=clock, terms=terms)

    @property
    def name(self) -> str:
        return "vast"

    @property
    def reads_to_believe(self) -> int:
        # Single reads have been seen to lack an instance that exists, right after its start and later.
        return 3

    async def create(self, order: LaunchOrder) -> str:
        assert order.offer is not None, "nothing can be started here without renting it"
        body = _create_body(order, order.offer, self._image, await self._callers.networks())
        try:
            answer = await self._client.call(Endpoint.CREATE, "PUT", f"/api/v0/asks/{order.offer.offer_id}/", body=body)
        except AnswerLost as error:
            raise LaunchUnknown(str(error)) from error
        except Refusal as error:
            if error.code == "server_error" and not error.body.get("new_contract"):
                # "Something went wrong" is no promise that nothing was made.
                raise LaunchUnknown(str(error)) from error
            raise _launch_error(error) from error
        if not answer.get("new_contract"):
            raise LaunchUnknown("It answered without the number of the contract.")
        return str(answer["new_contract"])

    async def list(self) -> Sequence[CloudInstance]:
        rows: dict[str, CloudInstance] = {}
        token: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._page(token)
            rows |= {one.provider_id: one for row in page["instances"] if (one := _read_row(row)) is not None}
            token = page.get("next_token")
            if token is None:
                break
        else:
            raise CloudUnavailable("Its list of instances does not end.")
        total = page.get("total_instances")
        if isinstance(total, int) and len(rows) < total:
            raise CloudUnavailable(f"Its list has {len(rows)} instances where it says that there are {total}.")
        return list(rows.values())

    async def get(self, provider_id: str) -> CloudInstance | None:
        try:
            answer = await self._client.call(Endpoint.SHOW, "GET", f"/api/v0/instances/{provider_id}/")
        except Refusal as error:
            if error.code in _GONE:
                return None
            raise CloudUnavailable(str(error)) from error
        if "instances" not in answer:
            raise CloudUnavailable("Its answer does not tell of the instance.")
        row = answer["instances"]
        return instance_from_row(row) if isinstance(row, Mapping) else None

    async def destroy(self, provider_id: str) -> None:
        try:
            await self._client.call(Endpoint.DESTROY, "DELETE", f"/api/v0/instances/{provider_id}/", body={})
        except Refusal as error:
            if error.code not in _GONE:
                raise CloudUnavailable(f"It does not destroy instance {provider_id}: {error}") from error

    async def log_tail(self, provider_id: str) -> str:
        try:
            answer = await self._client.call(
                Endpoint.LOGS,
                "PUT",
                f"/api/v0/instances/request_logs/{provider_id}/",
                body={"tail": str(_LOG_LINES)},
            )
        except Refusal:
            return ""
        url = str(answer.get("result_url") or "")
        for _ in range(_LOG_TRIES if url else 0):
            # The file is put there a moment after the answer.
            text = await self._client.log_file(url)
            if text is not None:
                return text[-_LOG_BYTES:]
            await self._clock.sleep(_LOG_PAUSE_SECONDS)
        return ""

    async def search(
        self, requirements: Requirements, *, max_age: timedelta = timedelta(seconds=60), broad: bool = False
    ) -> Sequence[Offer]:
        try:
            return await self._searches.search(requirements, max_age=max_age, broad=broad)
        except Refusal as error:
            raise CloudUnavailable(f"It refuses the search: {error}") from error

    async def account(self) -> Account:
        try:
            answer = await self._client.call(Endpoint.USER, "GET", "/api/v0/users/current/")
        except Refusal as error:
            raise CloudUnavailable(str(error)) from error
        credit = answer.get("credit")
        if isinstance(credit, bool) or not isinstance(credit, int | float):
            raise CloudUnavailable("It does not say how much credit is left.")
        return Account(credit_usd_micros=int(credit * _MICROS))

    async def charges(self, provider_id: str, *, since: datetime) -> Cost | None:
        day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        rows: list[Any] = []
        token: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._charges_page(day, token)
            rows += page.get("results") or []
            token = page.get("next_token")
            if token is None:
                return cost_from_charges([row for row in rows if isinstance(row, Mapping)], provider_id)
        raise CloudUnavailable("Its list of charges does not end.")

    async def _charges_page(self, day: datetime, token: str | None) -> dict[str, Any]:
        query: dict[str, Any] = {
            "select_filters": {
                "day": {"gte": int(day.timestamp()), "lte": int(self._clock.now().timestamp())},
                "type": {"in": ["instance"]},
            },
            "format": "table",
            "latest_first": "true",
            "limit": "100",
        }
        try:
            return await self._client.call(
                Endpoint.CHARGES, "GET", "/api/v0/charges/", query=query | ({"after_token": token} if token else {})
            )
        except Refusal as error:
            raise CloudUnavailable(str(error)) from error

    async def _page(self, token: str | None) -> dict[str, Any]:
        """Returns one page of the list. One that is not as it must be makes the whole list unknown, never shorter."""
        query: dict[str, Any] = {
            "limit": str(_PAGE_ROWS),
            "order_by": [{"col": "id", "dir": "asc"}],
            "select_filters": {},
        }
        try:
            page = await self._client.call(
                Endpoint.LIST, "GET", "/api/v1/instances/", query=query | ({"after_token": token} if token else {})
            )
        except Refusal as error:
            raise CloudUnavailable(f"It does not list the instances: {error}") from error
        if not isinstance(page.get("instances"), list):
            raise CloudUnavailable("Its answer is no list of instances.")
        return page


def _read_row(row: object) -> CloudInstance | None:
    if not isinstance(row, Mapping) or (instance := instance_from_row(row)) is None:
        raise CloudUnavailable("Its list has a row that is no instance.")
    return instance


def _create_body(order: LaunchOrder, offer: Offer, image: WorkerImage, callers: Sequence[str]) -> dict[str, Any]:
    environment = {
        **image.environment,
        "SPOTREEL_WORKER_SESSION_SECRET": order.secret.hex(),
        "SPOTREEL_WORKER_ALLOWED_CALLERS": ",".join(callers),
    }
    for name, value in environment.items():
        if len(value) > _MOST_VALUE_CHARACTERS:
            raise LaunchRefused(
                f"{name} has {len(value)} characters; a rented machine takes {_MOST_VALUE_CHARACTERS}.",
                reason="LAUNCH_INVALID",
                blame=Blame.OURS,
            )
    bid = (offer.usd_micros_per_hour - offer.storage_usd_micros_per_hour) / _MICROS
    return {
        "client_id": "me",
        "image": image.name,
        "disk": round(offer.disk_bytes / _GB, 1),
        "label": order.label,
        "runtype": "args",
        "args": [],
        "env": {f"-p {WORKER_PORT}:{WORKER_PORT}": "1"} | {name: value for name, value in environment.items() if value},
        "image_login": image.login or None,
        # Left out after a search for bids, it would rent at the full price without a word.
        "price": round(bid, 4) if offer.interruptible else None,
        "target_state": "running",
        "cancel_unavail": True,
        "force": False,
    }


def _launch_error(error: Refusal) -> LaunchRefused | LaunchStillborn:
    if contract := error.body.get("new_contract"):
        return LaunchStillborn(f"It made a contract that does not run: {error}", provider_id=str(contract))
    said = f"{error.code} {error}"
    if "no_such_ask" in said:
        return LaunchRefused(str(error), reason="OFFER_GONE", blame=Blame.OFFER)
    if error.code in ("insufficient_credit", "spend_rate_limit"):
        return LaunchRefused(
            f"The marketplace account lacks credit ({error}). Add credit to it.",
            reason="CREDIT_EXHAUSTED",
            blame=Blame.ACCOUNT,
        )
    if error.code in ("invalid_args", "invalid_price") or error.status == 403:
        return LaunchRefused(
            f"The marketplace refuses what it was asked: {error}", reason="LAUNCH_INVALID", blame=Blame.OURS
        )
    return LaunchRefused(f"The marketplace refuses to rent: {error}")
