"""What this machine has: settings, what is missing for each feature, and its limits."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from meddef_core.settings import CONFIG, PREFIX, Settings, config_file, variable

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
DECODERS = {
    "PIL": "PNG, JPEG, TIFF, BMP and WebP",
    "pylibjpeg": "JPEG 2000 in DICOM",
    "openjpeg": "JPEG 2000 in DICOM",
    "imagecodecs": "JPEG Lossless and 12-bit JPEG",
    "jpeg_ls": "JPEG-LS",
    "cv2": "pictures for models",
}
"""Modules that decode, and what each decodes."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting as it stands."""

    name: str
    """Of its variable."""
    value: str | int | float | list[str] | None
    source: str
    """"environment", "file" or "default"."""
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something that a feature needs."""

    name: str
    found: bool
    detail: str
    """Where it is, or what to do without it."""


@dataclass(frozen=True, kw_only=True)
class MachineLimits:
    """What the machine offers this process. Bytes; None where the system does not say."""

    cores: int
    memory: int | None
    memory_free: int | None
    disk_free: int


def read_settings(now: Settings) -> tuple[Setting, ...]:
    """Every setting with its value, where it is from, and what it means."""
    found = []
    for name, field in Settings.model_fields.items():
        value = getattr(now, name)
        source = (
            "environment" if os.environ.get(variable(name)) else "file" if name in now.model_fields_set else "default"
        )
        shown = (
            "set, not shown"
            if isinstance(value, SecretStr)
            else str(value)
            if isinstance(value, Path)
            else list(value)
            if isinstance(value, tuple)
            else value
        )
        found.append(Setting(name=variable(name), value=shown, source=source, meaning=str(field.description)))
    return tuple(found)


def unknown_variables() -> tuple[str, ...]:
    """`MEDDEF_*` variables that set nothing: misspelt ones, mostly."""
    known = {CONFIG, *(variable(name) for name in Settings.model_fields)}
    return tuple(sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known))


def parts(now: Settings) -> tuple[Part, ...]:
    """What features need beyond Python, and whether it is here."""
    return (
        _data(now),
        _models(),
        *_site(now),
        _program("Chromium", CHROMIUM, "needed by the browser tests only; install the package chromium"),
        _program("Orthanc", ("Orthanc", "orthanc"), "needed by the PACS tests only; install the package orthanc"),
        _program("dciodvfy", ("dciodvfy",), "needed by the PACS tests only; install the package dicom3tools"),
        _program("dsrdump", ("dsrdump",), "needed by the PACS tests only; install the package dcmtk"),
        _program("PostgreSQL", ("postgres", "psql"), "not needed with SQLite; install the package postgresql"),
        *(_module(name, decodes) for name, decodes in DECODERS.items()),
    )


def limits(folder: Path) -> MachineLimits:
    """Cores, memory and the free disk space at `folder`."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return MachineLimits(
        cores=cores,
        memory=_pages("SC_PHYS_PAGES"),
        memory_free=_pages("SC_AVPHYS_PAGES"),
        disk_free=shutil.disk_usage(folder).free,
    )


def _data(now: Settings) -> Part:
    folder = now.data_dir
    if folder is None:
        return Part(name="data", found=False, detail="set MEDDEF_DATA_DIR to the folder of scans")
    if not folder.is_dir():
        return Part(name="data", found=False, detail=f"{folder} does not exist; correct MEDDEF_DATA_DIR or create it")
    return Part(name="data", found=True, detail=str(folder))


def _models() -> Part:
    from meddef_core.zoo import loadable_models, malformed_models, models_root

    count, malformed = len(loadable_models()), malformed_models()
    detail = (
        f"{count} in {models_root()}" if count else f"none in {models_root()}; train one or correct MEDDEF_MODELS_DIR"
    )
    return Part(name="models", found=count > 0 and not malformed, detail=" ".join((f"{detail}.", *malformed.values())))


def _site(now: Settings) -> tuple[Part, ...]:
    """The site profile, where one is set."""
    from meddef_core.errors import ModelError
    from meddef_core.zoo import configured_profile, load_model

    if now.site is None:
        return ()
    try:
        profile = configured_profile()
        assert profile is not None
        load_model(profile.model)  # it must be of these weights
    except ModelError as error:
        return (Part(name="site profile", found=False, detail=str(error)),)
    return (Part(name="site profile", found=True, detail=f"{profile.model} is adjusted for {profile.title}"),)


def _program(title: str, names: tuple[str, ...], advice: str) -> Part:
    path = next((found for name in names if (found := shutil.which(name))), None)
    return Part(name=title, found=path is not None, detail=path or advice)


def _module(name: str, decodes: str) -> Part:
    there = importlib.util.find_spec(name) is not None
    return Part(
        name=f"decoder {name}", found=there, detail=decodes if there else f"{decodes}; install requirements.txt"
    )


def _pages(name: str) -> int | None:
    if name not in getattr(os, "sysconf_names", {}):
        return None
    return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")


def config_in_words() -> str:
    """Which settings file is read."""
    return str(config_file() or "none")
