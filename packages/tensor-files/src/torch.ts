import { foreignFormat } from '@lever/json-text'
import type { Archive } from './archive.ts'
import { openArchive } from './archive.ts'
import { createBudget } from './budget.ts'
import { negated, STORAGE_TYPES, type ElementType } from './element-types.ts'
import { fileError } from './errors.ts'
import type { StorageRef, TorchValue } from './pickle-values.ts'
import type { Source } from './source.ts'
import { memorySource, openSource } from './source.ts'
import { layoutProblem, readLayout } from './strided.ts'
import type { TensorData, TensorEntry } from './tensor.ts'
import { createTorchActions } from './torch-globals.ts'
import type { TorchContext } from './torch-tensors.ts'
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
 * strided ones are copied into C order, and views of the other sign as well. int8, int16 and uint16 become I32,
 * 8-bit floats F32. A parameter is its tensor, a torch.Size a tuple.
 *
 * @throws InputError if the file is anything else: other names, TorchScript, the format before PyTorch 1.6,
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
  const context: TorchContext = {
    name,
    budget,
    pending: new Map(),
    storages: new Map(),
    unfinished: new Set(),
  }
  const raw = unpickle({ data, name, budget, actions: createTorchActions(context) })
  if (context.unfinished.size > 0)
    throw fileError(name, 'a NumPy array in it has no content; the file is damaged')
  const value = checkValue(raw, name)
  for (const storage of context.storages.values()) checkStorage(archive, storage, name)
  await fillTensors(archive, context)
  return { tensors: collectTensors(value, name, budget), value }
}

async function checkFormat(source: Source): Promise<void> {
  const start = Buffer.from(await source.read(0, Math.min(262, source.size)))
  if (start.toString('latin1', 0, 2) === 'PK') return
  const foreign = start[0] === 0x80 ? undefined : foreignFormat(start)
  if (foreign !== undefined) throw fileError(source.name, `it is not a file of torch.save but ${foreign}`)
  const old = start.length >= 2 && start[0] === 0x80 && start[1]! <= 5
  const tar = start.toString('latin1', 257, 262) === 'ustar'
  const what =
    old || tar ? 'it has a format of PyTorch before 1.6, which is not read' : 'it is not a file of torch.save'
  throw fileError(source.name, `${what}; load it in Python and save it with a current torch.save`)
}

async function checkArchive(archive: Archive, name: string): Promise<void> {
  if (archive.size('data.pkl') === undefined)
    throw fileError(name, 'it has no data.pkl; it is not a file of torch.save')
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
  const bytes = size * (STORAGE_TYPES.get(type)?.bytes ?? 1)
  if (has === bytes) return
  const shown = has === undefined ? 'is missing' : `has ${has} bytes`
  throw fileError(
    name,
    `storage ${JSON.stringify(key.slice(0, 40))} ${shown}, ${size} elements of ${type} need ${bytes}; the file is damaged or made to do harm`,
  )
}

/**
 * Reads each storage once for each type in which it is used, so that its tensors share their memory. Elements of 8 or 16
 * bits that are widened take at most four times what the file holds; a copy counts against the budget.
 */
async function fillTensors(archive: Archive, { name, budget, pending }: TorchContext): Promise<void> {
  const read = new Map<ElementType, Map<StorageRef, TensorData>>()
  for (const [entry, { storage, type, layout, negated: turned }] of pending) {
    const known = read.get(type) ?? new Map<StorageRef, TensorData>()
    read.set(type, known)
    const data = known.get(storage) ?? (await readStorage(archive, storage, type, name))
    known.set(storage, data)
    const problem = layoutProblem(layout, data.length)
    if (problem !== undefined) {
      throw fileError(
        name,
        `a tensor [${layout.shape.slice(0, 10).join(',')}]: ${problem}; the file is damaged or made to do harm`,
      )
    }
    const elements = readLayout(data, layout, budget)
    if (turned) budget.spend(elements.byteLength)
    ;(entry as TensorEntry).data = turned ? negated(type.dtype, elements) : elements
  }
}

async function readStorage(
  archive: Archive,
  { key }: StorageRef,
  type: ElementType,
  name: string,
): Promise<TensorData> {
  const bytes = await archive.read(`data/${key}`)
  if (bytes.length % type.bytes === 0) return type.read(bytes)
  throw fileError(
    name,
    `storage ${JSON.stringify(key.slice(0, 40))} has ${bytes.length} bytes, which is not a multiple of ${type.bytes}; the file is damaged or made to do harm`,
  )
}
