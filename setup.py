"""What a wheel holds beside the code: the assets and Streamlit's settings. Everything else stands in pyproject.toml.

`assets/` is a folder at the top of the repository, where setuptools looks for no package data; `meddef_core.io.places`
finds it inside the package once a wheel is installed. An editable install copies nothing.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PACKED = Path("meddef_core", "assets")
HIDDEN = "."


class BuildWithAssets(build_py):
    """The usual build, and a copy of each file of `carried`."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for source, target in carried().items():
                self.mkpath(str(Path(self.build_lib, target).parent))
                self.copy_file(str(source), str(Path(self.build_lib, target)))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        copied = () if self.editable_mode else map(str, (Path(self.build_lib, target) for target in carried().values()))
        return [*super().get_outputs(include_bytecode), *copied]

    def get_source_files(self) -> list[str]:
        """What a source distribution must hold, so that a wheel can be built from it."""
        return [*super().get_source_files(), *map(str, carried())]


def carried() -> dict[Path, Path]:
    """Where each file of the repository goes in a wheel."""
    shown = (path for path in sorted(Path("assets").rglob("*")) if path.is_file())
    found = {path: PACKED / path.relative_to("assets") for path in shown if not _hidden(path)}
    settings = Path(".streamlit", "config.toml")
    return found | {settings: PACKED / settings}


def _hidden(path: Path) -> bool:
    """Whether a system or an editor left it there."""
    return any(part.startswith(HIDDEN) for part in path.parts)


setup(cmdclass={"build_py": BuildWithAssets})
