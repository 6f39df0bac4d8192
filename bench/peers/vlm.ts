import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openVqaModel, parseDtypes } from '@lever/vqa-model'
import type { Answer, OnnxOptions, PromptWithImages, TemplateName } from '@lever/vqa-model'
import { loadTextCodec } from '../../packages/vqa-model/src/onnx/tokenizer.ts'
import { writeCases } from './vlm-cases.ts'

/** What vlm.py found with one family; tokens are without the end token. */
interface Found {
  torch: {
    ids: number[]
    tokens: number[]
    margin: number
    beams: number[]
    logProb: number
  }[]
  /** by attention and dtype */
  graphs: Record<string, number[][]>
}

interface Row {
  family: string
  export: string
  prompts: number
  /** ours, all prompts in one call, that are the same as of ONNX Runtime for Python on the same files, prompt by prompt */
  sameAsGraph: number
  /** the same with nothing shared */
  aloneAsGraph: number
  /** the same as PyTorch's own `generate()` */
  sameAsTorch: number
  beamsAsTorch: number
  /** ours with beams, together, that are the same as one prompt at a time */
  beamsAsAlone: number
  /** largest difference of a score from PyTorch's */
  score: number
  /** smallest distance of two logits in PyTorch among the answers that differ from it */
  margins: number[]
  failed: number
}

const FAMILIES = ['qwen2_vl', 'qwen2_5_vl', 'qwen3_vl', 'idefics3', 'smolvlm', 'llava', 'llava_onevision']

/** Whose chat templates write all images of a turn before its texts, so that a turn can show one only. */
const IN_TURNS = new Set(['llava', 'llava_onevision'])

/** Runs vlm.py; the Python is LEVER_PYTHON, or python3. */
async function makeModels(out: string, families: readonly string[]): Promise<void> {
  const script = fileURLToPath(new URL('vlm.py', import.meta.url))
  const env = { ...process.env, OMP_NUM_THREADS: '1' }
  const child = spawn(process.env['LEVER_PYTHON'] ?? 'python3', [script, out, ...families], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0)
    throw new Error(`bench: vlm.py ended with ${String(code)}; its first lines say what it needs`)
}

async function answersOf(
  options: OnnxOptions & { model: string },
  prompts: readonly PromptWithImages[],
): Promise<Answer[]> {
  const model = await openVqaModel({
    backend: 'onnx',
    threads: 1,
    maxNewTokens: 8,
    ...options,
  })
  try {
    return await model.answer(prompts)
  } finally {
    await model.close()
  }
}

async function compare(
  out: string,
  family: string,
  name: string,
  { torch, graphs }: Found,
  prompts: readonly PromptWithImages[],
): Promise<Row> {
  const [attention = '', dtype = ''] = name.split(' ')
  const model = join(out, `${family}-${attention}`)
  const template: TemplateName = IN_TURNS.has(family) ? 'shapes' : 'lever-plus'
  const options = {
    model,
    dtype: parseDtypes(dtype),
    template,
    cacheFolder: join(out, 'cache'),
    imageDiskBytes: 2 ** 26,
  }
  const { decode: textOf } = await loadTextCodec(model)
  const answers = await answersOf(options, prompts)
  const plain = prompts.map(({ demonstrations, query }) => ({ demonstrations, query }))
  const alone = await answersOf({ ...options, sharing: false }, plain)
  const beams = await answersOf({ ...options, beams: 3 }, plain)
  const beamsAlone = await answersOf({ ...options, beams: 3, sharing: false }, plain)
  const count = (found: readonly Answer[], wanted: (i: number) => string | undefined): number =>
    found.filter(({ raw }, i) => raw === wanted(i)).length
  const graph = graphs[name]!
  return {
    family,
    export: name,
    prompts: prompts.length,
    sameAsGraph: count(answers, (i) => textOf(graph[i]!)),
    aloneAsGraph: count(alone, (i) => textOf(graph[i]!)),
    sameAsTorch: count(answers, (i) => textOf(torch[i]!.tokens)),
    beamsAsTorch: count(beams, (i) => textOf(torch[i]!.beams)),
    beamsAsAlone: count(beams, (i) => beamsAlone[i]!.raw),
    score: Math.max(...answers.map(({ scores }, i) => Math.abs(scores![0]!.logProb - torch[i]!.logProb))),
    margins: answers.flatMap(({ raw }, i) => (raw === textOf(torch[i]!.tokens) ? [] : [torch[i]!.margin])),
    failed: answers.filter(({ error }) => error !== undefined).length,
  }
}

/**
 * A line of the table in docs/vqa-models.md: of a family and an attention, by dtype how many answers are the same as the
 * graph's in Python (alone and together), as PyTorch's, and as PyTorch's by beam search.
 */
function line(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const counts = [
      Math.min(row.sameAsGraph, row.aloneAsGraph, row.beamsAsAlone),
      row.sameAsTorch,
      row.beamsAsTorch,
    ]
    return counts.join(', ')
  })
  const [{ family, export: name, prompts }] = rows as [Row]
  return `| ${family}, ${name.split(' ')[0]!} | ${prompts} | ${cells.join(' | ')} |`
}

const [to = '', ...asked] = process.argv.slice(2)
if (to === '')
  throw new Error('usage: npx tsx bench/peers/vlm.ts OUT [family...]; what is in OUT already is kept')
const out = resolve(to)
await mkdir(out, { recursive: true })
const families = asked.length > 0 ? asked : FAMILIES
const prompts = await writeCases(out)
const missing = families.filter((family) => !existsSync(join(out, `${family}.json`)))
if (missing.length > 0) await makeModels(out, missing)
for (const family of families) {
  const found = JSON.parse(await readFile(join(out, `${family}.json`), 'utf8')) as Found
  // LLaVA-OneVision shows an image alone in parts, in Python
  const shown =
    family === 'llava_onevision' ? prompts.filter(({ demonstrations }) => demonstrations.length > 0) : prompts
  for (const attention of ['matmul', 'gqa']) {
    const rows: Row[] = []
    for (const name of Object.keys(found.graphs).filter((each) => each.startsWith(attention))) {
      rows.push(await compare(out, family, name, found, shown))
    }
    await writeFile(join(out, `${family}-${attention}.rows.json`), `${JSON.stringify(rows, null, 1)}\n`)
    console.log(line(rows))
  }
}
