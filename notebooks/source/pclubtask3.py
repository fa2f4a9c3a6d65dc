# ---
# jupyter:
#   kaggle:
#     accelerator: nvidiaTeslaT4
#     dataSources: []
#     isGpuEnabled: true
#     isInternetEnabled: true
#     language: python
#     sourceType: notebook
# ---

# %% [markdown]
# # Female or male, behind a mask: train a small CNN
#
# This notebook trains a convolutional network that looks at a portrait, mask worn or not, and says which of two words,
# *female* or *male*, fits the labels that annotators gave to such portraits. It ends with one file, `*.keras`, which
# the app takes as it is.
#
# - **On Kaggle**: switch a GPU on (Settings, Accelerator) and choose *Run All*. There is nothing to edit. The dataset
#   is found when it is attached, and downloaded otherwise.
# - **On a laptop**: the same. Without a GPU a full training takes hours; set `LIMIT` and `EPOCHS` below for a first
#   try.
# - **Without a browser**: `make train DATASET=... EPOCHS=...` runs this notebook, and leaves the executed copy in
#   `runs/`.
#
# What to expect, as far as it is measured: 16 epochs over 71,812 images made from FairFace took 92 minutes on one CPU
# core (one that multiplies bfloat16), and gave 87.70 % (87.04 % to 88.33 %) on 9,972 validation images. FairFace is
# harder than Kaggle's portraits, on which this notebook has not been timed yet.
#
# Stopped in the middle, it goes on from the last finished epoch when it is run again with the same parameters.
#
# *This file is built: the long cells are the modules of the package `maskedgender`, word for word, so that all of it
# can be read, changed and run right here.*

# %%
import os

# TensorFlow's notes on its own start tell us nothing.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2")

# %% [markdown]
# ## Parameters
#
# `None` lets the notebook decide: the dataset is searched for; the epochs and the batch are those of the architecture's
# recipe; and the view depends on the dataset. Kaggle's pictures show hair and ears, so the network sees the whole
# *portrait*; where a `labels.csv` tells that they were made here from tightly cut portraits, it sees the *face* only.

# %% tags=["parameters"]
DATASET = None  # the folder that holds Training/ and Validation/, or one above it
ARCHITECTURE = "masked"  # ours; or "seed", the original notebook's
VIEW = None  # "portrait" or "face"
IMAGE_SIZE = None  # pixels a side of the network's input
EPOCHS = None
BATCH_SIZE = None
HOURS = None  # to end the training within; on Kaggle, which ends everything after 12, it is 11.5
OUTPUT = "models"  # the .keras file goes here, and the state of the run
LOOKS = None  # the log of looks at the Validation folder; looks.csv in OUTPUT when not given
SEED = 0
LIMIT = None  # for a quick try: train on so many images only

# %% [markdown]
# ## The dataset
#
# A folder of pictures, two classes, two parts. Nothing is loaded into memory as a whole: batches are read, and JPEGs
# decoded at a reduced scale, while the network computes.

# %% include maskedgender/data/kaggle_download.py
from maskedgender.data.kaggle_download import download  # noqa: F401

# %% include maskedgender/images/reduced_decoding.py
from maskedgender.images.reduced_decoding import read_portrait

# %% include maskedgender/data/layout.py
from maskedgender.data.layout import CLASSES, LABELS_FILE, TRAINING, VALIDATION

# %% include maskedgender/data/locate.py
from maskedgender.data.locate import find_dataset

# %% include maskedgender/data/listing.py
from maskedgender.data.listing import list_images

# %% include maskedgender/data/split.py
from maskedgender.data.split import limited, masked_ones, split_training

# %% include maskedgender/data/augment.py
from maskedgender.data.augment import augmented

# %% include maskedgender/data/stream.py
from maskedgender.data.stream import PortraitStream

# %% [markdown]
# The counts differ between versions of Kaggle's dataset, so we count.

# %%
from pathlib import Path

import numpy as np
import pandas as pd

dataset = find_dataset(DATASET)
images = list_images(dataset, TRAINING)
if LIMIT:
    images = limited(images, LIMIT, SEED)
print(dataset)
pd.Series(np.take(CLASSES, images.label), name=f"{TRAINING} images used").value_counts()

