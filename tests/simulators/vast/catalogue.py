"""A market day's worth of offers, the same for the same seed, with what makes the real list treacherous."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.simulators.nvidia.models import GPU_MODELS
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.prices import PRICES

# Models of which a marketplace has many, and how many machines more than the one that each model has.
_POPULAR = {
    "RTX 4090": 9,
    "RTX 3090": 7,
    "RTX 3060": 5,
    "RTX 5090": 5,
    "RTX 4080S": 3,
    "RTX 3080": 3,
    "RTX 4070S Ti": 3,
}
_POPULAR |= {"RTX A6000": 2, "RTX 4060 Ti": 3, "L40S": 2, "A100 SXM4": 2, "H100 SXM": 2, "Tesla T4": 2, "RTX 3070": 2}
_SERVER_MODELS = ("A", "H", "B2", "L4", "Tesla", "RTX A", "RTX PRO", "Instinct")
_PLACES = (
    *("Washington, US", "California, US", "Texas, US", "Quebec, CA", "Germany, DE", "Netherlands, NL", "Sweden, SE"),
    *("France, FR", "Czechia, CZ", "Poland, PL", "Norway, NO", "Spain, ES", "Bulgaria, BG", "Ukraine, UA"),
    *("Guangxi, CN", "Taiwan, TW", "South Korea, KR", "Japan, JP", "India, IN", "Vietnam, VN", "Brazil, BR"),
)
# With the highest CUDA version that each supports; the first ones are too old for today's NVENC headers.
_DRIVERS = (("470.223.02", 11.4), ("525.147.05", 12.0))
_NEWER_DRIVERS = (("535.183.01", 12.2), ("550.127.05", 12.4), ("560.35.03", 12.6), ("570.86.15", 12.8))
_NEWEST_DRIVERS = (("570.86.15", 12.8), ("575.64.03", 12.9), ("580.95.05", 13.0))
_PROCESSORS = (
    ("AMD EPYC 7B13 64-Core Processor", 128),
    ("Intel Xeon E5-2680 v4", 56),
    ("AMD Ryzen 9 5950X 16-Core Processor", 32),
    ("Intel Core i5-9400F", 6),
)
# Blocks that RFC 5737 keeps for documentation: nobody is called by accident.
_NETWORKS = ("203.0.113", "198.51.100", "192.0.2")
_DISK_MACHINES = 3


@dataclass(frozen=True, slots=True)
class _Numbers:
    chance: random.Random
    first_offer: int = 11_680_000
    first_machine: int = 20_000


def catalogue(seed: int = 1) -> list[Offer]:
    """Returns some 270 offers of sixty models; the traps are at fixed places of the list's machines."""
    numbers = _Numbers(random.Random(f"catalogue:{seed}"))
    models = [model for model in PRICES for _ in range(1 + _POPULAR.get(model, 0))]
    numbers.chance.shuffle(models)
    machines = [_trapped(number, _machine(number, model, numbers)) for number, model in enumerate(models)]
    machines += [_disk_machine(len(models) + number, numbers) for number in range(_DISK_MACHINES)]
    offers = [offer for machine in machines for offer in _parts(machine)]
    return [replace(offer, id=numbers.first_offer + 37 * place) for place, offer in enumerate(offers)]


def _machine(number: int, model: str, numbers: _Numbers) -> Offer:
    """Returns the offer of a whole machine."""
    chance = numbers.chance
    server = model.startswith(_SERVER_MODELS)
    gpus = chance.choice((4, 8) if server else (1, 1, 2, 4, 4))
    price = round(PRICES[model] * chance.uniform(0.8, 1.35), 4)
    processor, cores = chance.choice(_PROCESSORS)
    driver, cuda = chance.choice(_drivers(model))
    speed = chance.choice((105.9, 320.0, 640.0, 850.0, 4200.0))
    traffic = chance.choice((0.0, 0.002, 0.005, 0.02))
    return Offer(
        id=0,
        machine_id=numbers.first_machine + number,
        host_id=125_000 + number // 3,
        gpu_name=model,
        num_gpus=gpus,
        machine_gpus=gpus,
        dph_base=round(price * gpus, 6),
        min_bid=round(price * gpus * chance.uniform(0.35, 0.7), 4),
        storage_cost=chance.choice((0.1, 0.149333, 0.2, 0.25)),
        inet_up=round(speed * chance.uniform(0.3, 1.0), 1),
        inet_down=speed,
        inet_up_cost=traffic,
        inet_down_cost=traffic,
        driver_version=driver,
        cuda_max_good=cuda,
        reliability=round(1 - chance.choice((0.0007, 0.003, 0.01, 0.03, 0.09)), 7),
        verification="verified" if chance.random() < 0.85 else chance.choice(("unverified", "deverified")),
        hosting_type=1 if server or chance.random() < 0.4 else 0,
        geolocation=chance.choice(_PLACES),
        static_ip=chance.random() < 0.6,
        direct_port_count=chance.choice((16, 100, 249, 499)),
        public_ipaddr=f"{_NETWORKS[number % len(_NETWORKS)]}.{number % 250 + 2}",
        cpu_name=processor,
        cpu_cores=cores,
        cpu_cores_effective=float(cores),
        cpu_ram=chance.choice((32_100, 64_393, 128_576, 257_700)),
        disk_space=round(chance.uniform(60, 1700), 3),
        disk_bw=round(chance.uniform(400, 6000), 1),
        remaining_seconds=round(chance.uniform(0.5, 240) * 86400, 2),
    )


def _drivers(model: str) -> Sequence[tuple[str, float]]:
    entry = GPU_MODELS[model]
    if entry.compute_cap.startswith(("10.", "12.")):
        return _NEWEST_DRIVERS
    if entry.maker == "amd":
        return (("6.2.4", 0.0),)
    return (*_DRIVERS, *_NEWER_DRIVERS, *_NEWER_DRIVERS, *_NEWEST_DRIVERS)


def _trapped(number: int, machine: Offer) -> Offer:
    """Gives every so many machines one of the faces that were seen in real rows."""
    match number % 13:
        case 2:
            return replace(machine, direct_port_count=0)
        case 4:
            return replace(machine, external=None, cpu_cores=None)
        case 6:
            return replace(machine, geolocation=None)
        case 7:
            return replace(machine, geolocation=", US")
        case 9:
            return replace(machine, dead=True)
        case 10:
            return replace(machine, verification=None, external=True)
        case 11:
            return replace(machine, rentable=False)
        case _:
            return machine


def _parts(machine: Offer) -> Iterator[Offer]:
    """Cuts a machine into what can be rented of it: the whole, halves down to single GPUs, one of each size."""
    yield machine
    gpus = machine.machine_gpus
    size = gpus // 2
    while size:
        share = size / gpus
        yield replace(
            machine,
            num_gpus=size,
            dph_base=round(machine.dph_base * share, 6),
            min_bid=round(machine.min_bid * share, 4),
            cpu_cores_effective=machine.cpu_cores_effective * share,
            disk_space=round(machine.disk_space * share, 3),
        )
        size //= 2


def _disk_machine(number: int, numbers: _Numbers) -> Offer:
    return replace(
        _machine(number, "GTX 1080", numbers),
        gpu_name="",
        num_gpus=0,
        machine_gpus=0,
        resource_type="disk",
        dph_base=0.0,
        min_bid=0.0,
    )
