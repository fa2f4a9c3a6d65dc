"""How exported files are compared with the .keras file, on answers that are known."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.exported import row


def test_a_row_counts_what_an_exported_file_gets_wrong_and_what_it_answers_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    path.write_bytes(b"x" * 1_200_000)
    images = pd.DataFrame({"label": [0, 0, 1, 1], "style": ["n95", "none", "n95", "none"]})
    ours = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
    pairs = np.array([[0.9, 0.1], [0.8, 0.2], [0.52, 0.48], [0.1, 0.9]])
    found = row(path, pairs, ours, images)
    assert found["file"] == "small.tflite" and found["MB"] == 1.2
    assert str(found["masked"]).startswith("50.00 %") and str(found["bare"]).startswith("100.00 %")
    assert (found["probability off by, mean"], found["at most"]) == ("0.0300", "0.1200")
    assert found["other answer"] == "25.00 %"