# %% [markdown]
# ## The dataset, doubted
#
# Before anything is learnt from them, all pictures of both folders are read once (a minute or two): which cannot be
# read, which have an odd size, and which are there twice. A training picture with a copy in Validation would be learnt
# by heart and then counted as known, so it is left out; so are copies that bear both labels. Besides copies of the same
# bytes it finds *near* copies, by a hash of how the upper half of the face looks, where the package `imagehash` is
# installed, as it is on Kaggle. Nobody looks at how the network does on Validation here.

# %% include maskedgender/data/audit.py
from maskedgender.data.audit import audit

# %%
doubted = audit(dataset, images, list_images(dataset, VALIDATION))
images = doubted.kept(images)
print(doubted)

# %% [markdown]
# One tenth of the training portraits is set aside, to *choose* by: which epoch is the best, how sure is sure. All
# variants of a portrait stay on the same side. But for that search for copies the Validation folder stays shut until
# everything is decided: a test set that helped to choose would flatter us.

# %%
fit, choose = split_training(images, seed=SEED)
print(f"{len(fit):,} images to fit, {len(choose):,} to choose by")

# %% [markdown]
# ## How we shall measure
#
# This is settled before there is anything to measure: accuracy with its 95 % interval, calibration, and the same by
# group of people, where the dataset knows groups.

# %% include maskedgender/networks/probabilities.py
from maskedgender.networks.probabilities import answer_probabilities

# %% include maskedgender/measure/metrics.py
from maskedgender.measure.metrics import accuracy_by_group, score

# %% include maskedgender/measure/plots.py
from maskedgender.measure.plots import plot_confusion, plot_learning_curves, plot_reliability, plot_samples

# %% include maskedgender/measure/records.py
from maskedgender.measure.records import append_look, training_facts, write_record

# %% [markdown]
# A look at the pictures, before any number: sixteen at random, with their labels.

# %%
import matplotlib.pyplot as plt

sample = fit.sample(min(16, len(fit)), random_state=SEED)
pictures = [read_portrait(dataset / file, 128) for file in sample.file]
plot_samples(pictures, np.take(CLASSES, sample.label))
plt.show()

# %% [markdown]
# In training no picture is shown twice the same: it is turned, shifted, scaled, lit anew, and now and then partly
# covered, because the app's face detector does not frame people as evenly as a dataset does. The first picture, eight
# times:

# %%
plot_samples([augmented(pictures[0], np.random.default_rng((SEED, turn))) for turn in range(8)], [""] * 8)
plt.show()

# %% [markdown]
# ## The networks
#
# Two of them: `seed_cnn`, the original's, to compare with, and `masked_cnn`, ours. Change a line, run the notebook
# again: that is what it is for.

# %% include maskedgender/networks/view.py
from maskedgender.networks.view import viewed  # noqa: F401

# %% include maskedgender/networks/seed.py
from maskedgender.networks.seed import seed_cnn

# %% include maskedgender/networks/masked.py
from maskedgender.networks.masked import answering_cnn, masked_cnn

# %%
import keras

keras.utils.set_random_seed(SEED)
view = VIEW or ("face" if (dataset / LABELS_FILE).is_file() else "portrait")
if ARCHITECTURE == "seed":
    model = seed_cnn(IMAGE_SIZE or (143 if view == "face" else 100), view)  # 100x100 pixels are seen either way
else:
    model = masked_cnn(IMAGE_SIZE or 128, view)
model.summary()

# %% [markdown]
# ## Training
#
# It computes on all GPUs that there are, in mixed precision; what is exported is float32 in any case. After each epoch
# the state is written down, so that a run that was stopped goes on from there. It ends by itself before its hours are
# up, with the best epoch so far.

# %% include maskedgender/training/devices.py
from maskedgender.training.devices import default_precision, training_devices

# %%
print(f"It computes on: {', '.join(training_devices())}; {os.cpu_count()} CPU cores; in {default_precision()}")

# %% include maskedgender/training/progress.py
from maskedgender.training import progress  # noqa: F401

# %% include maskedgender/training/run_folder.py
from maskedgender.training.run_folder import best_epoch

# %% include maskedgender/training/callbacks.py
from maskedgender.training import callbacks as survival  # noqa: F401

# %% include maskedgender/training/calibration.py
from maskedgender.training.calibration import calibrate

