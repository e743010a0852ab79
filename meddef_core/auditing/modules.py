"""Somebody's own model and images: a Python file with a function that builds the model, a folder with one a class."""

import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from meddef_core.auditing.remedies import words_of
from meddef_core.errors import DataError, ModelError, ScanError
from meddef_core.scans.files import is_ignored, read_file
from meddef_core.scans.isolated import read_picture_isolated
from meddef_core.text import Text

CLASSES = range(2, 9)
"""Numbers of classes that an audit takes."""

CHANNELS = (1, 3)
SUFFIXES = (".png", ".jpg", ".jpeg", ".jls", ".tif", ".tiff", ".bmp", ".webp", ".dcm", ".dicom")


@dataclass(frozen=True, eq=False)
class Folder:
    """Images of a folder."""

    x: Tensor
    """`(n, C, size, size)` float32 in [0, 1]; three channels are red, green, blue."""
    y: Tensor
    """`(n,)` int64."""
    classes: tuple[str, ...]
    digest: str
    """sha256 over the bytes and labels of the files that were read."""


def load_module(target: str) -> nn.Module:
    """The model that `path/to/file.py:function` builds, called without arguments.

    The file may import its neighbours. Raises ModelError, in one sentence, where there is no such file or function, or
    where importing or calling it raises or gives no `nn.Module`. What it runs is its owner's code.
    """
    path_text, colon, name = target.rpartition(":")
    path = Path(path_text)
    if not colon or not name.isidentifier():
        raise ModelError(
            Text(
                "audit.module-target",
                "A module is named as file.py:function, such as my_model.py:build, not {target}.",
                target=repr(target),
            )
        )
    if not path.is_file():
        raise ModelError(
            Text(
                "audit.no-module-file",
                "There is no file {path}; name the Python file that builds the model.",
                path=path_text,
            )
        )
    with _importable(path.resolve().parent):
        module = _imported(path)
        build = getattr(module, name, None)
        if not callable(build):
            raise ModelError(
                Text(
                    "audit.no-function",
                    "{file} has no function {name}; name the one that builds the model.",
                    file=path.name,
                    name=repr(name),
                )
            )
        try:
            model = build()
        except (Exception, SystemExit) as error:  # somebody's own code may fail in any way
            raise ModelError(
                Text(
                    "audit.function-failed",
                    "{name}() of {file} failed: {error}.",
                    name=name,
                    file=path.name,
                    error=words_of(error),
                )
            ) from error
    if not isinstance(model, nn.Module):
        found = type(model).__name__
        raise ModelError(
            Text(
                "audit.module-returned",
                "{name}() of {file} returned a {found}; it must return a torch nn.Module.",
                name=name,
                file=path.name,
                found=found,
            )
        )
    return model


def _imported(path: Path) -> ModuleType:
    # A name of its own, so that it hides no installed module; registered, as pickles and dataclasses need it.
    name = f"meddef_audited_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModelError(
            Text("audit.no-python-file", "{path} is no Python file; name one that ends in .py.", path=path)
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # somebody's own code may fail in any way
        del sys.modules[name]
        raise ModelError(
            Text("audit.cannot-import", "{file} cannot be imported: {error}.", file=path.name, error=words_of(error))
        ) from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def load_folder(folder: Path, *, size: int, channels: int, limit: int) -> Folder:
    """At most `limit` images, as equally many of each class as there are, evenly spread over each sorted list.

    The folder holds one folder a class, 2 to 8, whose sorted names are the classes 0, 1, ... of the model. Images are
    DICOM, PNG, JPEG, TIFF, BMP or WebP, read as every scan is and resized to `size` x `size`. Raises DataError on
    anything else.
    """
    if not folder.is_dir():
        raise DataError(
            Text(
                "audit.no-folder", "There is no folder {folder}; name one that holds one folder a class.", folder=folder
            )
        )
    groups = sorted(path for path in folder.iterdir() if path.is_dir() and not is_ignored(path.name))
    if len(groups) not in CLASSES:
        raise DataError(
            Text(
                "audit.folder-count",
                "{folder} holds {count} folders; it needs one a class, 2 to 8 of them.",
                folder=folder,
                count=len(groups),
            )
        )
    images: list[NDArray[np.float32]] = []
    labels: list[int] = []
    digest = hashlib.sha256()
    for label, group in enumerate(groups):
        files = sorted(path for path in group.iterdir() if _is_image(path))
        if not files:
            raise DataError(
                Text(
                    "audit.class-empty",
                    "{group} holds no PNG or JPEG image and no DICOM file; every class needs at least one.",
                    group=group,
                )
            )
        share = min(len(files), max(1, limit // len(groups)))
        for path in (files[place * len(files) // share] for place in range(share)):
            try:
                data = read_file(path)
                image = read_picture_isolated(data, channels=channels, size=size)
            except ScanError as error:
                raise DataError(
                    Text("sample.cannot-be-used", "{path} cannot be used: {error}", path=path, error=error)
                ) from error
            digest.update(f"{label}:{len(data)}:".encode() + data)
            images.append(image)
            labels.append(label)
    return Folder(
        torch.from_numpy(np.stack(images)),
        torch.tensor(labels),
        tuple(group.name for group in groups),
        digest.hexdigest(),
    )


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file() and not is_ignored(path.name)


def digest_of(model: nn.Module) -> str:
    """sha256 over all weights and buffers, by name."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if isinstance(value, Tensor):
            digest.update(f"{name}:{value.dtype}:{tuple(value.shape)}:".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
