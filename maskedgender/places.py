"""Where things lie in a checkout."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SHIPPED_MODEL = CHECKOUT / "models" / "masked_gender.keras"
EXAMPLES = CHECKOUT / "examples"
LOOKS = CHECKOUT / "benchmarks" / "results" / "looks.csv"
