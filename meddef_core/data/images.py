"""Preprocessed images in memory, cached on disk under the hash of everything they depend on."""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.data.lists import ListedScan, Lists
from meddef_core.errors import DataError, ScanError
from meddef_core.io.files import replacing
from meddef_core.scans.decode import read_scan
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.settings import settings
from meddef_core.text import Text

CACHE_VERSION = 2
"""Raise it when decoding or preprocessing changes what comes out of the same bytes and settings."""

FULL = 65535
"""Images are stored as 16-bit fixed point: exact for 8-bit sources, within 1e-5 for resized ones."""


@dataclass(frozen=True, eq=False)
class Images:
    """A list of scans, ready for a network."""

    stored: NDArray[np.uint16]
    """`(N, 1, 224, 224)`; wider where the preprocessing says so."""
    labels: Tensor
    """`(N,)` int64."""
    items: tuple[ListedScan, ...]

    def __len__(self) -> int:
        return len(self.items)

    def batch(self, index: Sequence[int] | NDArray[np.int64] | slice) -> tuple[Tensor, Tensor]:
        """Images `(B, 1, 224, 224)` float32 in [0, 1] and their labels `(B,)`."""
        picked = np.ascontiguousarray(self.stored[index]).astype(np.float32) / FULL
        where = index if isinstance(index, slice) else torch.as_tensor(np.asarray(index))
        return torch.from_numpy(picked), self.labels[where]


def cache_dir() -> Path:
    """Where preprocessed images are kept: `MEDDEF_CACHE_DIR`, else `meddef` in the user's cache folder."""
    set_to = settings().cache_dir
    return set_to or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meddef"


def load_images(lists: Lists, part: str, *, preprocessing: Preprocessing, data_dir: Path) -> Images:
    """Images of one part of the lists, as a model of that `preprocessing` sees them.

    Raises DataError naming the first scan that cannot be read.

    Decoded in this process: the data folder is its owner's own, not somebody else's upload.
    MedDefError if the cache cannot be written.
    """
    items = lists.part(part)
    path = cache_dir() / f"{lists.task}-{_cache_key(items, preprocessing)}.npy"
    if not path.exists():
        prepared = _preprocess_all(items, preprocessing, data_dir)
        with replacing(path) as beside, beside.open("wb") as file:
            np.save(file, prepared)
    labels = torch.tensor([item.label for item in items], dtype=torch.int64)
    return Images(np.load(path, mmap_mode="r"), labels, items)


def _preprocess_all(items: Sequence[ListedScan], preprocessing: Preprocessing, data_dir: Path) -> NDArray[np.uint16]:
    def one(item: ListedScan) -> NDArray[np.uint16]:
        try:
            scan = read_scan((data_dir / item.path).read_bytes())
        except ScanError as error:
            raise DataError(
                Text("sample.cannot-be-used", "{path} cannot be used: {error}", path=item.path, error=error)
            ) from error
        return np.round(preprocessing(scan.pixels, row_mm=scan.row_mm) * FULL).astype(np.uint16)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return np.stack(list(pool.map(one, items)))


def _cache_key(items: Sequence[ListedScan], preprocessing: Preprocessing) -> str:
    parts = [str(CACHE_VERSION), json.dumps(preprocessing.to_dict(), sort_keys=True), *(item.digest for item in items)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
