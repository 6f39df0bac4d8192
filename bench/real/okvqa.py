"""OK-VQA questions with captions in place of images, as `questions.jsonl`."""

import csv
import json
import random
import re
from pathlib import Path


def captions(pica: Path) -> dict[int, str]:
    """VinVL captions of val2014 by image id (microsoft/PICa, MIT)."""
    found: dict[int, str] = {}
    with open(pica / "input_text/vinvl_caption/VinVL_base_val2014.tsv", encoding="utf-8") as file:
        for image, told in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            found.setdefault(int(image), json.loads(told)[0]["caption"])
    return found


def official(questions: Path, annotations: Path) -> list[dict]:
    """The official files of OK-VQA (CC BY 4.0): ten answers a question."""
    asked = {q["question_id"]: q for q in json.loads(questions.read_text())["questions"]}
    return [
        {
            "question_id": a["question_id"],
            "image_id": a["image_id"],
            "question": asked[a["question_id"]]["question"],
            "answers": [answer["answer"] for answer in a["answers"]],
        }
        for a in json.loads(annotations.read_text())["annotations"]
    ]


def rated(path: Path) -> list[dict]:
    """A list of questions with `label`, the accuracy of every answer, as LXMERT takes them. The answers that give these
    accuracies: two annotators for 0.6 and less than 1, four for 1 (OK-VQA counts each of its five twice), ten at most."""
    rows = []
    for row in json.loads(path.read_text()):
        ranked = sorted(row["label"].items(), key=lambda item: -item[1])
        answers = [answer for answer, accuracy in ranked for _ in range(4 if accuracy >= 1 else 2)][:10]
        image = int(re.search(r"(\d+)$", row["img_id"]).group(1))
        rows.append({"question_id": row["question_id"], "image_id": image, "question": row["sent"], "answers": answers})
    return [row for row in rows if row["answers"]]


def write_splits(rows: list[dict], told: dict[int, str], out: Path, sizes: dict[str, int], seed: int) -> dict[str, int]:
    """Splits by image: no image is in two. The last name of `sizes` takes what is left where its size is 0."""
    by_image: dict[int, list[dict]] = {}
    for row in rows:
        if row["image_id"] in told:
            by_image.setdefault(row["image_id"], []).append({**row, "context": told[row["image_id"]]})
    images = sorted(by_image)
    random.Random(seed).shuffle(images)
    left = iter(images)
    counts = {}
    for name, size in sizes.items():
        chosen: list[dict] = []
        while size == 0 or len(chosen) < size:
            image = next(left, None)
            if image is None:
                break
            chosen += by_image[image]
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(row, ensure_ascii=False) for row in chosen]
        (folder / "questions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        counts[name] = len(chosen)
    return counts
