"""Doubt a dataset folder before training: files that cannot be read, odd sizes, copies, copies across the parts."""

from __future__ import annotations

import hashlib
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..images.reduced_decoding import read_portrait
from ..words import counted
from .layout import CLASSES, OWN_SOURCE, TRAINING, VALIDATION

LOOK_SIDE = 128  # pixels a side of the portrait that is hashed; its upper half only
# Of 256 bits. Of 128 million pairs of FairFace's masked portraits those up to 30 apart were all of one photo, looked at
# by eye; strangers begin at 32. 15 lets a look-up by its 16 words find every pair, see `near_pairs`.
NEAR_BITS = 15
BITS_SET = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)  # of each 16-bit word
NO_PAIRS = np.empty((0, 2), int)
NAMED = 5  # files that are named of those that are left out for one reason

UNREADABLE = "cannot be read"
LEAKED = f"has a copy in {VALIDATION}, or is a variant of one that has"
CONTRADICTED = "has a copy with the other label"


@dataclass(frozen=True)
class Audit:
    """What was found in a dataset folder.

    Attributes:
        table: number of images, a row a finding, a column a part. "Copies" are files of the same bytes; "near copies"
            also look the same above the mouth, as the same portrait behind another mask does. Variants that labels.csv
            knows to be of one portrait are no finding within a part.
        left_out: one row an image that neither training nor the test should use: file, reason.
        sources: by file, the portrait that each readable image shows. Copies and near copies show one, and with them
            all variants of theirs; it goes by the first of their names.
    """

    table: pd.DataFrame
    left_out: pd.DataFrame
    sources: pd.Series

    def kept(self, images: pd.DataFrame) -> pd.DataFrame:
        """The rows of images (columns file, source) that are not left out, copies and near copies of one `source`.

        The portraits' own names stand in a further column, OWN_SOURCE.
        """
        kept = images[~images["file"].isin(self.left_out["file"])].reset_index(drop=True)
        sources = kept["file"].map(self.sources).fillna(kept["source"])
        return kept.assign(**{OWN_SOURCE: kept["source"], "source": sources})

    def __str__(self) -> str:
        """The table, and what is left out and why."""
        reasons = [_named(str(reason), rows["file"].tolist()) for reason, rows in self.left_out.groupby("reason")]
        return "\n".join([self.table.to_string(), *(reasons or ["nothing is left out"])])


def audit(dataset: Path, training: pd.DataFrame, validation: pd.DataFrame) -> Audit:
    """Read all images once, by threads, and report; about a millisecond an image.

    A Training image is left out when it has a copy or near copy in Validation (with all variants of its portrait, by
    `source`: the test would know it), and when a copy or near copy bears the other label (one of the two is wrong, and
    nobody knows which). Files that cannot be read are left out of both parts; all else stays, Validation above all,
    which would not be comparable otherwise. Copies and near copies within a part become one `source`, so that a split
    puts all of them on one side.

    Near copies are searched for where the package imagehash is installed: the perceptual hash of Zauner,
    "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), of the upper half, so that a mask does
    not hide the portrait.

    Args:
        dataset: the dataset folder.
        training: images of the part TRAINING, as from `list_images`, all of them or a sample.
        validation: images of the part VALIDATION.
    """
    images = pd.concat([training.assign(part=0), validation.assign(part=1)], ignore_index=True)
    near = importlib.util.find_spec("imagehash") is not None
    with ThreadPoolExecutor() as threads:
        inspected = list(threads.map(partial(_inspected, near=near), (dataset / file for file in images["file"])))
    found = pd.DataFrame(inspected, columns=["size", "digest", "look"])
    images = pd.concat([images, found], axis=1)
    readable = images[images["size"] != ""]
    digests = pd.factorize(readable["digest"])[0]
    looks, pairs = _near(readable["look"]) if near else (digests, NO_PAIRS)
    exact, alike = _copies(readable, digests, NO_PAIRS), _copies(readable, looks, pairs)
    table = _table(images, exact, alike if near else None)
    return Audit(table, _left_out(images, exact | alike), _united(readable, digests, looks, pairs))


def _inspected(path: Path, near: bool) -> tuple[str, str, bytes]:
    """An image's size as "256 x 256", the hash of its bytes and that of its look; "" and b"" where there is none."""
    try:
        pixels = read_portrait(path, LOOK_SIDE)  # as training reads it
        with Image.open(path) as picture:
            size = "{} x {}".format(*picture.size)
        digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except (ValueError, OSError):  # counted, named and left out
        return "", "", b""
    return size, digest, look_of(pixels) if near else b""


