"""`meddef baselines`: its record, how that grows, and what it refuses."""

import json
from pathlib import Path

from cli_runs import Run, assert_refused


def test_the_command_writes_a_record(run: Run, tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    output = tmp_path / "table.json"
    arguments = (
        "baselines",
        "--task",
        "oct",
        "--only",
        "jpeg, median",
        "--model",
        "meddef",
        "--limit",
        "4",
        "--steps",
        "2",
        "--eps",
        "2/255",
        "--data-dir",
        tiny_data,
        "--output",
        output,
    )
    result = run(*arguments, "--json")
    document = result.document
    assert result.code == 0 and json.loads(output.read_text()) == document
    assert document["kind"] == "baselines" and document["data"]["n"] == 4 and document["data"]["limit"] == 4
    rows = [row["id"] for row in document["numbers"]["rows"]]
    assert rows == ["oct/undefended", "oct/undefended+jpeg", "oct/undefended+median", "oct/meddef"]
    words = run(*arguments).out
    assert "n = 4, pgd at 2/255" in words and all(row in words for row in rows)
    assert not list(tmp_path.glob(".table*"))


def test_a_record_grows_by_what_it_lacks(run: Run, tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    output = tmp_path / "table.json"
    shared = ("--limit", 4, "--steps", 2, "--eps", "2/255", "--data-dir", tiny_data, "--output", output)
    run("baselines", "--task", "oct", "--only", "jpeg", *shared)
    document = json.loads(output.read_text())
    document["numbers"]["rows"][1]["clean"]["accuracy"] = 0.125  # a mark that no measurement would leave
    document["numbers"]["rows"][1]["title"] = "An old name"
    output.write_text(json.dumps(document))
    grown = run("baselines", "--task", "oct", "--only", "jpeg, median", *shared, "--json").document["numbers"]["rows"]
    assert [row["id"] for row in grown] == ["oct/undefended", "oct/undefended+jpeg", "oct/undefended+median"]
    assert grown[1]["clean"]["accuracy"] == 0.125 and grown[1]["title"] == "JPEG compression"
    fewer = run("baselines", "--task", "oct", "--only", "median", *shared, "--json").document["numbers"]["rows"]
    assert fewer == [grown[0], grown[2], grown[1]] and json.loads(output.read_text())["numbers"]["rows"] == fewer
    anew = run("baselines", "--task", "oct", "--only", "jpeg", "--seed", 1, *shared, "--json").document
    assert anew["numbers"]["rows"][1]["clean"]["accuracy"] != 0.125


def test_the_command_refuses_nonsense(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (("--only", "magic"), "there is no baseline"),
        (("--run", tmp_path), "no chosen weights"),
        (("--output", tmp_path / "table.txt"), "must end in .json"),
        (("--reference", "none"), "there is no model"),
        (("--eps", "two"), "epsilon"),
        (("--limit", "3"), "cannot show 4 classes"),
    ):
        assert_refused(run("baselines", "--task", "oct", "--data-dir", tiny_data, *arguments), said)
