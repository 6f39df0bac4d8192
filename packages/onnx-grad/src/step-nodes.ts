import { gradients } from './gradients.ts'
import { mul } from './ops/elementwise.ts'
import { slice } from './ops/layout.ts'
import { reshape } from './ops/reshape.ts'
import { adamW, clipFactor, globalNorm } from './optimizer.ts'
import type { AdamWSlot } from './optimizer.ts'
import { blockOfVector, blocksOf, joinBlock, lookUp, placesOfBlock, vectorOfBlocks } from './parameters.ts'
import type { Block } from './parameters.ts'
import { checkLoss, stateKinds, type StateKind } from './program.ts'
import type { TrainingProgram } from './program.ts'
import { input } from './tensor.ts'
import type { Tensor } from './tensor.ts'

/** Weights and moments of a block before and after a step. */
export interface CarriedBlock {
  readonly block: Block
  readonly before: AdamWSlot
  readonly after: AdamWSlot
}

interface StepNodes {
  readonly carried: readonly CarriedBlock[]
  readonly metrics: Readonly<Record<string, Tensor>>
}

/** Nodes of one step: `before` gives the state of every block, `frozen` the parameters that do not train. */
export function stepNodes(
  program: TrainingProgram,
  before: ReadonlyMap<Block, AdamWSlot>,
  frozen: ReadonlyMap<string, Tensor>,
  inputs: ReadonlyMap<string, Tensor>,
): StepNodes {
  const trained = [...before].flatMap(([block, { weights }]) => placesOfBlock(block, weights))
  const parameters = new Map([...frozen, ...trained.map(([{ name }, tensor]) => [name, tensor] as const)])
  const declared = { ...program.stepInputs, ...program.sharedInputs }
  const own = new Map([...inputs].filter(([name]) => Object.hasOwn(declared, name)))
  const { loss, metrics = {} } = checkLoss(program.loss(lookUp(parameters), lookUp(own, 'input')))
  const found = gradients(
    loss,
    trained.map(([, tensor]) => tensor),
  )
  const pieces = new Map(trained.map(([{ name }], i) => [name, found[i]!]))
  const joined = new Map([...before.keys()].map((block) => [block, joinBlock(block, pieces)]))
  const norm = globalNorm([...joined.values()])
  const factor = program.clipNorm === undefined ? undefined : clipFactor(norm, program.clipNorm)
  const number = lookUp(inputs)
  const numbers = { rate: number('rate'), epsilon: number('epsilon') }
  const carried = [...before].map(([block, slot]) => {
    const gradient = joined.get(block)!
    const after = adamW(
      slot,
      factor === undefined ? gradient : mul(gradient, factor),
      block.group === 'decayed' ? { ...numbers, keep: number('keep') } : numbers,
      program.optimizer,
    )
    return { block, before: slot, after }
  })
  return { carried, metrics: { loss, grad_norm: norm, ...metrics } }
}

/** The flat vectors that go in, and what is cut out of them. */
export function flatState({ layout }: TrainingProgram): {
  vectors: Tensor[]
  slots: Map<Block, AdamWSlot>
  frozen: Map<string, Tensor>
} {
  const blocks = blocksOf(layout)
  if (blocks.length === 0)
    throw new RangeError('onnx-grad: every parameter is frozen, nothing can be trained')
  const vectors = new Map<string, Tensor>()
  const vector = (name: string, size: number): Tensor => {
    const known = vectors.get(name) ?? input(name, [size])
    vectors.set(name, known)
    return known
  }
  const slots = new Map(
    blocks.map((block) => {
      const cut = (kind: StateKind): Tensor =>
        blockOfVector(block, vector(`${kind}_${block.group}`, layout.sizes[block.group]))
      return [block, { weights: cut('weights'), first: cut('first'), second: cut('second') }]
    }),
  )
  const frozen = new Map(
    layout.places
      .filter(({ group }) => group === 'frozen')
      .map(({ name, shape, offset, size }) => {
        const whole = vector('frozen', layout.sizes.frozen)
        return [name, reshape(slice(whole, 0, offset, offset + size), shape)]
      }),
  )
  return { vectors: [...vectors.values()], slots, frozen }
}

/** The flat vectors after the steps: `next_weights_decayed`, ... */
export function flatResults(blocks: readonly (readonly [Block, AdamWSlot])[]): [string, Tensor][] {
  return (['decayed', 'plain'] as const).flatMap((group) => {
    const own = blocks.filter(([block]) => block.group === group)
    if (own.length === 0) return []
    return stateKinds.map((kind): [string, Tensor] => [
      `next_${kind}_${group}`,
      vectorOfBlocks(own.map(([block, slot]) => [block, slot[kind]])),
    ])
  })
}
