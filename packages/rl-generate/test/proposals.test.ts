import { describe, expect, test } from '@jest/globals'
import {
  defaultMix,
  PROPOSAL_METHOD_NAMES,
  proposePointers,
  similarityOf,
  type Proposal,
  type ProposalMethodName,
  type ProposalQuery,
  type ProposalRequest,
  type ProposeOptions,
} from '../src/index.ts'
import { toyExamples, toyFeatures, toyPolicy } from './toys.ts'

const examples = toyExamples(40)
const queries: ProposalQuery[] = [0, 3, 8, 21].map((queryId) => ({
  queryId,
  poolIds: Array.from({ length: 12 }, (_, p) => (queryId + 2 + 3 * p) % 40),
}))
const similarities = {
  both: similarityOf(toyFeatures(examples, 'both')),
  image: similarityOf(toyFeatures(examples, 'image')),
  text: similarityOf(toyFeatures(examples, 'text')),
}
const file = new Map(
  queries.map(({ queryId, poolIds }) => [
    queryId,
    [0, 1, 2, 1].map((p) => [poolIds[p]!, poolIds[p + 4]!, poolIds[11]!]),
  ]),
)
const fileOf = (shots: number) =>
  new Map([...file].map(([id, pointers]) => [id, pointers.map((pointer) => pointer.slice(0, shots))]))

const COUNTS: Record<ProposalMethodName, number> = {
  beam: 5,
  sample: 3,
  retrieval: 9,
  nested: 8,
  random: 7,
  exhaustive: 2000,
  file: 10,
}

function options(method: ProposalMethodName, shots = 2): ProposeOptions {
  return {
    queries,
    shots,
    mix: [{ method, count: COUNTS[method] }],
    seed: 11,
    policy: toyPolicy(),
    similarities,
    file: fileOf(shots),
  }
}

function sequences(group: readonly Proposal[] | undefined): string[] {
  return group!.map(({ pointer }) => pointer.join(','))
}

describe.each(PROPOSAL_METHOD_NAMES)('proposal method %s', (method) => {
  test.each([1, 2, 3])('gives distinct ordered sequences of K=%i pool positions', async (shots) => {
    const groups = await proposePointers(options(method, shots))
    expect(groups).toHaveLength(queries.length)
    for (const group of groups) {
      expect(group.length).toBeGreaterThan(0)
      expect(new Set(sequences(group)).size).toBe(group.length)
      for (const { pointer } of group) {
        expect(pointer).toHaveLength(shots)
        expect(new Set(pointer).size).toBe(shots)
        expect(pointer.every((p) => Number.isInteger(p) && p >= 0 && p < 12)).toBe(true)
      }
    }
  })

  test('records its name and the log-probability under the policy', async () => {
    for (const group of await proposePointers(options(method))) {
      for (const proposal of group) {
        expect(proposal.method).toBe(method)
        expect(proposal.logProb).toBeLessThan(0)
        expect(proposal.beamRank === null).toBe(method !== 'beam')
        expect(proposal.temperature === null).toBe(method !== 'sample')
      }
    }
  })

  test('is the same for the same seed, and per query whatever the other queries are', async () => {
    const groups = await proposePointers(options(method))
    expect(await proposePointers(options(method))).toEqual(groups)
    const alone = await proposePointers({ ...options(method), queries: [queries[2]!] })
    expect(alone).toEqual([groups[2]])
  })

  test('depends on the seed and the round only where it draws', async () => {
    const groups = (await proposePointers(options(method))).map(sequences)
    const seeded = (await proposePointers({ ...options(method), seed: 12 })).map(sequences)
    const round = (await proposePointers({ ...options(method), round: 1 })).map(sequences)
    const draws = ['sample', 'retrieval', 'nested', 'random'].includes(method)
    expect(JSON.stringify(seeded) !== JSON.stringify(groups)).toBe(draws)
    expect(JSON.stringify(round) !== JSON.stringify(groups)).toBe(draws)
  })

  test('does not repeat what is known', async () => {
    const [group] = await proposePointers(options(method))
    const known = new Map([[queries[0]!.queryId, [group![0]!.pointer]]])
    const [again] = await proposePointers({ ...options(method), known })
    expect(sequences(again)).toEqual(sequences(group).slice(1))
  })

  test('asks for nothing when the pool has exactly K examples', async () => {
    if (method === 'beam' || method === 'file') return
    const tiny = [{ queryId: 3, poolIds: [5, 8] }]
    const [group] = await proposePointers({ ...options(method), queries: tiny })
    expect(new Set(sequences(group)).size).toBe(group!.length)
    expect(group!.length).toBeLessThanOrEqual(2)
  })
})

