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
# # Female or male, behind a mask: train a CNN
#
# A convolutional network looks at a portrait, with or without a mask, and predicts which of two labels, *female* or
# *male*, annotators gave to such portraits. It does not know anyone's gender. The result is one file,
# `masked_gender.keras`, which the app opens as it is.
#
# - **On Kaggle**: choose *Run All*. There is nothing to edit: the dataset is found where it is attached, and downloaded
#   otherwise.
# - **On a laptop**: the same. For a first try, set `LIMIT = 3000` and `EPOCHS = 2` below; that takes a few minutes.
# - **To experiment**: change a line of the network below and run all cells again. Every network gets a run of its own;
#   a run that was interrupted goes on after its last finished epoch.
#
# **Time and accuracy.** An epoch over 72,000 images took 7 minutes on two CPU cores with nothing else running,
# and up to 20 beside other work. On Kaggle's T4 we expect about one minute (an estimate: nobody has timed it
# there yet). The outputs below are those of a real run on masked FairFace portraits, which are harder than Kaggle's:
# children, profiles, sunglasses, blur. Five epochs, 69 minutes, gave 89.8 % on 9,972 test images. The run had been
# interrupted after its fourth epoch, so below it goes on from there.

# %% tags=["parameters"]
DATASET = None  # the folder that holds Training/ and Validation/, or one above it; None: search, then download
CLASSES = None  # what its folders female and male are called, such as "Female,Male"; None: female and male
ARCHITECTURE = "masked"  # the network below; or "small", a third of its size; or "seed", the original notebook's
START = None  # "imagenet" or "nothing"; None: ImageNet's weights where they can be had
VIEW = None  # "portrait", all of the picture, or "face", its central part; None: as the dataset needs it
IMAGE_SIZE = None  # pixels a side of the network's input
EPOCHS = None  # None: what the network's recipe says
BATCH_SIZE = None  # the same
HOURS = None  # a time limit for training; on Kaggle, which ends everything after 12, it is 11.5
OUTPUT = "models"  # the .keras file goes here, and the state of the run
LOOKS = None  # the log of looks at the Validation folder; looks.csv in OUTPUT when not given
SEED = 0
LIMIT = None  # for a quick try: train on so many images only
PEOPLE = None  # a folder of pictures to show instead of the dataset's
RUN_ID = None  # set by kaggle train, to recognise its own run

# %%
import os
import socket
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notes on its own start tell us nothing


def online() -> bool:
    """Whether the internet can be reached, asked for two seconds."""
    try:
        socket.create_connection(("www.kaggle.com", 443), timeout=2).close()
    except OSError:
        return False
    return True


ON_KAGGLE, ON_COLAB = "KAGGLE_KERNEL_RUN_TYPE" in os.environ, "COLAB_RELEASE_TAG" in os.environ
ONLINE = online()

# %% [markdown]
# ## The library
#
# The code around the network is the Python package `maskedgender`. Kaggle does not have it, so the collapsed cells
# below write it, word for word, into the folder `library/` beside this notebook. Skip them when you read for the first
# time: the lesson goes on below.

# %% library

# %% [markdown]
# ## The network
#
# This is what learns, and what you are invited to change. It is EfficientNet-Lite0. A convolution slides a small filter
# over the picture and notes how well each place matches it; a *stage* does that several times, and each of the later
# stages looks at a picture half as wide, in which one place stands for a larger part of the face. First edges, then
# eyebrows and hairlines, then a face. `Cropping2D` cuts the face out, `GlobalAveragePooling2D` forgets where in it
# something was seen, and the last `Dense` turns what was seen into two scores.

# %% module maskedgender/networks/masked.py

# %% [markdown]
# The first three stages of a network that has seen a million photos (ImageNet) already know edges and textures. So we
# start from its weights where we can get them, and leave these stages as they are.

# %%
for name in [name for name in sys.modules if name.split(".")[0] == "maskedgender"]:
    del sys.modules[name]  # so that a change above counts when the cells are run again

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from maskedgender.networks import imagenet
from maskedgender.training.devices import training_devices
from maskedgender.training.recipes import RECIPES
from maskedgender.training.pipeline import learn, new_cnn, prepared, view_of

