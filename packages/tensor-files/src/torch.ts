import type { Archive } from './archive.ts'
import { openArchive } from './archive.ts'
import type { Budget } from './budget.ts'
import { createBudget } from './budget.ts'
import { fileError } from './errors.ts'
import type { StorageRef, TorchValue } from './pickle-values.ts'
import type { Source } from './source.ts'
import { memorySource, openSource } from './source.ts'
import { layoutProblem, readLayout } from './strided.ts'
import type { TensorData, TensorEntry } from './tensor.ts'
import { DTYPES, viewAs } from './tensor.ts'
import type { PendingTensor } from './torch-globals.ts'
import { createTorchActions, STORAGE_TYPES } from './torch-globals.ts'
import { checkValue, collectTensors } from './torch-value.ts'
import { unpickle } from './unpickle.ts'

/** The content of a PyTorch file. */
export interface TorchFile {
  /**
   * The tensors by name: those of `model_state_dict`, else of `state_dict`, else of the whole
   * value, names of nested dicts joined by dots. One bare tensor is called `tensor`.
   */
  tensors: Map<string, TensorEntry>
  /** Everything that the file holds. Tensors in it are the same objects as in `tensors`. */
  value: TorchValue
}

/**
 * Reads a file of `torch.save` (.pt, .pth, Lightning's .ckpt) as data: no code runs, and only the
 * names of a fixed list can be loaded. Tensors that share a storage share their memory here too;
 * strided ones are copied into C order.
 *
 * @throws InputError for anything else: other names, TorchScript, the format before PyTorch 1.6,
 * compressed or overlapping entries, storages that do not have the length that is declared,
 * tensors outside of their storage, cycles, and files that would take far more memory than their size
 */
export async function readTorch(path: string): Promise<TorchFile> {
  const source = await openSource(path)
  try {
    return await readFrom(source)
  } finally {
    await source.close()
  }
}

/**
 * The same from bytes in memory.
 *
 * @throws as {@link readTorch}
 */
export function decodeTorch(bytes: Uint8Array, name = 'torch'): Promise<TorchFile> {
  return readFrom(memorySource(bytes, name))
}

async function readFrom(source: Source): Promise<TorchFile> {
  const { name, size } = source
  await checkFormat(source)
  const budget = createBudget(size, name)
  const archive = await openArchive(source, budget)
  await checkArchive(archive, name)
  const data = await archive.read('data.pkl')
  const actions = createTorchActions(name, budget)
  const raw = unpickle({ data, name, budget, actions })
  if (actions.unfinished.size > 0)
    throw fileError(name, 'a NumPy array in it has no content; the file is damaged')
  const value = checkValue(raw, name)
  for (const storage of actions.storages.values()) checkStorage(archive, storage, name)
  await fillTensors(archive, actions.pending, name, budget)
  return { tensors: collectTensors(value, name, budget), value }
}

async function checkFormat(source: Source): Promise<void> {
  const start = Buffer.from(await source.read(0, Math.min(262, source.size)))
  if (start.toString('latin1', 0, 2) === 'PK') return
  const old = start.length >= 2 && start[0] === 0x80 && start[1]! <= 5
  const tar = start.toString('latin1', 257, 262) === 'ustar'
  const what =
    old || tar ? 'it has a format of PyTorch before 1.6, which is not read' : 'it is no file of torch.save'
  throw fileError(source.name, `${what}; load it in Python and save it with a current torch.save`)
}

async function checkArchive(archive: Archive, name: string): Promise<void> {
  if (archive.size('data.pkl') === undefined)
    throw fileError(name, 'it has no data.pkl; it is no file of torch.save')
  const order = archive.size('byteorder')
  if (order === undefined) return
  const text = order <= 10 ? Buffer.from(await archive.read('byteorder')).toString('latin1') : ''
  if (text !== 'little') {
    throw fileError(
      name,
      `its byte order is ${JSON.stringify(text)}; load and save it on a little-endian machine`,
    )
  }
}

function checkStorage(archive: Archive, { key, type, size }: StorageRef, name: string): void {
  const has = archive.size(`data/${key}`)
  const bytes = size * DTYPES[STORAGE_TYPES.get(type)!].bytes
  if (has === bytes) return
  const shown = has === undefined ? 'is missing' : `has ${has} bytes`
  throw fileError(
    name,
    `storage ${JSON.stringify(key.slice(0, 40))} ${shown}, ${size} elements of ${type} need ${bytes}; the file is damaged or made to do harm`,
  )
}

async function fillTensors(
  archive: Archive,
  pending: readonly PendingTensor[],
  name: string,
  budget: Budget,
): Promise<void> {
  const read = new Map<StorageRef, TensorData>()
  for (const { entry, storage, layout } of pending) {
    const problem = layoutProblem(layout, storage.size)
    if (problem !== undefined) {
      throw fileError(
        name,
        `a tensor [${layout.shape.slice(0, 10).join(',')}]: ${problem}; the file is damaged or made to do harm`,
      )
    }
    const data = read.get(storage) ?? viewAs(entry.dtype, await archive.read(`data/${storage.key}`))
    read.set(storage, data)
    entry.data = readLayout(data, layout, budget)
  }
}
