"""Make the shipped model: train on scikit-learn's handwritten digits, quantise to int8, measure the accuracy.

    python -m pip install -e .[train]
    python scripts/train/digits.py

Writes digits.tflite, digits_heldout.npz and digits.json to sw/cfukit_sw/models. The same bytes come out again on the
same machine with the same package versions; on another CPU the last bits of float32 sums may differ, and with them
some weights.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported: one order of summation
os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")  # one set of kernels on every x86-64 with AVX2

import argparse
import json
import platform
import time
from pathlib import Path

import cnn
import numpy as np
from cnn import Array, AveragePool, Conv, Dense, Depthwise, Layer, initial
from quantise import quantise

from cfukit_base.digest import digest_bytes
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.model import Model
from cfukit_sw.tflite_reader import read_model
from cfukit_sw.tflite_writer import write_model

MODELS = Path(__file__).resolve().parents[2] / "sw" / "cfukit_sw" / "models"
SEED = 1
STEPS_PER_GREY = 15  # grey 0..16 -> int8 -128..112, exactly
HELD_OUT, VALIDATION = 400, 200
EPOCHS, BATCH, RATE = 150, 32, 2e-3


def split(labels: Array, seed: int) -> tuple[Array, Array, Array]:
    """Indices (train, validation, held out), disjoint, every digit in proportion to its frequency."""
    from sklearn.model_selection import train_test_split

    rest, held_out = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT, random_state=seed, stratify=labels
    )
    train, validation = train_test_split(rest, test_size=VALIDATION, random_state=seed, stratify=labels[rest])
    return np.sort(train), np.sort(validation), np.sort(held_out)


def network(rng: np.random.Generator) -> list[Layer]:
    """8x8x1 -> 10 logits; 204,000 multiply-accumulates, 20,000 weights."""
    return [
        Conv(*initial(rng, 16, 3, 3, 1, fan_in=9)),
        Conv(*initial(rng, 32, 3, 3, 16, fan_in=144), stride=2),
        Depthwise(*initial(rng, 1, 3, 3, 32, fan_in=9)),
        Conv(*initial(rng, 64, 1, 1, 32, fan_in=32)),
        Depthwise(*initial(rng, 1, 3, 3, 64, fan_in=9)),
        Conv(*initial(rng, 64, 1, 1, 64, fan_in=64)),
        AveragePool(2),
        Dense(*initial(rng, 32, 256, fan_in=256), relu=True, dropout=0.3),
        Dense(*initial(rng, 10, 32, fan_in=32)),
    ]


def augment(images: Array, rng: np.random.Generator) -> Array:
    """Each image turned, scaled, sheared and shifted a little (bilinear, zeros outside)."""
    n, size = len(images), images.shape[1]
    angle, shear = rng.normal(0, 0.12, n), rng.normal(0, 0.12, n)
    zoom_y, zoom_x = np.exp(rng.normal(0, 0.08, (2, n)))
    shift = rng.normal(0, 0.5, (2, n))
    ys, xs = np.mgrid[:size, :size].reshape(2, 1, -1) - (size - 1) / 2
    column = np.expand_dims
    cos, sin = column(np.cos(angle), 1), column(np.sin(angle), 1)
    y = (cos * ys + sin * xs) * column(zoom_y, 1) + column(shift[0], 1) + (size - 1) / 2
    x = (
        (cos * xs - sin * ys + column(shear, 1) * ys) * column(zoom_x, 1)
        + column(shift[1], 1)
        + (size - 1) / 2
    )
    framed = np.pad(images[..., 0], ((0, 0), (1, 2), (1, 2)))
    y, x = np.clip(y + 1, 0, size + 1), np.clip(x + 1, 0, size + 1)
    top, left = y.astype(int), x.astype(int)
    fy, fx, which = y - top, x - left, np.arange(n)[:, None]
    upper = framed[which, top, left] * (1 - fx) + framed[which, top, left + 1] * fx
    lower = framed[which, top + 1, left] * (1 - fx) + framed[which, top + 1, left + 1] * fx
    return (upper * (1 - fy) + lower * fy).reshape(images.shape).astype(np.float32)


def accuracy(layers: list[Layer], images: Array, labels: Array) -> float:
    return float((cnn.forward(layers, images)[-1].argmax(-1) == labels).mean())


def train(layers: list[Layer], images: Array, labels: Array, rng: np.random.Generator, epochs: int) -> None:
    """Adam, cosine rate; ends with the running average of the weights in place."""
    adam = cnn.Adam(layers, decay=0.02, averaging=0.998)
    per_epoch = len(images) // BATCH
    for epoch in range(epochs):
        order, total = rng.permutation(len(images)), 0.0
        moved = augment(images, rng)
        for step in range(per_epoch):
            batch = order[step * BATCH : (step + 1) * BATCH]
            logits = cnn.forward(layers, moved[batch], rng)[-1]
            loss, gradient = cnn.loss_and_gradient(logits, labels[batch], smoothing=0.05)
            for layer in reversed(layers):
                gradient = layer.backward(gradient)
            progress = (epoch * per_epoch + step) / (epochs * per_epoch)
            adam.step(RATE * 0.5 * (1 + np.cos(np.pi * progress)))
            total += loss
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}/{epochs}: loss {total / per_epoch:.4f}", flush=True)
    adam.swap_average()


def integer_accuracy(model: Model, inputs: Array, labels: Array) -> float:
    """Of the int8 model in TFLM's integer arithmetic, as the hardware must compute it."""
    evaluator = Evaluator(model)
    outputs = [evaluator.run([image[None]]).outputs[0] for image in inputs]
    return float((np.concatenate(outputs).argmax(-1) == labels).mean())