given = {"DATASET": DATASET, "ARCHITECTURE": ARCHITECTURE, "START": START, "EPOCHS": EPOCHS, "LIMIT": LIMIT}
place = "Kaggle" if ON_KAGGLE else "Colab" if ON_COLAB else "this machine"
print(f"On {place}: {', '.join(training_devices())}, {os.cpu_count()} CPU cores, internet {'on' if ONLINE else 'off'}")
print("Parameters:", ", ".join(f"{name} = {value!r}" for name, value in given.items()))
if ARCHITECTURE == "masked" and START != "nothing" and not (ONLINE and imagenet.install()):
    print("Without the internet there are ImageNet's weights only where they are installed already.")

# %% [markdown]
# ## The images
#
# The dataset is a folder of pictures, with two classes in two parts. Before training, every picture is read once, to
# find those that are damaged, odd, or there twice. A training picture with a copy in the test set would be learnt by
# heart and then counted as a success, so it is left out.

# %%
portraits = prepared(DATASET, LIMIT, SEED, classes=CLASSES)
print(portraits.report)

# %% [markdown]
# ### Why two splits
#
# The network learns from the images to *fit*. But it could learn them by heart, so we need others to *choose* by: which
# epoch is the best, how sure is sure. And whoever chooses the best of many is partly lucky. So there is a third set,
# the *test*, which nobody looks at until everything is decided. All images of one portrait are on the same side.

# %%
sides = {"fit": portraits.fit, "choose": portraits.choose, "test": portraits.test}
counts = pd.DataFrame({side: images.label.value_counts() for side, images in sides.items()})
counts.rename({0: "female", 1: "male"}).T[::-1].plot.barh(stacked=True, figsize=(8, 1.8), xlabel="images")
plt.show()

# %% [markdown]
# Before any number, a look at the pictures.

# %%
from maskedgender.data.augment import augmented
from maskedgender.images.reduced_decoding import read_portrait
from maskedgender.measure import plots

if PEOPLE:
    files = sorted(Path(PEOPLE).glob("*.jpg"))
    titles = [file.stem for file in files]
    print("The people shown here are not those of the dataset: they are Grace Hopper and Eileen Collins.")
else:
    sample = portraits.fit.sample(min(16, len(portraits.fit)), random_state=SEED)
    files, titles = [portraits.dataset / file for file in sample.file], list(np.take(["female", "male"], sample.label))
pictures = [read_portrait(file, 128) for file in files]
plots.plot_samples(pictures, titles)
plt.show()

# %% [markdown]
# During training, no picture is shown the same way twice: each is turned, shifted, scaled, lit differently, and
# sometimes partly covered. So the network cannot rely on where a face lies or how bright it is, and the app's face
# detector need not frame people as evenly as a dataset does. Here is one picture, eight times:

# %%
plots.plot_samples([augmented(pictures[0], np.random.default_rng((SEED, turn))) for turn in range(8)], [""] * 8)
plt.show()

# %%
keras.utils.set_random_seed(SEED)
view = VIEW or view_of(portraits.dataset)
model, started_from = new_cnn(ARCHITECTURE, view, IMAGE_SIZE, START)
print(f"{model.name}: {model.count_params():,} parameters, looks at the {view}, starts from {started_from}")

# %% [markdown]
# ### What a convolution sees
#
# This is the first picture after the first convolution. Each filter responds to something different, such as an edge
# from left to right, or a colour. It matches where the picture is bright.

# %%
first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
shown = read_portrait(files[0], model.input_shape[1], colour=model.input_shape[3] == 3)
answers = keras.Model(model.input, first.output).predict(shown.reshape(1, *model.input_shape[1:]), verbose=0)[0]
strongest = answers.std(axis=(0, 1)).argsort()[::-1][:8]
plots.plot_responses(answers[..., strongest])
plt.show()

# %% [markdown]
# ## Training
#
# After each epoch the state is saved, so that a run that was stopped goes on from there. Training ends by itself before
# its time is up, and keeps the best epoch so far.

