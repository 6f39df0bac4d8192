"""Pointer training in PyTorch, for bench/pointer-training.ts.

Reads one JSON object a line from standard input and answers each with one line. Formulations of the
same mathematics (section "pointer model" of the documentation):

  best      encodes every pool once for all of its pointers, with absorbed key and value projections and
            fused AdamW
  compiled  the same under torch.compile
  onednn    the same with matrix products by oneDNN through a private operator (where MKL is slow, as it is
            on AMD processors); no public API of PyTorch does that for training in float32
  expanded  every pointer with a pool of its own, encoded again, by torch.nn.MultiheadAttention and AdamW as
            it comes; this is how the Python project before Lever computes
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F

CHOSEN = -100.0


def read_floats(path):
    with open(path, "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32)


def read_integers(path):
    with open(path, "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.int32).long()


class OneDnnProduct(torch.autograd.Function):
    """x W^T for x [M, K] and W [N, K]."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")

    @staticmethod
    def backward(ctx, g):
        x, weight = ctx.saved_tensors
        dx = torch.ops.mkldnn._linear_pointwise(g, weight.t(), None, "none", [], "") if ctx.needs_input_grad[0] else None
        return dx, torch.ops.mkldnn._linear_pointwise(g.t(), x.t(), None, "none", [], "")


def product(x, weight, bias=None):
    return F.linear(x, weight, bias)


def onednn_product(x, weight, bias=None):
    rows = x.reshape(-1, x.shape[-1])
    if rows.shape[0] < 64:
        return F.linear(x, weight, bias)
    y = OneDnnProduct.apply(rows, weight.contiguous()).view(*x.shape[:-1], weight.shape[0])
    return y if bias is None else y + bias


class Shared(torch.nn.Module):
    """Log-probabilities [B, G] of pointers [B, G, K]; a pool is encoded once."""

    def __init__(self, weights, layers, dropout, attention_dropout, linear=product):
        super().__init__()
        self.names = list(weights)
        self.values = torch.nn.ParameterList([torch.nn.Parameter(value.clone()) for value in weights.values()])
        self.layers, self.dropout, self.attention_dropout, self.linear = layers, dropout, attention_dropout, linear

    def encode(self, query, pool):
        w = dict(zip(self.names, self.values))
        linear = self.linear
        base, x = linear(pool, w["input_proj.weight"]), linear(query, w["input_proj.weight"])
        hidden = x.shape[-1]
        for i in range(self.layers):
            p = f"cross_attn_layers.{i}."
            wq, wk, wv = w[p + "in_proj_weight"].chunk(3)
            bq, _, bv = w[p + "in_proj_bias"].chunk(3)
            keyed = (linear(x, wq, bq) * (1 / math.sqrt(hidden))) @ wk
            seen = torch.softmax(torch.bmm(base, keyed.unsqueeze(2)).squeeze(2), -1)
            if self.attention_dropout > 0:
                seen = F.dropout(seen, self.attention_dropout)
            context = torch.bmm(seen.unsqueeze(1), base).squeeze(1)
            value = linear(context, wv) + bv * seen.sum(-1, keepdim=True)
            out = linear(value, w[p + "out_proj.weight"], w[p + "out_proj.bias"])
            x = F.layer_norm(out + x, (hidden,), w[f"attn_norms.{i}.weight"], w[f"attn_norms.{i}.bias"])
        if self.dropout > 0:
            x, base = F.dropout(x, self.dropout), F.dropout(base, self.dropout)
        state = F.normalize(linear(x, w["query_proj.weight"]), dim=-1)
        return state, F.normalize(linear(base, w["cand_proj.weight"]), dim=-1)

    def advance(self, state, example):
        w = dict(zip(self.names, self.values))
        hidden = example.shape[-1]
        gate, bias = w["query_update_gate.weight"], w["query_update_gate.bias"]
        g = torch.sigmoid(self.linear(state, gate[:, :hidden]) + self.linear(example, gate[:, hidden:], bias))
        return F.normalize(torch.lerp(example, state, g), dim=-1)

    def forward(self, query, pool, pointers):
        state, key = self.encode(query, pool)
        state = state.unsqueeze(1)
        batch, group, shots = pointers.shape
        size = pool.shape[1]
        taken = torch.zeros(batch, group, size, dtype=torch.bool)
        total = 0
        for t in range(shots):
            logits = torch.bmm(state, key.transpose(1, 2)) / 0.1
            if t > 0:
                logits = logits.masked_fill(taken, CHOSEN)
            label = pointers[:, :, t : t + 1]
            scores = torch.log_softmax(logits, -1).expand(batch, group, size)
            total = total + scores.gather(2, label).squeeze(2)
            if t + 1 < shots:
                taken = taken.scatter(2, label, True)
                hot = F.one_hot(label.squeeze(2), size).to(key.dtype)
                state = self.advance(state, torch.bmm(hot, key))
        return total


