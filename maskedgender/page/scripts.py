"""What the page does in the browser by itself, from static/*.js; nothing of it asks any other machine."""

from __future__ import annotations

from ..images.photos import MAX_MEGABYTES
from .static_files import read_static

ON_OPEN = read_static("on_open.js").replace("LIMIT", str(MAX_MEGABYTES))
SHOW_ANSWER = read_static("show_answer.js")
ANSWER_BUTTONS = read_static("answer_buttons.js")
SHOW_HEAT = read_static("show_heat.js")