test('exhaustive lists all ordered sequences, and refuses more than its count', async () => {
  const [group] = await proposePointers(options('exhaustive'))
  expect(group).toHaveLength(12 * 11)
  expect(sequences(group).slice(0, 3)).toEqual(['0,1', '0,2', '0,3'])
  const small = { ...options('exhaustive'), mix: [{ method: 'exhaustive' as const, count: 131 }] }
  await expect(proposePointers(small)).rejects.toThrow(
    /query 0 has 132 ordered pointers of K=2 out of N=12, more than 131/,
  )
})

test('nested pointers share their first demonstrations', async () => {
  const mix: ProposalRequest[] = [{ method: 'nested', count: 16 }]
  const [pairs] = await proposePointers({ ...options('nested'), mix })
  expect(pairs).toHaveLength(16)
  expect(new Set(pairs!.map(({ pointer }) => pointer[0])).size).toBe(4)
  const [triples] = await proposePointers({ ...options('nested', 3), mix: [{ method: 'nested', count: 27 }] })
  expect(new Set(triples!.map(({ pointer }) => pointer[0])).size).toBe(3)
  expect(new Set(triples!.map(({ pointer }) => pointer.slice(0, 2).join())).size).toBe(9)
})

test('retrieval starts with the most similar pairs in both orders and pairs of two kinds', async () => {
  const ranked = (name: keyof typeof similarities): number[] => {
    const scores = similarities[name](0, queries[0]!.poolIds)
    return queries[0]!.poolIds.map((_, p) => p).sort((a, b) => scores[b]! - scores[a]!)
  }
  const [both, image, text] = [ranked('both'), ranked('image'), ranked('text')]
  const [group] = await proposePointers({
    ...options('retrieval'),
    mix: [{ method: 'retrieval', count: 30 }],
  })
  const found = sequences(group)
  expect(found.slice(0, 2)).toEqual([`${both[0]!},${both[1]!}`, `${both[1]!},${both[0]!}`])
  const other = text.find((p) => p !== image[0])!
  for (const pair of [`${image[0]!},${other}`, `${other},${image[0]!}`]) expect(found).toContain(pair)
  const near = new Set([...both.slice(0, 10), ...image.slice(0, 10), ...text.slice(0, 10)])
  for (const { pointer } of group!) expect(pointer.every((p) => near.has(p))).toBe(true)
})

test('methods share one group: the first that finds a pointer names it, order matters', async () => {
  const [id, pool] = [queries[0]!.queryId, queries[0]!.poolIds]
  const [beams] = await proposePointers(options('beam'))
  const [a, b] = beams![0]!.pointer as [number, number]
  const given = new Map([
    [
      id,
      [
        [a, b],
        [b, a],
      ].map((pair) => pair.map((p) => pool[p]!)),
    ],
  ])
  const [group] = await proposePointers({
    ...options('beam'),
    queries: [queries[0]!],
    file: given,
    mix: [{ method: 'beam', count: 5 }, { method: 'file' }],
  })
  expect(group!.map(({ method }) => method)).toEqual(['beam', 'beam', 'beam', 'beam', 'beam', 'file'])
  expect(group![5]!.pointer).toEqual([b, a])
  expect(group![0]!.beamScore).toBeCloseTo(Math.exp(group![0]!.logProb!), 12)
})

