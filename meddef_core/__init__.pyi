# What `__getattr__` finds, for type checkers.
from meddef_core.library import (  # isort: skip
    attack as attack,
    audit as audit,
    certify as certify,
    explain as explain,
    list_models as list_models,
    list_samples as list_samples,
    load_model as load_model,
    predict as predict,
    predict_volume as predict_volume,
    read_scan as read_scan,
    read_volume as read_volume,
)

__version__: str
__all__: list[str]
