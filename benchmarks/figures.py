"""Draw the figure of the shipped model's card, models/risk-coverage.png, from the results that are kept.

python -m benchmarks.figures
"""

from __future__ import annotations

from .accuracy import draw

if __name__ == "__main__":
    draw()
