"""Runs the official VQA evaluation of a checkout of GT-Vision-Lab/VQA under Python 3, and prints what it took.

  python3 vqa_official.py CHECKOUT ANNOTATIONS QUESTIONS RESULTS [EVAL_QA_OUT]

The official files are for Python 2: tabs and print statements are rewritten in memory, nothing else is changed.
"""

import json
import os
import re
import resource
import sys
import time
import types


def load(path, name):
    with open(path) as file:
        source = file.read().expandtabs(8)
    source = re.sub(r"^(\s*)print (.+)$", r"\1print(\2)", source, flags=re.M)
    module = types.ModuleType(name)
    exec(compile(source, path, "exec"), module.__dict__)
    return module


def main():
    checkout, annotations, questions, results = sys.argv[1:5]
    vqa_module = load(os.path.join(checkout, "PythonHelperTools/vqaTools/vqa.py"), "vqa")
    eval_module = load(os.path.join(checkout, "PythonEvaluationTools/vqaEvaluation/vqaEval.py"), "vqaEval")
    stdout, sys.stdout = sys.stdout, open(os.devnull, "w")
    start = time.perf_counter()
    vqa = vqa_module.VQA(annotations, questions)
    evaluation = eval_module.VQAEval(vqa, vqa.loadRes(results, questions), n=2)
    evaluation.evaluate()
    seconds = time.perf_counter() - start
    sys.stdout = stdout
    if len(sys.argv) > 5:
        with open(sys.argv[5], "w") as file:
            json.dump({"accuracy": evaluation.accuracy, "evalQA": list(evaluation.evalQA.items())}, file)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "overall": evaluation.accuracy["overall"],
        "seconds": seconds,
        "cpuSeconds": usage.ru_utime + usage.ru_stime,
        "rssKiB": usage.ru_maxrss,
    }
    print(json.dumps(figures))


main()