test('the default mix fills the group to its size', async () => {
  const groups = await proposePointers({ ...options('beam'), mix: defaultMix(), size: 24 })
  for (const group of groups) {
    expect(group).toHaveLength(24)
    expect(new Set(group.map(({ method }) => method))).toEqual(
      new Set(['beam', 'retrieval', 'sample', 'random']),
    )
  }
  const small = await proposePointers({ ...options('beam', 1), mix: defaultMix(), size: 24 })
  for (const group of small) expect(group).toHaveLength(12)
})

test('a temperature of 0 is refused', async () => {
  const mix: ProposalRequest[] = [{ method: 'sample', count: 1, temperatures: [1, 0] }]
  await expect(proposePointers({ ...options('sample'), mix })).rejects.toThrow(
    'a temperature of sampling is 0',
  )
})

test('counts change the mix, and a method without pointers keeps its place', () => {
  expect(defaultMix({ informed: false })).toEqual([
    { method: 'beam', count: 0 },
    { method: 'retrieval', count: 0 },
    { method: 'sample', count: 0, temperatures: [1, 1.3] },
    { method: 'random', count: 6 },
  ])
  expect(defaultMix({ counts: { random: 0, sample: 1 }, temperatures: [0.7] })).toEqual([
    { method: 'beam', count: 5 },
    { method: 'retrieval', count: 9 },
    { method: 'sample', count: 1, temperatures: [0.7] },
    { method: 'random', count: 0 },
  ])
  expect(() => defaultMix({ counts: { beam: 1.5 } })).toThrow(/1.5 beam pointers/)
  expect(() => defaultMix({ counts: { random: -1 } })).toThrow(/-1 random pointers/)
})

test('missing inputs and small pools are refused with the remedy', async () => {
  const bare = { queries, shots: 2 }
  await expect(proposePointers({ ...bare, mix: [{ method: 'beam', count: 1 }] })).rejects.toThrow(
    /beam needs a policy/,
  )
  await expect(proposePointers({ ...bare, mix: [{ method: 'retrieval', count: 1 }] })).rejects.toThrow(
    /retrieval needs similarities/,
  )
  await expect(proposePointers({ ...bare, mix: [{ method: 'file' }] })).rejects.toThrow(/file needs a file/)
  await expect(proposePointers({ ...bare, shots: 13, mix: [] })).rejects.toThrow(
    /12 examples, fewer than K=13/,
  )
  await expect(proposePointers({ ...bare, shots: 0, mix: [] })).rejects.toThrow(/0 demonstrations/)
})

test('a pointer outside the pool is an error, from a file and from a policy', async () => {
  const stranger = new Map([[0, [[2, 39]]]])
  await expect(proposePointers({ ...options('file'), file: stranger })).rejects.toThrow(
    /example 39 in pointer \[2, 39\] of query 0 .* is not in the pool/,
  )
  const short = new Map([[0, [[2]]]])
  await expect(proposePointers({ ...options('file'), file: short })).rejects.toThrow(/not K=2 distinct/)
  const wild = {
    ...toyPolicy(),
    beam: () => Promise.resolve(queries.map(() => [{ pointer: [3, 12], logProb: -1 }])),
  }
  await expect(proposePointers({ ...options('beam'), policy: wild })).rejects.toThrow(
    /beam proposed \[3, 12\] for query 0/,
  )
})

test('a log-probability that is not a number is an error, an impossible pointer has none', async () => {
  const policy = toyPolicy()
  const nan = {
    ...policy,
    beam: () => Promise.resolve(queries.map(() => [{ pointer: [3, 1], logProb: NaN }])),
  }
  await expect(proposePointers({ ...options('beam'), policy: nan })).rejects.toThrow(
    /beam proposed \[3, 1\] for query 0 with log-probability NaN/,
  )
  const masked = {
    ...policy,
    logProbs: () => Promise.resolve(queries.map(() => new Float64Array(7).fill(-Infinity))),
  }
  const groups = await proposePointers({ ...options('random'), policy: masked })
  expect(groups.flat().every(({ logProb }) => logProb === null)).toBe(true)
  const short = { ...policy, logProbs: () => Promise.resolve(queries.map(() => [])) }
  await expect(proposePointers({ ...options('random'), policy: short })).rejects.toThrow(
    /log-probability undefined/,
  )
})
