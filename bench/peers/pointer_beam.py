"""Beam search over pointers in PyTorch, for bench/pointer-model.ts.

Reads one JSON object a line from standard input and answers each with one line. Both variants go through
queries, beams and candidates in Python, as the generation of the Python project before Lever does:

  encoded once  query and pool are encoded once a query, and the query state takes the chosen candidates in; its
                pointers can be compared with ours
  as it was     every beam of every step encodes query and pool again; the query state stays as it is
"""

import json
import sys
import time

import torch

from pointer_training import CHOSEN, Shared, read_floats, read_integers, weights_of


def step_log_probs(state, key, chosen):
    """Log-probabilities of the next candidate after `chosen`."""
    logits = (key[0] @ state[0]) / 0.1
    for position in chosen:
        logits[position] = CHOSEN
    return torch.log_softmax(logits, -1).tolist()


def expand(chosen, score, log_probs):
    return [(chosen + [i], score + x) for i, x in enumerate(log_probs) if i not in chosen]


def best_of(grown, width):
    return sorted(grown, key=lambda beam: beam[1], reverse=True)[:width]


def search_once(model, query, pool, shots, width):
    state, key = model.encode(query.unsqueeze(0), pool.unsqueeze(0))
    beams = [([], 0.0, state)]
    for _ in range(shots):
        grown = []
        for chosen, score, state in beams:
            grown += [(*beam, state) for beam in expand(chosen, score, step_log_probs(state, key, chosen))]
        beams = [(c, s, model.advance(state, key[:, c[-1]])) for c, s, state in best_of(grown, width)]
    return beams


def search_as_it_was(model, query, pool, shots, width):
    beams = [([], 0.0)]
    for _ in range(shots):
        grown = []
        for chosen, score in beams:
            state, key = model.encode(query.unsqueeze(0), pool.unsqueeze(0))
            grown += expand(chosen, score, step_log_probs(state, key, chosen))
        beams = best_of(grown, width)
    return beams


class Search:
    def __init__(self, job):
        self.rows = read_floats(job["embeddings"]).view(-1, job["D"])
        self.queries = read_integers(job["queries"]).tolist()
        self.pools = read_integers(job["pools"]).view(-1, job["N"])
        self.model = Shared(weights_of(job), job["layers"], 0, 0).eval()
        self.shots, self.width = job["K"], job["width"]

    def run(self, first, count, encode_once):
        pointers, search = [], search_once if encode_once else search_as_it_was
        wall, cpu = time.perf_counter(), time.process_time()
        with torch.no_grad():
            for i in range(first, first + count):
                query, pool = self.rows[self.queries[i]], self.rows[self.pools[i]]
                pointers.append(search(self.model, query, pool, self.shots, self.width)[0][0])
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        return {**seconds, "pointers": pointers}


def main():
    search = None
    for line in sys.stdin:
        job = json.loads(line)
        if job["do"] == "hello":
            torch.set_num_threads(job["threads"])
            answer = {"version": torch.__version__}
        elif job["do"] == "open":
            search = Search(job)
            answer = {}
        else:
            answer = search.run(job["first"], job["count"], job["encode_once"])
        print(json.dumps(answer), flush=True)


main()
