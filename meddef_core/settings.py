"""Settings of this machine: `MEDDEF_*` variables first, then a TOML file, each value checked where it is read.

The file is `MEDDEF_CONFIG`, else `meddef.toml` in the user's configuration folder; its keys are the names of the
variables in lower case without `MEDDEF_`. Every reader asks `settings()`, so a change counts from the next call on.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from meddef_core.errors import MedDefError

PREFIX = "MEDDEF_"
CONFIG = f"{PREFIX}CONFIG"
MOST_THREADS = 1024
MOST_DECODERS = 64


class Settings(BaseSettings):
    """What can be set; the description of a field is what `meddef doctor` says of it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    data_dir: Path | None = Field(None, description="Folder of the data sets.")
    models_dir: Path | None = Field(None, description="Folder of the models; else the shipped ones.")
    results_dir: Path | None = Field(None, description="Folder of the records; else the shipped ones.")
    lessons_dir: Path | None = Field(None, description="Folder of the lessons; else the shipped ones.")
    cache_dir: Path | None = Field(None, description="Folder of preprocessed images; else in the user's cache.")
    site: Path | None = Field(None, description="Folder of the site profile that adjusts a model to a hospital.")
    threads: int = Field(1, ge=1, le=MOST_THREADS, description="Torch threads a request of the dashboard may use.")
    slots: int | None = Field(None, ge=1, le=MOST_THREADS, description="Requests computed at once; else by cores.")
    held_mb: int = Field(1024, ge=1, le=1024**2, description="Megabytes of uploads held for all sessions together.")
    decoders: int = Field(2, ge=1, le=MOST_DECODERS, description="Files decoded at once, each in its own process.")

    @field_validator("data_dir", "models_dir", "results_dir", "lessons_dir", "cache_dir", "site")
    @classmethod
    def _no_file(cls, path: Path | None) -> Path | None:
        if path is not None and path.exists() and not path.is_dir():
            raise ValueError("a folder is needed, and this is a file")
        return path

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_file())

    @property
    def work_slots(self) -> int:
        """Requests computed at once: as set, else one for every `threads` cores."""
        return self.slots or max(1, (os.cpu_count() or 2) // self.threads)


def config_file() -> Path | None:
    """The TOML file that is read, or None; MedDefError where `MEDDEF_CONFIG` names none."""
    named = os.environ.get(CONFIG)
    if named:
        if not Path(named).is_file():
            raise MedDefError(f"{CONFIG} names {named}, which is no file; correct it or leave it unset.")
        return Path(named)
    usual = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "meddef.toml"
    return usual if usual.is_file() else None


def settings() -> Settings:
    """The settings as they stand now; MedDefError, in one sentence, for a value that cannot work."""
    try:
        return Settings()
    except ValidationError as error:
        raise MedDefError(_sentence(error)) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MedDefError(f"The settings file {config_file()} cannot be read ({error}); correct it.") from error


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"The settings file {config_file()} sets {field}, which there is not; choose from {', '.join(NAMES)}."
    reason = first["msg"].removeprefix("Value error, ")
    where = variable(field) if os.environ.get(variable(field)) else f"The setting {field} in {config_file()}"
    return f"{where} is {_shown(first['input'])}, which cannot work ({reason[:1].lower()}{reason[1:]}); correct it."


def _shown(value: Any) -> str:
    text = repr(str(value) if isinstance(value, Path) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def variable(field: str) -> str:
    """The variable that sets a field."""
    return f"{PREFIX}{field.upper()}"


NAMES = tuple(Settings.model_fields)