class Expanded(torch.nn.Module):
    """Log-probabilities [B, G]; every pointer brings its own copy of query and pool."""

    def __init__(self, weights, layers, dropout, attention_dropout):
        super().__init__()
        hidden, dim = weights["input_proj.weight"].shape
        self.input_proj = torch.nn.Linear(dim, hidden, bias=False)
        self.cross_attn_layers = torch.nn.ModuleList(
            [torch.nn.MultiheadAttention(hidden, 1, dropout=attention_dropout, batch_first=True) for _ in range(layers)]
        )
        self.attn_norms = torch.nn.ModuleList([torch.nn.LayerNorm(hidden) for _ in range(layers)])
        self.query_proj = torch.nn.Linear(hidden, hidden, bias=False)
        self.cand_proj = torch.nn.Linear(hidden, hidden, bias=False)
        self.query_update_gate = torch.nn.Linear(2 * hidden, hidden)
        self.drop = torch.nn.Dropout(dropout)
        self.load_state_dict(weights)

    def forward(self, query, pool, pointers):
        batch, group, shots = pointers.shape
        q = query.unsqueeze(1).expand(-1, group, -1).reshape(batch * group, -1)
        c = pool.unsqueeze(1).expand(-1, group, -1, -1).reshape(batch * group, *pool.shape[1:])
        labels = pointers.reshape(batch * group, shots)
        base, x = self.input_proj(c), self.input_proj(q).unsqueeze(1)
        for attention, norm in zip(self.cross_attn_layers, self.attn_norms):
            x = norm(attention(x, base, base)[0] + x)
        state = F.normalize(self.query_proj(self.drop(x.squeeze(1))), dim=-1)
        key = F.normalize(self.cand_proj(self.drop(base)), dim=-1)
        taken = torch.zeros(labels.shape[0], c.shape[1], dtype=torch.bool)
        rows = torch.arange(labels.shape[0])
        total = 0
        for t in range(shots):
            logits = torch.einsum("rh,rnh->rn", state, key) / 0.1
            logits = logits.masked_fill(taken, CHOSEN)
            total = total - F.cross_entropy(logits, labels[:, t], reduction="none")
            taken = taken.clone()
            taken[rows, labels[:, t]] = True
            example = key[rows, labels[:, t]]
            g = torch.sigmoid(self.query_update_gate(torch.cat([state, example], -1)))
            state = F.normalize(g * state + (1 - g) * example, dim=-1)
        return total.view(batch, group)


def model_of(job, weights):
    rates = (job["dropout"], job["attention_dropout"])
    if job["variant"] == "expanded":
        return Expanded(weights, job["layers"], *rates)
    linear = onednn_product if job["variant"] == "onednn" else product
    return Shared(weights, job["layers"], *rates, linear)


def weights_of(job):
    flat = read_floats(job["weights"])
    weights, start = {}, 0
    for name, shape in job["shapes"]:
        size = math.prod(shape)
        weights[name] = flat[start : start + size].view(shape)
        start += size
    return weights


class Training:
    def __init__(self, job):
        B, N, G, K = (job[key] for key in "BNGK")
        self.embeddings = read_floats(job["embeddings"]).view(-1, job["D"])
        self.queries = read_integers(job["queries"]).view(-1, B)
        self.pools = read_integers(job["pools"]).view(-1, B, N)
        self.pointers = read_integers(job["pointers"]).view(-1, B, G, K)
        self.weights = read_floats(job["rewards"]).view(-1, B, G)
        weights = weights_of(job)
        with torch.no_grad():
            exact = model_of({**job, "dropout": 0, "attention_dropout": 0}, weights)
            self.first_loss = self.loss(exact, 0).item()
        self.model = model_of(job, weights)
        self.model.train()
        self.call = torch.compile(self.model, dynamic=False) if job["variant"] == "compiled" else self.model
        fused = job["variant"] != "expanded"
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, **({"fused": True} if fused else {}))
        self.position = 0

    def loss(self, model, i):
        query, pool = self.embeddings[self.queries[i]], self.embeddings[self.pools[i]]
        return -(model(query, pool, self.pointers[i]) * self.weights[i]).sum() / query.shape[0]

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(self.call, self.position % len(self.queries)).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.position += 1

    def run(self, count):
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            self.step()
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def sgemm(m, k, n, count):
    """Seconds of one product [m, k] x [n, k]^T."""
    a, b = torch.randn(m, k), torch.randn(n, k)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        a @ b.t()
    return {"wall": (time.perf_counter() - wall) / count, "cpu": (time.process_time() - cpu) / count}


def main():
    trainings = {}
    for line in sys.stdin:
        job = json.loads(line)
        if job["do"] == "hello":
            torch.set_num_threads(job["threads"])
            torch.manual_seed(1)
            answer = {"version": torch.__version__, "threads": torch.get_num_threads()}
        elif job["do"] == "open":
            trainings[job["id"]] = Training(job)
            answer = {"loss": trainings[job["id"]].first_loss}
        elif job["do"] == "steps":
            answer = trainings[job["id"]].run(job["count"])
        elif job["do"] == "close":
            del trainings[job["id"]]
            answer = {}
        else:
            answer = sgemm(*job["shape"], job["count"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
