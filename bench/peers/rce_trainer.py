"""RCE training in PyTorch as the Python project before Lever does it, for bench/rce-trainer.ts.

One query a step. Every pointer of the query brings its own copy of query and pool, which the encoder reads again
(torch.nn.MultiheadAttention); cross-entropy shot by shot; weights softmax(reward / temperature), the temperature
linear from 2.0 to 0.5; gradient norm limited to 1; AdamW as it comes; the loss is read after every step.
"""

import json
import resource
import sys
import time

import numpy
import torch
import torch.nn.functional as F


class Queries(torch.utils.data.Dataset):
    def __init__(self, job):
        def load(name, kind):
            return torch.from_numpy(numpy.fromfile(f"{job['folder']}/{name}", dtype=kind))

        n, g, k = job["N"], job["G"], job["K"]
        self.embeddings = load("embeddings", numpy.float32).view(-1, job["D"])
        self.rows = load("queries", numpy.int32).long()
        self.pools = load("pools", numpy.int32).long().view(-1, n)
        self.pointers = load("pointers", numpy.int32).long().view(-1, g, k)
        self.rewards = load("rewards", numpy.float32).view(-1, g)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return {
            "query": self.embeddings[self.rows[i]],
            "pool": self.embeddings[self.pools[i]],
            "labels": self.pointers[i],
            "rewards": self.rewards[i],
        }


class Selector(torch.nn.Module):
    def __init__(self, dim, hidden, layers, dropout, attention_dropout):
        super().__init__()
        self.input_proj = torch.nn.Linear(dim, hidden, bias=False)
        self.cross_attn_layers = torch.nn.ModuleList(
            [torch.nn.MultiheadAttention(hidden, 1, dropout=attention_dropout, batch_first=True) for _ in range(layers)]
        )
        self.attn_norms = torch.nn.ModuleList([torch.nn.LayerNorm(hidden) for _ in range(layers)])
        self.query_proj = torch.nn.Linear(hidden, hidden, bias=False)
        self.cand_proj = torch.nn.Linear(hidden, hidden, bias=False)
        self.query_update_gate = torch.nn.Linear(2 * hidden, hidden)
        self.drop = torch.nn.Dropout(dropout)

    def forward(self, query, pool, labels):
        q, c = self.input_proj(query), self.input_proj(pool)
        x = q.unsqueeze(1)
        for attention, norm in zip(self.cross_attn_layers, self.attn_norms):
            x = norm(attention(x, c, c)[0] + x)
        state = F.normalize(self.query_proj(self.drop(x.squeeze(1))), dim=-1)
        keys = F.normalize(self.cand_proj(self.drop(c)), dim=-1)
        taken = torch.zeros(c.shape[:2], dtype=torch.bool)
        rows = torch.arange(len(labels))
        logits = []
        for t in range(labels.shape[1]):
            scores = torch.matmul(state.unsqueeze(1), keys.transpose(1, 2)).squeeze(1) / 0.1
            logits.append(scores.masked_fill(taken, -100.0))
            taken = taken.clone()
            taken[rows, labels[:, t]] = True
            example = keys[rows, labels[:, t]]
            gate = torch.sigmoid(self.query_update_gate(torch.cat([state, example], -1)))
            state = F.normalize(gate * state + (1 - gate) * example, dim=-1)
        return torch.stack(logits, 1)


def loss_of(model, item, temperature):
    labels, rewards = item["labels"][0], item["rewards"][0]
    group = len(labels)
    query = item["query"].expand(group, -1)
    pool = item["pool"].expand(group, -1, -1)
    logits = model(query, pool, labels)
    weights = torch.softmax(rewards / temperature, 0)
    total = 0
    for t in range(labels.shape[1]):
        total = total + F.cross_entropy(logits[:, t], labels[:, t], reduction="none")
    return (weights * total).sum()


def weights_of(job, model):
    flat = torch.from_numpy(numpy.fromfile(f"{job['folder']}/weights", dtype=numpy.float32))
    start, values = 0, {}
    for name, shape in job["shapes"]:
        size = int(numpy.prod(shape))
        values[name] = flat[start : start + size].view(shape)
        start += size
    model.load_state_dict(values)


def train(job):
    data = Queries(job)
    model = Selector(job["D"], job["hidden"], job["layers"], job["dropout"], job["attention_dropout"])
    weights_of(job, model)
    loader = torch.utils.data.DataLoader(data, batch_size=1, shuffle=True)
    model.eval()
    with torch.no_grad():
        items = torch.utils.data.DataLoader(data, batch_size=1)
        first = [loss_of(model, item, 2.0).item() for _, item in zip(range(job["checked"]), items)]
    model.train()
    wall, cpu = time.perf_counter(), time.process_time()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    steps, step = job["epochs"] * len(data), 0
    for _ in range(job["epochs"]):
        total = 0.0
        for item in loader:
            temperature = 2.0 - 1.5 * step / max(1, steps - 1)
            loss = loss_of(model, item, temperature)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
            step += 1
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "first": sum(first) / len(first),
        "last": total / len(data),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main():
    for line in sys.stdin:
        job = json.loads(line)
        if job["do"] == "hello":
            torch.set_num_threads(job["threads"])
            torch.manual_seed(1)
            answer = {"version": torch.__version__}
        else:
            answer = train(job)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
