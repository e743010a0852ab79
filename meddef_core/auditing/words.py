"""Numbers in sentences, singular and plural."""


def counted(number: int, noun: str) -> str:
    """ "1 scan", "32 scans"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def flaws(failing: int, *, of: int, n: int) -> str:
    """ "no flaw found by 30 checks on 32 scans", or how many of them found one; never a bare pass."""
    checks, scans = counted(of, "check"), counted(n, "scan")
    return f"{failing} of {checks} found a flaw on {scans}" if failing else f"no flaw found by {checks} on {scans}"
