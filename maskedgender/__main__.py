"""`python -m maskedgender` is the command `maskedgender`."""

from __future__ import annotations

from .cli.commands import app

app(prog_name="maskedgender")