# %%
hours = HOURS or (11.5 if ON_KAGGLE else None)
facts = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "hours": hours, "started_from": started_from, "run": RUN_ID}
facts["command"] = f"pclubtask3.ipynb with {EPOCHS=}, {BATCH_SIZE=}, {LIMIT=}"
learnt = learn(model, RECIPES[ARCHITECTURE], portraits, Path(OUTPUT), view, SEED, **facts)
print(f"{learnt.history.seconds.sum() / 60:.0f} minutes; the best of {len(learnt.history)} epochs is {learnt.best}")
if learnt.note:
    print(learnt.note)

# %% [markdown]
# The best epoch is the one with the highest accuracy on the choosing split. Where the curve for *choose* falls behind
# the one for *fit*, the network is learning by heart.

# %%
plots.plot_learning_curves(learnt.history, learnt.best)
plt.show()

# %% [markdown]
# ### Why calibration
#
# When the network says 90 %, it should be right nine times in ten. Straight from training, it is often surer than it
# should be. So a slope and a shift of its scores are found on the choosing split and folded into the last layer's
# weights, and the file needs no second step. On the diagonal below, it is exactly as sure as it should be.

# %%
from maskedgender.data.stream import PortraitStream
from maskedgender.networks.probabilities import answer_probabilities

if found := learnt.calibration:
    print(f"log loss on {found.images:,} images: {found.loss_before:.4f} before, {found.loss_after:.4f} after")
chosen = PortraitStream(portraits.dataset, portraits.choose, learnt.model.input_shape[1:], 64)
plots.plot_reliability(portraits.choose.label.to_numpy(), answer_probabilities(learnt.model, chosen))
plt.show()

# %% [markdown]
# ## The test
#
# Everything is decided. Now the Validation folder is opened, once, and the look is logged.

# %%
from maskedgender.measure.metrics import accuracy_by_group
from maskedgender.measure.testing import log_look, tested

test = tested(learnt.model, portraits.dataset, portraits.test)
print(f"Validation accuracy: {test.scores.accuracy}")
told = f"{model.name}, {len(portraits.fit)} images, epoch {learnt.best} of {len(learnt.history)}"
log_look(Path(LOOKS or f"{OUTPUT}/looks.csv"), f"{told}: {test.scores.accuracy}")
pd.Series(test.scores.row(), name=model.name).to_frame()

# %%
plots.plot_confusion(test.scores.confusion)
plt.show()

# %% [markdown]
# One number hides whom the network fails. Here it is by group, where the dataset knows groups:

# %%
groups = accuracy_by_group(test.images, test.probabilities)
groups[groups.value != "not known"].set_index(["group", "value"]).round(4)

# %% [markdown]
# ### What it looks at
#
# A patch covers one place of the picture after another, and the network is asked again each time. Where covering
# changes its answer, it was looking: orange speaks for the answer, blue against it.

# %%
from maskedgender.prediction.attribution import heat_map, overlay

size = learnt.model.input_shape[1]
faces = [read_portrait(file, size) for file in files[:4]]
plots.plot_samples([overlay(face, heat_map(learnt.model, face)) for face in faces], titles[:4], columns=4)
plt.show()

# %% [markdown]
# ## The file
#
# Architecture and calibrated weights in one file; Keras 3 loads it with `keras.saving.load_model`. It is read back at
# once and must give the same answers. Download all three files below into one folder, and open the app with the first:
# `maskedgender app --model masked_gender.keras`, or name it in the notebook *PClubTask3Gradio*. The `.json` is its
# record, which tells among other things where "not sure" begins; the `.csv.gz` lists the portraits that it has learnt,
# so that further training does not choose by them.

# %%
from IPython.display import FileLink, display

from maskedgender.data.split_record import split_file

again = keras.saving.load_model(learnt.file)
batch = chosen[0][0]
answers, read_back = (keras.tree.flatten(model.predict(batch, verbose=0)) for model in (learnt.model, again))
for first, second in zip(answers, read_back, strict=True):  # female and male and, where it could be learnt, mask
    np.testing.assert_allclose(first, second, atol=1e-4)
print(f"{learnt.file}: {learnt.file.stat().st_size / 1e6:.1f} MB, validation accuracy {test.scores.accuracy}")
display(*(FileLink(str(file)) for file in (learnt.file, learnt.file.with_suffix(".json"), split_file(learnt.file))))
