"""The demo's networks answer, on one backend; `make demo` compares all."""

from __future__ import annotations

import json

from isozoo.scripts import demo


def test_every_network_answers(capsys):
    assert demo.main(["--backend", "numpy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["networks"]
    assert list(found) == [name for name, _, _ in demo.NETWORKS]
    answers = {name: rows[0]["answers"] for name, rows in found.items()}
    assert answers["efficientnet_lite0"][0].startswith("tiger cat")
    assert answers["smollm2_135m_instruct"][0] == "Paris."
    assert answers["ppocr_v6_small"][0].startswith("THE HARBOUR GAZETTE | ")
    assert answers["whisper_tiny_en"][2] == "He might even have been made amiable himself."
