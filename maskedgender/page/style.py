"""How the page looks: its colours, theme and style sheet. All text has a contrast of at least 4.5:1, light and dark."""

from __future__ import annotations

import gradio as gr

from ..prediction.answers import NOT_SURE, NOT_SURE_BELOW

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
    block_title_text_color="*primary_700",
    checkbox_label_background_fill_selected="*primary_700",
    link_text_color_dark="*primary_300",
)


def css_colour(answer: str) -> str:
    """The colour of an answer in the style sheet, which is lighter on a dark page."""
    return f"var(--{_css_name(answer)})"


def _css_name(answer: str) -> str:
    return answer.replace(" ", "-")


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{_css_name(answer)}: {colour};" for answer, colour in colours.items())


CSS = f"""
.gradio-container {{ --line: var(--border-color-primary); --subdued: var(--neutral-600); --link: var(--primary-700);
  --not-sure-below: {NOT_SURE_BELOW:.0%}; {_variables(COLOURS)} }}
.dark .gradio-container, .dark.gradio-container, .gradio-container .dark {{ --subdued: var(--neutral-300);
  --link: var(--primary-300); {_variables(COLOURS_ON_DARK)} }}
"""
CSS += """
.gradio-container { max-width: 1120px !important; margin: 0 auto; }
.gradio-container :is(a, button, summary, input, [tabindex="0"]):focus-visible,
.gradio-container label:has(input:focus-visible) { outline: 3px solid var(--link) !important; outline-offset: 2px; }
#title h1 { font-size: 1.9rem; letter-spacing: -.02em; margin: .4rem 0 .1rem; }
#title p, .hint, .why, .heat figcaption, #words caption { color: var(--subdued); margin: 0; }
.tab-container button, #photo .icon { color: var(--subdued); }
.tab-container button.selected { color: var(--link); }
.gallery { --thumb: 78px; gap: 8px; }
.gallery-item .container, .gallery-item img { width: auto !important; max-width: none !important; }
.gallery-item .container, .gallery-item img { height: var(--thumb) !important; }
:is(#picture, #words, #table), :is(#picture, #words, #table) .html-container { padding: 0 !important; }
#picture:not(:has(img)) { display: none; }
#picture img { display: block; max-width: 100%; max-height: 440px; margin: 0 auto; border-radius: 8px; }
.hint, .notice { border-radius: 12px; padding: 1.1rem 1.25rem; }
.hint { border: 1px dashed var(--line); text-align: center; padding: 10.3rem 1.25rem; }
.notice { background: #fffbeb; color: #5c2d05; border-left: 5px solid var(--not-sure); }
.notice strong { color: inherit; }
.dark .notice { background: #33220c; color: #fde9c8; }
#answer:not(:has(.versions img)) #masks { display: none; }
#masks [data-testid="block-info"] { background: none; padding: 0; }
#words h2, #table h2 { font-size: 1.15rem; font-weight: 650; margin: .2rem 0 .6rem; }
.save { display: flex; flex-wrap: wrap; gap: .5rem; margin: .6rem 0 .9rem; }
.save > *, .look { font: inherit; font-size: .88rem; color: var(--link); background: none; cursor: pointer;
  border: 1px solid currentColor; border-radius: 8px; padding: .25rem .6rem; text-decoration: none; }
.save > *:hover, .look:hover { text-decoration: underline; }
.look { margin-top: .45rem; }
.look[aria-busy] { cursor: progress; text-decoration: none; }
#picture, #words, #table { min-width: 0 !important; }
.table { overflow-x: auto; max-width: 100%; margin: 0 0 .8rem; }
.table table, .table tr, .table thead { border: 0 !important; }
.table table { width: 100%; border-collapse: collapse; margin: 0; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
.table caption { text-align: left; padding-bottom: .3rem; }
.table :is(th, td) { text-align: left; overflow-wrap: anywhere; padding: .25rem .6rem .25rem 0; border: 0;
  border-bottom: 1px solid var(--line); }
.table .file { font-weight: inherit; min-width: 7rem; }
#table progress { display: block; width: 100%; margin-top: .6rem; accent-color: var(--link); }
.faces { list-style: none; margin: 0; padding: 0; display: grid; gap: .6rem; }
.face { margin: 0; padding: .75rem; border-radius: 12px;
  background: var(--block-background-fill); border-style: solid; border-width: 1px 1px 1px 5px;
  border-color: var(--line) var(--line) var(--line) var(--answer); }
.face h3 { font-size: 1rem; font-weight: 650; margin: 0 0 .3rem; }
.face h4 { font-size: .9rem; font-weight: 650; margin: 0 0 .3rem; }
.versions { display: grid; gap: .9rem; }
.versions.two { grid-template-columns: 1fr 1fr; }
.version { display: flex; gap: .9rem; align-items: flex-start; min-width: 0; }
.two .version { display: block; }
.version > img { width: 96px; height: 96px; border-radius: 8px; margin: 0 0 .4rem; flex: none; object-fit: cover; }
.said { flex: 1; min-width: 0; }
.bar { display: grid; grid-template-columns: 3.6rem 1fr 2.8rem; gap: .5rem; align-items: center; font-size: .9rem; }
.bar .track { position: relative; height: .7rem; border-radius: .35rem; overflow: hidden; background: var(--line); }
.bar .track::after { content: ""; position: absolute; inset: 0 auto 0 var(--not-sure-below); width: 2px;
  background: var(--body-text-color); }
.bar .fill { height: 100%; border-radius: .35rem; }
.two .bar { grid-template-columns: 1fr auto; gap: 0 .5rem; margin-bottom: .3rem; }
.two .bar .track { grid-area: 2 / 1 / 3 / 3; }
.bar b { text-align: right; font-variant-numeric: tabular-nums; }
.why { font-size: .85rem; margin-top: .35rem; }
.heat { margin: .5rem 0 0; }
.heat img { width: 160px; height: 160px; max-width: 100%; border-radius: 8px; margin: 0 0 .3rem; }
.heat figcaption { font-size: .85rem; }
#about { font-size: .92rem; border-top: 1px solid var(--line); padding-top: .8rem; }
#model :is(th, td) { padding: .25rem .6rem; font-size: .9rem; }
#model tr > :first-child { white-space: nowrap; }
@media (max-width: 767px) { #photo { height: 250px !important; } .gallery { --thumb: 60px; gap: 5px; }
  .hint { padding: 2.5rem 1.25rem; }
  .face { padding: .6rem; } .version { gap: .7rem; } .version > img { width: 72px; height: 72px; } }
"""
