"""What predicts which demonstration is good for a query, on the measured singles of okvqa-lm (Gemma 3 270M): ridge regressions
in eight folds of images, and what choosing by their predictions wins among the singles that were measured.

    python bench/real/features.py FOLDER_OF_OKVQA_LM

Target: the reward less its mean over the query, E or log E. Penalties are chosen on one fold of the seven.
"""

import itertools
import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

FOLDS, RESAMPLES = 8, 2000
PENALTIES = {"number": [3, 10, 30, 100], "few": [10, 100, 1000], "demonstration": [100, 1000, 10000], "pair": [100, 1000, 10000, 100000]}


def words(text: str) -> list[str]:
    return re.sub(r"[^\w' ]+", " ", text.lower()).split()


def features(row: dict) -> list[float]:
    """As `demonstrationFeatures` of vqa-dataset: answer type, length, whether the answer stands in question or caption."""
    answer = Counter(row["answers"]).most_common(1)[0][0]
    told = words(answer)
    stands = [float(f" {' '.join(told)} " in f" {' '.join(words(row[name]))} ") for name in ("question", "caption")]
    return [answer in ("yes", "no"), bool(re.fullmatch(r"[\d.,]+", answer)), min(1, len(told) / 4), min(1, len(answer) / 24), *stands]


class Singles:
    def __init__(self, folder: Path) -> None:
        queries = [q for file in ("train-singles.json", "dev-singles.json") for k, q in json.loads((folder / file).read_text()).items() if k != "_meta"]
        told = [(q["query"]["query_id"], one["pointer_global"][0], one["vqa_gt_prob"], one["vqa_acc_score"]) for q in queries for one in q["pointer_candidates"]]
        query, shown, self.expected, self.accuracy = (np.array(column) for column in zip(*told))
        self.queries, self.query = np.unique(query, return_inverse=True)
        self.bank, self.shown = np.unique(shown, return_inverse=True)
        images = {q["query"]["query_id"]: q["query"]["image_id"] for q in queries}
        self.image = np.unique([images[q] for q in self.queries], return_inverse=True)[1]
        self.fold = np.random.default_rng(0).permutation(self.image.max() + 1)[self.image][self.query] % FOLDS
        rows = load_file(folder / "embeddings.safetensors")
        ids = next(v for v in rows.values() if v.ndim == 1)
        self.rows = dict(zip(ids.tolist(), next(v for v in rows.values() if v.ndim == 2)))
        self.examples = {row["id"]: row for row in map(json.loads, (folder / "bank.jsonl").read_text().splitlines())}

    def mean(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.query, values) / np.bincount(self.query)

    def centred(self, values: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(self.queries), values.shape[1]))
        np.add.at(sums, self.query, values)
        return values - (sums / np.bincount(self.query)[:, None])[self.query]

    def interval(self, values: np.ndarray) -> str:
        """In points, resampled by image."""
        sums, counts = np.bincount(self.image, values), np.bincount(self.image)
        drawn = np.random.default_rng(1).integers(0, len(sums), (RESAMPLES, len(sums)))
        low, high = np.percentile(sums[drawn].sum(1) / counts[drawn].sum(1), [2.5, 97.5])
        return f"{100 * values.mean():+.2f} [{100 * low:.2f}, {100 * high:.2f}]"


def standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(0)) / (values.std(0) + 1e-9)


def components(rows: np.ndarray, of: np.ndarray, size: int = 16) -> np.ndarray:
    mean, scale = of.mean(0), of.std(0) + 1e-6
    _, values, axes = np.linalg.svd((of - mean) / scale, full_matrices=False)
    return ((rows - mean) / scale) @ axes[:size].T / (values[:size] / len(of) ** 0.5)


def blocks(data: Singles) -> dict[str, list[tuple[str, np.ndarray]]]:
    """By name: blocks of columns, each with its kind of penalty."""
    asked, shown = (np.stack([data.rows[i] for i in ids.tolist()]) for ids in (data.queries, data.bank))
    half = asked.shape[1] // 2
    parts = [[x[:, at] / np.linalg.norm(x[:, at], axis=1, keepdims=True) for x in (asked, shown)] for at in (slice(half), slice(half, None))]
    similar = standard(np.stack([(a[data.query] * b[data.shown]).sum(1) for a, b in parts], 1))
    described = standard(np.array([features(data.examples[i]) for i in data.bank.tolist()], float)[data.shown])
    number = np.eye(len(data.bank))[data.shown]
    every = np.vstack([asked, shown])
    a, b = components(asked, every)[data.query], components(shown, every)[data.shown]
    pairs = (a[:, :, None] * b[:, None]).reshape(len(a), -1) / 4
    return {
        "a number per demonstration": [("number", number)],
        "features of the demonstration": [("few", described)],
        "both": [("number", number), ("few", described)],
        "similarities": [("few", similar)],
        "number + similarities": [("number", number), ("few", similar)],
        "number + similarities + bilinear": [("number", number), ("few", similar), ("demonstration", b), ("pair", pairs)],
    }


def predictions(data: Singles, columns: list[tuple[str, np.ndarray]], target: np.ndarray) -> np.ndarray:
    x = np.hstack([data.centred(part) for _, part in columns])
    kinds = np.array([kind for kind, part in columns for _ in range(part.shape[1])])
    grams = [x[data.fold == f].T @ x[data.fold == f] for f in range(FOLDS)]
    sides = [x[data.fold == f].T @ target[data.fold == f] for f in range(FOLDS)]
    used = sorted(set(kinds))
    grid = list(itertools.product(*(PENALTIES[kind] for kind in used)))
    if len(grid) > 40:
        grid = [grid[i] for i in np.random.default_rng(0).choice(len(grid), 24, replace=False)]
    found = np.zeros(len(target))
    for f in range(FOLDS):
        others = [i for i in range(FOLDS) if i != f]
        kept = others[f % 7]
        gram, side = (sum(part[i] for i in others if i != kept) for part in (grams, sides))

        def loss(penalties: tuple[int, ...]) -> float:
            w = np.linalg.solve(gram + np.diag(spread(penalties)), side)
            return float(w @ grams[kept] @ w - 2 * w @ sides[kept])

        def spread(penalties: tuple[int, ...]) -> np.ndarray:
            return np.select([kinds == kind for kind in used], penalties).astype(float)

        best = spread(min(grid, key=loss))
        w = np.linalg.solve(gram + grams[kept] + np.diag(best), side + sides[kept])
        found[data.fold == f] = x[data.fold == f] @ w
    return found


def main() -> None:
    data = Singles(Path(sys.argv[1]))
    print(f"{len(data.query)} singles of {len(data.queries)} queries")
    columns = blocks(data)
    for name, reward in (("E", data.expected), ("log E", np.log(np.maximum(data.expected, 1e-6)))):
        target = data.centred(reward[:, None])[:, 0]
        first = None
        for kind, parts in columns.items():
            told = predictions(data, parts, target)
            r2 = 1 - ((target - told) ** 2).sum() / (target**2).sum()
            chosen = np.array([rows[np.argmax(told[rows])] for rows in (np.flatnonzero(data.query == q) for q in range(len(data.queries)))])
            e, accuracy = data.expected[chosen], data.accuracy[chosen]
            first = first or (e, accuracy)
            won = [data.interval(v) for v in (e - data.mean(data.expected), e - first[0], accuracy - data.mean(data.accuracy), accuracy - first[1])]
            print(f"{name}, {kind}: r2 {r2:.3f}, E minus random {won[0]}, minus the first {won[1]}, accuracy minus random {won[2]}, minus the first {won[3]}", flush=True)


if __name__ == "__main__":
    main()
