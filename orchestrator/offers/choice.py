"""Which offers fit, which one is the best, and why the others are out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.jobs.job import Placement
from orchestrator.money.price import Cost, dollars, rent, traffic
from orchestrator.offers.gpus import encoder_model
from orchestrator.offers.offer import Offer
from orchestrator.offers.requirements import Requirements, Work

_GIB = 1 << 30
# Start-ups on the marketplace take 1 to 5 minutes as a rule; what a machine did before counts more.
_TYPICAL_START = timedelta(minutes=3)
# Where an offer does not say how fast it moves bytes.
_SLOW_BPS = 50_000_000
# CPU encoding of 1080p per core, measured with x264 veryfast; used where no GPU encodes.
_CPU_FRAMES_PER_CORE = 20.0
# A machine that fails has cost its start-up, and the next one starts anew. Reliability counts uptime only, so a part
# of the starts fails on any machine.
_START_FAILURE_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedOffer:
    """An offer that fits, with what the work is expected to cost on it and how long it takes from now on."""

    offer: Offer
    expected_usd_micros: int
    expected_duration: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedOffer:
    """An offer that was left out, and every reason for it, for people."""

    offer: Offer
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The offers of one search: those that fit, the best first, and the others."""

    ranked: tuple[RankedOffer, ...]
    rejected: tuple[RejectedOffer, ...]


def choose(
    offers: Iterable[Offer],
    requirements: Requirements,
    *,
    work: Work,
    placement: Placement = Placement.CHEAPEST,
    avoided: Mapping[str, str] | None = None,
    starts: Mapping[str, timedelta] | None = None,
) -> Choice:
    """Ranks what fits by the expected cost of the work at hand, or by its expected end.

    `avoided` are machines that failed lately, with the reason; `starts` how long a machine took to start before.
    """
    ranked: list[RankedOffer] = []
    rejected: list[RejectedOffer] = []
    for offer in offers:
        reasons = tuple(objections(offer, requirements, avoided=avoided or {}))
        if reasons:
            rejected.append(RejectedOffer(offer=offer, reasons=reasons))
        else:
            ranked.append(_expected(offer, work, (starts or {}).get(offer.machine_id, _TYPICAL_START)))
    ranked.sort(key=_by_time if placement is Placement.FASTEST else _by_cost)
    return Choice(ranked=tuple(ranked), rejected=tuple(rejected))


def objections(offer: Offer, requirements: Requirements, *, avoided: Mapping[str, str]) -> Iterator[str]:
    """Yields each reason against an offer. Every condition of a search is checked here again: marketplaces have been
    seen to ignore numeric filters."""
    yield from _about_the_gpu(offer, requirements)
    yield from _about_the_machine(offer, requirements)
    yield from _about_the_place(offer, requirements)
    if offer.machine_id in avoided:
        yield f"the machine is avoided: {avoided[offer.machine_id]}"


def summary(rejected: Sequence[RejectedOffer], *, most: int = 3) -> str:
    """Returns the commonest reasons in one line, such as `12 offers: no direct port; 3 offers: …`."""
    counts: dict[str, int] = {}
    for one in rejected:
        # By the words before the figures, which differ from offer to offer.
        reason = one.reasons[0].split(" (")[0]
        counts[reason] = counts.get(reason, 0) + 1
    common = sorted(counts.items(), key=lambda item: -item[1])[:most]
    return "; ".join(f"{count} offers: {reason}" for reason, count in common)


def _about_the_gpu(offer: Offer, wanted: Requirements) -> Iterator[str]:
    if offer.gpu_count < 1:
        yield "it has no GPU"
        return
    if wanted.gpu_names and offer.gpu_name not in wanted.gpu_names:
        yield f"another GPU model is wanted ({offer.gpu_name})"
    if offer.gpu_memory_bytes < wanted.min_gpu_memory_bytes:
        yield f"too little GPU memory ({offer.gpu_memory_bytes / _GIB:.0f} GiB)"
    if not wanted.encoder:
        return
    model = encoder_model(offer.gpu_name)
    if model is None:
        yield f"its GPU has no video encoder ({offer.gpu_name})"
    elif wanted.encoder not in model.codecs:
        yield f"its GPU does not encode {wanted.encoder} ({offer.gpu_name})"
    if wanted.driver_floor and _version(offer.driver_version) < _version(wanted.driver_floor):
        yield f"its driver is too old ({offer.driver_version or 'unknown'}, needs {wanted.driver_floor})"