def make(folder: Path, epochs: int) -> dict[str, object]:
    """Train, quantise, measure; write the three files to `folder`; returns the provenance."""
    import sklearn
    from sklearn.datasets import load_digits

    begin = time.monotonic()
    data = load_digits()
    pixels, labels = data.images.astype(np.int64), data.target.astype(np.uint8)
    images = (pixels[..., None] / 16).astype(np.float32)
    inputs = (pixels[..., None] * STEPS_PER_GREY - 128).astype(np.int8)
    parts = dict(zip(("train", "validation", "held_out"), split(labels, SEED), strict=True))
    chosen = parts["train"]
    rng = np.random.default_rng(SEED)
    layers = network(rng)
    train(layers, images[chosen], labels[chosen], rng, epochs)
    input_scale = np.float32(1 / (16 * STEPS_PER_GREY))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "digits.tflite"
    write_model(quantise(layers, images[chosen], input_scale, "digits"), path)
    model = read_model(path)
    held_out = parts["held_out"]
    np.savez_compressed(
        folder / "digits_heldout.npz",
        in0=inputs[held_out],
        labels=labels[held_out],
        indices=held_out.astype(np.uint16),
    )
    provenance: dict[str, object] = {
        "schema": "cfukit.model/1",
        "name": "digits",
        "about": "handwritten digits, 8x8 pixels of 17 greys, ten classes",
        "sha256": digest_bytes(path.read_bytes()),
        "bytes": path.stat().st_size,
        "macs": model.macs,
        "licence": "Apache-2.0",
        "command": "python scripts/train/digits.py",
        "input": f"in0 = {STEPS_PER_GREY} * grey - 128, grey 0 (paper) to 16 (ink)",
        "classes": [str(digit) for digit in range(10)],
        "data": {
            "name": "Optical Recognition of Handwritten Digits (test part: 1,797 images by 13 writers)",
            "authors": "E. Alpaydin, C. Kaynak",
            "source": "https://archive.ics.uci.edu/dataset/80",
            "licence": "CC-BY-4.0",
            "from": "sklearn.datasets.load_digits",
            "sha256": digest_bytes(pixels.astype(np.uint8).tobytes() + labels.tobytes()),
        },
        "split": {"seed": SEED, **{name: len(part) for name, part in parts.items()}},
        "training": {"seed": SEED, "epochs": epochs, "batch": BATCH, "rate": RATE},
        "accuracy": {
            name: {
                "float": accuracy(layers, images[part], labels[part]),
                "int8": integer_accuracy(model, inputs[part], labels[part]),
            }
            for name, part in parts.items()
            if name != "train"
        },
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }
    (folder / "digits.json").write_text(json.dumps(provenance, indent=2) + "\n")
    print(f"{path}: {provenance['bytes']} bytes, {model.macs} MACs, {time.monotonic() - begin:.0f} s")
    print(json.dumps(provenance["accuracy"]))
    return provenance


def main() -> None:
    parser = argparse.ArgumentParser(description="train and quantise the shipped model")
    parser.add_argument("--out", type=Path, default=MODELS, help="folder to write to (default: %(default)s)")
    parser.add_argument(
        "--epochs", type=int, default=EPOCHS, help="passes over the training images (%(default)s)"
    )
    arguments = parser.parse_args()
    make(arguments.out, arguments.epochs)


if __name__ == "__main__":
    main()
