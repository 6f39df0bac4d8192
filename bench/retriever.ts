import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readCheckpoint, searchVectors } from '@lever/pointer-model'
import { nearest } from '@lever/retrieval'
import { readEmbeddings } from '@lever/tensor-files'
import { readDataset } from '@lever/vqa-dataset'
import { scoreAnswer } from '@lever/vqa-eval'

const WORLD = fileURLToPath(new URL('../fixtures/shapes-vqa/world/', import.meta.url))
const LEVER = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const SIZES = [16, 64, 256]

/** Recall at N: the share of the good demonstrations of the library that stand among the N nearest, mean over queries. */
interface Recall {
  by: string
  recall: Record<number, number>
}

/**
 * What a learned retriever finds of the good demonstrations (their own answer is right, by the official accuracy) of the
 * bundled world's test questions, against raw similarity. The retriever is a `bi-encoder` that was trained on agreement
 * over pools of the train questions, three seeds. Files in `LEVER_RETRIEVER` (a folder) are used again.
 */
export async function run({
  folder = process.env['LEVER_RETRIEVER'] ?? '',
  poolMethod = 'mixed',
  seeds = [0, 1, 2],
}: { folder?: string; poolMethod?: string; seeds?: number[] } = {}): Promise<Recall[]> {
  const at = folder === '' ? await mkdtemp(join(tmpdir(), 'lever-retriever-')) : folder
  const open = async (split: string) => {
    const file = join(at, `${split}.safetensors`)
    if (!existsSync(file)) await lever('embed', '--dataset', join(WORLD, split), '--out', file)
    const { examples } = await readDataset({
      questions: join(WORLD, split, 'questions.json'),
      annotations: join(WORLD, split, 'annotations.json'),
    })
    const ids = examples.map(({ id }) => id)
    return { examples, file, rows: await readEmbeddings(file, ids) }
  }
  const [train, test] = [await open('train'), await open('test')]
  const good = test.examples.map(({ answers }) =>
    train.examples.map(({ answer }) => scoreAnswer(answer, answers).accuracy > 0),
  )
  const recallOf = async (by: string, queries: Float32Array, candidates: Float32Array, dim: number) => {
    const found = await nearest({ queries, candidates, dim, k: Math.max(...SIZES), threads: 1 })
    const recall = SIZES.map((size) => {
      const shares = found.flatMap(({ rows }, i) => {
        const all = good[i]!.filter(Boolean).length
        return all === 0 ? [] : [rows.slice(0, size).reduce((n, row) => n + Number(good[i]![row]), 0) / all]
      })
      return [size, shares.reduce((sum, share) => sum + share, 0) / shares.length] as const
    })
    return { by, recall: Object.fromEntries(recall) }
  }
  const figures = [
    await recallOf('similarity by image and question', test.rows.data, train.rows.data, train.rows.dim),
  ]
  for (const seed of seeds) {
    const out = join(at, `${poolMethod}-${seed}`)
    await lever(
      ...['sft', '--target', 'agreement', '--dataset', join(WORLD, 'train'), '--embeddings', train.file],
      ...['--pool-method', poolMethod, '--architecture', 'bi-encoder', '--hidden', '128', '--lr', '1e-3'],
      ...['--epochs', '60', '--seed', String(seed), '--out', out],
    )
    const { model } = await readCheckpoint(join(out, 'checkpoints/best.safetensors'))
    const [queries, candidates] = [
      await searchVectors(model, test.rows),
      await searchVectors(model, train.rows),
    ]
    figures.push(
      await recallOf(`bi-encoder, seed ${seed}`, queries.queries, candidates.candidates, queries.dim),
    )
  }
  return figures
}

async function lever(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('node', [LEVER, ...args, '--quiet', '--json'], {
    maxBuffer: 1e9,
  })
  return stdout
}
