import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readDataset, type Example } from '@lever/vqa-dataset'
import { openVqaModel, type Answer, type Prompt, type VqaModel } from '@lever/vqa-model'

/*
 * npx tsx bench/real/ask.ts REAL_DIR OUT.jsonl: asks prompts that share demonstrations and prompts that share nothing, and
 * writes what was answered, for bench/real/verify.py to compare with PyTorch. Prints prompts per second of processor time.
 */
const [data = 'real', out = 'asked.jsonl'] = process.argv.slice(2)
const QUERIES = 7
const SINGLES = 16

const demonstrations = (await examplesOf('library')).slice(0, QUERIES * SINGLES)
const queries = (await examplesOf('test')).slice(0, QUERIES * SINGLES)
const shared = queries
  .slice(0, QUERIES)
  .flatMap((query) => demonstrations.slice(0, SINGLES).map((one) => promptOf(query, one)))
const unrelated = queries.map((query, i) => promptOf(query, demonstrations[i]!))

const model = await openVqaModel({ backend: 'onnx', model: join(data, 'model'), threads: 1 })
try {
  await model.answer(shared.slice(0, 8))
  const lines: string[] = []
  for (const [kind, prompts] of Object.entries({ shared, unrelated })) {
    const before = { ...model.stats() }
    const { answers, seconds, processor } = await timed(model, prompts)
    const { prefillTokens, decodeSteps } = model.stats()
    const read = prefillTokens - before.prefillTokens
    const steps = decodeSteps - before.decodeSteps
    process.stdout.write(
      `${kind}: ${prompts.length} prompts, ${(prompts.length / processor).toFixed(2)} a second of processor time, ${(prompts.length / seconds).toFixed(2)} a second; ${read} tokens read and ${steps} steps in ${processor.toFixed(2)} s of processor time\n`,
    )
    const scored = await model.answer(prompts.map(withScore))
    lines.push(...prompts.map((prompt, i) => lineOf(kind, prompt, answers[i]!, scored[i]!)))
  }
  await writeFile(out, `${lines.join('\n')}\n`)
} finally {
  await model.close()
}

async function examplesOf(split: string): Promise<readonly Example[]> {
  const { examples } = await readDataset({ questions: join(data, split, 'questions.jsonl') })
  return examples
}

function promptOf(query: Example, ...shown: Example[]): Prompt & { query: Example } {
  return { demonstrations: shown, query }
}

function withScore(prompt: Prompt & { query: Example }): Prompt {
  return { ...prompt, scoreAnswers: [prompt.query.answer] }
}

async function timed(
  asked: VqaModel,
  prompts: readonly Prompt[],
): Promise<{ answers: Answer[]; seconds: number; processor: number }> {
  const [from, used] = [performance.now(), process.cpuUsage()]
  const answers = await asked.answer(prompts)
  const { user, system } = process.cpuUsage(used)
  return { answers, seconds: (performance.now() - from) / 1e3, processor: (user + system) / 1e6 }
}

function lineOf(
  kind: string,
  prompt: Prompt & { query: Example },
  { raw }: Answer,
  { scores }: Answer,
): string {
  const shown = [...prompt.demonstrations, prompt.query].map(({ context, question, ...rest }) => ({
    context,
    question,
    answer: 'answer' in rest ? rest.answer : '',
  }))
  return JSON.stringify({ kind, shown, raw, score: scores![0] })
}