# %% include maskedgender/training/fitting.py
from maskedgender.training.fitting import RECIPES, export, train

# %%
run_folder = Path(OUTPUT) / "runs" / f"{model.name}-{view}-{model.input_shape[1]}px-{len(fit)}images-seed{SEED}"
recipe = RECIPES[ARCHITECTURE]
hours = HOURS or (11.5 if "KAGGLE_KERNEL_RUN_TYPE" in os.environ else None)
changes = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "seed": SEED, "hours": hours}
history = train(model, recipe, dataset, fit, choose, run_folder, **changes)

# %% [markdown]
# The best epoch is the one with the highest accuracy on the choosing split; the model now holds its weights. A curve
# for *choose* that turns away from the one for *fit* would tell of learning by heart.

# %%
best = best_epoch(history)
plot_learning_curves(history, best)
plt.show()
history.set_index("epoch").round(4)

# %% [markdown]
# ## Two looks, and calibration
#
# The network that answers, up to 128 pixels, looks at each picture and at its mirror image, and averages: the same
# weights, twice the work, and a little better.
#
# When it says 90 %, nine in ten should be right. A temperature is found for that on the choosing split, and a shift at
# which women and men are recognised equally often behind a mask; both are folded into the last layer's weights, so
# that the file needs no second step. The original's two sigmoids stay as they are.

# %%
chosen = PortraitStream(dataset, choose, model.input_shape[1:], 64)
if ARCHITECTURE == "masked":
    model = answering_cnn(model, view)
    found = calibrate(model, PortraitStream(dataset, masked_ones(choose), model.input_shape[1:], 64))
    print(f"temperature {found.temperature:.2f}, shift towards male {found.shift:+.2f}")
    print(f"log loss on {found.images:,} images: {found.loss_before:.4f} before, {found.loss_after:.4f} after")
    before, after = found.recall_before, found.recall_after
    print(f"women and men right: {before[0]:.1%} and {before[1]:.1%} before, {after[0]:.1%} and {after[1]:.1%} after")
plot_reliability(choose.label.to_numpy(), answer_probabilities(model, chosen))
plt.show()

# %% [markdown]
# ## The test
#
# Everything is decided; the Validation folder is opened, once, and the look is written down.

# %%
tested = doubted.kept(list_images(dataset, VALIDATION))
probabilities = answer_probabilities(model, PortraitStream(dataset, tested, model.input_shape[1:], 64))
scores = score(tested.label.to_numpy(), probabilities)
append_look(
    Path(LOOKS or f"{OUTPUT}/looks.csv"),
    f"{model.name}, {len(fit)} images, epoch {best} of {len(history)}: {scores.accuracy}",
)
print(f"Validation accuracy: {scores.accuracy}")
pd.Series(scores.row(), name=model.name).to_frame()

# %%
plot_confusion(scores.confusion)
plt.show()

# %% [markdown]
# One number hides whom it fails. The same by group, as far as the dataset knows:

# %%
accuracy_by_group(tested, probabilities).set_index(["group", "value"]).round(4)

# %% [markdown]
# ## The file
#
# Architecture and calibrated weights in one file; any Keras 3 loads it with `keras.saving.load_model`. It is read back
# at once and must give the same answers.

# %%
model_file = export(model, Path(OUTPUT) / f"{ARCHITECTURE}_gender.keras")
facts = {"architecture": ARCHITECTURE, "view": view, "seed": SEED, "training_images": len(fit)}
command = f"pclubtask3.ipynb with {EPOCHS=}, {BATCH_SIZE=}, {LIMIT=}"
write_record(model_file, training_facts(model, history, best, **facts, command=command))

again = keras.saving.load_model(model_file)
portraits, _ = chosen[0]
answers = keras.ops.convert_to_numpy(again(portraits, training=False))
np.testing.assert_allclose(answers, model.predict(portraits, verbose=0), atol=1e-4)
print(f"{model_file}: {model_file.stat().st_size / 1e6:.1f} MB, validation accuracy {scores.accuracy}")

# %% [markdown]
# Download it, and open the app with it: `maskedgender app --model masked_gender.keras`, or name it in the notebook
# *PClubTask3Gradio*.

# %%
from IPython.display import FileLink

FileLink(str(model_file))
