import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, stat } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface ScoreFigures {
  /** What ran: the official Python, JSON.parse of the same files, ours, ours on a file beyond 1 GB. */
  what: string
  /** Why it did not run; then there are no figures. */
  skipped?: string
  /** Wall time of the whole process, and of its work without the start. */
  wallSeconds?: number
  workSeconds?: number
  /** User and system time of the process: steadier than wall time on a busy machine. */
  cpuSeconds?: number
  peakMegabytes?: number
  inputMegabytes?: number
  overall?: number | null
  /** Wall time over that of ours in the same round. */
  timesOurs?: number
  cpuTimesOurs?: number
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const GENERATOR = here('../../shared/tools/make_vqav2_sized.py')
const DATA = here('.data/vqav2-sized')
const python = process.env['LEVER_PYTHON'] ?? 'python3'
const official = process.env['LEVER_VQA_OFFICIAL']

/**
 * The time of scoring files of the size of VQA v2 val (214,354 questions), beside the official Python and JSON.parse of the
 * same three files, round by round in one run. The official code is not part of this repository: give a checkout of
 * GT-Vision-Lab/VQA in LEVER_VQA_OFFICIAL and, if needed, a Python 3.11 in LEVER_PYTHON.
 */
export async function run({
  rounds = 3,
  officialRounds = 1,
  large = true,
}: { rounds?: number; officialRounds?: number; large?: boolean } = {}): Promise<ScoreFigures[]> {
  if (!existsSync(DATA)) {
    if (!existsSync(GENERATOR))
      return [{ what: 'all', skipped: `${GENERATOR} is absent, so there is no data` }]
    await mkdir(DATA, { recursive: true })
    execFileSync(python, [GENERATOR, '--out', DATA], { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  const files = await inputs()
  process.stderr.write(
    `vqa-eval: ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}, node ${process.version}\n`,
  )
  const figures: ScoreFigures[] = []
  for (let round = 0; round < rounds; round++) {
    const ours = await measure('ours', process.execPath, [here('peers/vqa-eval-ours.mjs')], files)
    const others = [await measure('JSON.parse', process.execPath, [here('peers/json-floor.mjs')], files)]
    if (official === undefined) {
      if (round === 0)
        figures.push({ what: 'official Python', skipped: 'LEVER_VQA_OFFICIAL names no checkout' })
    } else if (round < officialRounds) {
      const peer = [here('peers/vqa_official.py'), official]
      others.push(await measure('official Python', python, peer, files))
    }
    figures.push(ours)
    for (const other of others) {
      figures.push({
        ...other,
        timesOurs: other.wallSeconds! / ours.wallSeconds!,
        cpuTimesOurs: other.cpuSeconds! / ours.cpuSeconds!,
      })
    }
  }
  if (large) {
    const [annotations, questions, results] = await largeInputs(files)
    figures.push(
      await measure(
        'ours, beyond 1 GB',
        process.execPath,
        [here('peers/vqa-eval-ours.mjs')],
        [annotations!, questions!, results!],
      ),
    )
  }
  return figures
}

async function inputs(): Promise<string[]> {
  const names = await readdir(DATA)
  return ['annotations', 'questions', 'results'].map((kind) => {
    const name = names.find((file) => file.endsWith(`_${kind}.json`))
    if (name === undefined)
      throw new Error(`bench: ${DATA} has no ${kind}; delete the folder to have it made again`)
    return `${DATA}/${name}`
  })
}

async function measure(
  what: string,
  command: string,
  args: readonly string[],
  files: readonly string[],
): Promise<ScoreFigures> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size))
  const start = performance.now()
  const { stdout } = await promisify(execFile)(command, [...args, ...files])
  const wallSeconds = (performance.now() - start) / 1000
  const { overall, seconds, cpuSeconds, rssKiB } = JSON.parse(stdout) as {
    overall: number | null
    seconds: number
    cpuSeconds: number
    rssKiB: number
  }
  return {
    what,
    wallSeconds,
    workSeconds: seconds,
    cpuSeconds,
    peakMegabytes: rssKiB / 1024,
    inputMegabytes: sizes.reduce((sum, size) => sum + size, 0) / 1e6,
    overall,
  }
}

const COPIES = 6
const ID_STEP = 1_000_000_000

interface Row {
  question_id: number
  image_id?: number
  answer?: string
  answers?: { answer: string }[]
}

/** The files six times over, with other ids in each copy; in every twentieth question also with other answers. */
async function largeInputs(files: readonly string[]): Promise<string[]> {
  const paths = files.map((file) => file.replace(/\.json$/, '.large.json'))
  for (const [i, file] of files.entries()) if (!existsSync(paths[i]!)) await multiply(file, paths[i]!)
  return paths
}

async function multiply(from: string, to: string): Promise<void> {
  const parsed = JSON.parse(await readFile(from, 'utf8')) as Row[] | Record<string, unknown>
  const list = Array.isArray(parsed) ? null : 'annotations' in parsed ? 'annotations' : 'questions'
  const rows = (list === null ? parsed : (parsed as Record<string, unknown>)[list]) as Row[]
  const head =
    list === null
      ? '['
      : `${JSON.stringify({ ...(parsed as object), [list]: undefined }).slice(0, -1)}, "${list}": [`
  const out = await open(to, 'w')
  try {
    await out.write(head)
    for (let copy = 0; copy < COPIES; copy++) {
      for (let start = 0; start < rows.length; start += 10_000) {
        const part = rows.slice(start, start + 10_000).map((row) => pythonJson(copyOf(row, copy)))
        await out.write(`${copy + start > 0 ? ', ' : ''}${part.join(', ')}`)
      }
    }
    await out.write(list === null ? ']' : ']}')
  } finally {
    await out.close()
  }
}

function copyOf(row: Row, copy: number): Row {
  const text = (answer: string): string =>
    copy > 0 && row.question_id % 20 === 0 ? `${answer} ${copy}` : answer
  return {
    ...row,
    question_id: row.question_id + copy * ID_STEP,
    ...(row.image_id !== undefined && { image_id: row.image_id + copy * ID_STEP }),
    ...(row.answer !== undefined && { answer: text(row.answer) }),
    ...(row.answers && {
      answers: row.answers.map((answer) => ({ ...answer, answer: text(answer.answer) })),
    }),
  }
}

/** JSON with the spaces that Python writes. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, field]) => `"${name}": ${pythonJson(field)}`)
    .join(', ')}}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await run())
