import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { concat, slice } from './ops/layout.ts'
import { reshape } from './ops/reshape.ts'
import { formatShape, sameShape, sizeOf } from './shape.ts'
import { constant, input } from './tensor.ts'
import type { Tensor } from './tensor.ts'

/** Values of one trainable array. */
export interface Parameter {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** All arrays of a model by name, in a fixed order. */
export type Parameters = ReadonlyMap<string, Parameter>

/** Gives the node of a parameter by name; throws when there is none. */
export type ParameterNodes = (name: string) => Tensor

/** Groups in which parameters are kept as one flat vector each. */
export const groupNames = ['decayed', 'plain', 'frozen'] as const
export type GroupName = (typeof groupNames)[number]

export interface Place {
  readonly name: string
  readonly shape: readonly number[]
  readonly group: GroupName
  readonly offset: number
  readonly size: number
}

/** Where each parameter lies in the flat vectors. */
export interface ParameterLayout {
  readonly places: readonly Place[]
  readonly sizes: Readonly<Record<GroupName, number>>
}

/** Which parameters train, and which of them decay. */
export interface LayoutOptions {
  /** Globs of names that do not train; '*' stands for any characters (default none). */
  freeze?: readonly string[]
  /** Which parameters decay (default all, as torch.optim.AdamW). */
  decays?: (name: string, shape: readonly number[]) => boolean
}

export const LAYOUT_OPTIONS: OptionNames<LayoutOptions> = { freeze: true, decays: true }

/**
 * Assigns every parameter a place in one of three flat vectors: with weight decay, without, frozen.
 * @throws RangeError if a glob of `freeze` matches nothing.
 */
export function layoutParameters(
  parameters: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  options: LayoutOptions = {},
): ParameterLayout {
  refuseUnknownOptions(options, LAYOUT_OPTIONS, 'onnx-grad: layoutParameters')
  const { freeze = [], decays = () => true } = options
  const patterns = freeze.map((glob) => ({ glob, test: globToRegExp(glob) }))
  for (const { glob, test } of patterns) {
    if (![...parameters.keys()].some((name) => test.test(name))) {
      throw new RangeError(
        `onnx-grad: freeze "${glob}" matches no parameter; there are ${[...parameters.keys()].join(', ')}`,
      )
    }
  }
  const sizes = { decayed: 0, plain: 0, frozen: 0 }
  const places: Place[] = []
  for (const [name, { shape }] of parameters) {
    const frozen = patterns.some(({ test }) => test.test(name))
    const group = frozen ? 'frozen' : decays(name, shape) ? 'decayed' : 'plain'
    const size = sizeOf(shape)
    places.push({ name, shape, group, offset: sizes[group], size })
    sizes[group] += size
  }
  return { places, sizes }
}

function globToRegExp(glob: string): RegExp {
  return new RegExp(`^${glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`)
}

/**
 * Flat vectors of a layout, filled with the values of parameters.
 * @throws RangeError if one is missing or has another shape.
 */
export function flattenParameters(
  layout: ParameterLayout,
  parameters: Parameters,
): Record<GroupName, Float32Array> {
  const vectors = {
    decayed: new Float32Array(layout.sizes.decayed),
    plain: new Float32Array(layout.sizes.plain),
    frozen: new Float32Array(layout.sizes.frozen),
  }
  for (const { name, shape, group, offset, size } of layout.places) {
    const parameter = parameters.get(name)
    if (parameter?.values.length !== size) {
      throw new RangeError(
        `onnx-grad: parameter ${name} needs ${size} values, got ${parameter?.values.length ?? 'none'}`,
      )
    }
    if (!sameShape(parameter.shape, shape)) {
      throw new RangeError(
        `onnx-grad: parameter ${name} has shape ${formatShape(parameter.shape)}; it must be ${formatShape(shape)}`,
      )
    }
    vectors[group].set(parameter.values, offset)
  }
  return vectors
}

/** The parameters that lie in flat vectors, as copies. */
export function unflattenParameters(
  layout: ParameterLayout,
  vectors: Readonly<Record<GroupName, Float32Array>>,
): Map<string, Parameter> {
  return new Map(
    layout.places.map(({ name, shape, group, offset, size }) => [
      name,
      { shape, values: vectors[group].slice(offset, offset + size) },
    ]),
  )
}

/** Arrays of at least this many elements are updated each by itself. */
const LARGE = 8192

/**
 * What the optimiser updates as one array: a large parameter in its own shape, or all small ones of a
 * group in one vector.
 */
export interface Block {
  readonly group: Exclude<GroupName, 'frozen'>
  readonly places: readonly Place[]
  readonly shape: readonly number[]
}

/** The blocks of the parameters that train. */
export function blocksOf({ places }: ParameterLayout): Block[] {
  return (['decayed', 'plain'] as const).flatMap((group) => {
    const own = places.filter((place) => place.group === group)
    const small = own.filter(({ size }) => size < LARGE)
    const size = small.reduce((total, place) => total + place.size, 0)
    return [
      ...own
        .filter(({ size }) => size >= LARGE)
        .map((place) => ({ group, places: [place], shape: place.shape })),
      ...(small.length === 0
        ? []
        : [{ group, places: small, shape: small.length === 1 ? small[0]!.shape : [size] }]),
    ]
  })
}

/** The block cut out of the flat vector of its group. */
export function blockOfVector({ places, shape }: Block, vector: Tensor): Tensor {
  const pieces = places.map(({ offset, size }) => slice(vector, 0, offset, offset + size))
  return reshape(concat(pieces, 0), shape)
}

/** The flat vector of a group from its blocks. */
export function vectorOfBlocks(blocks: readonly (readonly [Block, Tensor])[]): Tensor {
  const pieces = blocks.flatMap(([block, tensor]) => placesOfBlock(block, tensor))
  pieces.sort(([a], [b]) => a.offset - b.offset)
  return concat(
    pieces.map(([{ size }, piece]) => reshape(piece, [size])),
    0,
  )
}

/** The parameters of a block in their own shapes. */
export function placesOfBlock({ places }: Block, tensor: Tensor): (readonly [Place, Tensor])[] {
  if (places.length === 1) return [[places[0]!, tensor]]
  let start = 0
  return places.map((place) => {
    const piece = slice(tensor, 0, start, (start += place.size))
    return [place, reshape(piece, place.shape)] as const
  })
}

/** The gradient of a block from those of its parameters. */
export function joinBlock({ places }: Block, pieces: ReadonlyMap<string, Tensor>): Tensor {
  if (places.length === 1) return pieces.get(places[0]!.name)!
  return concat(
    places.map(({ name, size }) => reshape(pieces.get(name)!, [size])),
    0,
  )
}

/** Inputs that hold the flat vectors, and the nodes of the parameters cut out of them. */
export function parameterInputs(
  layout: ParameterLayout,
  nameOfGroup: (group: GroupName) => string = (group) => group,
): { vectors: ReadonlyMap<GroupName, Tensor>; nodes: ReadonlyMap<string, Tensor> } {
  const vectors = new Map(
    groupNames
      .filter((group) => layout.sizes[group] > 0)
      .map((group) => [group, input(nameOfGroup(group), [layout.sizes[group]])]),
  )
  const nodes = new Map(
    layout.places.map(({ name, shape, group, offset, size }) => [
      name,
      reshape(slice(vectors.get(group)!, 0, offset, offset + size), shape),
    ]),
  )
  return { vectors, nodes }
}

/** Nodes of parameters with fixed values, for a graph that is exported for inference. */
export function parameterConstants(parameters: Parameters): ParameterNodes {
  const nodes = new Map([...parameters].map(([name, { shape, values }]) => [name, constant(values, shape)]))
  return lookUp(nodes)
}

/** A function that finds a node by name or says which names there are. */
export function lookUp(nodes: ReadonlyMap<string, Tensor>, kind = 'parameter'): ParameterNodes {
  return (name) => {
    const node = nodes.get(name)
    if (node === undefined)
      throw new RangeError(`onnx-grad: no ${kind} ${name}; there are ${[...nodes.keys()].join(', ')}`)
    return node
  }
}