def _about_the_machine(offer: Offer, wanted: Requirements) -> Iterator[str]:
    if offer.direct_ports < 1:
        yield "no direct port, so its worker could not be reached"
    if wanted.max_usd_micros_per_hour and offer.usd_micros_per_hour > wanted.max_usd_micros_per_hour:
        yield f"too expensive ({dollars(offer.usd_micros_per_hour)} an hour)"
    if offer.free_disk_bytes < max(wanted.min_disk_bytes, offer.disk_bytes):
        yield f"too little disk space ({offer.free_disk_bytes / 1e9:.0f} GB)"
    if offer.download_bps < wanted.min_download_bps:
        yield f"its download is too slow ({offer.download_bps / 1e6:.0f} Mbit/s)"
    if offer.upload_bps < wanted.min_upload_bps:
        yield f"its upload is too slow ({offer.upload_bps / 1e6:.0f} Mbit/s)"
    if offer.reliability < wanted.min_reliability:
        yield f"not reliable enough ({offer.reliability:.3f})"
    if offer.cpu_cores < wanted.min_cpu_cores:
        yield f"too few processor cores ({offer.cpu_cores:g})"
    if wanted.verified_only and not offer.verified:
        yield "not verified by the marketplace"
    if offer.remaining is not None and offer.remaining < wanted.min_remaining:
        yield f"offered for too short a time ({offer.remaining.total_seconds() / 3600:.1f} h)"


def _about_the_place(offer: Offer, wanted: Requirements) -> Iterator[str]:
    if wanted.countries and offer.country not in wanted.countries:
        yield f"outside of the countries allowed ({offer.country or 'unknown'})"
    # Where it stands has to be known to be sure that it is not there.
    if wanted.denied_countries and (offer.country in wanted.denied_countries or not offer.country):
        yield f"in a country that is ruled out ({offer.country or 'unknown'})"


def _expected(offer: Offer, work: Work, start: timedelta) -> RankedOffer:
    fetch = _transfer_time(work.input_bytes, offer.download_bps)
    home = _transfer_time(work.output_bytes, offer.upload_bps)
    encode = _encode_time(offer, work)
    # Output comes home while it is made.
    busy = fetch + max(encode, home) + work.rest
    once = rent(offer, existing=start + busy, running=busy)
    moved = traffic(offer, received_bytes=work.input_bytes, sent_bytes=work.output_bytes)
    chance = _chance_of_failure(offer)
    failed = rent(offer, existing=start, running=start)
    cost: Cost = once + moved
    expected = cost.total_usd_micros + round(failed.total_usd_micros * chance)
    return RankedOffer(offer=offer, expected_usd_micros=expected, expected_duration=busy + start * (1 + chance))


def _transfer_time(size_bytes: int, bps: int) -> timedelta:
    return timedelta(seconds=size_bytes * 8 / (bps or _SLOW_BPS))


def _encode_time(offer: Offer, work: Work) -> timedelta:
    if not work.frames:
        return timedelta()
    model = encoder_model(offer.gpu_name) if work.encoder else None
    rate = model.rate(work.encoder) if model is not None else 0.0
    return timedelta(seconds=work.frames / (rate or max(offer.cpu_cores, 1.0) * _CPU_FRAMES_PER_CORE))


def _chance_of_failure(offer: Offer) -> float:
    return min(1.0 - offer.reliability + _START_FAILURE_SHARE, 1.0)


def _by_cost(ranked: RankedOffer) -> tuple[int, timedelta, str]:
    return ranked.expected_usd_micros, ranked.expected_duration, ranked.offer.offer_id


def _by_time(ranked: RankedOffer) -> tuple[timedelta, int, str]:
    return ranked.expected_duration, ranked.expected_usd_micros, ranked.offer.offer_id


def _version(text: str) -> tuple[int, ...]:
    """Reads `535.183.01` so that versions compare; what cannot be read is older than everything."""
    try:
        return tuple(int(part) for part in text.split("."))
    except ValueError:
        return ()
