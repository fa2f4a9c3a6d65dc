"""Gradio is imported without the work that only editors need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import gc, inspect, sys
stubs = []
sys.addaudithook(lambda event, given: event == "open" and str(given[0]).endswith(".pyi") and stubs.append(given[0]))
from maskedgender.page.gradio_import import gr
print(len(stubs), inspect.getfile.__module__, gc.isenabled(), gr.Image.change is not None)
"""


def test_no_stubs_are_written_and_python_is_left_as_it_was():
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", CODE], cwd=root, capture_output=True, text=True)
    assert done.stdout == "0 inspect True True\n", done.stderr
