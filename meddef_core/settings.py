"""Settings of this machine: `MEDDEF_*` variables first, then a TOML file, each value checked where it is read.

The file is `MEDDEF_CONFIG`, else `meddef.toml` in the user's configuration folder; its keys are the names of the
variables in lower case without `MEDDEF_`. Every reader asks `settings()`, so a change counts from the next call on.
"""

import os
import tomllib
from functools import lru_cache, reduce
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from meddef_core.errors import MedDefError
from meddef_core.text import Text

PREFIX = "MEDDEF_"
CONFIG = f"{PREFIX}CONFIG"
MOST_THREADS = 1024
MOST_DECODERS = 64
LEAST_SECRET = 32
LOGIN = ("login_issuer", "login_client", "login_client_secret", "login_address", "login_cookie_secret")
"""Fields of a login: all of them, or none."""

Names = Annotated[tuple[str, ...], NoDecode]
"""In a variable separated by commas, in the file a list."""


class Settings(BaseSettings):
    """What can be set; the description of a field is what `meddef doctor` says of it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path | None = Field(None, description="Folder of the data sets.")
    models_dir: Path | None = Field(None, description="Folder of the models; else the shipped ones.")
    results_dir: Path | None = Field(None, description="Folder of the records; else the shipped ones.")
    lessons_dir: Path | None = Field(None, description="Folder of the lessons; else the shipped ones.")
    cache_dir: Path | None = Field(None, description="Folder of preprocessed images; else in the user's cache.")
    site: Path | None = Field(None, description="Folder of the site profile that adjusts a model to a hospital.")
    threads: int = Field(1, ge=1, le=MOST_THREADS, description="Torch threads a request of the dashboard may use.")
    slots: int | None = Field(None, ge=1, le=MOST_THREADS, description="Requests computed at once; else by cores.")
    held_mb: int = Field(1024, ge=1, le=1024**2, description="Megabytes of uploads held for all sessions together.")
    session_mb: int = Field(512, ge=1, le=1024**2, description="Megabytes of uploads held for one session.")
    sessions: int = Field(100, ge=1, le=100_000, description="Browser pages connected at once; others wait outside.")
    decoders: int = Field(2, ge=1, le=MOST_DECODERS, description="Files decoded at once, each in its own process.")
    hosts: Names = Field((), description="Names that browsers may use for this server, besides those of this machine.")
    origins: Names = Field((), description="Origins besides the server's own that may connect, as https://name.")
    audit_log: Path | None = Field(None, description="File of the audit log, a JSON line an action; else none is kept.")
    metrics: bool = Field(False, description="Whether the server publishes its metrics, at /_stcore/metrics.")
    classroom: bool = Field(False, description="Whether students may join by code; `meddef app --classroom` sets it.")
    classroom_pin: SecretStr | None = Field(None, description="The teacher's PIN; else `meddef app --classroom` asks.")
    classroom_url: str | None = Field(None, description="Address of the phone page; else as the teacher's browser.")
    classroom_hours: float = Field(4.0, gt=0, le=72, description="Hours that the code of a room works.")
    classroom_days: float = Field(7.0, ge=0, le=365, description="Days until the rows of a room are deleted.")
    database_url: SecretStr | None = Field(None, description="Database URL of the classroom; else SQLite.")
    login_issuer: str | None = Field(None, description="Address of the OpenID Connect provider; else no login.")
    login_client: str | None = Field(None, description="Client id of this server at that provider.")
    login_client_secret: SecretStr | None = Field(None, description="Secret of that client.")
    login_address: str | None = Field(None, description="Address of this server, as https://meddef.example.org.")
    login_cookie_secret: SecretStr | None = Field(None, description="Signs the login's cookie: 32 random characters.")
    login_hours: float = Field(12.0, gt=0, le=720, description="Hours after which a login has to be repeated.")
    login_claim: str = Field("roles", min_length=1, description="Claim of the ID token with a person's roles.")
    login_readers: Names = Field((), description="Values of that claim that make a reader; else every login does.")
    login_teachers: Names = Field((), description="Values of that claim that make a teacher.")
    login_administrators: Names = Field((), description="Values of that claim that make an administrator.")
    pacs_url: str | None = Field(None, description="Address of the PACS's DICOMweb service; without it there is none.")
    pacs_user: str | None = Field(None, description="User name for the PACS, with its password.")
    pacs_password: SecretStr | None = Field(None, description="Password of that user.")
    pacs_token: SecretStr | None = Field(None, description="Bearer token for the PACS, instead of user and password.")
    pacs_ca_file: Path | None = Field(None, description="Certificates to trust for the PACS; else the usual ones.")
    pacs_timeout: float = Field(20.0, gt=0, le=600, description="Seconds to wait for the PACS to answer.")
    pacs_stable: float = Field(30.0, ge=0, le=86400, description="Seconds without a new image: a study is complete.")
    pacs_ledger: SecretStr | None = Field(None, description="Database URL of what the watch has done; else SQLite.")
    pacs_audit: Path | None = Field(None, description="Audit log of the watch; else beside the SQLite ledger.")

    @field_validator("data_dir", "models_dir", "results_dir", "lessons_dir", "cache_dir", "site")
    @classmethod
    def _no_file(cls, path: Path | None) -> Path | None:
        if path is not None and path.exists() and not path.is_dir():
            raise ValueError(Text("settings.folder-not-file", "a folder is needed, and this is a file"))
        return path

    @field_validator("hosts", "origins", "login_readers", "login_teachers", "login_administrators", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("hosts")
    @classmethod
    def _no_addresses(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if any(set(host) & set("/:@ ") for host in hosts):
            raise ValueError(
                Text(
                    "settings.host-name-alone",
                    "a host is a name alone, without scheme or port: meddef.example.org, *.example.org or *",
                )
            )
        return hosts

    @field_validator("origins")
    @classmethod
    def _whole_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}" or "*" in origin:
                raise ValueError(
                    Text(
                        "settings.origin-form",
                        "an origin is a scheme and a name, as https://meddef.example.org, without a path",
                    )
                )
        return origins

    @field_validator("pacs_ca_file")
    @classmethod
    def _a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(Text("settings.file-missing", "a file is needed, and there is none"))
        return path

    @field_validator("pacs_url")
    @classmethod
    def _plain_address(cls, address: str | None) -> str | None:
        return None if address is None else checked_address(address)

    @field_validator("login_issuer", "login_address")
    @classmethod
    def _safe_address(cls, address: str | None) -> str | None:
        return None if address is None else encrypted_address(address)

    @field_validator("login_cookie_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < LEAST_SECRET:
            raise ValueError(
                Text("settings.secret-short", "{least} characters are needed, chosen at random", least=LEAST_SECRET)
            )
        return secret

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


def checked_address(address: str) -> str:
    """The address of a web service, without a slash at its end; ValueError for one that cannot or must not be used."""
    parts = urlsplit(address)
    if "@" in address:
        raise ValueError(
            Text("settings.address-login", "an address holds no user name or password; they have settings of their own")
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or ":" in parts.hostname:
        raise ValueError(Text("settings.address-form", "an address such as https://pacs.example/dicom-web is needed"))
    if parts.query or parts.fragment:
        raise ValueError(Text("settings.address-plain", "an address without ? and # is needed"))
    return address.rstrip("/")


def encrypted_address(address: str) -> str:
    """`checked_address` that begins with https, or is of this machine; ValueError for another."""
    parts = urlsplit(checked_address(address))
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
        raise ValueError(Text("settings.address-https", "an address that begins with https:// is needed"))
    return address.rstrip("/")


def config_file() -> Path | None:
    """The TOML file that is read, or None; MedDefError where `MEDDEF_CONFIG` names none."""
    named = os.environ.get(CONFIG)
    if named:
        if not Path(named).is_file():
            raise MedDefError(
                Text(
                    "settings.config-no-file",
                    "{variable} names {path}, which is no file; correct it or leave it unset.",
                    variable=CONFIG,
                    path=named,
                )
            )
        return Path(named)
    usual = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "meddef.toml"
    return usual if usual.is_file() else None


def settings() -> Settings:
    """The settings as they stand now; MedDefError, in one sentence, for a value that cannot work."""
    given = tuple(sorted((name, value) for name, value in os.environ.items() if name.upper().startswith(PREFIX)))
    file = config_file()
    try:
        state = None if file is None else (file.stat().st_mtime_ns, file.stat().st_size)
    except OSError:  # it went meanwhile: reading it says so
        state = None
    return _validated(given, file, state)


@lru_cache(maxsize=8)
def _validated(given: tuple[tuple[str, str], ...], file: Path | None, state: tuple[int, int] | None) -> Settings:
    """The settings of these variables and this state of the file: a page asks dozens of times, and each takes 1 ms."""
    try:
        found = Settings()
    except ValidationError as error:
        raise MedDefError(_sentence(error)) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MedDefError(
            Text(
                "settings.file-unreadable",
                "The settings file {path} cannot be read ({reason}); correct it.",
                path=file,
                reason=error,
            )
        ) from error
    lacking = [variable(name) for name in LOGIN if getattr(found, name) is None]
    if lacking and len(lacking) < len(LOGIN):
        raise MedDefError(
            Text(
                "settings.login-incomplete",
                "A login needs {missing} as well; set what is missing, or none of them.",
                missing=reduce(_and, lacking),
            )
        )
    return found


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return Text(
            "settings.key-unknown",
            "The settings file {path} sets {key}, which there is not; choose from {known}.",
            path=config_file(),
            key=field,
            known=", ".join(NAMES),
        )
    reason = reason_of(first)
    in_file = Text("settings.key-in-file", "The setting {key} in {path}", key=field, path=config_file())
    hidden = field in SECRETS or "@" in str(first["input"])
    return Text(
        "settings.value-cannot-work",
        "{where} is {value}, which cannot work ({reason}); correct it.",
        where=variable(field) if os.environ.get(variable(field)) else in_file,
        value=Text("settings.hidden-value", "a value") if hidden else _shown(first["input"]),
        reason=reason if isinstance(reason, Text) else f"{reason[:1].lower()}{reason[1:]}",
    )


def reason_of(refusal: ErrorDetails) -> str:
    """Why pydantic refuses a value: the sentence of a validator of ours with its id, else pydantic's own words."""
    own = refusal.get("ctx", {}).get("error")
    return str(own) if isinstance(own, ValueError) else refusal["msg"]


def worded(refusal: ErrorDetails) -> str:
    """`reason_of`, as pydantic words it: "Value error, ..." for a validator of ours."""
    reason = reason_of(refusal)
    return reason if reason == refusal["msg"] else Text("settings.value-error", "Value error, {reason}", reason=reason)


def _and(first: str, second: str) -> str:
    return Text("settings.both-missing", "{first} and {second}", first=first, second=second)


def _shown(value: Any) -> str:
    text = repr(str(value) if isinstance(value, Path) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def variable(field: str) -> str:
    """The variable that sets a field."""
    return f"{PREFIX}{field.upper()}"


NAMES = tuple(Settings.model_fields)

SECRETS = tuple(name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))
"""Fields that are never shown, logged or handed to a child process."""
