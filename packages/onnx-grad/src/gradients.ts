import { formatShape, sameShape } from './shape.ts'
import { constant } from './tensor.ts'
import type { Tensor } from './tensor.ts'
import { sumOfPieces } from './accumulate.ts'

/** Nodes that the outputs depend on, every node after its inputs. */
export function topologicalOrder(outputs: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = []
  const seen = new Set<Tensor>()
  const stack: { node: Tensor; next: number }[] = []
  for (const output of outputs) {
    if (seen.has(output)) continue
    seen.add(output)
    stack.push({ node: output, next: 0 })
    while (stack.length > 0) {
      const top = stack.at(-1)!
      const child = top.node.inputs[top.next++]
      if (child === undefined) {
        order.push(top.node)
        stack.pop()
      } else if (!seen.has(child)) {
        seen.add(child)
        stack.push({ node: child, next: 0 })
      }
    }
  }
  return order
}

/**
 * Gradients of a scalar with respect to nodes, by reverse-mode differentiation: each node's
 * vector-Jacobian product once, in reverse topological order. The gradients are nodes themselves,
 * so they can be differentiated again. A node that the loss does not depend on gets zeros.
 * @throws RangeError if the loss is not a scalar.
 */
export function gradients(loss: Tensor, nodes: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0) {
    throw new RangeError(
      `onnx-grad: gradients need a scalar loss, got shape ${formatShape(loss.shape)}; take its sum or mean`,
    )
  }
  const order = topologicalOrder([loss])
  const wanted = new Set(nodes)
  const needed = new Set<Tensor>()
  for (const node of order) {
    if (wanted.has(node) || (node.vjp !== undefined && node.inputs.some((i) => needed.has(i))))
      needed.add(node)
  }
  const waiting = new Map<Tensor, Tensor[]>([[loss, [constant([1], [], loss.dtype)]]])
  const found = new Map<Tensor, Tensor>()
  for (const node of order.reverse()) {
    const arrived = waiting.get(node)
    if (arrived === undefined || !needed.has(node)) continue
    waiting.delete(node)
    const gradient = sumOfPieces(arrived)
    if (wanted.has(node)) found.set(node, gradient)
    if (node.vjp === undefined || !node.inputs.some((i) => needed.has(i))) continue
    const pieces = node.vjp(gradient, node)
    node.inputs.forEach((child, i) => {
      const piece = pieces[i]
      if (piece === undefined || !needed.has(child)) return
      if (!sameShape(piece.shape, child.shape)) {
        throw new Error(
          `onnx-grad: the gradient of ${node.op} has shape ${formatShape(piece.shape)} for an input of shape ${formatShape(child.shape)}`,
        )
      }
      const others = waiting.get(child)
      if (others === undefined) waiting.set(child, [piece])
      else others.push(piece)
    })
  }
  return nodes.map((node) => found.get(node) ?? zerosLike(node))
}

function zerosLike(node: Tensor): Tensor {
  const count = node.shape.reduce<number>((product, dim) => {
    if (typeof dim === 'string')
      throw new RangeError(`onnx-grad: a gradient of shape ${formatShape(node.shape)} needs fixed dimensions`)
    return product * dim
  }, 1)
  return constant(new Array<number>(count).fill(0), node.shape, node.dtype)
}
