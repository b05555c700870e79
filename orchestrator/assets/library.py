"""The assets that there are: taken in, listed, deleted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from orchestrator.assets.asset import Asset, Upload
from orchestrator.pages import decode_token, encode_token, page_size
from orchestrator.ports import BlobStore, Ledger
from servicekit.clock import Clock
from servicekit.errors import FailedPrecondition, NotFound

_QUESTION = "assets"


class AssetLibrary:
    """Keeps the ledger's rows and the store's blobs of assets together."""

    def __init__(self, *, ledger: Ledger, blobs: BlobStore, clock: Clock, retention: timedelta) -> None:
        """Takes how long an asset is kept after its last use."""
        self._ledger = ledger
        self._blobs = blobs
        self._clock = clock
        self._retention = retention
        # Storing and deleting the same content at once could leave a row without its blob.
        self._turns: dict[str, asyncio.Lock] = {}

    async def get(self, sha256: str) -> Asset:
        """Returns an asset; raises NotFound (ASSET_NOT_FOUND)."""
        return await self._ledger.get_asset(sha256)

    async def find_for_use(self, sha256: str) -> Asset | None:
        """Returns an asset with its expiry renewed; None when there is none."""
        try:
            return await self._ledger.touch_asset(sha256, expire_time=self._clock.now() + self._retention)
        except NotFound:
            return None

    async def list(self, *, size: int, token: str) -> tuple[list[Asset], str]:
        """Returns a page of assets, the newest first, and the token of the next one (empty: there is none)."""
        limit = page_size(size)
        found = await self._ledger.list_assets(limit=limit + 1, after=decode_token(token, _QUESTION))
        page = found[:limit]
        following = encode_token((page[-1].create_time, page[-1].sha256), _QUESTION) if len(found) > limit else ""
        return page, following

    async def take_in(self, upload: Upload, path: Path) -> Asset:
        """Moves a complete, checked file into the store and writes its asset.

        Raises ResourceExhausted (DISK_FULL), Unavailable (STORAGE_UNAVAILABLE); the file is kept then.
        """
        now = self._clock.now()
        asset = Asset(
            sha256=upload.sha256,
            size_bytes=upload.size_bytes,
            file_name=upload.file_name,
            blob=f"assets/{upload.sha256}",
            create_time=now,
            expire_time=now + self._retention,
        )
        async with self._turn(upload.sha256):
            await self._blobs.store(asset.blob, path)
            return await self._ledger.add_asset(asset)

    async def delete(self, sha256: str) -> None:
        """Removes an asset; raises NotFound (ASSET_NOT_FOUND), FailedPrecondition (ASSET_IN_USE)."""
        async with self._turn(sha256):
            asset = await self._ledger.delete_asset(sha256)
            await self._blobs.delete(asset.blob)

    async def delete_if_expired(self, asset: Asset) -> None:
        """Removes an asset unless it was used since it was found to have expired."""
        try:
            if (await self._ledger.get_asset(asset.sha256)).expire_time <= self._clock.now():
                await self.delete(asset.sha256)
        except (NotFound, FailedPrecondition):
            # Deleted by a client, or wanted by a new job, this moment.
            return

    @asynccontextmanager
    async def _turn(self, sha256: str) -> AsyncIterator[None]:
        turn = self._turns.setdefault(sha256, asyncio.Lock())
        try:
            async with turn:
                yield
        finally:
            if not turn.locked():
                self._turns.pop(sha256, None)
