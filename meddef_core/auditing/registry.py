"""Every check there is, in the order it runs. A family is one module of `checks` with a tuple `CHECKS`."""

from meddef_core.auditing.check import Check
from meddef_core.auditing.checks import (
    attack_works,
    black_box,
    contract,
    defence,
    gradients,
    harness,
    logits,
    other_engine,
    sanity,
    statistics,
)

CHECKS: dict[str, Check] = {
    check.name: check
    for module in (
        contract,
        logits,
        harness,
        gradients,
        attack_works,
        other_engine,
        sanity,
        black_box,
        defence,
        statistics,
    )
    for check in module.CHECKS
}
