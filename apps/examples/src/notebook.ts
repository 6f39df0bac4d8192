// How many questions must be measured before a policy beats similarity? A script to change and run again, as one uses a
// notebook: npx tsx apps/examples/src/notebook.ts, then open learning-curve.svg.
import { writeFile } from 'node:fs/promises'
import { train } from '@lever/grpo-trainer'
import { createModel, openPolicy, type PointerModel } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { groupOf } from '@lever/rl-dataset'

// --- Data: things of 12 kinds. A demonstration helps a question when it is of the next kind, so the most similar is wrong.
const [KINDS, D, N, TEST] = [12, 16, 12, 100]
const random = createRandom(0)
const centres = Array.from({ length: KINDS }, () => Array.from({ length: D }, () => random.normal()))
const rowOf = (kind: number): number[] => centres[kind]!.map((x) => x + 0.3 * random.normal())
const kinds = Array.from({ length: 400 }, (_, i) => i % KINDS)
const embeddings = { data: Float32Array.from(kinds.flatMap(rowOf)), dim: D }
const helps = (question: number, example: number): number =>
  Number(kinds[example] === (kinds[question]! + 1) % KINDS)

// --- Questions, each with its pool and the score of every candidate.
const groups = kinds.map((_, queryRow) => {
  const others = [...kinds.keys()].filter((i) => i !== queryRow)
  const poolRows = random.sample(others, N)
  return groupOf({ queryRow, poolRows, rewards: poolRows.map((example) => helps(queryRow, example)) })
})
const [test, rest] = [groups.slice(0, TEST), groups.slice(TEST)]

// --- What is chosen: the share of test questions whose demonstration helps.
const shareOf = (choose: (group: (typeof groups)[number], i: number) => number): number =>
  test.filter((group, i) => group.rawRewards[choose(group, i)]! > 0).length / TEST
const similarity = (a: number, b: number): number =>
  embeddings.data.subarray(a * D, (a + 1) * D).reduce((sum, x, d) => sum + x * embeddings.data[b * D + d]!, 0)
const chance =
  test.flatMap(({ rawRewards }) => [...rawRewards]).reduce((sum, reward) => sum + reward, 0) / (TEST * N)
const nearest = shareOf(({ queryRow, poolIds }) => {
  const scores = poolIds.map((example) => similarity(queryRow, example))
  return scores.indexOf(Math.max(...scores))
})

async function learnt(size: number): Promise<PointerModel> {
  const model = createModel({
    architecture: 'mlp-cross-attention',
    settings: { dim: D, hidden: 32 },
    seed: 0,
  })
  const data = { groups: rest.slice(0, size), embeddings }
  const training = train({ model, data, phases: [{ objective: 'listwise', epochs: 60, learningRate: 3e-3 }] })
  let step = await training.next()
  while (step.done !== true) step = await training.next()
  return step.value.last.model
}

const sizes = [10, 20, 40, 80, 160, 300]
const curve: number[] = []
for (const size of sizes) {
  const policy = await openPolicy(await learnt(size))
  const items = test.map(({ queryRow, poolRows }) => ({ row: queryRow, pool: poolRows }))
  const chosen = await policy.greedy({ queries: embeddings, items }, { shots: 1 })
  curve.push(shareOf((_, i) => chosen[i]!.pointer[0]!))
  await policy.close()
  console.log(`${String(size).padStart(3)} questions: ${(100 * curve.at(-1)!).toFixed(0)} %`)
}
const possible = shareOf(({ rawRewards }) => rawRewards.indexOf(Math.max(...rawRewards)))
console.log(
  `chance ${(100 * chance).toFixed(0)} %, most similar ${(100 * nearest).toFixed(0)} %, at most ${(100 * possible).toFixed(0)} %`,
)

// --- The plot: SVG is text, so it needs no library.
const [W, H, EDGE] = [560, 320, 50]
const x = (size: number): number =>
  EDGE + (W - 2 * EDGE) * (Math.log(size / sizes[0]!) / Math.log(sizes.at(-1)! / sizes[0]!))
const y = (share: number): number => H - EDGE - (H - 2 * EDGE) * share
const label = (at: number, height: number, text: string, anchor = 'middle'): string =>
  `<text x="${at}" y="${height}" text-anchor="${anchor}">${text}</text>`
const level = (share: number, name: string): string =>
  `<path d="M${EDGE} ${y(share)}H${W - EDGE}" stroke="gray" stroke-dasharray="4"/>${label(W - EDGE, y(share) - 4, name, 'end')}`
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${W} ${H}" font-family="sans-serif" font-size="12">
<rect width="${W}" height="${H}" fill="white"/>
${[0, 0.5, 1].map((share) => label(EDGE - 6, y(share) + 4, `${100 * share} %`, 'end')).join('')}
${sizes.map((size) => label(x(size), H - EDGE + 18, String(size))).join('')}
${label(W / 2, H - 10, 'measured questions (log scale)')}${label(W / 2, 20, 'Questions whose demonstration helps')}
${level(chance, 'chance')}${level(nearest, 'most similar')}${level(possible, 'best there is')}
<polyline points="${sizes.map((size, i) => `${x(size)},${y(curve[i]!)}`).join(' ')}" fill="none" stroke="#0a58ca" stroke-width="2"/>
</svg>
`
const [out = 'learning-curve.svg'] = process.argv.slice(2)
await writeFile(out, svg)
console.log(`plot: ${out}`)
