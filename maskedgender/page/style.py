"""How the page looks: its colours, theme and style sheet. All text has a contrast of at least 4.5:1, light and dark."""

from __future__ import annotations

from pathlib import Path

from ..prediction.answers import NOT_SURE
from .gradio_import import gr

# Told apart without red and green; white on each, as in the picture's labels, has a contrast of at least 4.5:1.
COLOURS = {"female": "#6d28d9", "male": "#0f766e", NOT_SURE: "#a14a07"}
COLOURS_ON_DARK = {"female": "#a78bfa", "male": "#2dd4bf", NOT_SURE: "#fbbf24"}

THEME = gr.themes.Soft(
    primary_hue="violet",
    neutral_hue="slate",
    font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_label_text_color="*primary_700",
    block_label_text_color_dark="white",
    block_title_text_color="*primary_700",
    block_title_text_color_dark="white",
    checkbox_border_color="*neutral_500",
    checkbox_border_color_dark="*neutral_400",
    checkbox_label_background_fill_selected="*primary_700",
    link_text_color_dark="*primary_300",
    loader_color="*primary_700",
    loader_color_dark="*primary_300",
)


def css_colour(answer: str) -> str:
    """The colour of an answer in the style sheet, which is lighter on a dark page."""
    return f"var(--{answer.replace(' ', '-')})"


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{answer.replace(' ', '-')}: {colour};" for answer, colour in colours.items())


CSS = f".gradio-container {{ {_variables(COLOURS)} }} .dark {{ {_variables(COLOURS_ON_DARK)} }}\n"
CSS += Path(__file__).with_name("page.css").read_text(encoding="utf-8")
