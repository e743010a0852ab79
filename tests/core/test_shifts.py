"""Changes that no attacker makes: each does what its name says, and the command that reads scans under them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_runs import Run, assert_refused
from scipy import ndimage
from torch import Tensor, nn

from meddef_core.data.images import Images
from meddef_core.evaluation.shifts import MOVING, SHIFTS, read_shifted
from meddef_core.evaluation.shifts import shifted as stored_shifted
from meddef_core.report.tables import shift_table

RESULTS = Path(__file__).parents[2] / "assets" / "results"


def shifted(key: str, x: Tensor) -> Tensor:
    return next(shift for shift in SHIFTS if shift.key == key).apply(x)


def box(tall: int, wide: int) -> Tensor:
    x = torch.zeros(1, 1, 101, 101)
    x[..., 50 - tall // 2 : 51 + tall // 2, 50 - wide // 2 : 51 + wide // 2] = 1
    return x


@pytest.mark.parametrize(
    ("key", "height", "width"), [("taller", 1.25, 1.0), ("wider", 1.0, 1.25), ("smaller", 0.8, 0.8), ("none", 1.0, 1.0)]
)
def test_a_stretch_has_its_size(key: str, height: float, width: float) -> None:
    out = shifted(key, box(41, 41))[0, 0]
    assert out[:, 50].sum().item() == pytest.approx(41 * height, abs=0.6)
    assert out[50, :].sum().item() == pytest.approx(41 * width, abs=0.6)


def test_a_rim_is_black_and_leaves_the_rest() -> None:
    x = torch.rand(2, 1, 100, 100) + 0.01
    out = shifted("rim", x)
    assert (out == 0).float().mean().item() == pytest.approx(1 - 0.82**2)
    torch.testing.assert_close(out[..., 9:-9, 9:-9], x[..., 9:-9, 9:-9])


def test_a_blur_is_scipys() -> None:
    x = torch.rand(1, 1, 40, 40)
    expected = ndimage.uniform_filter(x[0, 0].numpy(), 5, mode="nearest")
    np.testing.assert_allclose(shifted("blurred", x)[0, 0].numpy(), expected, atol=1e-6)


def test_exposure_keeps_order_and_contrast_the_mean() -> None:
    x = torch.linspace(0.2, 0.8, 64).view(1, 1, 8, 8)
    for key in ("darker", "brighter"):
        assert (shifted(key, x).flatten().diff() > 0).all()
    assert shifted("darker", x).mean() < x.mean() < shifted("brighter", x).mean()
    faded = shifted("faded", x)
    assert faded.mean().item() == pytest.approx(x.mean().item(), abs=1e-6)
    assert faded.std().item() == pytest.approx(0.6 * x.std().item(), rel=1e-5)


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda shift: shift.key)
def test_every_change_stays_a_scan(shift: object) -> None:
    x = torch.rand(3, 1, 32, 32)
    out = shift.apply(x)  # type: ignore[attr-defined]
    assert out.shape == x.shape and out.min() >= 0 and out.max() <= 1


class Bright(nn.Module):
    """Answers class 1 where the mean is above a half: the plainest shortcut there is."""

    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        over = x.mean(dim=(1, 2, 3)) - self.middle
        return torch.stack([-over, over], dim=1)


def test_changed_copies_are_stored_as_they_are_read() -> None:
    stored = (np.random.default_rng(0).random((70, 1, 32, 32)) * 65535).astype(np.uint16)
    images = Images(stored, torch.arange(70), tuple(range(70)))  # type: ignore[arg-type]
    for shift in SHIFTS:
        copies = stored_shifted(images, shift)
        x, labels = copies.batch(slice(0, 70))
        torch.testing.assert_close(x, shift.apply(images.batch(slice(0, 70))[0]).clamp(0, 1), atol=1e-5, rtol=0)
        assert copies.items == images.items and torch.equal(labels, images.labels)
    assert np.array_equal(stored_shifted(images, SHIFTS[0]).stored, stored)
    assert {"none"} < set(MOVING) < {shift.key for shift in SHIFTS}


def test_a_shortcut_shows() -> None:
    stored = np.full((80, 1, 16, 16), 0.45, np.float32)
    stored[40:] = 0.6
    images = Images((stored * 65535).astype(np.uint16), torch.tensor([0] * 40 + [1] * 40), tuple(range(80)))  # type: ignore[arg-type]
    heard: list[tuple[int, int]] = []
    found = read_shifted(
        Bright().eval(), images, classes=("dark", "light"), on_shift=lambda done, total: heard.append((done, total))
    )
    rows = {row["shift"]: row for row in found}
    assert rows["none"]["recall"] == {"dark": 1.0, "light": 1.0} and rows["none"]["balanced_accuracy"] == 1
    assert rows["darker"]["recall"] == {"dark": 1.0, "light": 0.0} and rows["darker"]["balanced_accuracy"] == 0.5
    assert rows["brighter"]["recall"] == {"dark": 0.0, "light": 1.0}
    assert rows["rim"]["recall"]["light"] == 0 and rows["mirrored"]["balanced_accuracy"] == 1
    low, high = rows["none"]["balanced_interval"]
    assert low < 1 <= high and heard[-1] == (len(SHIFTS), len(SHIFTS))


def test_the_command_writes_a_row_a_model(run: Run, tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    output = tmp_path / "oct.json"
    result = run("shifts", "--task", "oct", "--data-dir", tiny_data, "--part", "val", "--output", output, "--json")
    assert result.code == 0 and result.document == json.loads(output.read_text())
    rows = result.document["numbers"]["rows"]
    assert [row["model"] for row in rows] == ["oct/undefended", "oct/meddef"]
    assert [each["shift"] for each in rows[0]["shifts"]] == [shift.key for shift in SHIFTS]
    assert result.document["data"]["part"] == "val" and result.document["model"]["key"] == "oct/several"
    one = run("shifts", "--task", "oct", "--model", "meddef", "--data-dir", tiny_data, "--part", "val").out
    assert "oct/meddef, n = " in one and "a quarter taller" in one and "None of these changes is a finding" in one
    (tmp_path / "shifts").mkdir()
    output.rename(tmp_path / "shifts" / "oct.json")
    table = shift_table("oct", root=tmp_path).splitlines()
    assert table[0] == "| the scan is | oct/undefended | oct/meddef |" and table[2].startswith("| as it is | ")
    assert shift_table("chest", root=tmp_path).count("\n") <= 1


def test_the_command_refuses_nonsense(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    asked = ("shifts", "--task", "oct", "--data-dir", tiny_data)
    assert_refused(run(*asked, "--output", tmp_path / "table.txt"), "must end in .json")
    assert_refused(run(*asked, "--part", "all"), "There is no list 'all'")
    assert_refused(run(*asked, "--model", "other"), "other")
    assert_refused(run(*asked, "--run", tmp_path / "none"), "none")


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_the_shipped_records_are_of_the_shipped_weights(task: str) -> None:
    rows = json.loads((RESULTS / "shifts" / f"{task}.json").read_text(encoding="utf-8"))["numbers"]["rows"]
    assert [row["model"] for row in rows][:2] == [f"{task}/undefended", f"{task}/meddef"]
    for row in rows:
        card = json.loads((RESULTS.parent / "models" / row["model"] / "card.json").read_text(encoding="utf-8"))
        assert row["weights_sha256"] == card["weights"]["sha256"]