def look_of(pixels: np.ndarray) -> bytes:
    """The perceptual hash, 32 bytes, of the upper half of a portrait, uint8 (S, S, 3)."""
    import imagehash  # late: optional

    upper = Image.fromarray(pixels[: len(pixels) // 2])
    return np.packbits(imagehash.phash(upper, hash_size=16).hash).tobytes()


def _near(looks: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """A code for each look, int (N,), and the pairs of codes, int (P, 2), that are at most NEAR_BITS apart."""
    codes, different = pd.factorize(looks)
    return codes, near_pairs(np.frombuffer(b"".join(different), np.uint16).reshape(-1, 16))


def _united(images: pd.DataFrame, digests: np.ndarray, looks: np.ndarray, pairs: np.ndarray) -> pd.Series:
    """The portrait that each image shows, by file: see `Audit.sources`.

    Args:
        images: columns file, source.
        digests, looks: int (N,), codes; images of the same code are copies of each other.
        pairs: int (P, 2); so are images of these two looks.
    """
    sources = pd.factorize(images["source"])[0]
    after = sources.max(initial=-1) + 1
    digests = after + digests
    looks_from = digests.max(initial=-1) + 1
    ends = [(sources, digests), (sources, looks_from + looks), tuple(looks_from + pairs.T)]
    one, other = (np.concatenate(side) for side in zip(*ends, strict=True))
    count = max(one.max(initial=-1), other.max(initial=-1)) + 1
    _, group = connected_components(coo_array((np.ones(len(one)), (one, other)), (count, count)), directed=False)
    named = images["source"].groupby(group[sources]).transform("min")
    return pd.Series(named.to_numpy(), images["file"])


def near_pairs(looks: np.ndarray) -> np.ndarray:
    """The pairs of rows of uint16 (N, 16) that differ in at most NEAR_BITS bits: int (P, 2), each pair once.

    With 15 different bits or fewer one of the 16 words is the same, so only rows that share a word are compared
    (Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", 2012).
    """
    found = [NO_PAIRS]
    for word in looks.T:
        order = np.argsort(word, kind="stable")
        left, step = np.arange(len(order)), 1
        while len(left):
            left = left[left + step < len(order)]
            left = left[word[order[left]] == word[order[left + step]]]
            pairs = np.column_stack([order[left], order[left + step]])
            apart = BITS_SET[looks[pairs[:, 0]] ^ looks[pairs[:, 1]]].sum(axis=1)
            found.append(np.sort(pairs[apart <= NEAR_BITS], axis=1))
            step += 1
    return np.unique(np.concatenate(found), axis=0)


def _copies(images: pd.DataFrame, codes: np.ndarray, pairs: np.ndarray) -> pd.DataFrame:
    """Where each image has copies: bool columns inside (its part, of another portrait), across, contradicted.

    Args:
        images: columns part, label, source.
        codes: int (N,), 0..C-1; images of the same code are copies of each other.
        pairs: int (P, 2); so are images of these two codes.
    """
    part, label = images["part"].to_numpy(), images["label"].to_numpy()
    counts = np.zeros((codes.max(initial=-1) + 1, 2, 2), int)
    np.add.at(counts, (codes, part, label), 1)
    copies = counts.copy()
    np.add.at(copies, pairs[:, 0], counts[pairs[:, 1]])
    np.add.at(copies, pairs[:, 1], counts[pairs[:, 0]])
    by_part, by_label = copies.sum(axis=2), copies.sum(axis=1)
    where = {
        "inside": by_part[codes, part] > _variants(images["source"], codes, pairs),
        "across": by_part[codes, 1 - part] > 0,
        "contradicted": by_label[codes, 1 - label] > 0,
    }
    return pd.DataFrame(where, index=images.index)


def _variants(sources: pd.Series, codes: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How many copies of each image, itself among them, are of the same source: int (N,)."""
    itself = np.unique(codes)
    both_ways = np.concatenate([np.column_stack([itself, itself]), pairs, pairs[:, ::-1]])
    counts = pd.DataFrame({"source": sources, "code": codes}).value_counts().rename("count").reset_index()
    near = pd.DataFrame(both_ways, columns=["code", "other"]).merge(
        counts.rename(columns={"code": "other"}), on="other"
    )
    of_source = near.groupby(["source", "code"])["count"].sum()
    return of_source.reindex(pd.MultiIndex.from_arrays([sources, codes])).to_numpy()


def _left_out(images: pd.DataFrame, copies: pd.DataFrame) -> pd.DataFrame:
    """The images that should not be used, by the first reason that holds: file, reason."""
    training = images["part"] == 0
    copies = copies.reindex(images.index, fill_value=False)
    leaked = set(images.loc[copies["across"] | ~training, "source"])
    reasons = pd.Series("", index=images.index)
    reasons[training & copies["contradicted"]] = CONTRADICTED
    reasons[training & images["source"].isin(leaked)] = LEAKED
    reasons[images["size"] == ""] = UNREADABLE
    return images.assign(reason=reasons).loc[reasons != "", ["file", "reason"]].reset_index(drop=True)


def _table(images: pd.DataFrame, exact: pd.DataFrame, alike: pd.DataFrame | None) -> pd.DataFrame:
    """The findings as text, a row each, a column a part."""
    size = images["size"]
    usual = size[size != ""].mode().get(0, "none")
    square = size.map(lambda text: len(set(text.split(" x "))) == 1)
    findings = {"images": images["part"] >= 0}
    findings |= {f"of them {name}": images["label"] == label for label, name in enumerate(CLASSES)}
    findings |= {UNREADABLE: size == "", "not square": ~square, f"other size than {usual}": ~size.isin(["", usual])}
    for kind, copies in (("a copy", exact), ("a near copy", alike)):
        if copies is not None:
            findings |= {f"{kind} in the same part": copies["inside"], f"{kind} in the other part": copies["across"]}
            findings |= {f"{kind} with the other label": copies["contradicted"]}
    counts = {name: [int(has[images["part"] == part].sum()) for part in (0, 1)] for name, has in findings.items()}
    rows = {name: [f"{count:,}" for count in pair] for name, pair in counts.items()}
    if alike is None:
        rows["a near copy"] = ["not searched: no imagehash"] * 2
    return pd.DataFrame.from_dict(rows, orient="index", columns=[TRAINING, VALIDATION])


def _named(reason: str, files: list[str]) -> str:
    """Such as "left out, cannot be read: 7 images, Training/male/1.jpg, ... and 2 more"."""
    more = f", and {len(files) - NAMED:,} more" if len(files) > NAMED else ""
    return f"left out, {reason}: {counted(len(files), 'image')}, {', '.join(files[:NAMED])}{more}"
