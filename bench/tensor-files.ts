import { readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { decodeNpy, decodeSafetensors, decodeTorch } from '@lever/tensor-files'
import { createDice, mutate } from '../packages/tensor-files/test/support/mutate.ts'
import { rezip } from '../packages/tensor-files/test/support/rezip.ts'

export interface FuzzFigures {
  kind: string
  files: number
  /** Refused with an InputError; the others were read. */
  refused: number
  seconds: number
  slowestMilliseconds: number
  /** Growth of the peak memory of this process while the files were read. */
  grownMegabytes: number
}

type Decode = (bytes: Buffer) => unknown
type Make = (i: number, dice: (n: number) => number) => Buffer

const fixtures = new URL('../packages/tensor-files/test/fixtures/', import.meta.url)
const golden = new URL('../fixtures/golden/pointer-model/', import.meta.url)

/**
 * Reads mutated files: 1,000,000 safetensors, 100,000 PyTorch (half of them with a mutated pickle
 * and right checksums) and 100,000 .npy. Throws at the first failure that is not an InputError.
 */
export async function run({ scale = 1 }: { scale?: number } = {}): Promise<FuzzFigures[]> {
  const safetensors = await readAll(fixtures, ['types.safetensors', 'order.safetensors'])
  safetensors.push(...(await readAll(golden, ['small-1layer.weights.safetensors'])))
  const torch = await readAll(fixtures, [
    'types.pt',
    'protocol-4.pt',
    'numpy.pth',
    'numpy-types.pth',
    'lightning.ckpt',
  ])
  torch.push(...(await readAll(golden, ['small-1layer.pt'])))
  const npy = await readAll(fixtures, ['f4.npy', 'fortran.npy', 'i1.npy', 'big-endian.npy', 'version-2.npy'])
  const parts = torch.map(rezip)
  const whole =
    (files: readonly Buffer[]): Make =>
    (i, dice) =>
      mutate(files[i % files.length]!, dice)
  const repacked: Make = (i, dice) => {
    const { pickle, build } = parts[i % parts.length]!
    return build(mutate(pickle, dice))
  }
  return [
    await fuzz('safetensors', 1_000_000 * scale, decodeSafetensors, whole(safetensors)),
    await fuzz('PyTorch, any byte', 50_000 * scale, (bytes) => decodeTorch(bytes), whole(torch)),
    await fuzz('PyTorch, the pickle', 50_000 * scale, (bytes) => decodeTorch(bytes), repacked),
    await fuzz('.npy', 100_000 * scale, decodeNpy, whole(npy)),
  ]
}

async function readAll(folder: URL, names: readonly string[]): Promise<Buffer[]> {
  return Promise.all(names.map((name) => readFile(new URL(name, folder))))
}

async function fuzz(kind: string, files: number, decode: Decode, make: Make): Promise<FuzzFigures> {
  const dice = createDice(files)
  const before = process.resourceUsage().maxRSS
  const start = performance.now()
  let refused = 0
  let slowest = 0
  for (let i = 0; i < files; i++) {
    const bytes = make(i, dice)
    const from = performance.now()
    try {
      await decode(bytes)
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'LEVER_INPUT') throw error
      refused += 1
    }
    slowest = Math.max(slowest, performance.now() - from)
  }
  return {
    kind,
    files,
    refused,
    seconds: (performance.now() - start) / 1000,
    slowestMilliseconds: slowest,
    grownMegabytes: (process.resourceUsage().maxRSS - before) / 1024,
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await run())
