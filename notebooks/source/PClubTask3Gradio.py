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
# # Ask the model about a photo
#
# This notebook loads a model file that [pclubtask3.ipynb](pclubtask3.ipynb) has trained and asks it about one photo.
# Then it opens a page for any other photo. An ordinary laptop is enough, and nothing leaves your machine.
#
# For every face the model says how likely two labels are, "female" and "male". People who annotated the training photos
# gave these labels to *appearance*; the model does not know anyone's gender. When neither label is likely enough, the
# answer is "not sure".

# %% [markdown]
# ## What you may change
#
# `MODEL` is a `.keras` file, from here or from the original notebook; `IMAGE` is the photo. Relative paths start in the
# checkout, the folder above this notebook's, or in the installed package. `LAUNCH = False` leaves the page closed.
# `SHARE = True` gives it a public link; photos then go through Gradio's servers.

# %% tags=["parameters"]
MODEL = "models/masked_gender.keras"
IMAGE = "examples/group.jpg"
LAUNCH = True
SHARE = False

# %% [markdown]
# ## The package
#
# All code is in the package `maskedgender`. If this Python does not have it yet, it is installed from the checkout.
# Keras opens the model file with OpenVINO; only training needs TensorFlow.

# %%
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("maskedgender") is None:
    above = [Path.cwd(), *Path.cwd().parents]
    checkout = next((folder for folder in above if (folder / "maskedgender" / "__init__.py").is_file()), None)
    if checkout is None:
        raise FileNotFoundError("The package is not installed, and this notebook does not lie in its checkout.")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--editable", str(checkout)], check=True)
    sys.path.insert(0, str(checkout))  # a package installed just now is found only by the next kernel otherwise

# %%
import warnings

import pandas as pd
from IPython.display import Image as Shown
from PIL import Image

warnings.filterwarnings("ignore", "IProgress not found")  # of tqdm, which shows nothing here

from maskedgender.images.photos import read_photo
from maskedgender.networks.model_files import load_model
from maskedgender.page.app import annotate, launch
from maskedgender.places import SHIPPED
from maskedgender.prediction.answers import csv_rows, predict_photo

model = load_model(SHIPPED / MODEL)
for note in model.notes:
    print(note)  # what the file does not say of itself, such as that it is calibrated

# %% [markdown]
# ## One photo

# %%
photo = read_photo(SHIPPED / IMAGE)
answers = predict_photo(model, photo)
Image.fromarray(annotate(photo, answers))

# %% [markdown]
# The same in numbers, one row for each face, the largest first, as `maskedgender predict --csv` writes them:

# %%
table = pd.DataFrame(csv_rows(model, SHIPPED / IMAGE)).drop(columns="file")
table

# %% [markdown]
# ## Any photo
#
# The page opens below, and at the address that is printed. Only this machine can reach it. This is what it looks like:

# %%
Shown(SHIPPED / "shots" / "group.png", width=720)

# %%
elsewhere = next((name for name in ("KAGGLE_KERNEL_RUN_TYPE", "COLAB_RELEASE_TAG") if name in os.environ), None)
if LAUNCH and elsewhere and not SHARE:
    print(
        "This notebook runs on a machine of Kaggle or Colab, and your browser cannot reach a page on its 127.0.0.1. "
        "Set SHARE = True above for a public link; photos then go through Gradio's servers."
    )
elif LAUNCH:
    launch(SHIPPED / MODEL, height=900, share=SHARE)
