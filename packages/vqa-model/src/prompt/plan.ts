/** A segment of a prompt before its images are known: texts and paths of images, in order. */
export interface TextSegment {
  /** equal keys, equal segments */
  key: string
  pieces: readonly (string | { image: string })[]
  /** how the text after it begins, where a tokenizer may look at it */
  next?: string
}

/** A prompt as segments; the last one holds the query. */
export interface SegmentedPrompt {
  segments: readonly TextSegment[]
  answers: readonly string[]
}

/** A prefix and what goes on from it. */
export interface PlanNode {
  segment: TextSegment
  children: PlanNode[]
  leaves: PlanLeaf[]
}

/** A last segment: the prompts that are the same up to their end, and ask for the same scores. */
export interface PlanLeaf {
  segment: TextSegment
  answers: readonly string[]
  /** indices of the prompts */
  prompts: number[]
}

export interface Plan {
  /** the empty prefix */
  root: PlanNode
  /** most segments on a path */
  depth: number
}

/**
 * The prompts as a trie of segments: every distinct prefix is one node, so it is computed once.
 * Equal prompts share a leaf.
 *
 * @throws RangeError for a prompt without segments
 */
export function planPrompts(prompts: readonly SegmentedPrompt[]): Plan {
  const root: PlanNode = { segment: { key: '', pieces: [] }, children: [], leaves: [] }
  const children = new Map<PlanNode, Map<string, PlanNode>>()
  const leaves = new Map<PlanNode, Map<string, PlanLeaf>>()
  let depth = 0
  for (const [index, { segments, answers }] of prompts.entries()) {
    const last = segments.at(-1)
    if (last === undefined) throw new RangeError(`vqa-model: prompt ${index} has no segments`)
    depth = Math.max(depth, segments.length)
    let node = root
    for (const segment of segments.slice(0, -1)) {
      const parent = node
      node = entry(children, parent, segment.key, () => {
        const child: PlanNode = { segment, children: [], leaves: [] }
        parent.children.push(child)
        return child
      })
    }
    const parent = node
    entry(leaves, parent, `${last.key}\0${answers.join('\0')}`, () => {
      const leaf: PlanLeaf = { segment: last, answers, prompts: [] }
      parent.leaves.push(leaf)
      return leaf
    }).prompts.push(index)
  }
  return { root, depth }
}

/** Indices of all prompts below a node. */
export function promptsBelow(node: PlanNode): number[] {
  return [
    ...node.leaves.flatMap(({ prompts }) => prompts),
    ...node.children.flatMap((child) => promptsBelow(child)),
  ]
}

/** Tokens that a plan sends through the decoder before answers begin. */
export function countPlanTokens({ root }: Plan, lengthOf: (segment: TextSegment) => number): number {
  let count = 0
  const visit = (node: PlanNode): void => {
    for (const leaf of node.leaves) count += lengthOf(leaf.segment)
    for (const child of node.children) {
      count += lengthOf(child.segment)
      visit(child)
    }
  }
  visit(root)
  return count
}

/**
 * Items in groups that run together: sorted by length (stable), at most `maxRows` and at most
 * `maxTokens` in a group, padding included, and no group with more than a quarter of padding.
 */
export function groupByLength<Item>(
  items: readonly Item[],
  lengthOf: (item: Item) => number,
  { maxRows, maxTokens }: { maxRows: number; maxTokens: number },
): Item[][] {
  const sorted = [...items].sort((a, b) => lengthOf(a) - lengthOf(b))
  const groups: Item[][] = []
  let used = 0
  for (const item of sorted) {
    const group = groups.at(-1)
    const length = lengthOf(item)
    const padded = length * ((group?.length ?? 0) + 1)
    const fits =
      group !== undefined &&
      group.length < maxRows &&
      padded <= maxTokens &&
      padded - used - length <= padded / 4
    if (fits) {
      group.push(item)
      used += length
    } else {
      groups.push([item])
      used = length
    }
  }
  return groups
}

function entry<Key extends object, Value>(
  maps: Map<Key, Map<string, Value>>,
  owner: Key,
  key: string,
  create: () => Value,
): Value {
  let map = maps.get(owner)
  if (map === undefined) maps.set(owner, (map = new Map<string, Value>()))
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = create()))
  return value
}
