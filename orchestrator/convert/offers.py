"""Offers and what is asked of them."""

from spotreel.orchestrator.v1 import instance_pb2, offer_service_pb2

from orchestrator.convert.times import duration
from orchestrator.offers.choice import RankedOffer, RejectedOffer
from orchestrator.offers.offer import Offer


def offer_to_proto(offer: Offer) -> instance_pb2.Offer:
    """Writes an offer."""
    return instance_pb2.Offer(
        offer_id=offer.offer_id,
        machine_id=offer.machine_id,
        gpu_name=offer.gpu_name,
        gpu_count=offer.gpu_count,
        usd_micros_per_hour=offer.usd_micros_per_hour,
        download_usd_micros_per_gb=offer.download_usd_micros_per_gb,
        upload_usd_micros_per_gb=offer.upload_usd_micros_per_gb,
        location=offer.location,
        driver_version=offer.driver_version,
        reliability=offer.reliability,
        gpu_memory_bytes=offer.gpu_memory_bytes,
        disk_bytes=offer.disk_bytes,
        storage_usd_micros_per_hour=offer.storage_usd_micros_per_hour,
        download_bps=offer.download_bps,
        upload_bps=offer.upload_bps,
        verified=offer.verified,
        interruptible=offer.interruptible,
        country=offer.country,
    )


def offer_from_proto(message: instance_pb2.Offer) -> Offer:
    """Reads an offer as the ledger keeps it; what matters only for the choice is not kept."""
    return Offer(
        offer_id=message.offer_id,
        machine_id=message.machine_id,
        gpu_name=message.gpu_name,
        gpu_count=message.gpu_count,
        gpu_memory_bytes=message.gpu_memory_bytes,
        usd_micros_per_hour=message.usd_micros_per_hour,
        storage_usd_micros_per_hour=message.storage_usd_micros_per_hour,
        download_usd_micros_per_gb=message.download_usd_micros_per_gb,
        upload_usd_micros_per_gb=message.upload_usd_micros_per_gb,
        disk_bytes=message.disk_bytes,
        reliability=message.reliability,
        download_bps=message.download_bps,
        upload_bps=message.upload_bps,
        location=message.location,
        country=message.country,
        driver_version=message.driver_version,
        verified=message.verified,
        interruptible=message.interruptible,
    )


def ranked_to_proto(ranked: RankedOffer) -> offer_service_pb2.SearchOffersResponse.RankedOffer:
    """Writes an offer that fits."""
    return offer_service_pb2.SearchOffersResponse.RankedOffer(
        offer=offer_to_proto(ranked.offer),
        expected_usd_micros=ranked.expected_usd_micros,
        expected_duration=duration(ranked.expected_duration),
    )


def rejected_to_proto(rejected: RejectedOffer) -> offer_service_pb2.SearchOffersResponse.RejectedOffer:
    """Writes an offer that was left out."""
    return offer_service_pb2.SearchOffersResponse.RejectedOffer(
        offer=offer_to_proto(rejected.offer), reasons=rejected.reasons
    )
