# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Put the model in front of real photos
#
# **You come from Kaggle?** 1. There, under *Output*, download `masked_gender.keras`. 2. Leave it in your downloads, or
# put it beside this notebook. 3. *Run All*. Without a file of your own, the one that ships with the project answers.
#
# A laptop's CPU is enough, and no photo leaves your machine. For every face the model says how likely two labels are,
# "female" and "male", which annotators gave to *appearance*; it does not know anyone's gender. Where neither is likely
# enough, it is "not sure".

# %% tags=["parameters"]
MODEL = None  # a .keras file; None: the newest beside this notebook, in models/, trained/ or your downloads
IMAGE = None  # a photo; None: one of the examples
SCALE = None  # of a file from elsewhere that does not tell: the pixels' range, 0..255, 0..1 or -1..1
CLASSES = None  # of such a file: "female,male" or "male,female"
LAUNCH = True  # open the pages
SHARE = False  # give them a public link: photos then go through Gradio's servers

# %% [markdown]
# ## The package
#
# The package `maskedgender` finds faces, cuts them out as training has seen them, and asks the model. If this Python
# does not have it, it is installed from the folder around this notebook.

# %%
# %xmode Minimal
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
if importlib.util.find_spec("maskedgender") is None:
    near = [folder for here in (Path.cwd(), *Path.cwd().parents) for folder in (here, *here.glob("maskedgender*"))]
    project = next((folder for folder in near if folder.suffix == ".whl" or (folder / "pyproject.toml").exists()), None)
    if project is None:
        raise FileNotFoundError("The package maskedgender is missing: put this notebook into a copy of the project.")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", str(project)], check=True)

# %%
from maskedgender.networks.model_files import load_model
from maskedgender.places import EXAMPLES, SHIPPED_MODEL

folders = [Path(), Path("models"), Path("trained"), Path("../trained"), Path.home() / "Downloads"]
files = [file for folder in folders for file in folder.glob("*.keras") if not file.name.startswith("partial-")]
files.sort(key=lambda file: file.stat().st_mtime)
path = Path(MODEL).expanduser() if MODEL else [SHIPPED_MODEL, *files][-1]
model = load_model(path, SCALE, CLASSES)
print(f"The model is {path.name}, from {'the project' if path == SHIPPED_MODEL else path.resolve().parent}.")
print(*model.notes, sep="\n")

# %% [markdown]
# ## One photo

# %%
import pandas as pd
from PIL import Image

from maskedgender.images.photos import read_photo
from maskedgender.page.annotation import annotate
from maskedgender.prediction.answers import predict_photo

photo = read_photo(IMAGE or EXAMPLES / "group.jpg")
answers = predict_photo(model, photo)
Image.fromarray(annotate(photo, answers))

# %%
columns = ["answer", "p_female", "p_male", "p_mask", "box"]
pd.DataFrame([[getattr(face, name) for name in columns] for face in answers], columns=columns).round(3)

# %% [markdown]
# ## A page of your own
#
# This is all that a Gradio page needs; change what you like. `gr.AnnotatedImage` shows the photo with a box for each
# face, `gr.Label` the probabilities of the largest one.

# %%
import gradio as gr


def answer(file):
    photo = read_photo(file)
    faces = predict_photo(model, photo)
    boxes = []
    for face in faces:
        x, y, width, height = (round(number) for number in face.box)
        boxes.append(((max(x, 0), max(y, 0), x + width, y + height), face.answer))
    largest = {"female": faces[0].p_female, "male": faces[0].p_male} if faces else {"no face found": 1.0}
    return (photo, boxes), largest


own_page = gr.Interface(
    answer,
    gr.Image(type="filepath", label="A photo"),
    [gr.AnnotatedImage(label="Faces"), gr.Label(label="The largest face")],
    title="Female, male, or not sure?",
    flagging_mode="never",
)
if LAUNCH:
    own_page.launch(share=SHARE, quiet=True)

# %% [markdown]
# ## The whole page
#
# Mask switch, heat maps, many photos, the camera: the page that `make app` opens, in one call. On Kaggle or Colab set
# `SHARE = True`, since your browser cannot reach a page on their machines. It looks like this:

# %%
from maskedgender.page.app import open_page
from maskedgender.places import SHIPPED

if LAUNCH:
    open_page(path, SCALE, CLASSES, share=SHARE)
Image.open(SHIPPED / "shots" / "group.png")
