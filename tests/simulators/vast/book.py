"""Which offers can be rented now."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.offers import Offer


class OfferBook:
    """All offers, and who has which GPUs: our contracts, and other customers by machine in `others`."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = {offer.id: offer for offer in offers}
        if len(self._offers) != len(offers):
            raise ValueError("Two offers have the same id.")
        self.others: Counter[int] = Counter()
        self._gpus: dict[int, int] = {}
        for offer in offers:
            self._gpus[offer.machine_id] = max(offer.machine_gpus, self._gpus.get(offer.machine_id, 0))

    def __iter__(self) -> Iterator[Offer]:
        return iter(self._offers.values())

    def get(self, offer_id: int) -> Offer | None:
        """Returns an offer, rented or not; None where there never was one of this id."""
        return self._offers.get(offer_id)

    def free_gpus(self, machine_id: int, contracts: Iterable[Contract]) -> int:
        """Returns the GPUs of a machine that nobody has."""
        ours = sum(one.offer.num_gpus for one in contracts if one.holds_gpus and one.offer.machine_id == machine_id)
        return self._gpus[machine_id] - ours - self.others[machine_id]

    def available(self, offer: Offer, contracts: Sequence[Contract]) -> bool:
        """Tells whether an offer can be rented: not taken itself, and enough GPUs left on its machine."""
        taken = any(one.holds_gpus and one.offer.id == offer.id for one in contracts)
        return offer.rentable and not taken and self.free_gpus(offer.machine_id, contracts) >= offer.num_gpus
